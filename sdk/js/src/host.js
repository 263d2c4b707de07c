/**
 * What a plugin may ask of the host: the log, its progress, the tokenizer. In a component the contract's
 * imports stand here; elsewhere, in a test under Node, a log alone. It knows nothing about plugins.
 */

const nobody = () => {
  throw new Error("there is no tokenizer here: it is asked when a component is configured or answers rows");
};

export const host = {
  /** @param {"debug" | "info" | "warn" | "error"} level @param {string} message */
  write: (level, message) => console.log(`${level}: ${message}`),
  /** @param {number} row */
  atRow: (row) => {},
  encode: nobody,
  decode: nobody,
  vocabSize: nobody,
};
