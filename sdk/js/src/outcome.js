/**
 * What becomes of a row, the loop over a batch of rows that all kinds share, and what is asked of an answer.
 * It does not know what a row holds.
 */

import * as chance from "./chance.js";
import { BadAnswer, explain, quoted } from "./explain.js";
import { host } from "./host.js";

/**
 * Throw it when the plugin has nothing to say about a row, with or without the reason. The rows that a task drops
 * are counted by it: let it say what such rows have in common.
 *
 *     throw new NotApplicable("fewer than 8 tokens");
 */
export class NotApplicable extends Error {}

/** Throw it, with the reason, when the row itself is at fault. */
export class Invalid extends Error {}

/** @typedef {{ status: string, value?: any, message?: string }} Outcome */

/**
 * Calls `answer` for every row, telling the host the row's place first, so that a row that hangs can be
 * named. What it throws becomes the row's outcome, and no other row's.
 *
 * @returns {Outcome[]}
 */
export function eachRow(seed, ids, answer) {
  const outcomes = [];
  try {
    for (let row = 0; row < ids.length; row++) {
      host.atRow(row);
      chance.enter(seed, ids[row]);
      try {
        outcomes.push({ status: "value", value: answer(row) });
      } catch (error) {
        outcomes.push(failed(error));
      }
    }
  } finally {
    chance.leave();
  }
  // Past the last row: what goes wrong from here on is no row's fault.
  host.atRow(ids.length);
  return outcomes;
}

function failed(error) {
  // Whoever throws the class itself means the same.
  if (error === NotApplicable) return { status: "not-applicable" };
  if (error instanceof NotApplicable) return { status: "not-applicable", message: error.message.toWellFormed() };
  if (error instanceof Invalid) return { status: "invalid", message: error.message.toWellFormed() };
  return { status: "error", message: explain(error).toWellFormed() };
}

/** What a method gave, if it gave an object: `example` says what it should have been. */
export function given(method, value, example) {
  if (typeof value === "object" && value !== null && typeof value.then !== "function") return value;
  if (typeof value?.then === "function") {
    throw new BadAnswer(`\`${method}\` returned a promise, which a plugin cannot wait for; leave out \`async\``);
  }
  const what = value === undefined ? "nothing" : value === null ? "null" : `a ${typeof value}`;
  throw new BadAnswer(`\`${method}\` returned ${what}; write \`return ${example}\``);
}

/** `{ words: …, "more words": … }`. */
export function example(names) {
  const written = (name) => (/^[a-z_]\w*$/i.test(name) ? name : JSON.stringify(name));
  return `{ ${names.map((name) => `${written(name)}: …`).join(", ")} }`;
}

function not(what, value, wanted) {
  return new BadAnswer(`${what} is ${value === undefined ? "missing" : quoted(value)}, must be ${wanted}`);
}

/** A number, and no text that looks like one. */
export function number(what, value) {
  if (typeof value !== "number") throw not(what, value, "a number");
  return value;
}

export function string(what, value) {
  if (typeof value !== "string") throw not(what, value, "a text");
  return value;
}

/** A whole number from 0 to below `bound`. */
export function index(what, value, bound) {
  const fits = Number.isInteger(value) && value >= 0 && value < bound;
  if (!fits) throw not(what, value, `a whole number below ${bound}`);
  return value;
}

/** Fails the row when it has not as many numbers as there must be. */
export function expect(what, got, want) {
  if (got !== want) throw new BadAnswer(`there are ${got} ${what}, must be ${want}`);
}

/** The values of an object in the order of `names`, which are all that it may have. */
export function named(what, values, names, read = number) {
  const object = values ?? {};
  const stranger = Object.keys(object).find((name) => !names.includes(name));
  if (stranger !== undefined) {
    throw new BadAnswer(`${what} \`${stranger}\` is not declared; declared are ${names.join(", ") || "none"}`);
  }
  return names.map((name) => read(`${what} \`${name}\``, object[name]));
}

/** Whether a row has no value because something is wrong with it. */
export const isWrong = ({ status }) => status === "invalid" || status === "error";

/** The contract's outcomes; no statuses when every row has a value. */
export function packed(outcomes) {
  if (outcomes.every(({ status }) => status === "value")) return { status: [], messages: [] };
  const messages = [];
  outcomes.forEach(({ message }, row) => message && messages.push({ row, message }));
  return { status: outcomes.map(({ status }) => status), messages };
}

/** Each row's value, or what stands in its place where its status says that it has none. */
export const valuesOr = (outcomes, nothing) =>
  outcomes.map(({ status, value }, row) => (status === "value" ? value : nothing(row)));
