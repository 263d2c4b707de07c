/** The policy's tokenizer, asked through the host. */

import { numbersOf, packedTokens } from "./columns.js";
import { host } from "./host.js";
import * as text from "./text.js";

/**
 * Token ids of a text, without special tokens.
 *
 * @param {string} given
 * @returns {Uint32Array}
 */
export function encode(given) {
  const data = text.encode(String(given));
  return numbersOf(Uint32Array, host.encode({ data, ends: [data.length] }).data);
}

/**
 * Text of token ids; those outside the vocabulary become nothing.
 *
 * @param {Iterable<number>} tokens
 * @returns {string}
 */
export function decode(tokens) {
  const data = packedTokens(tokens);
  return text.decode(host.decode({ data, ends: [data.length / 4] }).data);
}

/** How many ids the vocabulary has. */
export const vocabSize = () => host.vocabSize();
