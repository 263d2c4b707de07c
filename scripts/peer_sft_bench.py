#!/usr/bin/env python3
"""Supervised fine-tuning in PyTorch + transformers, timed: the peer that `cargo xtask bench` compares with.

    python scripts/peer_sft_bench.py MODEL_DIR --batches FILE.jsonl [--at-a-time N] [--by-hand] [--serve | --choose]

Written as somebody who knows both libraries would write it: AutoModelForCausalLM, transformers' default attention
(SDPA), rows padded at their ends so that causal order is the whole mask, the language-model head on response positions
only, torch.optim.Adam as it comes, gradients clipped to a norm of 1. What is learned in each step, and at which rate, is
read from FILE, which `attune bench CONFIG --sft --batches` writes: {"lr": RATE, "pairs": [[context, response], ...]} a
step, as token ids. Both programs learn the same tokens in the same steps, so that their losses must be equal.

A step may go through the model in parts: --at-a-time pairs, whose gradients add up. --choose times the sizes that
there are and prints them and the fastest. --by-hand does what the libraries leave to their user: a step's rows are sorted
by length before they are split, and Adam is its fused kernel. With --serve a step is made for each line of standard
input; otherwise --rounds are made. Prints one JSON object a step: its seconds as total, loss, padded_tokens and peak_mib.
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
from transformers import AutoModelForCausalLM

from peer_bench import peak_mib


def collate(pairs):
    """Ids [rows, len], and of each response token its row, the position before it and the token itself, [tokens]."""
    longest = max(len(context) + len(response) for context, response in pairs) - 1
    ids = torch.zeros(len(pairs), longest, dtype=torch.long)
    rows, places, labels = [], [], []
    for row, (context, response) in enumerate(pairs):
        # After the last token nothing is asked.
        read = (context + response)[:-1]
        ids[row, : len(read)] = torch.tensor(read)
        rows += [row] * len(response)
        places += range(len(context) - 1, len(read))
        labels += response
    return ids, torch.tensor(rows), torch.tensor(places), torch.tensor(labels)


class Bench:
    def __init__(self, args):
        self.args = args
        lines = args.batches.read_text(encoding="utf-8").splitlines()
        self.batches = [json.loads(line) for line in lines]
        self.model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
        self.parameters = list(self.model.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, eps=1e-8, fused=args.by_hand or None)

    def step(self, number: int, at_a_time: int) -> dict:
        start = time.perf_counter()
        batch = self.batches[number % len(self.batches)]
        pairs = batch["pairs"]
        if self.args.by_hand:
            pairs = sorted(pairs, key=lambda pair: len(pair[0]) + len(pair[1]))
        for group in self.optimizer.param_groups:
            group["lr"] = batch["lr"]
        self.optimizer.zero_grad()
        count, total, padded = sum(len(response) for _, response in pairs), 0.0, 0
        for at in range(0, len(pairs), at_a_time):
            ids, rows, places, labels = collate(pairs[at : at + at_a_time])
            padded += ids.numel()
            hidden = self.model.model(input_ids=ids, use_cache=False).last_hidden_state
            logits = self.model.lm_head(hidden[rows, places])
            loss = cross_entropy(logits, labels, reduction="sum") / count
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        seconds = time.perf_counter() - start
        return {"total": seconds, "loss": total, "padded_tokens": padded, "peak_mib": peak_mib()}

    def choose(self) -> dict:
        """Times each size in turn, after a warm-up."""
        most = max(len(batch["pairs"]) for batch in self.batches)
        sizes = [max(1, most // part) for part in (1, 2, 4, 8)]
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
    parser.add_argument("--batches", type=Path, required=True, help="a step a line, of `attune bench --sft --batches`")
    parser.add_argument("--at-a-time", type=int, default=1 << 30, help="pairs that go through the model together")
    parser.add_argument("--by-hand", action="store_true", help="sort rows by length, and use Adam's fused kernel")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves PyTorch's choice")
    parser.add_argument("--rounds", type=int, default=2)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--serve", action="store_true", help="a step for each line of standard input")
    modes.add_argument("--choose", action="store_true", help="find the fastest --at-a-time")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
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
        print(json.dumps(bench.step(number, args.at_a_time)), flush=True)


if __name__ == "__main__":
    main()
