"""Runs plugins natively, without WebAssembly, through the same batch loop and packing as in a run.
It does not know the host.

The tokenizer is a stand-in: words by default, bytes after ``use_bytes()``."""

from __future__ import annotations

import json
from array import array
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from . import host, labeler, plugin, shaper, task, tokenizer
from .columns import packed_floats
from .host import Level
from .labeler import Hint, Judgement, Labeler
from .outcome import Outcome
from .rows import CallContext, Split
from .shaper import Shaped, Shaper
from .task import Ending, Layout, Query, Task
from .wire import Groups, Rollouts, texts, tokens

P = TypeVar("P", bound="plugin.Plugin[Any]")


def use_tokenizer(given: host.Tokenizer) -> None:
    """Installs a tokenizer."""
    host.current.tokenizer = given


def use_words() -> None:
    """One token a word, from an empty vocabulary."""
    use_tokenizer(host.Words())


def use_bytes() -> None:
    """One token a byte, so that ids are known."""
    use_tokenizer(host.Bytes())


def take_log() -> List[Tuple[Level, str]]:
    """What plugins have logged; empties the log."""
    taken = list(host.current.log)
    host.current.log.clear()
    return taken


def build(
    kind: Type[P],
    settings: Union[str, Mapping[str, Any], None] = None,
    assets: Optional[Mapping[str, bytes]] = None,
) -> P:
    """Builds a plugin from settings (a dict or JSON text; its defaults where left out) and assets;
    raises ``Problems``."""
    text = settings if isinstance(settings, str) else json.dumps(dict(settings or {}))
    return plugin.build(kind, text, assets or {})


def schema(kind: Type[plugin.Plugin[Any]]) -> Dict[str, Any]:
    """The settings schema that users see."""
    made: Dict[str, Any] = json.loads(plugin.schema(kind))
    return made


def context(seed: int = 1, update: int = 0, split: Split = Split.TRAIN) -> CallContext:
    """Seed 1, update 0, training."""
    return CallContext(seed, update, split)


class Batch:
    """Rollouts made of texts; every column is filled, whatever the plugin asks for."""

    def __init__(self, queries: Sequence[str], responses: Sequence[str]) -> None:
        self._queries = list(queries)
        self._responses = list(responses)
        self._tokens: Optional[List[List[int]]] = None
        self._reference = ""
        self._metadata = ""
        self._logprobs = (0.0, 0.0)
        self._score = float("nan")

    @classmethod
    def of(cls, rows: Sequence[Tuple[str, str]]) -> Batch:
        """Rows of (query, response); ids count from 0, log-probabilities are 0."""
        return cls([row[0] for row in rows], [row[1] for row in rows])

    @classmethod
    def of_tokens(cls, rows: Sequence[Sequence[int]]) -> Batch:
        """Rows of response tokens, with texts decoded from them."""
        batch = cls([""] * len(rows), [tokenizer.decode(row) for row in rows])
        batch._tokens = [list(row) for row in rows]
        return batch

    def reference(self, text: str) -> Batch:
        """The same reference text for every row."""
        self._reference = text
        return self

    def metadata(self, text: str) -> Batch:
        """The same metadata for every row."""
        self._metadata = text
        return self

    def logprobs(self, policy: float, reference: float) -> Batch:
        """The same log-probabilities for every token."""
        self._logprobs = (policy, reference)
        return self

    def score(self, score: float) -> Batch:
        """The same score for every row."""
        self._score = score
        return self

    def rollouts(self) -> Rollouts:
        """The batch as it would come from the host."""
        encoded = self._tokens or [tokenizer.encode(text) for text in self._responses]
        rows, count = len(self._queries), sum(map(len, encoded))
        policy, reference = self._logprobs
        return Rollouts(
            ids=list(range(rows)),
            query_text=texts(self._queries),
            query_tokens=tokens([tokenizer.encode(text) for text in self._queries]),
            response_text=texts(self._responses),
            response_tokens=tokens(encoded),
            reference_text=texts([self._reference] * rows),
            logprobs=packed_floats(array("f", [policy]) * count),
            ref_logprobs=packed_floats(array("f", [reference]) * count),
            values=packed_floats(array("f", [0.0]) * count),
            score=[self._score] * rows,
            metadata=texts([self._metadata] * rows),
        )


def shape(made: Shaper[Any], batch: Batch) -> List[Outcome[Shaped]]:
    """What a shaper says of each row."""
    return shaper.shape(made, context(), batch.rollouts()).rows


def layout(made: Task[Any]) -> Layout:
    """A task's lengths."""
    return task.layout(made)


def queries(made: Task[Any], rows: Sequence[str]) -> List[Outcome[Query]]:
    """The queries of data rows (JSON texts)."""
    return task.queries(made, context(), list(range(len(rows))), texts(rows)).rows


def finish(made: Task[Any], batch: Batch) -> List[Outcome[Ending]]:
    """Where each response ends."""
    return task.finish(made, context(), batch.rollouts()).rows


def evaluate(made: Task[Any], batch: Batch) -> List[Outcome[List[float]]]:
    """The task's metrics of each row."""
    return task.evaluate(made, context(), batch.rollouts())[1]


def baselines(made: Task[Any], batch: Batch) -> Dict[str, List[str]]:
    """The answers of each baseline."""
    packed = task.baselines(made, context(), batch.rollouts())
    return {name: [answer.decode() for answer in answers] for name, answers in packed}


def groups(rows: Sequence[Tuple[str, Sequence[str]]]) -> Groups:
    """Groups of (query, responses) as they would come from the host."""
    ends, end = [], 0
    for _, responses in rows:
        end += len(responses)
        ends.append(end)
    empty = texts([""] * len(rows))
    return Groups(
        ids=list(range(len(rows))),
        query_text=texts([query for query, _ in rows]),
        reference_text=empty,
        metadata=empty,
        response_text=texts([text for _, responses in rows for text in responses]),
        group_ends=ends,
    )


def judge(
    made: Labeler[Any], rows: Sequence[Tuple[str, Sequence[str]]]
) -> List[Outcome[Judgement]]:
    """What a labeler says of each (query, responses)."""
    return labeler.judge(made, context(), groups(rows)).rows


def annotate(made: Labeler[Any], query: str, responses: Sequence[str]) -> List[Hint]:
    """The hints for one group."""
    packed = labeler.annotate(made, context(), groups([(query, responses)]))

    def hint(given: labeler.PackedHint) -> Hint:
        data = responses[given.response].encode()
        at = [len(data[:byte].decode()) for byte in (given.start, given.end)]
        return Hint(given.response, at[0], at[1], given.note)

    return [hint(given) for given in packed]
