/**
 * What JavaScript offers and a component has not, or otherwise: a clock would end the call without a word,
 * here it throws an error that says what to do instead. It knows nothing about plugins.
 */

import * as chance from "./chance.js";
import { shown } from "./explain.js";
import * as log from "./log.js";
import * as text from "./text.js";

const refused = (name) => () => {
  throw new Error(`\`${name}\` cannot be used: a plugin has no clock`);
};

Math.random = chance.random;

const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  apply: refused("Date()"),
  construct: (target, given, made) =>
    given.length === 0 ? refused("new Date()")() : Reflect.construct(target, given, made),
});
RealDate.prototype.constructor = globalThis.Date;
RealDate.now = refused("Date.now");
globalThis.performance = { now: refused("performance.now") };

const writes = (level) => (...values) => {
  for (const line of values.map(shown).join(" ").split("\n")) log.write(level, line);
};
globalThis.console = {
  debug: writes("debug"),
  log: writes("info"),
  info: writes("info"),
  warn: writes("warn"),
  error: writes("error"),
};

globalThis.TextEncoder = class TextEncoder {
  encode(given = "") {
    return text.encode(String(given));
  }
};
globalThis.TextDecoder = class TextDecoder {
  decode(given = new Uint8Array(0)) {
    const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(given) ? given : new Uint8Array(given);
    return text.decode(new Uint8Array(buffer, byteOffset, byteLength));
  }
};
