"""Tasks: data rows in, queries out; and what a finished response is. The author sees one row;
the batch is kept here."""

from __future__ import annotations

from typing import ClassVar, List, NamedTuple, Sequence, Tuple, TypeVar

from .columns import Ragged, Texts, packed_tokens, text_column, token_column
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
    BASELINES: ClassVar[Sequence[str]] = ()
    """Names of the simple procedures of ``baselines``."""

    def layout(self) -> Layout:
        """The lengths, and what stands around a query for the policy."""
        raise NotImplementedError("a task has a method `layout`")

    def query(self, row: DataRow) -> Query:
        """The query of a data row; ``NotApplicable`` drops it."""
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
    given = task.layout()
    for what, length in (("query_len", given.query_len), ("response_len", given.response_len)):
        if not 0 <= length < 1 << 32:
            raise ValueError(f"layout: {what} is {length}, no length")
    prefix, suffix = (list(map(int, tokens)) for tokens in (given.prefix, given.suffix))
    packed_tokens(prefix + suffix)  # refuses what is no token id
    return Layout(int(given.query_len), int(given.response_len), prefix, suffix)


def queries(task: Task[S], context: CallContext, ids: List[int], data: Ragged) -> Queries:
    """The queries of data rows."""
    texts = Texts("rows", data, len(ids))
    made: List[_Packed] = [_Packed(b"", b"", b"")] * len(ids)

    def answer(row: int) -> Query:
        query = task.query(DataRow(context, ids[row], texts.text(row)))
        made[row] = _Packed(
            packed_tokens(query.tokens), query.reference.encode(), query.metadata.encode()
        )
        return query

    rows = each_row(context.seed, ids, answer)
    return Queries(
        token_column(row.tokens for row in made),
        text_column(row.reference for row in made),
        text_column(row.metadata for row in made),
        rows,
    )


def finish(task: Task[S], context: CallContext, wire: Rollouts) -> Endings:
    """Where the responses of a batch end."""
    batch = RolloutBatch(context, columns(type(task)), wire)

    def answer(row: int) -> Ending:
        kept, valid, penalty = task.finish(Rollout(batch, row))
        if not 0 <= kept < 1 << 32:
            raise ValueError(f"keeps {kept} tokens")
        return Ending(int(kept), bool(valid), float(penalty))

    rows = each_row(context.seed, batch.ids, answer)
    none = Ending(0, False, 0.0)
    endings = [outcome.value if outcome.status is Status.VALUE else none for outcome in rows]
    return Endings(
        [ending.kept for ending in endings],
        [ending.valid for ending in endings],
        [ending.penalty for ending in endings],
        rows,
    )


def evaluate(
    task: Task[S], context: CallContext, wire: Rollouts
) -> Tuple[List[float], List[Outcome[List[float]]]]:
    """The metrics of a batch, row-major."""
    batch = RolloutBatch(context, columns(type(task)), wire)
    width = len(task.METRICS)

    def answer(row: int) -> List[float]:
        metrics = [float(value) for value in task.evaluate(Rollout(batch, row))]
        expect("metrics", len(metrics), width)
        return metrics

    rows = each_row(context.seed, batch.ids, answer)
    return row_major(rows, width, lambda metrics: metrics), rows


def baselines(
    task: Task[S], context: CallContext, wire: Rollouts
) -> List[Tuple[str, List[bytes]]]:
    """What each baseline would have answered to each row."""
    batch = RolloutBatch(context, columns(type(task)), wire)
    width = len(task.BASELINES)

    def answer(row: int) -> List[bytes]:
        texts = [text.encode() for text in task.baselines(Rollout(batch, row))]
        expect("baselines", len(texts), width)
        return texts

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
