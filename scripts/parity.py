#!/usr/bin/env python3
"""Holds Attune's models equal to Hugging Face transformers on real text, in both directions.

    python scripts/parity.py                        every case below; --record FILE keeps the table
    python scripts/parity.py MODEL_DIR...           these folders only
    python scripts/parity.py --make-random KIND DIR makes a random model (gpt2, qwen2, llama, llama3)

The cases: folders that transformers saved (random GPT-2, Qwen2, Llama, and a Llama with Llama 3's rope
scaling and an untied head; in f32, f16, bf16, whole and in shards), folders that `attune model random`
saved, the policies of two short `attune train policy` runs, and SmolLM2-135M. `cargo xtask setup` puts the
binary's needs, the plugins and SmolLM2 in place. For every folder it runs

    attune model logits MODEL_DIR --text FILE --greedy 64 --out FILE.safetensors

which encodes the text without special tokens, runs it as one sequence in f32, and
  * writes the f32 tensor `logits` [tokens, vocab] to the --out file;
  * prints one JSON object: {"tokens": [ids of the text], "greedy": [64 ids]}, where `greedy`
    continues the text with the most likely token each time and never stops early.

The same text goes through transformers. A model passes when transformers finds every tensor that it
wants and no other, the ids are the same, no logit differs by more than --tolerance (1e-3) and all greedy
tokens are the same. Prints a Markdown table; exits 1 when a model fails. Needs scripts/requirements.txt.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
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


KINDS = ("gpt2", "qwen2", "llama", "llama3")


def make_random(kind: str, folder: Path, dtype: torch.dtype = torch.float32, shard: str = "1GB") -> None:
    """Saves a small random model whose weights are large enough for its logits to differ."""
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    torch.manual_seed(0)
    common = {"vocab_size": 256, "initializer_range": 0.2, "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        config = GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=1024, **common)
    else:
        cls = Qwen2Config if kind == "qwen2" else LlamaConfig
        if kind == "llama3":
            # A short original length, so that the text is long enough for every band of the scaling.
            common["rope_parameters"] = {
                "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
            }  # fmt: skip
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
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    byte_tokenizer().save_pretrained(folder)


@torch.no_grad()
def expected(folder: Path, text: str, greedy: int) -> tuple[list[int], torch.Tensor, list[int]]:
    """Ids of the text, their logits [tokens, vocab], and the greedy continuation."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    problems = {key: sorted(names) for key, names in info.items() if names}
    if problems:
        raise RuntimeError(f"transformers says {problems}")
    model.eval()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    output = model(torch.tensor([ids]), use_cache=True)
    logits, continuation = output.logits[0], []
    for _ in range(greedy):
        # By hand: generate() would stop at the end-of-text token.
        token = int(output.logits[0, -1].argmax())
        continuation.append(token)
        output = model(torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True)
    return ids, logits, continuation


def run(command: list) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"attune exited {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def actual(attune: Path, folder: Path, text: str, greedy: int) -> tuple[list[int], torch.Tensor, list[int]]:
    """The same from Attune."""
    with tempfile.TemporaryDirectory() as scratch:
        source, out = Path(scratch, "text.txt"), Path(scratch, "logits.safetensors")
        source.write_bytes(text.encode())
        command = [attune, "model", "logits", folder, "--text", source, "--greedy", str(greedy), "--out", out]
        report = json.loads(run(command).strip().splitlines()[-1])
        return report["tokens"], load_file(out)["logits"], report["greedy"]


def compare(attune: Path, name: str, folder: Path, text: str, greedy: int, tolerance: float) -> tuple[bool, str]:
    """Whether a model passes, and its line of the table."""
    try:
        ids, logits, continuation = expected(folder, text, greedy)
        our_ids, our_logits, our_continuation = actual(attune, folder, text, greedy)
    except Exception as error:
        return failed(name, 3, error)
    if ids != our_ids:
        return False, f"| {name} | differ ({len(our_ids)}, expected {len(ids)}) | | | FAIL |"
    if logits.shape != our_logits.shape or our_logits.dtype != torch.float32:
        found = f"{our_logits.dtype} {tuple(our_logits.shape)}, expected {tuple(logits.shape)}"
        return False, f"| {name} | {len(ids)} | {found} | | FAIL |"
    worst = float((logits - our_logits).abs().max())
    same = next((i for i, (a, b) in enumerate(zip(continuation, our_continuation)) if a != b), greedy)
    same = min(same, len(our_continuation))
    # `not <=` also fails on NaN.
    passed = worst <= tolerance and same == greedy == len(our_continuation)
    verdict = "pass" if passed else "FAIL"
    return passed, f"| {name} | {len(ids)} equal | {worst:.1e} | {same} of {greedy} | {verdict} |"


