/** Text as bytes and as words. It knows nothing about plugins. */

/** Characters that are made of bytes at once: what a call may have of arguments. */
const AT_ONCE = 8192;

/** One character a byte. */
export function latin(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + AT_ONCE));
  }
  return text;
}

/** Whether every byte of UTF-8 is a character. */
export function isPlain(bytes) {
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    if (Math.max.apply(null, bytes.subarray(at, at + AT_ONCE)) > 0x7f) return false;
  }
  return true;
}

/** UTF-8 as text; what is none becomes U+FFFD. */
export function decode(bytes) {
  const text = latin(bytes);
  if (isPlain(bytes)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return patched(text);
  }
}

/** A whole character of UTF-8, or a byte that is none. */
const CHARACTER = /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[^]/g;

function patched(text) {
  const character = (found) => {
    try {
      return decodeURIComponent(escape(found));
    } catch {
      return "\ufffd";
    }
  };
  return text.replace(CHARACTER, character);
}

/** Text as UTF-8; half a character becomes U+FFFD. */
export function encode(text) {
  const plain = unescape(encodeURIComponent(text.toWellFormed()));
  const bytes = new Uint8Array(plain.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = plain.charCodeAt(at);
  return bytes;
}

/**
 * The words of a text: what is between white space, as for the SDKs for Rust and Python.
 *
 * @param {string} text
 * @returns {string[]}
 */
export const words = (text) => text.match(/\P{White_Space}+/gu) ?? [];
