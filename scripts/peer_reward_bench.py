#!/usr/bin/env python3
"""Reward model training in PyTorch + transformers, timed: the peer that `cargo xtask bench` compares with.

    python scripts/peer_reward_bench.py MODEL_DIR --labels FILE.jsonl [--at-a-time N] [--serve | --choose]

Written as somebody who knows both libraries would write it: AutoModelForSequenceClassification with one label,
transformers' default attention (SDPA) without a mask since no passage has a pad, torch.optim.Adam as it comes.
The step is the one that examples/bench/reward.toml describes: the rewards of all passages of 32 comparisons, the
cross-entropy of the best among four, one step of Adam, at a rate that falls linearly. Embeddings and the blocks
below the top ones need no gradient, so autograd keeps nothing of them.

A step may go through the model in parts: --at-a-time comparisons, whose gradients add up. --choose times the
sizes that there are and prints them and the fastest. With --serve a step is made for each line of standard input;
otherwise --rounds are made. Prints one JSON object a step: its seconds as total, loss and peak_mib.
Needs scripts/requirements.txt.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification

from peer_bench import peak_mib


def read_labels(file: Path):
    """Passages [comparisons, responses, tokens] and the place of each comparison's best."""
    passages, best = [], []
    for line in file.read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        query = label["comparison"]["query"]["tokens"]
        passages.append([query + response["tokens"] for response in label["comparison"]["responses"]])
        best.append(label["answer"]["best"])
    # A tensor, so all have one length: none needs a pad.
    return torch.tensor(passages), torch.tensor(best)


class Bench:
    def __init__(self, args):
        self.args = args
        self.passages, self.best = read_labels(args.labels)
        load = AutoModelForSequenceClassification.from_pretrained
        self.model = load(args.model, num_labels=1, dtype=torch.float32).eval()
        # No token is a pad: the last one is always the one that is read.
        self.model.config.pad_token_id = -1
        trunk = self.model.model
        self.model.requires_grad_(False)
        for part in (trunk.layers[-args.trainable_layers :], trunk.norm, self.model.score):
            part.requires_grad_(True)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=args.lr, eps=1e-5)
        self.order = torch.randperm(len(self.passages))
        self.steps = -(-len(self.passages) // args.batch)

    def step(self, number: int, at_a_time: int) -> dict:
        start = time.perf_counter()
        number %= self.steps
        rows = self.order[number * self.args.batch :][: self.args.batch]
        for group in self.optimizer.param_groups:
            group["lr"] = self.args.lr * (1 - number / self.steps)
        self.optimizer.zero_grad()
        total = 0.0
        for part in rows.split(at_a_time):
            passages = self.passages[part]
            rewards = self.model(input_ids=passages.flatten(0, 1), use_cache=False).logits
            loss = cross_entropy(rewards.view(passages.shape[:2]), self.best[part], reduction="sum") / len(rows)
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        return {"total": time.perf_counter() - start, "loss": total, "peak_mib": peak_mib()}

    def choose(self) -> dict:
        """Times each size in turn, after a warm-up."""
        sizes = [max(1, self.args.batch // part) for part in (1, 2, 4, 8)]
        seconds = {size: [] for size in sizes}
        self.step(0, sizes[0])
        for number in range(1, self.args.rounds + 1):
            for size in sizes:
                seconds[size].append(self.step(number, size)["total"])
        medians = {size: statistics.median(taken) for size, taken in seconds.items()}
        return {"at_a_time": min(medians, key=medians.get), "seconds": medians}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_DIR")
    parser.add_argument("--labels", type=Path, required=True, help="label lines with token ids; see docs/labels.md")
    parser.add_argument("--trainable-layers", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32, help="comparisons a step")
    parser.add_argument("--at-a-time", type=int, help="comparisons that go through the model together")
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves PyTorch's choice")
    parser.add_argument("--rounds", type=int, default=2)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--serve", action="store_true", help="a step for each line of standard input")
    modes.add_argument("--choose", action="store_true", help="find the fastest --at-a-time")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    bench = Bench(args)
    if args.choose:
        print(json.dumps(bench.choose()), flush=True)
        return
    if args.serve:
        version = f"torch {torch.__version__}, transformers {transformers.__version__}"
        print(json.dumps({"ready": True, "version": version, "threads": torch.get_num_threads()}), flush=True)
    for number, _ in enumerate(sys.stdin if args.serve else range(args.rounds)):
        print(json.dumps(bench.step(number, args.at_a_time or args.batch)), flush=True)


if __name__ == "__main__":
    main()
