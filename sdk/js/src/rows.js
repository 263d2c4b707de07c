/**
 * Views of what the host sends: one finished response, one group of responses, one data row. They do not know
 * what is done with them.
 */

import { BadBatch, Numbers, Texts } from "./columns.js";
import { Invalid } from "./outcome.js";
import { Rng } from "./rng.js";

/**
 * Everything besides settings and batch that an answer may depend on. Seeds have 64 bits, of which a number
 * holds the first 53.
 *
 * @typedef {{ seed: number, update: number, split: "train" | "validation" | "test" }} Context
 */

/** A checked batch: the columns that the plugin asked for, by name. */
class Batch {
  constructor(context, wire, asked) {
    this.context = context;
    this.ids = wire.ids;
    this.asked = asked;
    this.columns = {};
  }

  /** A column, which must have been asked for: another one would be empty for ever. */
  column(name) {
    const column = this.asked.has(name) ? this.columns[name] : undefined;
    if (column !== undefined) return column;
    const missing = this.asked.has(name) ? "responseTokens" : name; // floats share its ends
    throw new Error(`a column was read that the plugin does not ask for; add "${missing}" to \`static columns\``);
  }
}

/** A batch of rollouts. */
export class RolloutBatch extends Batch {
  constructor(context, wire, asked) {
    super(context, wire, asked);
    const rows = wire.ids.length;
    const { columns } = this;
    for (const name of ["queryText", "responseText", "referenceText", "metadata"]) {
      if (asked.has(name)) columns[name] = new Texts(name, wire[name], rows);
    }
    columns.queryTokens = Numbers.tokens("queryTokens", wire.queryTokens, rows);
    this.tokens = columns.responseTokens = Numbers.tokens("responseTokens", wire.responseTokens, rows);
    for (const name of ["logprobs", "refLogprobs", "values"]) {
      if (asked.has(name) && asked.has("responseTokens")) columns[name] = this.tokens.beside(name, wire[name]);
    }
    const scores = wire.score.length;
    if (scores > 0 && scores !== rows) throw new BadBatch(`column score has ${scores} values for ${rows} rows`);
    columns.score = { at: (row) => wire.score[row] ?? NaN };
  }
}

/** What all rows of a batch have. */
class Row {
  #batch;
  #row;

  constructor(batch, row) {
    this.#batch = batch;
    this.#row = row;
  }

  /** Reads a column. */
  static at(row, name) {
    return row.#batch.column(name).at(row.#row);
  }

  /** A stable number, whatever the batch. @returns {number} */
  get id() {
    return this.#batch.ids[this.#row];
  }

  /** Seed, update and split of the call. @returns {Context} */
  get context() {
    return this.#batch.context;
  }

  /** This row's randomness, from its start: the same whatever the batch. */
  rng() {
    return Rng.forRow(this.context.seed, this.id);
  }

  /** The query as text. @returns {string} */
  get queryText() {
    return Row.at(this, "queryText");
  }

  /** What a person wrote for the query; empty where nobody did. @returns {string} */
  get referenceText() {
    return Row.at(this, "referenceText");
  }

  /** The task's metadata for the query, a JSON object or empty. @returns {string} */
  get metadata() {
    return Row.at(this, "metadata");
  }
}

/** One response to one query. */
export class Rollout extends Row {
  /** The response as text. @returns {string} */
  get responseText() {
    return Row.at(this, "responseText");
  }

  /** The query's token ids. @returns {Uint32Array} */
  get queryTokens() {
    return Row.at(this, "queryTokens");
  }

  /** The response's token ids. @returns {Uint32Array} */
  get responseTokens() {
    return Row.at(this, "responseTokens");
  }

  /** The policy's log-probability of each token; needs responseTokens as well. @returns {Float32Array} */
  get logprobs() {
    return Row.at(this, "logprobs");
  }

  /** The reference model's; needs responseTokens as well. @returns {Float32Array} */
  get refLogprobs() {
    return Row.at(this, "refLogprobs");
  }

  /** The value head's estimate at each token; needs responseTokens as well. @returns {Float32Array} */
  get values() {
    return Row.at(this, "values");
  }

  /** The score so far, if there is one. @returns {number | null} */
  get score() {
    const score = Row.at(this, "score");
    return Number.isNaN(score) ? null : score;
  }
}

/** A batch of groups; the texts of queries and responses always come. */
export class GroupBatch extends Batch {
  constructor(context, wire, asked) {
    super(context, wire, new Set([...asked, "queryText", "responses"]));
    const rows = wire.ids.length;
    const ends = wire.groupEnds;
    if (ends.length !== rows || ends.some((end, row) => row > 0 && end < ends[row - 1])) {
      throw new BadBatch(`column groupEnds does not fit ${rows} groups`);
    }
    this.places = [0, ...ends];
    for (const name of ["queryText", "referenceText", "metadata"]) {
      this.columns[name] = new Texts(name, wire[name], rows);
    }
    const texts = new Texts("responseText", wire.responseText, this.places[rows]);
    const response = (row) => (_, place) => texts.at(this.places[row] + place);
    this.columns.responses = { at: (row) => Array.from({ length: this.count(row) }, response(row)) };
  }

  count(row) {
    return this.places[row + 1] - this.places[row];
  }
}

/** Several responses to one query. */
export class Group extends Row {
  /** The responses, in order. @returns {string[]} */
  get responses() {
    return Row.at(this, "responses");
  }
}

/** One row of the data set, for a task to make a query of. */
export class DataRow {
  constructor(context, id, json) {
    /** The row's number in the data. @type {number} */
    this.id = id;
    /** Seed, update and split of the call. @type {Context} */
    this.context = context;
    /** The row's JSON text. @type {string} */
    this.json = json;
  }

  /** This row's randomness, from its start: the same whatever the batch. */
  rng() {
    return Rng.forRow(this.context.seed, this.id);
  }

  /** The row as a value. @returns {any} */
  parse() {
    try {
      return JSON.parse(this.json);
    } catch (error) {
      throw new Invalid(`data row ${this.id}: ${error.message}`);
    }
  }

  /**
   * The text of a row that is a text, or the text in `field` of one that is an object.
   *
   * @param {string} field
   * @returns {string}
   */
  text(field) {
    const data = this.parse();
    return typeof data === "string" ? data : this.#field(data, field);
  }

  /**
   * What stands in `field` of a row that is an object; of a row that is a text, nothing.
   *
   * @param {string} field
   * @returns {string}
   */
  reference(field) {
    const data = this.parse();
    return typeof data === "string" ? "" : this.#field(data, field);
  }

  #field(data, field) {
    const shown = JSON.stringify(field);
    if (typeof data !== "object" || data === null || Array.isArray(data)) {
      throw new Invalid(`data row ${this.id}: neither a text nor an object`);
    }
    if (!Object.hasOwn(data, field)) throw new Invalid(`data row ${this.id} has no field ${shown}`);
    if (typeof data[field] !== "string") throw new Invalid(`field ${shown} of data row ${this.id} is not a text`);
    return data[field];
  }
}
