"""Writes what host/src/eval is compared with, into tests/eval: ROUGE of PyPI's rouge-score, and stems of NLTK, on real texts.

    pip install rouge-score==0.1.2 nltk
    python scripts/rouge.py TRANSLATION tests/eval

TRANSLATION is Debian's file of package descriptions (`i18n/Translation-en`, unpacked): what a package's description
begins with is scored against the line that its maintainer wrote.
"""

import json
import re
import sys
from pathlib import Path

from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer

PAIRS = 500
WORDS = 4000
LONGEST = 420
KINDS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
ODD = [
    ("", ""),
    ("", "a"),
    ("a", ""),
    ("...", "!?"),
    ("the cat\nsat on the mat", "the cat sat\non the mat"),
    ("a b c d a b", "a b\nc d\na b\nb a"),
    ("The cats' hats ÉTÉ naïve İstanbul 3.5 K", "the cat's hat été naive istanbul 3 5 k"),
    ("\n\nflying skies\n\nflies", "flies\nsky fly\n"),
]


def pairs(path):
    """Description and summary of packages, as texts of a sentence a line."""
    for stanza in Path(path).read_text(encoding="utf-8").split("\n\n"):
        found = re.search(r"^Description-en: (.*)\n((?: .*\n?)*)", stanza, re.M)
        if not found:
            continue
        summary, rest = found.groups()
        paragraphs = re.split(r"^ \.$", rest, flags=re.M)
        first = " ".join(line.strip() for line in paragraphs[0].splitlines())
        text = "\n".join(re.split(r"(?<=[.!?]) ", first))
        if 40 < len(text) <= LONGEST:
            yield text, summary


def golden(text, reference):
    def numbers(stemmed):
        scores = RougeScorer(KINDS, use_stemmer=stemmed).score(reference, text)
        return [[round(value, 13) for value in scores[kind]] for kind in KINDS]

    return {"text": text, "reference": reference, "plain": numbers(False), "stemmed": numbers(True)}


def main():
    translation, folder = sys.argv[1], Path(sys.argv[2])
    found = list(pairs(translation))
    step = len(found) // PAIRS
    rows = ODD + found[::step][:PAIRS]
    with open(folder / "rouge.jsonl", "w", encoding="utf-8") as to:
        for text, reference in rows:
            to.write(json.dumps(golden(text, reference), ensure_ascii=False) + "\n")
    words = {word for text, _ in found for word in re.findall("[a-z0-9]+", text.lower())}
    words = sorted(word for word in words if len(word) > 3)
    stem = PorterStemmer().stem
    step = max(len(words) // WORDS, 1) if len(sys.argv) < 4 else 1
    with open(folder / "stems.txt", "w", encoding="ascii") as to:
        for word in words[::step]:
            to.write(f"{word} {stem(word)}\n")


main()