def trained_policy(attune: Path, model: Path, folder: Path, text: str) -> Path:
    """The folder of a policy that two updates at a high learning rate have moved."""
    folder.mkdir()
    (folder / "rows.txt").write_text("\n".join(text.split(". ") * 8))
    recipe = folder / "policy.toml"
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
        query_len = 8
        min_query_tokens = 8
        response_len = 8
        truncate_after = 0
        start_text = ""
        end_text = ""
        truncate_token = ""
        [[shaper]]
        plugin = "repetition"
        settings = {{ n = 1 }}
        [ppo]
        total_episodes = 8
        batch_size = 4
        lr = 1e-3
        [eval]
        queries = 2
        show = 0
        """
    )
    run([attune, "train", "policy", recipe])
    policy = folder / "run" / "policy"
    before, after = (AutoModelForCausalLM.from_pretrained(place).state_dict() for place in (model, policy))
    if all(torch.equal(before[key], after[key]) for key in before):
        raise RuntimeError(f"{policy}: training changed nothing")
    return policy


def cases(attune: Path, pretrained: Path, scratch: Path, text: str):
    """Names and folders of everything that must agree, made one at a time."""
    saved = [
        ("gpt2", "f32", torch.float32, "1GB"), ("gpt2", "f16, sharded", torch.float16, "200KB"),
        ("qwen2", "f32", torch.float32, "1GB"), ("qwen2", "bf16, sharded", torch.bfloat16, "200KB"),
        ("llama", "f32", torch.float32, "1GB"), ("llama3", "f32, untied", torch.float32, "1GB"),
    ]  # fmt: skip
    for number, (kind, how, dtype, shard) in enumerate(saved):
        folder = scratch / f"{number}-{kind}"
        make_random(kind, folder, dtype, shard)
        yield f"random {kind}, {how}, saved by transformers", folder
        if dtype == torch.float32:
            again = scratch / f"{number}-{kind}-attune"
            run([attune, "model", "random", folder / "config.json", again, "--seed", "1"])
            yield f"random {kind}, saved by attune", again
    yield "random gpt2 after two updates, saved by attune", trained_policy(
        attune, scratch / "0-gpt2", scratch / "gpt2-trained", text
    )
    yield "SmolLM2-135M, imported from GGUF by attune", pretrained
    trained = trained_policy(attune, pretrained, scratch / "smollm2-trained", text)
    yield "SmolLM2-135M after two updates, saved by attune", trained


def record(file: Path, table: str, marker: str = "parity") -> None:
    """Puts the table between the file's markers."""
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    before, rest = file.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    file.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def parser_of(doc: str, tolerance: float) -> argparse.ArgumentParser:
    """What the scripts of parity are asked for."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--attune", type=Path, default=Path("target/debug/attune"))
    parser.add_argument("--pretrained", type=Path, default=Path(".deps/models/smollm2-135m"))
    parser.add_argument("--tolerance", type=float, default=tolerance)
    parser.add_argument("--record", type=Path, metavar="FILE", help="put the table between this file's markers")
    return parser


def failed(name: str, columns: int, error: Exception) -> tuple[bool, str]:
    """The line of a model that cannot be compared: one broken model must not hide the others."""
    reason = f"{type(error).__name__}: {error}".replace("\n", " ").replace("|", "/")
    return False, f"| {name} |{' |' * columns} FAIL: {reason} |"


def judge(args: argparse.Namespace, header: str, marker: str, cases, compare) -> int:
    """Compares each case of `cases(attune, scratch)` by `compare(attune, name, folder, scratch)`, and prints the table."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    attune = args.attune.resolve()
    lines = [header, "| --- " * (header.count("|") - 1) + "|"]
    print("\n".join(lines))
    passed = True
    scratch = Path(tempfile.mkdtemp(prefix="parity."))
    try:
        named = [(str(folder), folder) for folder in args.models]
        for name, folder in named or cases(attune, scratch):
            ok, line = compare(attune, name, folder, scratch)
            print(line, flush=True)
            lines.append(line)
            passed &= ok
    finally:
        shutil.rmtree(scratch)
    if args.record:
        peer = f"torch {torch.__version__}, transformers {transformers.__version__}"
        lines += ["", f"By {run([attune, '--version']).strip()}, {peer}."]
        record(args.record, "\n".join(lines), marker)
    return 0 if passed else 1


def main() -> int:
    parser = parser_of(__doc__, 1e-3)
    parser.add_argument("--text", type=Path, help="a text file in place of the built-in text")
    parser.add_argument("--greedy", type=int, default=64)
    parser.add_argument("--make-random", nargs=2, metavar=("KIND", "DIR"), help=f"KIND: {', '.join(KINDS)}")
    args = parser.parse_args()
    if args.make_random:
        kind, folder = args.make_random
        if kind not in KINDS:
            parser.error(f"--make-random: {kind!r} is not one of {', '.join(KINDS)}")
        make_random(kind, Path(folder))
        return 0
    if args.record and args.models:
        parser.error("--record keeps the table of all cases: name no folders")
    text = args.text.read_bytes().decode() if args.text else TEXT
    return judge(
        args,
        "| model | tokens | max logit difference | greedy tokens equal | result |",
        "parity",
        lambda attune, scratch: cases(attune, args.pretrained, scratch, text),
        lambda attune, name, folder, _: compare(attune, name, folder, text, args.greedy, args.tolerance),
    )


if __name__ == "__main__":
    sys.exit(main())
