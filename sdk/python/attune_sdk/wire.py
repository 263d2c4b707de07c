"""Batches as they come from the host, column by column: the contract's records. In a component
the generated bindings have their like. It knows nothing about rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, List, Sequence

from .columns import Ragged, packed_tokens, text_column, token_column


class Column:
    """A ragged column: bytes, and where each row ends."""

    def __init__(self, data: bytes, ends: List[int]) -> None:
        self.data = data
        self.ends = ends


def texts(rows: Iterable[str]) -> Ragged:
    """Texts as a column."""
    return Column(*text_column(row.encode() for row in rows))


def tokens(rows: Iterable[Sequence[int]]) -> Ragged:
    """Token ids as a column."""
    return Column(*token_column(packed_tokens(row) for row in rows))


@dataclass
class Rollouts:
    """A batch of rollouts."""

    ids: List[int]
    query_text: Ragged
    query_tokens: Ragged
    response_text: Ragged
    response_tokens: Ragged
    reference_text: Ragged
    logprobs: bytes
    ref_logprobs: bytes
    values: bytes
    score: List[float]
    metadata: Ragged


@dataclass
class Groups:
    """A batch of groups."""

    ids: List[int]
    query_text: Ragged
    reference_text: Ragged
    metadata: Ragged
    response_text: Ragged
    group_ends: List[int]
