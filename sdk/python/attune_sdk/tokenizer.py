"""The policy's tokenizer, asked through the host. Natively a stand-in of ``testing`` answers."""

from __future__ import annotations

from typing import List, Sequence

from . import host


def encode(text: str) -> List[int]:
    """Token ids of ``text``, without special tokens."""
    return host.current.tokenizer.encode(text)


def decode(tokens: Sequence[int]) -> str:
    """Text of ``tokens``; ids outside the vocabulary become nothing."""
    return host.current.tokenizer.decode(tokens)


def vocab_size() -> int:
    """How many ids the vocabulary has."""
    return host.current.tokenizer.vocab_size()
