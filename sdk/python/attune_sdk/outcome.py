"""What becomes of a row, and the loop over a batch of rows that all kinds share. It does not know
what a row holds."""

from __future__ import annotations

from enum import Enum
from typing import Any, Callable, Generic, List, Optional, Sequence, Tuple, TypeVar

from . import host
from .explain import BadAnswer, explain
from .rng import Rng

T = TypeVar("T")


class NotApplicable(Exception):
    """Raise it when the plugin has nothing to say about a row, with or without the reason. The rows
    that a task drops are counted by it: let it say what such rows have in common, as in
    ``raise NotApplicable("fewer than 8 tokens")``."""


class Invalid(Exception):
    """Raise it, with the reason, when the row itself is at fault."""


class Status(Enum):
    """What became of a row."""

    VALUE = 0
    NOT_APPLICABLE = 1
    INVALID = 2
    ERROR = 3


class Outcome(Generic[T]):
    """A value for a row, or why there is none."""

    __slots__ = ("status", "message", "_value")

    def __init__(self, status: Status, value: Optional[T] = None, message: str = "") -> None:
        self.status = status
        """What became of the row."""
        self.message = message
        """Why it has no value; empty where nobody said."""
        self._value = value

    @property
    def value(self) -> T:
        """The value; an error where there is none."""
        if self.status is not Status.VALUE:
            raise ValueError(f"the row has no value: {self.status.name.lower()} {self.message}")
        return self._value  # type: ignore[return-value]

    def __repr__(self) -> str:
        shown = self._value if self.status is Status.VALUE else self.message
        return f"Outcome({self.status.name}, {shown!r})"


def each_row(seed: int, ids: Sequence[int], answer: Callable[[int], T]) -> List[Outcome[T]]:
    """Calls ``answer`` for every row, telling the host the row's place first, so that a row that
    hangs can be named. What it raises becomes the row's outcome, and no other row's."""
    at_row = host.current.row
    interrupts = host.current.INTERRUPTS
    reseed, restore = _randomness()
    outcomes: List[Outcome[T]] = []
    try:
        for row, number in enumerate(ids):
            at_row(row)
            if reseed is not None:
                reseed(Rng.for_row(seed, number).next_u64())
            try:
                outcomes.append(Outcome(Status.VALUE, answer(row)))
            except NotApplicable as error:
                outcomes.append(Outcome(Status.NOT_APPLICABLE, None, str(error)))
            except Invalid as error:
                outcomes.append(Outcome(Status.INVALID, None, str(error)))
            except interrupts:
                raise
            except BaseException as error:  # `sys.exit` as well: a plugin cannot leave
                outcomes.append(Outcome(Status.ERROR, None, explain(error)))
    finally:
        restore()
    # Past the last row: what goes wrong from here on is no row's fault.
    at_row(len(outcomes))
    return outcomes


def _randomness() -> Tuple[Optional[Callable[[int], None]], Callable[[], None]]:
    """How the module ``random`` is seeded for a row and put back afterwards; nothing to do where
    nobody uses it."""
    module = host.current.random()
    if module is None:
        return None, lambda: None
    state = module.getstate()
    return module.seed, lambda: module.setstate(state)


def expect(what: str, got: int, want: int, where: str = "") -> None:
    """Fails the row when it has not as many numbers as the plugin declares, which it does in
    ``where``."""
    if got != want:
        raise BadAnswer(f"has {got} {what}, not {want} as declared{where and ' in ' + where}")


def packed(outcomes: Sequence[Outcome[Any]]) -> Tuple[List[Status], List[Tuple[int, str]]]:
    """Statuses and messages of the rows; no statuses when every row has a value."""
    if all(outcome.status is Status.VALUE for outcome in outcomes):
        return [], []
    messages = [(row, o.message) for row, o in enumerate(outcomes) if o.message]
    return [outcome.status for outcome in outcomes], messages


def row_major(
    outcomes: Sequence[Outcome[T]], width: int, numbers: Callable[[T], Sequence[float]]
) -> List[float]:
    """Numbers, ``width`` a row, zeros where a row has no value (its status says so)."""
    flat: List[float] = []
    nothing = [0.0] * width
    for outcome in outcomes:
        flat.extend(numbers(outcome.value) if outcome.status is Status.VALUE else nothing)
    return flat
