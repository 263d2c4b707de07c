/** A shaper that does what a plugin should not, in every fourth row. Only tests use it. */

import { Invalid, NotApplicable, Shaper, boolean, choice, integer, log, number, string, tokenizer } from "attune-sdk";
import { divide } from "./lib/divide.js";

const kept = [];

const MODES = {
  honest: (row) => row.responseText.length,
  raise: (row) => divide(row),
  cause: () => {
    try {
      return null.length;
    } catch (error) {
      throw new Error("no length", { cause: error });
    }
  },
  text: () => {
    throw "a text";
  },
  read: (row) => row.queryText.length,
  floats: (row) => row.logprobs.length,
  recurse: function recurses(row) {
    return recurses(row) + 1;
  },
  memory: () => {
    const eaten = [];
    for (;;) eaten.push(new Float64Array(100_000));
  },
  loop: () => {
    for (;;);
  },
  regex: () => /^(a+)+$/.test(`${"a".repeat(60)}b`),
  now: () => Date.now(),
  date: () => new Date().getTime(),
  called: () => Date(),
  performance: () => performance.now(),
  wait: () => setTimeout(() => {}, 10),
  number: () => "1.5 points",
  nan: () => NaN,
  inapplicable: () => {
    throw new NotApplicable();
  },
  skipped: () => {
    throw new NotApplicable("it is a fourth row");
  },
  invalid: () => {
    throw new Invalid("it breaks a rule");
  },
  random: (row) => (Math.random() + Math.random() + row.rng().unit()) / 3,
  below: (row) => row.rng().below(1_000_000_007),
  breaks: () => {
    Array.prototype.push = null;
    return 1;
  },
  breaksQuietly: (row) => {
    delete Odd.prototype.shape;
    return row.id;
  },
  keep: (row) => kept.push(row.id),
  tokens: (row) => tokenizer.encode(row.responseText).length + tokenizer.vocabSize(),
  bytes: () => new TextEncoder().encode(new TextDecoder().decode(new Uint8Array([0xc3, 0xa4, 0xff, 0x61]))).length,
  print: (row) => {
    console.log("row", row.id, { a: [1] });
    console.warn("two\nlines");
    log.info("half a character: \ud800");
    return new Date(0).getTime();
  },
};

export default class Odd extends Shaper {
  static settings = {
    mode: string("honest", "What the fourth rows do."),
    count: integer(3, "How often.", { minimum: 1, below: 10 }),
    share: number(0.5, "How much.", { above: 0, maximum: 1 }),
    unit: choice("words", "Of what.", ["words", "tokens"]),
    loud: boolean(false, "Whether it speaks."),
  };
  static columns = ["responseText", "logprobs"];
  static terms = ["length"];
  static assets = { list: { help: "Some words.", required: false } };

  shape(row) {
    const { mode } = this.settings;
    if (row.id % 4 !== 0) return { terms: { length: row.responseText.length } };
    if (mode === "nothing") return undefined;
    if (mode === "promise") return Promise.resolve({ terms: { length: 1 } });
    if (mode === "missing") return { terms: {} };
    if (mode === "misspelt") return { terms: { lenght: 1 } };
    if (mode === "self") this.count = row.id;
    if (mode === "settings") this.settings.count = row.id;
    return { terms: { length: MODES[mode](row) } };
  }
}
