/** A shaper that reads every column. Only tests use it. */

import { Shaper, tokenizer } from "attune-sdk";

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

export default class Counts extends Shaper {
  static columns = [
    "queryText", "queryTokens", "responseText", "responseTokens", "referenceText",
    "logprobs", "refLogprobs", "values", "score", "metadata",
  ];
  static terms = ["texts", "numbers"];
  static metrics = { score: "The score so far.", vocabulary: "Tokens that there are." };
  static perToken = true;

  shape(row) {
    const texts = [row.queryText, row.responseText, row.referenceText, row.metadata];
    return {
      terms: { texts: sum(texts.map((text) => text.length)), numbers: sum(row.queryTokens) + sum(row.values) },
      metrics: { score: row.score ?? -1, vocabulary: tokenizer.vocabSize() },
      perToken: row.logprobs.map((logprob, token) => logprob - row.refLogprobs[token] + row.responseTokens[token]),
    };
  }
}
