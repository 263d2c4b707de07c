/**
 * Tasks: data rows in, queries out; and what a finished response is. The author sees one row; the batch is kept
 * here.
 */

import { Texts, column, packedTokens, textColumn } from "./columns.js";
import {
  NotApplicable, eachRow, example, given, index, isWrong, named, number, packed, string, valuesOr,
} from "./outcome.js";
import { Plugin, asked } from "./plugin.js";
import { DataRow, Rollout, RolloutBatch } from "./rows.js";

/**
 * Lengths in tokens: queries are padded to `queryLen`, every response has `responseLen` tokens before it is
 * finished. The policy's context is prefix, padded query, suffix.
 *
 * @typedef {{ queryLen: number, responseLen: number, prefix?: Iterable<number>, suffix?: Iterable<number> }} Layout
 */
/**
 * A query, without padding; what a person wrote for it; a JSON object, or its text, that comes back with every
 * rollout.
 *
 * @typedef {{ tokens: Iterable<number>, reference?: string, metadata?: string | object }} Query
 */
/**
 * What the scorer sees of a response: so many tokens from its start, whether it obeys the rules (it does when
 * left out), and the score of one that does not.
 *
 * @typedef {{ kept: number, valid?: boolean, penalty?: number }} Ending
 */

const U32 = 2 ** 32;

/** Makes queries and says what a finished response is. */
export class Task extends Plugin {
  static kind = "task";
  /** Names of the simple procedures of `baselines`. @type {string[]} */
  static baselines = [];

  /** The lengths, and what stands around a query for the policy. @returns {Layout} */
  layout() {
    throw new Error("a task has a method `layout`");
  }

  /**
   * The query of a data row; `NotApplicable` drops it, and it is counted by the reason.
   *
   * @param {DataRow} row
   * @returns {Query}
   */
  query(row) {
    throw new Error("a task has a method `query`");
  }

  /**
   * Where the response ends and whether it obeys the rules; by default all of it, and it does.
   *
   * @param {Rollout} row
   * @returns {Ending}
   */
  finish(row) {
    return { kept: Infinity };
  }

  /** A number for each of `metrics`. @param {Rollout} row @returns {Record<string, number>} */
  evaluate(row) {
    if (Object.keys(this.constructor.metrics).length > 0) throw new NotApplicable();
    return {};
  }

  /** What each of `baselines` would have answered. @param {Rollout} row @returns {Record<string, string>} */
  baselines(row) {
    return {};
  }
}

/** The task's lengths. */
export function layout(task) {
  const made = given("layout", task.layout(), example(["queryLen", "responseLen"]));
  const { queryLen, responseLen, prefix = [], suffix = [] } = made;
  packedTokens([...prefix, ...suffix]); // refuses what is no token id
  return {
    queryLen: index("`queryLen`", queryLen, U32),
    responseLen: index("`responseLen`", responseLen, U32),
    prefix: [...prefix],
    suffix: [...suffix],
  };
}

/** The queries of data rows. */
export function queries(task, context, ids, data) {
  const texts = new Texts("rows", data, ids.length);
  const rows = eachRow(context.seed, ids, (row) => {
    const made = given("query", task.query(new DataRow(context, ids[row], texts.at(row))), "{ tokens: … }");
    const { tokens, reference = "", metadata = "" } = made;
    return {
      tokens: packedTokens(given("query", tokens, "{ tokens: … }")),
      reference: string("`reference`", reference),
      metadata: typeof metadata === "string" ? metadata : JSON.stringify(metadata),
    };
  });
  const values = valuesOr(rows, () => ({ tokens: new Uint8Array(0), reference: "", metadata: "" }));
  return {
    tokens: column(values.map((value) => value.tokens), 4),
    referenceText: textColumn(values.map((value) => value.reference)),
    metadata: textColumn(values.map((value) => value.metadata)),
    outcomes: packed(rows),
  };
}

/** Where the responses of a batch end. */
export function finish(task, context, wire) {
  const batch = new RolloutBatch(context, wire, asked(task.constructor));
  const rows = eachRow(context.seed, batch.ids, (row) => {
    const made = given("finish", task.finish(new Rollout(batch, row)), "{ kept: … }");
    const { kept, valid = true, penalty = 0 } = made;
    const all = batch.tokens.count(row);
    return {
      kept: kept === Infinity ? all : index("`kept`", kept, U32),
      valid: Boolean(valid),
      penalty: number("`penalty`", penalty),
    };
  });
  const values = valuesOr(rows, () => ({ kept: 0, valid: false, penalty: 0 }));
  return {
    kept: values.map((value) => value.kept),
    valid: values.map((value) => value.valid),
    penalty: values.map((value) => value.penalty),
    outcomes: packed(rows),
  };
}

/** The metrics of a batch, row-major. */
export function evaluate(task, context, wire) {
  const batch = new RolloutBatch(context, wire, asked(task.constructor));
  const names = Object.keys(task.constructor.metrics);
  const rows = eachRow(context.seed, batch.ids, (row) => {
    const made = given("evaluate", task.evaluate(new Rollout(batch, row)), example(names));
    return named("metric", made, names);
  });
  return { metrics: valuesOr(rows, () => names.map(() => 0)).flat(), outcomes: packed(rows) };
}

/** What each baseline would have answered to each row. */
export function baselines(task, context, wire) {
  const batch = new RolloutBatch(context, wire, asked(task.constructor));
  const names = task.constructor.baselines;
  const rows = eachRow(context.seed, batch.ids, (row) => {
    const made = given("baselines", task.baselines(new Rollout(batch, row)), example(names));
    return named("baseline", made, names, string);
  });
  // Baselines have no statuses in the contract: an answer that is missing is an empty text.
  const wrong = rows.findIndex(isWrong);
  if (wrong >= 0) throw new Error(`baselines of row ${wrong}: ${rows[wrong].message}`);
  const values = valuesOr(rows, () => names.map(() => ""));
  return names.map((name, place) => ({ name, responses: textColumn(values.map((value) => value[place])) }));
}
