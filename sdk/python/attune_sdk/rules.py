"""Rules that many plugins have: where a query is cut, where a response ends, what a word is, how much
a text repeats itself. The first two are those of Ziegler et al. (2019). They know no settings."""

from __future__ import annotations

from typing import List, Optional, Tuple

from .columns import f32

# Python splits at these four control characters, Unicode's white space does not have them.
_NO_SPACE = dict.fromkeys(range(0x1C, 0x20), "\0")


def cut_query(
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


def end_response(response: List[int], stop: Optional[int], after: int) -> Tuple[int, bool]:
    """How many tokens of a response are kept, and whether it is valid: it ends with the first
    ``stop`` at or after place ``after``. Without one it is kept whole and is not valid; where no
    ``stop`` is wanted, it is."""
    if stop is None:
        return len(response), True
    try:
        return response.index(stop, after) + 1, True
    except ValueError:
        return len(response), False


def spaced(text: str) -> str:
    """``text`` of the same length, which ``str.split`` and ``re`` split into words as the SDK for
    Rust does, at Unicode's white space."""
    return text.translate(_NO_SPACE)


def words(text: str) -> List[str]:
    """The words of ``text``: what is between white space, as for the SDK for Rust."""
    return spaced(text).split()


def distinct(text: str, n: int) -> float:
    """Distinct-n (Li et al. 2016): the share of runs of ``n`` neighbouring words that are different;
    1 when there is none."""
    found = words(text)
    runs = list(zip(*(found[place:] for place in range(n))))
    return f32(len(set(runs)) / len(runs)) if runs else 1.0
