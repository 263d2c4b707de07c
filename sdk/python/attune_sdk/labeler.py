"""Labelers: groups of responses in, verdicts out. The author sees one group; the batch is kept
here."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from . import log
from .columns import Columns
from .outcome import Outcome, Status, each_row
from .plugin import Plugin, columns
from .rows import CallContext, Group, GroupBatch
from .wire import Groups

S = TypeVar("S")


class Best(NamedTuple):
    """One response is better than the others."""

    response: int
    """Its index in the group."""


class Tie(NamedTuple):
    """Several responses are equally good and better than the rest."""

    responses: Sequence[int]
    """Their indices in the group."""


class Abstain(NamedTuple):
    """No opinion."""


Verdict = Union[Best, Tie, Abstain]


class Judgement(NamedTuple):
    """What a labeler thinks of a group."""

    verdict: Verdict
    """The best, several best, or no opinion."""
    scores: Optional[Sequence[float]] = None
    """One a response; in all groups of a batch or in none."""
    confidence: Optional[float] = None
    """From 0 to 1; in all groups of a batch or in none."""


class Hint(NamedTuple):
    """A remark on a passage of one response of a group."""

    response: int
    """Index of the response in its group."""
    start: int
    """The passage's first character, as in ``text[start:end]``."""
    end: int
    """Behind the passage's last character."""
    note: str
    """What to show."""


class Labeler(Plugin[S]):
    """Judges groups of responses to one query. The texts of query and responses always come;
    ``COLUMNS`` needs to name reference text and metadata only."""

    KIND = "labeler"
    _ALWAYS = Columns.QUERY_TEXT | Columns.RESPONSE_TEXT

    def judge(self, group: Group) -> Judgement:
        """Which response of the group is best."""
        raise NotImplementedError("a labeler has a method `judge`")

    def annotate(self, group: Group) -> Sequence[Hint]:
        """What a person who labels this group should see; nothing by default."""
        return ()


class Judgements(NamedTuple):
    """The answer's columns; confidence and scores are empty where none are given."""

    verdicts: List[Verdict]
    confidence: List[float]
    scores: List[float]
    rows: List[Outcome[Judgement]]


class PackedHint(NamedTuple):
    """A hint as the contract has it: a span of bytes."""

    group: int
    response: int
    start: int
    end: int
    note: str


def judge(labeler: Labeler[S], context: CallContext, wire: Groups) -> Judgements:
    """The judgements of a batch."""
    batch = GroupBatch(context, columns(type(labeler)), wire)
    one = labeler.judge

    def answer(group: int) -> Judgement:
        return _checked(one(Group(batch, group)), batch.count(group))

    rows = each_row(context.seed, batch.ids, answer)
    given = [outcome.value for outcome in rows if outcome.status is Status.VALUE]
    with_confidence = any(judgement.confidence is not None for judgement in given)
    with_scores = any(judgement.scores is not None for judgement in given)
    made = Judgements([], [], [], rows)
    for group, outcome in enumerate(rows):
        if outcome.status is Status.VALUE:
            judgement = outcome.value
        else:
            # Zeros only keep the columns whole; the status says that there is no value.
            judgement = Judgement(Abstain(), [0.0] * batch.count(group), 0.0)
        made.verdicts.append(judgement.verdict)
        if with_confidence:
            made.confidence.append(_all(judgement.confidence, "confidence is"))
        if with_scores:
            made.scores.extend(_all(judgement.scores, "scores are"))
    return made


T = TypeVar("T")


def _all(given: Optional[T], what: str) -> T:
    if given is None:
        raise ValueError(f"{what} given for some groups only")
    return given


def _checked(given: Judgement, responses: int) -> Judgement:
    """The judgement in plain types, which is what can cross to the host."""
    verdict, scores, confidence = given
    if isinstance(verdict, Best):
        verdict = Best(_index(verdict.response, responses))
    elif isinstance(verdict, Tie):
        verdict = Tie([_index(response, responses) for response in verdict.responses])
    elif not isinstance(verdict, Abstain):
        raise TypeError(f"a verdict is Best, Tie or Abstain, not {type(verdict).__name__}")
    if scores is not None:
        scores = [float(score) for score in scores]
        if len(scores) != responses:
            raise ValueError(f"has {len(scores)} scores for {responses} responses")
    return Judgement(verdict, scores, None if confidence is None else float(confidence))


def _index(response: int, responses: int) -> int:
    if not 0 <= response < responses:
        raise ValueError(f"chose response {response} of {responses}")
    return int(response)


def annotate(labeler: Labeler[S], context: CallContext, wire: Groups) -> List[PackedHint]:
    """The hints for a batch."""
    batch = GroupBatch(context, columns(type(labeler)), wire)

    def answer(place: int) -> List[PackedHint]:
        group = Group(batch, place)
        responses = group.responses
        return [_packed(place, hint, responses) for hint in labeler.annotate(group)]

    hints: List[PackedHint] = []
    for place, outcome in enumerate(each_row(context.seed, batch.ids, answer)):
        if outcome.status is Status.VALUE:
            hints.extend(outcome.value)
        elif outcome.status is not Status.NOT_APPLICABLE:
            # Hints have no statuses in the contract; the rest of the batch is still worth showing.
            log.warn(f"no hints for group {place}: {outcome.message}")
    return hints


def _packed(group: int, hint: Hint, responses: Tuple[str, ...]) -> PackedHint:
    text = responses[_index(hint.response, len(responses))]
    if not 0 <= hint.start <= hint.end <= len(text):
        raise ValueError(
            f"a hint for characters {hint.start} to {hint.end}, no passage of a text of {len(text)}"
        )
    byte: Callable[[int], int] = lambda at: at if text.isascii() else len(text[:at].encode())
    return PackedHint(group, int(hint.response), byte(hint.start), byte(hint.end), str(hint.note))
