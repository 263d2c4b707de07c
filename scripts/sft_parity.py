#!/usr/bin/env python3
"""Holds Attune's supervised fine-tuning equal to PyTorch and transformers: loss and gradients of one batch.

    python scripts/sft_parity.py                 every case below; --record FILE keeps the table
    python scripts/sft_parity.py FOLDER...       these models only

The cases: random GPT-2, Qwen2 and Llama models, and SmolLM2-135M. A model learns, in one step over all rows, what
follows a few contexts, by

    attune train sft CONFIG

With Adam's epsilon at 1 a first step of rate 1 takes g / (|g| + 1) from every weight, so that the gradients g can be read
from the weights before and after. They are compared with those of the mean of -log p over the response's tokens, which
transformers computes row by row, without pads, in float64: in float32 it is itself further from that than the bound, for a
model of thirty blocks. A model passes when neither the loss nor any gradient differs by more than --tolerance (1e-5, of
gradients times the largest where that is beyond 1). Prints a Markdown table; exits 1 when a model fails.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from parity import TEXT, failed, judge, make_random, parser_of, run

WORDS = TEXT.split()
ROWS = [(" ".join(WORDS[at : at + 6 + at % 5]), " ".join(WORDS[at + 20 : at + 22 + at % 7])) for at in range(12)]
QUERY, SUFFIX, END = 32, " =>", "."


def trained(attune: Path, model: Path, folder: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of the first step, and the gradients that it took."""
    rows = [json.dumps({"text": text, "summary": summary}) for text, summary in ROWS]
    (folder / "rows.jsonl").write_text("\n".join([*rows, rows[0]]))
    recipe = folder / "sft.toml"
    recipe.write_text(
        f"""
        [run]
        dir = "run"
        device = "cpu"
        [model]
        path = {json.dumps(str(model.resolve()))}
        [data]
        train = "rows.jsonl"
        [task]
        plugin = "continuation"
        [task.settings]
        reference_field = "summary"
        suffix = "{SUFFIX}"
        query_len = {QUERY}
        response_len = 100
        truncate_after = 0
        start_text = ""
        end_text = ""
        truncate_token = ""
        [sft]
        validation = 0
        end_text = "{END}"
        batch_size = {len(ROWS)}
        micro_tokens = 200
        lr = 1.0
        schedule = "constant"
        adam_epsilon = 1.0
        max_grad_norm = 0.0
        [eval]
        queries = 1
        """
    )
    run([attune, "train", "sft", recipe])
    loss = json.loads((folder / "run/metrics.jsonl").read_text().splitlines()[0])["sft/loss"]
    before, after = load_file(model / "model.safetensors"), load_file(folder / "run/policy/model.safetensors")
    steps = {name: (before[name].double() - after[name].double()) for name in before if name in after}
    return loss, {name: step / (1 - step.abs()) for name, step in steps.items()}


def expected(folder: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """The same by transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)

    def ids(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    sums, count = [], 0
    for text, summary in ROWS:
        context, response = ids(text)[:QUERY] + ids(SUFFIX), ids(" " + summary) + ids(END)
        logits = model(torch.tensor([context + response])).logits[0, len(context) - 1 : -1]
        sums.append(torch.nn.functional.cross_entropy(logits, torch.tensor(response), reduction="sum"))
        count += len(response)
    loss = torch.stack(sums).sum() / count
    loss.backward()
    return float(loss), {name: parameter.grad.double() for name, parameter in model.named_parameters()}


def cases(pretrained: Path, scratch: Path):
    """Names and folders of everything that must agree, made one at a time."""
    for kind in ("gpt2", "qwen2", "llama"):
        make_random(kind, scratch / kind)
        yield f"random {kind}", scratch / kind
    yield "SmolLM2-135M", pretrained


def compare(attune: Path, name: str, folder: Path, scratch: Path, tolerance: float) -> tuple[bool, str]:
    """Whether a model passes, and its line of the table."""
    try:
        (want, gradients), (got, found) = expected(folder), trained(attune, folder, Path(tempfile.mkdtemp(dir=scratch)))
        missing = [name for name in gradients if name not in found]
        if missing:
            raise RuntimeError(f"no gradient of {missing}")
    except Exception as error:
        return failed(name, 4, error)
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    worst = max(float((gradients[name] - found[name]).abs().max()) for name in gradients)
    passed = abs(want - got) <= tolerance and worst <= tolerance * max(largest, 1.0)
    line = f"| {name} | {want:.4f} | {abs(want - got):.1e} | {largest:.2f} | {worst:.1e} |"
    return passed, f"{line} {'pass' if passed else 'FAIL'} |"


def main() -> int:
    args = parser_of(__doc__, 1e-5).parse_args()
    return judge(
        args,
        "| model | loss | difference | largest gradient | largest difference | result |",
        "sft-parity",
        lambda _, scratch: cases(args.pretrained, scratch),
        lambda attune, name, folder, scratch: compare(attune, name, folder, scratch, args.tolerance),
    )


if __name__ == "__main__":
    sys.exit(main())
