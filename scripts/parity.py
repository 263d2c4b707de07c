#!/usr/bin/env python3
"""Holds Attune's models equal to Hugging Face transformers on real text.

    python scripts/parity.py --attune target/debug/attune MODEL_DIR...
    python scripts/parity.py --make-random gpt2 DIR      (or qwen2, llama)

For every model folder it runs

    attune model logits MODEL_DIR --text FILE --greedy 64 --out FILE.safetensors

which must encode the text without special tokens, run it as one sequence in f32, and
  * write the f32 tensor `logits` [tokens, vocab] to the --out file;
  * print one JSON object: {"tokens": [ids of the text], "greedy": [64 ids]}, where `greedy`
    continues the text with the most likely token each time and never stops early.
(A progress line may precede the JSON; the object is the last line of standard output.)

The same text goes through transformers. A model passes when the ids are the same, no logit
differs by more than --tolerance (1e-3) and all greedy tokens are the same. Prints a Markdown
table; exits 1 when a model fails. Needs scripts/requirements.txt.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

TEXT = """Four score and seven years ago our fathers brought forth on this continent, a new nation, \
conceived in Liberty, and dedicated to the proposition that all men are created equal.

Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived and \
so dedicated, can long endure. (It's 272 words; Lincoln spoke on 19/11/1863 — "naïve" listeners \
expected 2 hours.)\n\n\tNext:  """


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of the 256 bytes, id = byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    vocab = {chr(byte): byte for byte in printable}
    vocab |= {chr(256 + rank): byte for rank, byte in enumerate(others)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def make_random(kind: str, folder: Path) -> None:
    """Saves a small random model whose weights are large enough for its logits to differ."""
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    torch.manual_seed(0)
    common = {"vocab_size": 256, "initializer_range": 0.2, "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        config = GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=1024, **common)
    else:
        cls = {"qwen2": Qwen2Config, "llama": LlamaConfig}[kind]
        config = cls(
            hidden_size=64,
            intermediate_size=160,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            tie_word_embeddings=kind == "llama",
            **common,
        )
    model = AutoModelForCausalLM.from_config(config)
    # Biases and norms start at 0 and 1, where a mistake in them would not show.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


@torch.no_grad()
def expected(folder: Path, text: str, greedy: int) -> tuple[list[int], torch.Tensor, list[int]]:
    """Ids of the text, their logits [tokens, vocab], and the greedy continuation."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    output = model(torch.tensor([ids]), use_cache=True)
    logits, continuation = output.logits[0], []
    for _ in range(greedy):
        # By hand: generate() would stop at the end-of-text token.
        token = int(output.logits[0, -1].argmax())
        continuation.append(token)
        output = model(torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True)
    return ids, logits, continuation


def actual(attune: Path, folder: Path, text: str, greedy: int) -> tuple[list[int], torch.Tensor, list[int]]:
    """The same from Attune."""
    with tempfile.TemporaryDirectory() as scratch:
        source, out = Path(scratch, "text.txt"), Path(scratch, "logits.safetensors")
        source.write_bytes(text.encode())
        command = [attune, "model", "logits", folder, "--text", source, "--greedy", str(greedy), "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"attune exited {done.returncode}: {done.stderr.strip()[-500:]}")
        report = json.loads(done.stdout.strip().splitlines()[-1])
        return report["tokens"], load_file(out)["logits"], report["greedy"]


def compare(attune: Path, folder: Path, text: str, greedy: int, tolerance: float) -> tuple[bool, str]:
    """Whether a model passes, and its line of the table."""
    try:
        ids, logits, continuation = expected(folder, text, greedy)
        our_ids, our_logits, our_continuation = actual(attune, folder, text, greedy)
    except Exception as error:  # one broken model must not hide the others
        reason = f"{type(error).__name__}: {error}".replace("\n", " ").replace("|", "/")
        return False, f"| {folder} | | | | FAIL: {reason} |"
    if ids != our_ids:
        return False, f"| {folder} | differ ({len(our_ids)}, expected {len(ids)}) | | | FAIL |"
    if logits.shape != our_logits.shape or our_logits.dtype != torch.float32:
        found = f"{our_logits.dtype} {tuple(our_logits.shape)}, expected {tuple(logits.shape)}"
        return False, f"| {folder} | {len(ids)} | {found} | | FAIL |"
    worst = float((logits - our_logits).abs().max())
    same = next((i for i, (a, b) in enumerate(zip(continuation, our_continuation)) if a != b), greedy)
    same = min(same, len(our_continuation))
    # `not <=` also fails on NaN.
    passed = worst <= tolerance and same == greedy == len(our_continuation)
    verdict = "pass" if passed else "FAIL"
    return passed, f"| {folder} | {len(ids)} equal | {worst:.2e} | {same} of {greedy} | {verdict} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL_DIR")
    parser.add_argument("--attune", type=Path, default=Path("target/debug/attune"))
    parser.add_argument("--text", type=Path, help="a text file in place of the built-in text")
    parser.add_argument("--greedy", type=int, default=64)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--make-random", nargs=2, metavar=("KIND", "DIR"), help="KIND: gpt2, qwen2 or llama")
    args = parser.parse_args()
    if args.make_random:
        kind, folder = args.make_random
        if kind not in ("gpt2", "qwen2", "llama"):
            parser.error(f"--make-random: {kind!r} is not gpt2, qwen2 or llama")
        make_random(kind, Path(folder))
    elif not args.models:
        parser.error("name a model folder, or --make-random")
    text = args.text.read_bytes().decode() if args.text else TEXT
    if args.models:
        print("| model | tokens | max logit difference | greedy tokens equal | result |")
        print("| --- | --- | --- | --- | --- |")
    passed = True
    for folder in args.models:
        ok, line = compare(args.attune, folder, text, args.greedy, args.tolerance)
        print(line, flush=True)
        passed &= ok
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
