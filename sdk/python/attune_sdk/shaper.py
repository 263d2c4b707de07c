"""Shapers: rollouts in, reward terms out. The author sees one row; the batch is kept here."""

from __future__ import annotations

from array import array
from typing import Any, ClassVar, Iterable, List, NamedTuple, Sequence, Tuple, TypeVar

from .answer import checked, instance, number, numbers, packed
from .columns import packed_floats
from .explain import BadAnswer
from .outcome import Outcome, Status, each_row, expect, row_major
from .plugin import Plugin, columns
from .rows import CallContext, Rollout, RolloutBatch
from .wire import Rollouts

S = TypeVar("S")


class Shaped:
    """One row's reward terms, per-token rewards and metrics."""

    __slots__ = ("terms", "per_token", "metrics")

    def __init__(
        self,
        terms: Iterable[float] = (),
        per_token: Iterable[float] = (),
        metrics: Iterable[float] = (),
    ) -> None:
        self.terms = [*numbers(terms, "the terms of a Shaped are", "term")]
        """One value for each of ``TERMS``."""
        self.per_token = packed(per_token, "f", "per_token of a Shaped is", "per_token")
        """One value for each response token if ``PER_TOKEN``, else empty."""
        self.metrics = [*numbers(metrics, "the metrics of a Shaped are", "metric")]
        """One value for each of ``METRICS``."""

    @classmethod
    def term(cls, value: float) -> Shaped:
        """A row with the next (or only) term."""
        return cls((value,))

    def metric(self, value: float) -> Shaped:
        """Adds the next metric."""
        self.metrics.append(number(value, f"metric {len(self.metrics)}"))
        return self

    def __repr__(self) -> str:
        return f"Shaped({self.terms}, {list(self.per_token)}, {self.metrics})"


class Shaper(Plugin[S]):
    """Turns rollouts into reward terms."""

    KIND = "shaper"
    _REQUIRED = ("shape",)
    TERMS: ClassVar[Sequence[str]] = ()
    """Names of the terms, in the order in which ``Shaped`` holds them."""
    PER_TOKEN: ClassVar[bool] = False
    """Whether each response token gets a reward of its own."""

    def shape(self, row: Rollout) -> Shaped:
        """The reward terms of one response."""
        raise NotImplementedError("a shaper has a method `shape`")


class Packed(NamedTuple):
    """The answer's columns."""

    terms: List[Tuple[str, List[float]]]
    per_token: bytes
    metrics: List[float]
    rows: List[Outcome[Shaped]]


def shape(shaper: Shaper[S], context: CallContext, wire: Rollouts) -> Packed:
    """The reward terms of a batch."""
    batch = RolloutBatch(context, columns(type(shaper)), wire)
    one = checked(shaper.shape, _checked)
    terms, metrics, with_tokens = len(shaper.TERMS), len(shaper.METRICS), shaper.PER_TOKEN
    count = batch.tokens.count

    def answer(row: int) -> Shaped:
        return one(Rollout(batch, row), terms, count(row) if with_tokens else 0, metrics)

    rows = each_row(context.seed, batch.ids, answer)
    flat = row_major(rows, terms, lambda shaped: shaped.terms)
    return Packed(
        terms=[(name, flat[place::terms]) for place, name in enumerate(shaper.TERMS)],
        per_token=_rewards(batch, rows) if with_tokens else b"",
        metrics=row_major(rows, metrics, lambda shaped: shaped.metrics),
        rows=rows,
    )


def _checked(given: Any, terms: int, per_token: int, metrics: int) -> Shaped:
    """The answer, which has to be as long as the plugin declares; its fields may have been set."""
    shaped = instance(given, Shaped, "shape", "Shaped(...)")
    shaped.terms = numbers(shaped.terms, "the terms of a Shaped are", "term")
    if type(shaped.per_token) is not array or shaped.per_token.typecode != "f":
        shaped.per_token = packed(shaped.per_token, "f", "per_token of a Shaped is", "per_token")
    shaped.metrics = numbers(shaped.metrics, "the metrics of a Shaped are", "metric")
    expect("terms", len(shaped.terms), terms, "TERMS")
    if len(shaped.per_token) != per_token:
        found = f"has {len(shaped.per_token)} per-token rewards"
        if not per_token:
            raise BadAnswer(f"{found}, and PER_TOKEN is not set")
        raise BadAnswer(f"{found} for {per_token} tokens")
    expect("metrics", len(shaped.metrics), metrics, "METRICS")
    return shaped


def _rewards(batch: RolloutBatch, rows: List[Outcome[Shaped]]) -> bytes:
    parts = []
    for row, outcome in enumerate(rows):
        if outcome.status is Status.VALUE:
            parts.append(outcome.value.per_token.tobytes())
        else:
            parts.append(packed_floats([0.0] * batch.tokens.count(row)))
    return b"".join(parts)
