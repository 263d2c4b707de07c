/** Shapers: rollouts in, reward terms out. The author sees one row; the batch is kept here. */

import { column } from "./columns.js";
import { BadAnswer } from "./explain.js";
import { eachRow, example, expect, given, named, number, packed, valuesOr } from "./outcome.js";
import { Plugin, asked } from "./plugin.js";
import { Rollout, RolloutBatch } from "./rows.js";

/**
 * One row's reward terms by name, and where the plugin declares them its metrics and a reward for each response
 * token.
 *
 * @typedef {{ terms?: Record<string, number>, metrics?: Record<string, number>, perToken?: ArrayLike<number> }} Shaped
 */

/** Turns rollouts into reward terms. */
export class Shaper extends Plugin {
  static kind = "shaper";
  /** Names of the terms. @type {string[]} */
  static terms = [];
  /** Whether each response token gets a reward of its own. */
  static perToken = false;

  /** The reward terms of one response. @param {Rollout} row @returns {Shaped} */
  shape(row) {
    throw new Error("a shaper has a method `shape`");
  }
}

/** The answer to a batch. */
export function shape(shaper, context, wire) {
  const { terms, metrics, perToken } = shaper.constructor;
  const measured = Object.keys(metrics);
  const batch = new RolloutBatch(context, wire, asked(shaper.constructor));
  const written = `{ terms: ${example(terms)} }`;

  const rows = eachRow(context.seed, batch.ids, (row) => {
    const made = given("shape", shaper.shape(new Rollout(batch, row)), written);
    const rewards = packedRewards(made.perToken ?? []);
    if (!perToken && rewards.length > 0) throw new BadAnswer(UNDECLARED);
    expect("per-token rewards", rewards.length, perToken ? batch.tokens.count(row) : 0);
    return {
      terms: named("term", made.terms, terms),
      metrics: named("metric", made.metrics, measured),
      rewards,
    };
  });
  const zeros = (names) => names.map(() => 0);
  const values = valuesOr(rows, (row) => ({
    terms: zeros(terms),
    metrics: zeros(measured),
    rewards: new Float32Array(perToken ? batch.tokens.count(row) : 0),
  }));
  return {
    terms: terms.map((name, place) => ({ name, values: values.map((value) => value.terms[place]) })),
    perToken: column(values.map((value) => new Uint8Array(value.rewards.buffer))).data,
    metrics: values.flatMap((value) => value.metrics),
    outcomes: packed(rows),
  };
}

const UNDECLARED = "there is a `perToken`, which is not declared; write `static perToken = true`";

/** Rewards in memory of their own. */
function packedRewards(given) {
  const plain = Array.from(given);
  const wrong = plain.findIndex((reward) => typeof reward !== "number");
  if (wrong >= 0) number(`the reward of token ${wrong}`, plain[wrong]);
  return Float32Array.from(plain);
}
