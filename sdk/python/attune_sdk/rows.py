"""Views of what the host sends: one finished response, one group of responses, one data row.
They do not know what is done with them."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, NamedTuple, Optional, Sequence, Tuple

from .columns import AnyFloats, AnyScores, AnyTexts, AnyTokens, BadBatch, Columns, Missing, Ragged
from .columns import Scores, Texts, Tokens
from .outcome import Invalid
from .rng import Rng
from .wire import Groups, Rollouts


class Split(Enum):
    """Which part of the data a call is about."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


class CallContext(NamedTuple):
    """Everything besides settings and batch that an answer may depend on."""

    seed: int
    update: int
    split: Split


class RolloutBatch:
    """A checked batch of rollouts."""

    __slots__ = (
        *("context", "ids", "tokens", "query_text", "query_tokens", "response_text"),
        *("response_tokens", "reference_text", "logprobs", "ref_logprobs", "values", "score"),
        "metadata",
    )

    def __init__(self, context: CallContext, asked: Columns, wire: Rollouts) -> None:
        rows = len(wire.ids)

        def text(name: str, column: Ragged) -> AnyTexts:
            texts = Texts(name, column, rows)
            return texts if Columns[_constant(name)] & asked else Missing(_constant(name))

        def tokens(name: str, column: Tokens) -> AnyTokens:
            known = Columns[_constant(name)] & asked
            return column if known else Missing(_constant(name))

        self.context = context
        self.ids = wire.ids
        self.query_text = text("query-text", wire.query_text)
        self.response_text = text("response-text", wire.response_text)
        self.reference_text = text("reference-text", wire.reference_text)
        self.metadata = text("metadata", wire.metadata)
        queries = Tokens("query-tokens", wire.query_tokens, rows)
        self.query_tokens = tokens("query-tokens", queries)
        # Floats of tokens share the ends of the response tokens, so those must have been asked for.
        self.tokens = Tokens("response-tokens", wire.response_tokens, rows)
        self.response_tokens = tokens("response-tokens", self.tokens)
        self.logprobs = self._beside("logprobs", wire.logprobs, asked)
        self.ref_logprobs = self._beside("ref-logprobs", wire.ref_logprobs, asked)
        self.values = self._beside("values", wire.values, asked)
        scores = Scores(wire.score, rows)
        self.score: AnyScores = scores if Columns.SCORE & asked else Missing("SCORE")

    def _beside(self, name: str, data: bytes, asked: Columns) -> AnyFloats:
        if not Columns[_constant(name)] & asked:
            return Missing(_constant(name))
        if not Columns.RESPONSE_TOKENS & asked:
            return Missing("RESPONSE_TOKENS")
        return self.tokens.beside(name, data)

    def __len__(self) -> int:
        return len(self.ids)


def _constant(name: str) -> str:
    return name.replace("-", "_").upper()


class Rollout:
    """One response to one query."""

    __slots__ = ("_batch", "_row")

    def __init__(self, batch: RolloutBatch, row: int) -> None:
        self._batch = batch
        self._row = row

    @property
    def id(self) -> int:
        """The sample's stable id."""
        return self._batch.ids[self._row]

    @property
    def context(self) -> CallContext:
        """Seed, update and split of the call."""
        return self._batch.context

    def rng(self) -> Rng:
        """This row's randomness, from its start: the same whatever the batch."""
        return Rng.for_row(self._batch.context.seed, self.id)

    @property
    def query_text(self) -> str:
        """The query as text."""
        return self._batch.query_text.text(self._row)

    @property
    def response_text(self) -> str:
        """The response as text."""
        return self._batch.response_text.text(self._row)

    @property
    def reference_text(self) -> str:
        """What a person wrote for the query; empty where nobody did."""
        return self._batch.reference_text.text(self._row)

    @property
    def metadata(self) -> str:
        """The task's metadata for the query, a JSON object or empty."""
        return self._batch.metadata.text(self._row)

    @property
    def query_tokens(self) -> memoryview[int]:
        """The query's token ids."""
        return self._batch.query_tokens.numbers(self._row)

    @property
    def response_tokens(self) -> memoryview[int]:
        """The response's token ids."""
        return self._batch.response_tokens.numbers(self._row)

    @property
    def logprobs(self) -> memoryview[float]:
        """The policy's log-probability of each response token; needs RESPONSE_TOKENS as well."""
        return self._batch.logprobs.numbers(self._row)

    @property
    def ref_logprobs(self) -> memoryview[float]:
        """The reference model's log-probability of each response token; needs RESPONSE_TOKENS as well."""
        return self._batch.ref_logprobs.numbers(self._row)

    @property
    def values(self) -> memoryview[float]:
        """The value head's estimate at each response token; needs RESPONSE_TOKENS as well."""
        return self._batch.values.numbers(self._row)

    @property
    def score(self) -> Optional[float]:
        """The score so far, if there is one."""
        score = self._batch.score.score(self._row)
        return score if score == score else None


