#!/usr/bin/env python3
"""Holds Attune's reward models equal to Hugging Face transformers' sequence classifiers.

    python scripts/reward_parity.py                 every case below; --record FILE keeps the table
    python scripts/reward_parity.py FOLDER...       these reward models only

The cases: reward models that `attune train reward` made from random GPT-2, Qwen2 and Llama models and from
SmolLM2-135M, by a few comparisons and with their scale fixed on the model's own responses, so that gain and bias
are not 1 and 0; one with several heads; and a classifier that transformers saved. For each, texts, some of which end
with the end of text or with padding, are scored by

    attune score FOLDER FILE        JSON lines with `response`, printed with `rewards`

and by AutoModelForSequenceClassification. A model passes when transformers finds every tensor that it wants and no
other, and no score differs by more than --tolerance (1e-4). Prints a Markdown table; exits 1 when a model fails.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig

from parity import TEXT, byte_tokenizer, failed, judge, make_random, parser_of, run

TEXTS = [part.strip() for part in TEXT.replace("\n", " ").split(",") if part.strip()]


def texts(tokenizer, config) -> list[str]:
    """The texts, and some that end with the end of text or with the padding token, once and several times, as far as
    a tokenizer reads these from text."""
    ends = {config.pad_token_id, config.eos_token_id} - {None}
    ended = []
    for token in sorted(ends):
        end = tokenizer.decode([token])
        ended += [TEXTS[0] + end, TEXTS[1] + end * 3, end * 2, TEXTS[2] + end + "."]
    return TEXTS + ended


def labels(count: int) -> str:
    """Comparisons of four parts of the text; the longest is the best."""
    lines = []
    for number in range(count):
        responses = [TEXTS[(number * 3 + place) % len(TEXTS)][: 20 + 7 * ((number + place) % 4)] for place in range(4)]
        best = max(range(4), key=lambda place: len(responses[place]))
        comparison = {"query": {"text": TEXTS[number % len(TEXTS)][:12]}, "responses": [{"text": r} for r in responses]}
        lines.append(json.dumps({"comparison": comparison, "answer": {"best": best}, "labeler": "unknown"}))
    return "\n".join(lines) + "\n"


def trained(attune: Path, model: Path, folder: Path, heads: int = 1) -> Path:
    """The folder of a reward model that a few steps at a high learning rate have moved."""
    folder.mkdir()
    (folder / "rows.txt").write_text("\n".join(TEXTS * 4))
    (folder / "labels.jsonl").write_text(labels(32))
    recipe = folder / "reward.toml"
    recipe.write_text(
        f"""
        [run]
        dir = "run"
        device = "cpu"
        [model]
        path = {json.dumps(str(model.resolve()))}
        [data]
        train = "rows.txt"
        [task]
        plugin = "continuation"
        [task.settings]
        query_len = 4
        min_query_tokens = 4
        response_len = 8
        truncate_after = 0
        start_text = ""
        end_text = ""
        truncate_token = ""
        [reward]
        train = ["labels.jsonl"]
        test = ["labels.jsonl"]
        heads = {heads}
        batch_size = 8
        lr = 1e-4
        normalize_samples = 32
        rollout_batch = 16
        """
    )
    run([attune, "train", "reward", recipe])
    return folder / "run" / "reward_model"


def classifier(folder: Path) -> Path:
    """A one-label classifier that transformers saved."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=256, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=1024, initializer_range=0.2, num_labels=1, pad_token_id=0,
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def cases(attune: Path, pretrained: Path, scratch: Path):
    """Names and folders of everything that must agree, made one at a time."""
    for kind in ("gpt2", "qwen2", "llama"):
        make_random(kind, scratch / kind)
        yield f"random {kind}, trained", trained(attune, scratch / kind, scratch / f"{kind}-reward")
    yield "random qwen2, trained, three heads", trained(attune, scratch / "qwen2", scratch / "heads", heads=3)
    yield "SmolLM2-135M, trained", trained(attune, pretrained, scratch / "smollm2-reward")
    yield "random llama classifier, saved by transformers", classifier(scratch / "classifier")


@torch.no_grad()
def expected(folder: Path) -> tuple[list[str], list[float]]:
    """Texts, and their scores by transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    load = AutoModelForSequenceClassification.from_pretrained
    model, info = load(folder, dtype=torch.float32, output_loading_info=True)
    problems = {key: sorted(names) for key, names in info.items() if names}
    if problems:
        raise RuntimeError(f"transformers says {problems}")
    model.eval()
    rows = texts(tokenizer, model.config)
    ids = [tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"] for text in rows]
    return rows, [float(model(row).logits[0, 0]) for row in ids]


def actual(attune: Path, folder: Path, rows: list[str]) -> list[float]:
    """The same by Attune."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "rows.jsonl")
        file.write_text("".join(json.dumps({"response": text}) + "\n" for text in rows))
        return [json.loads(line)["rewards"][0] for line in run([attune, "score", folder, file]).splitlines()]


def compare(attune: Path, name: str, folder: Path, tolerance: float) -> tuple[bool, str]:
    """Whether a model passes, and its line of the table."""
    try:
        rows, want = expected(folder)
        got = actual(attune, folder, rows)
    except Exception as error:
        return failed(name, 3, error)
    worst = max(abs(a - b) for a, b in zip(want, got, strict=True))
    passed = worst <= tolerance
    spread = f"{min(want):.2f} to {max(want):.2f}"
    return passed, f"| {name} | {len(want)} | {spread} | {worst:.1e} | {'pass' if passed else 'FAIL'} |"


def main() -> int:
    args = parser_of(__doc__, 1e-4).parse_args()
    return judge(
        args,
        "| reward model | texts | scores | max difference | result |",
        "reward-parity",
        lambda attune, scratch: cases(attune, args.pretrained, scratch),
        lambda attune, name, folder, _: compare(attune, name, folder, args.tolerance),
    )


if __name__ == "__main__":
    sys.exit(main())
