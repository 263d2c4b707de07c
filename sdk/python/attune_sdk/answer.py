"""What a method of a plugin returned, checked before it is packed, so that an author reads of his own
method and not of the SDK's code.

It knows no kind of plugin and nothing about rows."""

from __future__ import annotations

from array import array
from operator import index
from types import CoroutineType, GeneratorType
from typing import Any, Callable, List, Type, TypeVar

from .explain import BadAnswer, place

T = TypeVar("T")
# Whoever takes these for a list gets letters, keys, or another order each time.
_NO_LISTS = (str, bytes, bytearray, dict, set, frozenset)
_LONGEST = 40


def checked(method: Callable[[Any], Any], check: Callable[..., T]) -> Callable[..., T]:
    """``method``, whose answers go through ``check``, with whatever else it is given; what is wrong
    with one is put down to the method."""

    def asked(row: Any, *more: Any) -> T:
        given = method(row)
        try:
            return check(given, *more)
        except BadAnswer as error:
            error.place = place(method)
            raise

    return asked


def instance(given: Any, kind: Type[T], method: str, example: str) -> T:
    """An answer that has to be of ``kind``."""
    if isinstance(given, kind):
        return given
    hint = f"end it with `return {example}`"
    if isinstance(given, CoroutineType):
        given.close()  # or Python complains that nobody awaited it
        hint = "write `def`, not `async def`"
    elif isinstance(given, GeneratorType):
        hint = f"it has a `yield`; {hint}"
    raise BadAnswer(f"`{method}` returned {shown(given)}, not {_one(kind)}; {hint}")


def items(given: Any, what: str, of: str) -> List[Any]:
    """The items of what has to be a list, or something else that has an order."""
    try:
        found = None if isinstance(given, _NO_LISTS) else iter(given)
    except TypeError:
        found = None
    if found is None:
        hint = "; put it into a list" if isinstance(given, (int, float, str)) else ""
        raise BadAnswer(f"{what} {shown(given)}, not a list of {of}{hint}")
    return list(found)


def number(given: Any, what: str) -> float:
    """A number; a bool is 0 or 1."""
    if not isinstance(given, (str, bytes, bytearray)):
        try:
            return float(given)
        except OverflowError:
            raise BadAnswer(f"{what} is too large for a number") from None
        except (TypeError, ValueError):
            pass
    raise BadAnswer(f"{what} is {shown(given)}, not a number")


def numbers(given: Any, what: str, one: str) -> List[float]:
    """The numbers of a list; ``what`` is said of the list and ``one`` names one of it. A list of
    floats is returned as it is."""
    if type(given) is not list:
        given = list(given) if type(given) is tuple else items(given, what, "numbers")
    for value in given:
        if type(value) is not float:
            return [number(value, f"{one} {at}") for at, value in enumerate(given)]
    found: List[float] = given
    return found


def whole(given: Any, what: str) -> int:
    """A whole number; a bool is none, whoever returns one means something else."""
    if type(given) is int:
        return given
    if not isinstance(given, bool):
        try:
            return index(given)
        except TypeError:
            pass
    raise BadAnswer(f"{what} is {shown(given)}, not a whole number")


def text(given: Any, what: str) -> bytes:
    """A text, as it crosses to the host."""
    if not isinstance(given, str):
        raise BadAnswer(f"{what} is {shown(given)}, not a text")
    try:
        return given.encode()
    except UnicodeEncodeError as error:
        raise BadAnswer(f"{what} holds half a character at {error.start}, which is no text") from None


def packed(given: Any, code: str, what: str, one: str) -> array[Any]:
    """Numbers as an array of ``code``: ``f`` for rewards, ``I`` for token ids."""
    if type(given) is tuple and not given:
        return array(code)
    if not isinstance(given, (list, tuple, array, memoryview)):
        given = items(given, what, "numbers" if code == "f" else "token ids")
    try:
        return array(code, given)
    except (TypeError, OverflowError):
        pass
    # Slower, to say which it is.
    for at, value in enumerate(given):
        if code == "f":
            number(value, f"{one} {at}")
        elif not 0 <= whole(value, f"{one} {at}") < 1 << 32:
            raise BadAnswer(f"{one} {at} is {shown(value)}, no token id")
    return array(code, [float(value) if code == "f" else index(value) for value in given])


def shown(given: Any) -> str:
    """A value in words: ``None``, ``'1.5', a str``, ``a generator``."""
    if given is None:
        return "None"
    if isinstance(given, type):
        return f"the class {given.__name__} itself"
    kind = _one(type(given))
    if not isinstance(given, (bool, int, float, str)):
        return kind
    try:
        value = repr(given)
    except ValueError:  # a number with too many digits
        return kind
    return f"{value}, {kind}" if len(value) <= _LONGEST else kind


def _one(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
