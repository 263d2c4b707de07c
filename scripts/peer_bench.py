#!/usr/bin/env python3
"""One PPO update in PyTorch + transformers, timed: the peer that `cargo xtask bench` compares with.

    python scripts/peer_bench.py MODEL_DIR --data FILE.jsonl --lexicon FILE [--trainable-layers N] [--serve]

Written as somebody who knows both libraries would write it: generation with the key/value cache, the
language-model head on response positions only, transformers' default attention (SDPA), torch.optim.Adam
as it comes. The update is the one that examples/bench/update.toml describes: sample a response to each
query, take log-probabilities and values under the policy and log-probabilities under the reference, score
by a lexicon, whiten, estimate advantages, and make four epochs of one minibatch of clipped PPO steps.

With --trainable-layers the embedding and the blocks below the top N are frozen, and the reference shares
them. With --serve an update is made for each line of standard input; otherwise --rounds are made. Prints
one JSON object an update: seconds of generate, analyze, score, train and total, and peak_mib.
Needs scripts/requirements.txt.
"""

import argparse
import copy
import json
import random
import sys
import time
from pathlib import Path

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer


class Policy(torch.nn.Module):
    """A causal language model with a value head."""

    def __init__(self, model, trainable_layers: int | None):
        super().__init__()
        self.model = model
        self.value_head = torch.nn.Linear(model.config.hidden_size, 1)
        torch.nn.init.zeros_(self.value_head.weight)
        torch.nn.init.zeros_(self.value_head.bias)
        if trainable_layers is not None:
            model.requires_grad_(False)
            model.model.layers[-trainable_layers:].requires_grad_(True)
            model.model.norm.requires_grad_(True)

    def reference(self):
        """A frozen copy that shares what is never trained."""
        shared = {id(p): p for p in self.model.parameters() if not p.requires_grad}
        return copy.deepcopy(self.model, shared).requires_grad_(False)


def scores_of(model, episodes, response_len: int, temperature: float):
    """Final hidden states [batch, response_len, hidden] and scaled logits [batch, response_len, vocab]."""
    # The token at p is judged by the state before it.
    hidden = model.model(input_ids=episodes, use_cache=False).last_hidden_state[:, -response_len - 1 : -1]
    return hidden, model.lm_head(hidden) / temperature


def logprobs_of(logits, responses):
    """Log-probability of each response token, [batch, response_len], without a second matrix of logits."""
    picked = logits.gather(-1, responses.unsqueeze(-1)).squeeze(-1)
    return picked - torch.stack([row.logsumexp(-1) for row in logits])


@torch.no_grad()
def entropy_of(logits):
    """Mean entropy, for the statistics."""
    rows = []
    for row in logits:
        p = row.softmax(-1)
        rows.append(row.logsumexp(-1) - (p * row).sum(-1))
    return torch.stack(rows).mean()


def whiten(x, keep_mean: bool):
    mean = x.mean()
    white = (x - mean) * torch.rsqrt(x.var(unbiased=False) + 1e-8)
    return white + mean if keep_mean else white


def advantages_of(rewards, values, gamma: float = 1.0, lam: float = 0.95):
    last, columns = 0.0, []
    for t in reversed(range(rewards.shape[1])):
        after = values[:, t + 1] if t + 1 < rewards.shape[1] else 0.0
        last = rewards[:, t] + gamma * after - values[:, t] + gamma * lam * last
        columns.append(last)
    return torch.stack(columns[::-1], 1)


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