class GroupBatch:
    """A checked batch of groups; the texts of queries and responses always come."""

    __slots__ = (
        *("context", "ids", "query_text", "reference_text", "metadata", "response_text"),
        *("starts", "ends"),
    )

    def __init__(self, context: CallContext, asked: Columns, wire: Groups) -> None:
        rows, ends = len(wire.ids), wire.group_ends
        if len(ends) != rows or sorted(ends) != ends:
            raise BadBatch(f"column group-ends does not fit {rows} groups")
        responses = ends[-1] if ends else 0
        if rows and not (wire.query_text.ends and wire.response_text.ends):
            raise BadBatch("the texts of queries and responses are missing")
        self.context = context
        self.ids = wire.ids
        self.starts: Sequence[int] = [0, *ends[:-1]]
        self.ends: Sequence[int] = ends
        self.query_text = Texts("query-text", wire.query_text, rows)
        self.response_text = Texts("response-text", wire.response_text, responses)
        reference = Texts("reference-text", wire.reference_text, rows)
        known = Columns.REFERENCE_TEXT & asked
        self.reference_text: AnyTexts = reference if known else Missing("REFERENCE_TEXT")
        metadata = Texts("metadata", wire.metadata, rows)
        self.metadata: AnyTexts = metadata if Columns.METADATA & asked else Missing("METADATA")

    def __len__(self) -> int:
        return len(self.ids)

    def count(self, group: int) -> int:
        """How many responses a group has."""
        return self.ends[group] - self.starts[group]


class Group:
    """Several responses to one query."""

    __slots__ = ("_batch", "_group")

    def __init__(self, batch: GroupBatch, group: int) -> None:
        self._batch = batch
        self._group = group

    @property
    def id(self) -> int:
        """The group's stable id."""
        return self._batch.ids[self._group]

    @property
    def context(self) -> CallContext:
        """Seed, update and split of the call."""
        return self._batch.context

    def rng(self) -> Rng:
        """This row's randomness, from its start: the same whatever the batch."""
        return Rng.for_row(self._batch.context.seed, self.id)

    @property
    def query_text(self) -> str:
        """The query as text."""
        return self._batch.query_text.text(self._group)

    @property
    def reference_text(self) -> str:
        """What a person wrote for the query; empty where nobody did."""
        return self._batch.reference_text.text(self._group)

    @property
    def metadata(self) -> str:
        """The task's metadata for the query, a JSON object or empty."""
        return self._batch.metadata.text(self._group)

    @property
    def responses(self) -> Tuple[str, ...]:
        """The responses, in order."""
        batch = self._batch
        places = range(batch.starts[self._group], batch.ends[self._group])
        return tuple(batch.response_text.text(place) for place in places)


class DataRow:
    """One row of the data set, for a task to make a query of."""

    __slots__ = ("id", "context", "json")

    def __init__(self, context: CallContext, number: int, text: str) -> None:
        self.id = number
        """The row's number in the data."""
        self.context = context
        """Seed, update and split of the call."""
        self.json = text
        """The row's JSON text."""

    def rng(self) -> Rng:
        """This row's randomness, from its start: the same whatever the batch."""
        return Rng.for_row(self.context.seed, self.id)

    def text(self, field: str) -> str:
        """The text of a row that is a text, or the text in ``field`` of one that is an object."""
        data = self.parse()
        return data if isinstance(data, str) else self._field(data, field)

    def reference(self, field: str) -> str:
        """What stands in ``field`` of a row that is an object; of a row that is a text, nothing."""
        data = self.parse()
        return "" if isinstance(data, str) else self._field(data, field)

    def _field(self, data: Any, field: str) -> str:
        shown = json.dumps(field, ensure_ascii=False)
        if not isinstance(data, dict):
            raise Invalid(f"data row {self.id}: neither a text nor an object")
        if field not in data:
            raise Invalid(f"data row {self.id} has no field {shown}")
        text = data[field]
        if not isinstance(text, str):
            raise Invalid(f"field {shown} of data row {self.id} is not a text")
        return text

    def parse(self) -> Any:
        """The row as a value."""
        try:
            return json.loads(self.json)
        except ValueError as error:
            raise Invalid(f"data row {self.id}: {error}") from None
