"""Writes what host/src/eval/diversity.rs is compared with, into tests/eval/diversity.json: NLTK's BLEU and distinct-n.

    pip install nltk
    python scripts/diversity.py tests/eval

The texts are references of tests/eval/rouge.jsonl, which scripts/rouge.py writes, and odd ones.
"""

import json
import sys
from pathlib import Path

from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.util import ngrams

ODD = ["", "a", "a", "library for the library for the library", "Tools for the GNU system", "zebra"]
COUNT = 60


def main(folder):
    lines = (folder / "rouge.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["reference"] for line in lines][-COUNT:] + ODD
    words = [text.lower().split() for text in texts]
    method = SmoothingFunction().method1
    bleu = [
        sentence_bleu(words[:at] + words[at + 1 :], own, smoothing_function=method) if own else 0.0
        for at, own in enumerate(words)
    ]
    distinct = []
    for n in (1, 2, 3):
        grams = [gram for own in words for gram in ngrams(own, n)]
        distinct.append(len(set(grams)) / len(grams))
    golden = {"texts": texts, "self_bleu": bleu, "distinct": distinct}
    (folder / "diversity.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")
    print(f"{len(texts)} texts, mean self-BLEU {sum(bleu) / len(bleu):.4f}, distinct {distinct}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
