#!/usr/bin/env python3
"""Comparisons of real texts, of exact lengths in tokens: what `cargo xtask bench` trains reward models on.

    python scripts/bench_labels.py MODEL_DIR --texts FILE.jsonl --out FILE.jsonl --query 40 --response 24

The texts follow one another in one stream of tokens, shuffled anew each time they are used up, and are cut
where a passage is full. Each comparison is a query and four responses as token ids, none of which has a pad;
with --query 0 nothing is shared. Which one is the best is drawn by chance: speed does not depend on it. The
lines are labels as docs/labels.md describes them. Needs scripts/requirements.txt.
"""

import argparse
import json
import os
import random
from pathlib import Path

from transformers import AutoTokenizer

RESPONSES = 4


def tokens_of(tokenizer, texts: list[str], count: int, draw: random.Random) -> list[int]:
    """So many tokens of the texts."""
    encoded = tokenizer([text + "\n" for text in texts], add_special_tokens=False)["input_ids"]
    stream: list[int] = []
    while len(stream) < count:
        draw.shuffle(encoded)
        stream += [token for ids in encoded for token in ids]
    return stream[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_DIR")
    parser.add_argument("--texts", type=Path, required=True, help="JSON lines with a text")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4096)
    parser.add_argument("--query", type=int, required=True, help="tokens that the four share")
    parser.add_argument("--response", type=int, required=True, help="tokens of each one's own")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    draw = random.Random(args.seed)
    texts = [json.loads(line)["text"] for line in args.texts.read_text(encoding="utf-8").splitlines()]
    each = args.query + RESPONSES * args.response
    stream = tokens_of(AutoTokenizer.from_pretrained(args.model), texts, args.count * each, draw)
    lines = []
    for start in range(0, len(stream), each):
        query, rest = stream[start : start + args.query], stream[start + args.query : start + each]
        responses = [{"tokens": rest[at : at + args.response]} for at in range(0, len(rest), args.response)]
        comparison = {"query": {"tokens": query}, "responses": responses}
        answer = {"best": draw.randrange(RESPONSES)}
        lines.append(json.dumps({"comparison": comparison, "answer": answer, "labeler": "unknown"}) + "\n")
    # Whole or not at all: who finds the file trusts it.
    args.out.parent.mkdir(parents=True, exist_ok=True)
    part = args.out.with_suffix(".part")
    part.write_text("".join(lines), encoding="utf-8")
    os.replace(part, args.out)


if __name__ == "__main__":
    main()
