/** A task with references, metadata, metrics, baselines and tokens around a query. Only tests use it. */

import { NotApplicable, Task, setting, string, tokenizer, words } from "attune-sdk";

export default class Asks extends Task {
  static settings = {
    field: string("text", "Where the query is."),
    around: setting(["<", ">"], "What stands around a query.", { type: "array", items: { type: "string" } }),
  };
  static columns = ["queryText", "responseText", "responseTokens", "referenceText", "metadata"];
  static metrics = { length: "Characters.", same: "Whether it is what a person wrote." };
  static baselines = ["first", "reference"];

  layout() {
    const [prefix, suffix] = this.settings.around.map((text) => tokenizer.encode(text));
    return { queryLen: 8, responseLen: 4, prefix, suffix };
  }

  query(row) {
    const text = row.text(this.settings.field);
    if (words(text).length === 0) throw new NotApplicable("has no words");
    return { tokens: tokenizer.encode(text), reference: row.reference("answer"), metadata: { words: words(text).length } };
  }

  evaluate(row) {
    return { length: row.responseText.length, same: Number(row.responseText === row.referenceText) };
  }

  baselines(row) {
    if (row.queryText === "") throw new NotApplicable("asks nothing");
    const count = JSON.parse(row.metadata || "{}").words ?? 1;
    return { first: words(row.queryText).slice(0, count).join(" "), reference: row.referenceText };
  }
}
