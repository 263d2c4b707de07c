"""Rules that many plugins have: where a query is cut, where a response ends, what a word is, how much
a text repeats itself. The first two are those of Ziegler et al. (2019). They know no settings."""

from __future__ import annotations

import json
from typing import List, Optional, Tuple

from .columns import f32
from .outcome import NotApplicable

#: A token that is wanted, and its text.
Wanted = Tuple[Optional[int], Optional[str]]

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


def query_or_reason(
    field: str, tokens: List[int], lengths: Tuple[int, int], start: Wanted, end: Wanted
) -> List[int]:
    """The query in ``tokens`` as ``cut_query`` finds it, of ``lengths`` from the least to the most.
    Raises ``NotApplicable`` where there is none, and says why by the settings of these names, as
    dropped rows are counted by it. ``field`` is where the text stands."""

    def quoted(text: Optional[str]) -> str:
        return json.dumps(text or "", ensure_ascii=False)

    least, most = lengths
    query = cut_query(tokens, most, start[0], end[0])
    if query is not None and len(query) >= least:
        return query
    if not tokens:
        raise NotApplicable(f"field {quoted(field)} is empty")
    if query is not None:
        raise NotApplicable(f"fewer than min_query_tokens {least} tokens")
    if start[0] is not None and start[0] not in tokens:
        raise NotApplicable(f"has no start_text {quoted(start[1])}")
    raise NotApplicable(f"has no end_text {quoted(end[1])} within query_len {most}")


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
