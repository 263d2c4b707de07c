"""The policy's tokenizer, asked through the host. Natively a stand-in of ``testing`` answers."""

from __future__ import annotations

import json
from typing import List, Optional, Sequence

from . import host
from .settings import Problems


def encode(text: str) -> List[int]:
    """Token ids of ``text``, without special tokens."""
    return host.current.tokenizer.encode(text)


def encode_next(text: str) -> List[int]:
    """Token ids of ``text`` as it goes on after other text: some tokenizers begin a text with a space that
    nobody wrote."""
    alone = encode(text)
    for before in ("\n", "a"):
        head = encode(before)
        whole = encode(before + text)
        # Where the two have become one token, it does not say where ``text`` begins.
        if 0 < len(head) < len(whole) and list(whole[: len(head)]) == list(head):
            return list(whole[len(head) :])
    return alone


def single(text: Optional[str], path: str, problems: Problems) -> Optional[int]:
    """The one token that ``text`` is in a text that has begun; None where there is no text, and a problem at ``path`` where it
    is none or several. An empty text is no text: TOML has no null."""
    if not text:
        return None
    tokens = encode_next(text)
    message = f"{json.dumps(text)} is {len(tokens)} tokens, must be a single one"
    problems.require(len(tokens) == 1, path, message)
    return tokens[0] if tokens else None


def decode(tokens: Sequence[int]) -> str:
    """Text of ``tokens``; ids outside the vocabulary become nothing."""
    return host.current.tokenizer.decode(tokens)


def vocab_size() -> int:
    """How many ids the vocabulary has."""
    return host.current.tokenizer.vocab_size()