class Bench:
    def __init__(self, args):
        self.args = args
        self.tokenizer = AutoTokenizer.from_pretrained(args.model)
        model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
        # Responses have a fixed length: no token ends them.
        model.generation_config.eos_token_id = None
        model.generation_config.pad_token_id = 0
        self.policy = Policy(model, args.trainable_layers)
        self.reference = self.policy.reference()
        trained = [p for p in self.policy.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=1e-6, eps=1e-5)
        self.queries = self.read_queries()
        self.lexicon = {}
        for line in args.lexicon.read_text(encoding="utf-8").splitlines():
            word, mean = line.split("\t")[:2]
            self.lexicon[word] = float(mean)

    def read_queries(self):
        rows = [json.loads(line)["text"] for line in self.args.data.read_text(encoding="utf-8").splitlines()]
        encoded = self.tokenizer(rows, add_special_tokens=False)["input_ids"]
        full = [ids[: self.args.query] for ids in encoded if len(ids) >= self.args.query]
        random.Random(self.args.seed).shuffle(full)
        return torch.tensor(full)

    @torch.no_grad()
    def generate(self, queries):
        return self.policy.model.generate(
            queries,
            attention_mask=torch.ones_like(queries),
            max_new_tokens=self.args.response,
            do_sample=True,
            temperature=self.args.temperature,
            top_k=0,
            top_p=1.0,
        )

    @torch.no_grad()
    def analyze(self, episodes, responses):
        hidden, logits = scores_of(self.policy.model, episodes, self.args.response, self.args.temperature)
        logprobs, values = logprobs_of(logits, responses), self.policy.value_head(hidden).squeeze(-1)
        del hidden, logits
        _, logits = scores_of(self.reference, episodes, self.args.response, self.args.temperature)
        return logprobs, values, logprobs_of(logits, responses)

    def score(self, responses):
        texts = self.tokenizer.batch_decode(responses)
        return torch.tensor([sum(self.lexicon.get(word, 0.0) for word in text.lower().split()) for text in texts])

    def train(self, episodes, responses, logprobs, values, rewards):
        clip, stats = 0.2, []
        rewards = whiten(rewards, keep_mean=True)
        advantages = advantages_of(rewards, values)
        returns = advantages + values
        advantages = whiten(advantages, keep_mean=False)
        for _ in range(self.args.epochs):
            order = torch.randperm(len(episodes))
            pick = lambda x: x[order]
            hidden, logits = scores_of(self.policy.model, pick(episodes), self.args.response, self.args.temperature)
            vpred = self.policy.value_head(hidden).squeeze(-1)
            ratio = (logprobs_of(logits, pick(responses)) - pick(logprobs)).exp()
            gains = torch.min(ratio * pick(advantages), ratio.clamp(1 - clip, 1 + clip) * pick(advantages))
            near = torch.clamp(vpred, pick(values) - clip, pick(values) + clip)
            errors = torch.max((vpred - pick(returns)) ** 2, (near - pick(returns)) ** 2)
            loss = -gains.mean() + 0.1 * 0.5 * errors.mean()
            entropy = entropy_of(logits)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            stats.append((loss.item(), entropy.item()))
        return stats

    def update(self, number: int) -> dict:
        start = number * self.args.batch
        rows = [i % len(self.queries) for i in range(start, start + self.args.batch)]
        marks = [time.perf_counter()]
        mark = lambda: marks.append(time.perf_counter())
        episodes = self.generate(self.queries[rows])
        mark()
        responses = episodes[:, self.args.query :]
        logprobs, values, ref_logprobs = self.analyze(episodes, responses)
        mark()
        rewards = -0.15 * (logprobs - ref_logprobs)
        rewards[:, -1] += self.score(responses)
        mark()
        self.train(episodes, responses, logprobs, values, rewards)
        mark()
        assert responses.shape[1] == self.args.response
        names = ["generate", "analyze", "score", "train"]
        line = {name: b - a for name, a, b in zip(names, marks, marks[1:])}
        line["total"] = marks[-1] - marks[0]
        line["tokens_per_second"] = responses.numel() / line["generate"]
        line["peak_mib"] = peak_mib()
        return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL_DIR")
    parser.add_argument("--data", type=Path, required=True, help="JSON lines with a text")
    parser.add_argument("--lexicon", type=Path, required=True, help="a word, a tab and its mean rating a line")
    parser.add_argument("--trainable-layers", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--query", type=int, default=32)
    parser.add_argument("--response", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves PyTorch's choice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help="an update for each line of standard input")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    bench = Bench(args)
    if args.serve:
        version = f"torch {torch.__version__}, transformers {transformers.__version__}"
        print(json.dumps({"ready": True, "version": version, "threads": torch.get_num_threads()}), flush=True)
    for number, _ in enumerate(sys.stdin if args.serve else range(args.rounds)):
        print(json.dumps(bench.update(number)), flush=True)


if __name__ == "__main__":
    main()
