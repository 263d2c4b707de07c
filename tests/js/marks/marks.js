/** A labeler with scores, confidence, hints, metadata and an asset. Only tests use it. */

import { Invalid, Labeler, NotApplicable, Problems } from "attune-sdk";

export default class Marks extends Labeler {
  static columns = ["referenceText", "metadata"];
  static assets = { words: "Words that are marked, one a line." };

  configure(assets) {
    this.words = assets.text("words").split("\n").filter(Boolean);
    new Problems().require(this.words.length > 0, "assets/words", "holds no word").done();
  }

  judge(group) {
    if (group.metadata === "") throw new NotApplicable();
    const { weight } = JSON.parse(group.metadata);
    if (weight === undefined) throw new Invalid("no weight");
    const scores = group.responses.map((text) => weight * Math.abs(text.length - group.referenceText.length));
    const most = Math.max(...scores);
    const best = scores.flatMap((score, place) => (score === most ? [place] : []));
    if (best.length === scores.length) return { abstain: true, scores, confidence: 0 };
    return best.length > 1 ? { tie: best, scores, confidence: 0.5 } : { best: best[0], scores, confidence: 1 };
  }

  annotate(group) {
    return group.responses.flatMap((text, response) =>
      this.words.flatMap((word) => {
        const start = text.indexOf(word);
        return start < 0 ? [] : [{ response, start, end: start + word.length, note: `${group.queryText}: ${word}` }];
      }),
    );
  }
}
