/** Labelers: groups of responses in, verdicts out. The author sees one group; the batch is kept here. */

import { BadAnswer } from "./explain.js";
import * as log from "./log.js";
import { eachRow, expect, given, index, isWrong, number, packed, valuesOr } from "./outcome.js";
import { Plugin, asked } from "./plugin.js";
import { Group, GroupBatch } from "./rows.js";
import * as text from "./text.js";

/**
 * What a labeler thinks of a group: the index of the best response, the indices of several that are equally
 * good, or no opinion. Scores, one a response, and confidence, from 0 to 1, are given for all groups or none.
 *
 * @typedef {{ best?: number, tie?: number[], abstain?: true, scores?: number[], confidence?: number }} Judgement
 */

/**
 * A remark on `text.slice(start, end)` of one response of a group.
 *
 * @typedef {{ response: number, start: number, end: number, note: string }} Hint
 */

/**
 * Judges groups of responses to one query. The texts of query and responses always come; `columns` needs to
 * name referenceText and metadata only.
 */
export class Labeler extends Plugin {
  static kind = "labeler";
  static always = ["queryText", "responseText"];

  /** Which response of the group is best. @param {Group} group @returns {Judgement} */
  judge(group) {
    throw new Error("a labeler has a method `judge`");
  }

  /** What a person who labels this group should see; nothing by default. @param {Group} group @returns {Hint[]} */
  annotate(group) {
    return [];
  }
}

/** The judgements of a batch. */
export function judge(labeler, context, wire) {
  const batch = new GroupBatch(context, wire, asked(labeler.constructor));
  const rows = eachRow(context.seed, batch.ids, (row) => {
    const made = given("judge", labeler.judge(new Group(batch, row)), "{ best: 0 }");
    const { scores, confidence } = made;
    if (scores !== undefined) expect("scores", scores.length, batch.count(row));
    return {
      verdict: verdict(made, batch.count(row)),
      scores: scores && Array.from(scores, (score) => number("a score", score)),
      confidence: confidence === undefined ? undefined : number("the confidence", confidence),
    };
  });
  const values = rows.filter(({ status }) => status === "value").map(({ value }) => value);
  // Zeros only keep the columns whole; the status says that there is no value.
  const zeros = (row) => new Array(batch.count(row)).fill(0);
  const answers = valuesOr(rows, (row) => ({ verdict: { tag: "abstain" }, scores: zeros(row), confidence: 0 }));
  const column = (name) => {
    if (values.every((value) => value[name] === undefined)) return [];
    if (values.some((value) => value[name] === undefined)) {
      throw new BadAnswer(`\`${name}\` is given for some groups only`);
    }
    return answers.flatMap((answer) => answer[name]);
  };
  return {
    verdicts: answers.map((answer) => answer.verdict),
    confidence: column("confidence"),
    scores: column("scores"),
    outcomes: packed(rows),
  };
}

function verdict({ best, tie, abstain }, count) {
  if ([best, tie, abstain].filter((one) => one !== undefined).length !== 1) {
    throw new BadAnswer("a judgement has one of `best`, `tie` and `abstain`");
  }
  if (best !== undefined) return { tag: "best", val: index("`best`", best, count) };
  if (tie !== undefined) {
    return { tag: "tie", val: Array.from(tie, (one) => index("a response of `tie`", one, count)) };
  }
  return { tag: "abstain" };
}

/** The hints for a batch, as spans of bytes. */
export function annotate(labeler, context, wire) {
  const batch = new GroupBatch(context, wire, asked(labeler.constructor));
  const rows = eachRow(context.seed, batch.ids, (place) => {
    const group = new Group(batch, place);
    const { responses } = group;
    const hints = given("annotate", labeler.annotate(group), "[]");
    return Array.from(hints, (hint) => packedHint(place, hint, responses));
  });
  rows.forEach((row, group) => {
    // Hints have no statuses in the contract; the rest of the batch is still worth showing.
    if (isWrong(row)) log.warn(`no hints for group ${group}: ${row.message}`);
  });
  return rows.flatMap(({ value }) => value ?? []);
}

function packedHint(group, { response, start, end, note }, responses) {
  const given = responses[index("a hint's response", response, responses.length)];
  const place = (name, at) => text.encode(given.slice(0, index(`a hint's \`${name}\``, at, given.length + 1))).length;
  const span = { start: place("start", start), end: place("end", end) };
  if (start > end) throw new BadAnswer(`a hint for characters ${start} to ${end}, which is no passage`);
  return { group, response, ...span, note: String(note).toWellFormed() };
}
