"""Labelers: groups of responses in, verdicts out. The author sees one group; the batch is kept
here."""

from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from . import log
from .answer import checked, instance, items, number, numbers, shown, text, whole
from .columns import Columns
from .explain import BadAnswer
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
    _REQUIRED = ("judge",)
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
    one = checked(labeler.judge, _checked)

    def answer(group: int) -> Judgement:
        return one(Group(batch, group), batch.count(group))

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


def _checked(given: Any, responses: int) -> Judgement:
    """The judgement in plain types, which is what can cross to the host."""
    judgement = instance(given, Judgement, "judge", "Judgement(...)")
    verdict: Any = judgement.verdict
    scores, confidence = judgement.scores, judgement.confidence
    if isinstance(verdict, Best):
        verdict = Best(_index(verdict.response, responses))
    elif isinstance(verdict, Tie):
        chosen = items(verdict.responses, "the responses of a Tie are", "indices")
        verdict = Tie([_index(response, responses) for response in chosen])
    elif not isinstance(verdict, Abstain):
        hint = "; write `Abstain()`" if verdict is Abstain else ""
        raise BadAnswer(f"a verdict is a Best, a Tie or an Abstain, not {shown(verdict)}{hint}")
    if scores is not None:
        scores = numbers(scores, "the scores of a Judgement are", "score")
        if len(scores) != responses:
            raise BadAnswer(f"has {len(scores)} scores for {responses} responses")
    if confidence is not None:
        confidence = number(confidence, "the confidence of a Judgement")
    return Judgement(verdict, scores, confidence)


def _index(response: Any, responses: int) -> int:
    chosen = whole(response, "the response that was chosen")
    if not 0 <= chosen < responses:
        raise BadAnswer(f"chose response {response} of {responses}")
    return chosen


def annotate(labeler: Labeler[S], context: CallContext, wire: Groups) -> List[PackedHint]:
    """The hints for a batch."""
    batch = GroupBatch(context, columns(type(labeler)), wire)
    one = checked(labeler.annotate, _hints)

    def answer(place: int) -> List[PackedHint]:
        group = Group(batch, place)
        return one(group, place, group.responses)

    hints: List[PackedHint] = []
    for place, outcome in enumerate(each_row(context.seed, batch.ids, answer)):
        if outcome.status is Status.VALUE:
            hints.extend(outcome.value)
        elif outcome.status is not Status.NOT_APPLICABLE:
            # Hints have no statuses in the contract; the rest of the batch is still worth showing.
            log.warn(f"no hints for group {place}: {outcome.message}")
    return hints


def _hints(given: Any, group: int, responses: Tuple[str, ...]) -> List[PackedHint]:
    if isinstance(given, Hint):
        raise BadAnswer("`annotate` returned a Hint, not a list of Hints; put it into a list")
    hints = items(given, "`annotate` returned", "Hints")
    return [_packed(group, hint, responses) for hint in hints]


def _packed(group: int, hint: Any, responses: Tuple[str, ...]) -> PackedHint:
    if not isinstance(hint, Hint):
        raise BadAnswer(f"`annotate` returned a list with {shown(hint)}, not Hints alone")
    response = _index(hint.response, len(responses))
    start, end = whole(hint.start, "the start of a Hint"), whole(hint.end, "the end of a Hint")
    text(hint.note, "the note of a Hint")
    marked = responses[response]
    if not 0 <= start <= end <= len(marked):
        raise BadAnswer(
            f"a hint for characters {start} to {end}, no passage of a text of {len(marked)}"
        )
    byte: Callable[[int], int] = lambda at: at if marked.isascii() else len(marked[:at].encode())
    return PackedHint(group, response, byte(start), byte(end), hint.note)
