"""Tasks: data rows in, queries out; and what a finished response is. The author sees one row;
the batch is kept here."""

from __future__ import annotations

from functools import wraps
from typing import Any, ClassVar, List, NamedTuple, Sequence, Tuple, TypeVar

from .answer import checked, instance, items, number, numbers, packed, shown, text, whole
from .columns import Ragged, Texts, text_column, token_column
from .explain import BadAnswer
from .outcome import NotApplicable, Outcome, Status, each_row, expect, row_major
from .plugin import Plugin, columns
from .rows import CallContext, DataRow, Rollout, RolloutBatch
from .wire import Rollouts

S = TypeVar("S")
Column = Tuple[bytes, List[int]]


class Layout(NamedTuple):
    """Lengths in tokens. The policy's context is prefix, padded query, suffix."""

    query_len: int
    """Queries are padded to this; none may be longer."""
    response_len: int
    """Every response has so many tokens before it is finished."""
    prefix: Sequence[int] = ()
    """Tokens before the query."""
    suffix: Sequence[int] = ()
    """Tokens after the query."""


class Query(NamedTuple):
    """A query, without padding."""

    tokens: Sequence[int]
    """Its tokens."""
    reference: str = ""
    """What a person wrote for it; empty where nobody did."""
    metadata: str = ""
    """A JSON object that comes back with every rollout; may be empty."""


class Ending(NamedTuple):
    """What the scorer sees of a response."""

    kept: int
    """So many tokens from the start."""
    valid: bool = True
    """Whether it obeys the rules."""
    penalty: float = 0.0
    """The score of a response that does not."""


class Task(Plugin[S]):
    """Makes queries and says what a finished response is."""

    KIND = "task"
    _REQUIRED = ("layout", "query")
    BASELINES: ClassVar[Sequence[str]] = ()
    """Names of the simple procedures of ``baselines``."""

    def layout(self) -> Layout:
        """The lengths, and what stands around a query for the policy."""
        raise NotImplementedError("a task has a method `layout`")

    def query(self, row: DataRow) -> Query:
        """The query of a data row; ``NotApplicable`` drops it, and it is counted by the reason."""
        raise NotImplementedError("a task has a method `query`")

    def finish(self, row: Rollout) -> Ending:
        """Where the response ends and whether it obeys the rules; by default all of it, and it
        does."""
        return Ending(row._batch.tokens.count(row._row))

    def evaluate(self, row: Rollout) -> Sequence[float]:
        """One value for each of ``METRICS``."""
        if self.METRICS:
            raise NotApplicable
        return ()

    def baselines(self, row: Rollout) -> Sequence[str]:
        """What each of ``BASELINES`` would have answered."""
        return ()


class _Packed(NamedTuple):
    tokens: bytes
    reference: bytes
    metadata: bytes


class Queries(NamedTuple):
    """The answer's columns; a row without a value has empty ones."""

    tokens: Column
    reference: Column
    metadata: Column
    rows: List[Outcome[Query]]


class Endings(NamedTuple):
    """The answer's columns; a row without a value keeps nothing and is not valid."""

    kept: List[int]
    valid: List[bool]
    penalty: List[float]
    rows: List[Outcome[Ending]]


def layout(task: Task[S]) -> Layout:
    """The task's lengths, in plain types."""
    return checked(wraps(task.layout)(lambda _: task.layout()), _layout)(None)


def _layout(given: Any) -> Layout:
    layout = instance(given, Layout, "layout", "Layout(...)")
    lengths = []
    for what in ("query_len", "response_len"):
        length = whole(getattr(layout, what), f"{what} of a Layout")
        if not 0 <= length < 1 << 32:
            raise BadAnswer(f"layout: {what} is {length}, no length")
        lengths.append(length)
    prefix, suffix = (
        packed(getattr(layout, what), "I", f"{what} of a Layout is", what).tolist()
        for what in ("prefix", "suffix")
    )
    return Layout(lengths[0], lengths[1], prefix, suffix)


