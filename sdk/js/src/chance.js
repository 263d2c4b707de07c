/** `Math.random`, seeded for each row from the run's seed and the row's id. It does not know what a row is. */

import { Rng } from "./rng.js";

let row = null;
let generator = null;

/** A row begins. */
export function enter(seed, id) {
  row = { seed, id };
  generator = null;
}

/** No row is being answered. */
export function leave() {
  row = generator = null;
}

/** What `Math.random` is in a component. */
export function random() {
  if (row === null) {
    throw new Error("`Math.random` cannot be used outside a row: a plugin's randomness is seeded by the row");
  }
  generator ??= new Rng(Rng.forRow(row.seed, row.id).nextU64());
  return generator.unit();
}
