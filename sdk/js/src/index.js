/**
 * Write tasks, labelers and reward shapers for Attune in JavaScript.
 *
 * A plugin is a class that extends `Task`, `Labeler` or `Shaper`, the default export of its module. You
 * write about one row; the batch loop, the errors of single rows, seeds, settings and their schema are
 * the SDK's. A whole plugin:
 *
 *     import { Shaper, integer, number, words } from "attune-sdk";
 *
 *     export default class Brevity extends Shaper {
 *       static settings = {
 *         per_word: number(0.1, "Taken off for each word above `free`.", { minimum: 0 }),
 *         free: integer(2, "So many words cost nothing.", { minimum: 0 }),
 *       };
 *       static columns = ["responseText"];
 *       static terms = ["brevity"];
 *
 *       shape(row) {
 *         const over = Math.max(0, words(row.responseText).length - this.settings.free);
 *         return { terms: { brevity: -this.settings.per_word * over } };
 *       }
 *     }
 */

export * as log from "./log.js";
export * as tokenizer from "./tokenizer.js";
export { Labeler } from "./labeler.js";
export { Invalid, NotApplicable } from "./outcome.js";
export { Problems } from "./problems.js";
export { Rng } from "./rng.js";
export { boolean, choice, integer, number, setting, string } from "./settings.js";
export { Shaper } from "./shaper.js";
export { Task } from "./task.js";
export { words } from "./text.js";
