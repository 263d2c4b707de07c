"""The rules themselves, on lists of tokens. They know no settings but what they are given."""

from __future__ import annotations

import json
from typing import List, Optional, Tuple

from attune_sdk import DataRow, Invalid, f32

# Python splits at these four control characters, Unicode's white space does not have them.
_NO_SPACE = dict.fromkeys(range(0x1C, 0x20), "\0")


def texts(row: DataRow, field: str, reference_field: Optional[str]) -> Tuple[str, str]:
    """Text and reference of a data row: the text itself, or an object with fields for them."""
    data = row.parse()
    if isinstance(data, str):
        return data, ""
    if not isinstance(data, dict):
        raise Invalid(f"data row {row.id}: neither a text nor an object")

    def take(name: str) -> str:
        shown = json.dumps(name, ensure_ascii=False)
        if name not in data:
            raise Invalid(f"data row {row.id} has no field {shown}")
        text = data.pop(name)
        if not isinstance(text, str):
            raise Invalid(f"field {shown} of data row {row.id} is not a text")
        return text

    reference = "" if reference_field is None else take(reference_field)
    return take(field), reference


def cut(
    tokens: List[int], length: int, start: Optional[int], end: Optional[int]
) -> Optional[List[int]]:
    """The query in ``tokens``: after the first ``start`` (unless that leaves nothing), at most
    ``length`` tokens, up to the last ``end``. None when a wanted token is absent. The order
    matters."""
    query = tokens
    if start is not None:
        if start not in tokens:
            return None
        query = tokens[tokens.index(start) + 1 :] or tokens
    query = query[:length]
    if end is not None:
        if end not in query:
            return None
        query = query[: len(query) - query[::-1].index(end)]
    return query


def ending(response: List[int], stop: Optional[int], after: int) -> Tuple[int, bool]:
    """How many tokens of a response are kept, and whether it is valid: it ends with the first
    ``stop`` at or after place ``after``, and without one it is kept whole and is not valid."""
    if stop is None:
        return len(response), True
    try:
        return response.index(stop, after) + 1, True
    except ValueError:
        return len(response), False


def distinct_pairs(text: str) -> float:
    """Share of pairs of neighbouring words that are different; 1 when there is no pair."""
    words = text.translate(_NO_SPACE).split()
    pairs = list(zip(words, words[1:]))
    return f32(len(set(pairs)) / len(pairs)) if pairs else 1.0