def queries(task: Task[S], context: CallContext, ids: List[int], data: Ragged) -> Queries:
    """The queries of data rows."""
    texts = Texts("rows", data, len(ids))
    made: List[_Packed] = [_Packed(b"", b"", b"")] * len(ids)
    one = checked(task.query, _query)

    def answer(row: int) -> Query:
        query, made[row] = one(DataRow(context, ids[row], texts.text(row)))
        return query

    rows = each_row(context.seed, ids, answer)
    return Queries(
        token_column(row.tokens for row in made),
        text_column(row.reference for row in made),
        text_column(row.metadata for row in made),
        rows,
    )


def _query(given: Any) -> Tuple[Query, _Packed]:
    query = instance(given, Query, "query", "Query(...)")
    tokens = packed(query.tokens, "I", "the tokens of a Query are", "token")
    return query, _Packed(
        tokens.tobytes(),
        text(query.reference, "the reference of a Query"),
        text(query.metadata, "the metadata of a Query"),
    )


def finish(task: Task[S], context: CallContext, wire: Rollouts) -> Endings:
    """Where the responses of a batch end."""
    batch = RolloutBatch(context, columns(type(task)), wire)

    one = checked(task.finish, _ending)

    def answer(row: int) -> Ending:
        return one(Rollout(batch, row))

    rows = each_row(context.seed, batch.ids, answer)
    none = Ending(0, False, 0.0)
    endings = [outcome.value if outcome.status is Status.VALUE else none for outcome in rows]
    return Endings(
        [ending.kept for ending in endings],
        [ending.valid for ending in endings],
        [ending.penalty for ending in endings],
        rows,
    )


def _ending(given: Any) -> Ending:
    ending = instance(given, Ending, "finish", "Ending(...)")
    kept, valid = whole(ending.kept, "kept of an Ending"), ending.valid
    if not 0 <= kept < 1 << 32:
        raise BadAnswer(f"keeps {kept} tokens")
    if not isinstance(valid, bool):
        raise BadAnswer(f"valid of an Ending is {shown(valid)}, not a bool; write `bool(...)`")
    return Ending(kept, valid, number(ending.penalty, "the penalty of an Ending"))


def evaluate(
    task: Task[S], context: CallContext, wire: Rollouts
) -> Tuple[List[float], List[Outcome[List[float]]]]:
    """The metrics of a batch, row-major."""
    batch = RolloutBatch(context, columns(type(task)), wire)
    width = len(task.METRICS)

    def check(given: Any) -> List[float]:
        metrics = numbers(given, "`evaluate` returned", "metric")
        expect("metrics", len(metrics), width, "METRICS")
        return metrics

    one = checked(task.evaluate, check)

    def answer(row: int) -> List[float]:
        return one(Rollout(batch, row))

    rows = each_row(context.seed, batch.ids, answer)
    return row_major(rows, width, lambda metrics: metrics), rows


def baselines(
    task: Task[S], context: CallContext, wire: Rollouts
) -> List[Tuple[str, List[bytes]]]:
    """What each baseline would have answered to each row."""
    batch = RolloutBatch(context, columns(type(task)), wire)
    width = len(task.BASELINES)

    def check(given: Any) -> List[bytes]:
        texts = items(given, "`baselines` returned", "texts")
        expect("baselines", len(texts), width, "BASELINES")
        return [text(one, f"baseline {at}") for at, one in enumerate(texts)]

    one = checked(task.baselines, check)

    def answer(row: int) -> List[bytes]:
        return one(Rollout(batch, row))

    answers: List[List[bytes]] = []
    for row, outcome in enumerate(each_row(context.seed, batch.ids, answer)):
        # Baselines have no statuses in the contract: an answer that is missing is an empty text.
        if outcome.status is Status.NOT_APPLICABLE:
            answers.append([b""] * width)
        elif outcome.status is Status.VALUE:
            answers.append(outcome.value)
        else:
            raise ValueError(f"baselines of row {row}: {outcome.message}")
    return [(name, [row[at] for row in answers]) for at, name in enumerate(task.BASELINES)]
