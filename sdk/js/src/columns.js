/** Packing and unpacking of the contract's ragged columns. It knows no row and no plugin. */

import * as text from "./text.js";

/** The columns that a plugin can ask for. */
export const COLUMNS = [
  "queryText", "queryTokens", "responseText", "responseTokens", "referenceText",
  "logprobs", "refLogprobs", "values", "score", "metadata",
];

/** The host sent columns that do not fit each other. */
export class BadBatch extends Error {}

/** Numbers of four bytes each, in memory of their own. */
export function numbersOf(Kind, bytes) {
  if (bytes.length % 4 !== 0) throw new BadBatch(`a column has ${bytes.length} bytes, no multiple of 4`);
  return new Kind(Uint8Array.from(bytes).buffer);
}

/** Where each row begins and ends; a column that holds nothing has empty rows. */
function bounds(name, ends, rows, length) {
  if (ends.length === 0 && length === 0) return new Array(rows + 1).fill(0);
  const rising = ends.every((end, row) => end >= (row === 0 ? 0 : ends[row - 1]));
  if (ends.length !== rows || ends[rows - 1] !== length || !rising) {
    throw new BadBatch(`column ${name} has ends that do not fit ${rows} rows and ${length} elements`);
  }
  return [0, ...ends];
}

/** A column of texts. */
export class Texts {
  constructor(name, column, rows) {
    this.places = bounds(name, column.ends, rows, column.data.length);
    this.data = column.data;
    // Where a character is a byte, rows are cut from one text.
    this.whole = text.isPlain(column.data) ? text.latin(column.data) : null;
  }

  at(row) {
    const [start, end] = [this.places[row], this.places[row + 1]];
    return this.whole === null ? text.decode(this.data.subarray(start, end)) : this.whole.slice(start, end);
  }
}

/** A column of numbers; rows get copies. */
export class Numbers {
  constructor(values, places) {
    this.values = values;
    this.places = places;
  }

  static tokens(name, column, rows) {
    const values = numbersOf(Uint32Array, column.data);
    return new Numbers(values, bounds(name, column.ends, rows, values.length));
  }

  /** Floats, one for each of these tokens; or none at all. */
  beside(name, data) {
    const values = numbersOf(Float32Array, data);
    if (values.length === 0) return new Numbers(values, this.places.map(() => 0));
    if (values.length !== this.values.length) {
      throw new BadBatch(`column ${name} has ${values.length} values for ${this.values.length} tokens`);
    }
    return new Numbers(values, this.places);
  }

  count(row) {
    return this.places[row + 1] - this.places[row];
  }

  at(row) {
    return this.values.slice(this.places[row], this.places[row + 1]);
  }
}

/** Token ids as bytes; an error for what is no id. */
export function packedTokens(tokens) {
  const ids = Array.from(tokens);
  const wrong = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= 2 ** 32);
  if (ids.length > 0 && wrong !== undefined) throw new TypeError(`${wrong} is no token id`);
  return new Uint8Array(Uint32Array.from(ids).buffer);
}

/** Bytes of rows as a column whose ends count `size` bytes. */
export function column(rows, size = 1) {
  const ends = [];
  let end = 0;
  for (const row of rows) ends.push((end += row.length) / size);
  const data = new Uint8Array(end);
  rows.forEach((row, place) => data.set(row, place === 0 ? 0 : ends[place - 1] * size));
  return { data, ends };
}

/** Texts as a column. */
export const textColumn = (rows) => column(rows.map((row) => text.encode(row)));
