"""Packing and unpacking of the contract's ragged columns. Numbers stay in their buffers, texts
are cut when they are asked for. It knows no row and no plugin."""

from __future__ import annotations

import struct
from array import array
from enum import Flag, auto
from typing import Generic, Iterable, List, NoReturn, Protocol, Sequence, Tuple, TypeVar, Union

_F32 = struct.Struct("<f")
N = TypeVar("N")


class Columns(Flag):
    """Columns that a plugin reads; one that it does not name is not sent."""

    NONE = 0
    QUERY_TEXT = auto()
    QUERY_TOKENS = auto()
    RESPONSE_TEXT = auto()
    RESPONSE_TOKENS = auto()
    REFERENCE_TEXT = auto()
    LOGPROBS = auto()
    REF_LOGPROBS = auto()
    VALUES = auto()
    SCORE = auto()
    METADATA = auto()


class BadBatch(Exception):
    """The host sent columns that do not fit each other."""


class Undeclared(Exception):
    """A column was read that the plugin does not ask for: it would be empty for ever."""


class Ragged(Protocol):
    """A column as it comes: bytes, and where each row ends."""

    data: bytes
    ends: List[int]


def f32(value: float) -> float:
    """The single-precision number that is nearest: what Rust's ``f32`` and the host hold."""
    try:
        result: float = _F32.unpack(_F32.pack(value))[0]
        return result
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


class Missing:
    """Stands for a column that the plugin did not ask for."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _fail(self) -> Undeclared:
        return Undeclared(
            f"a column was read that the plugin does not ask for; add Columns.{self._name} to COLUMNS"
        )

    def text(self, row: int) -> NoReturn:
        """Fails."""
        raise self._fail()

    def numbers(self, row: int) -> NoReturn:
        """Fails."""
        raise self._fail()

    def score(self, row: int) -> NoReturn:
        """Fails."""
        raise self._fail()


class Texts:
    """A column of texts."""

    __slots__ = ("_all", "_data", "_starts", "_ends")

    def __init__(self, name: str, column: Ragged, rows: int) -> None:
        data = column.data
        self._starts, self._ends = _bounds(name, column.ends, rows, len(data))
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise BadBatch(f"column {name} is not UTF-8: {error}") from None
        # Where a character is a byte, rows are cut from one text.
        self._all = text if len(text) == len(data) else None
        self._data = data

    def text(self, row: int) -> str:
        """The text of a row."""
        start, end = self._starts[row], self._ends[row]
        if self._all is None:
            return self._data[start:end].decode()
        return self._all[start:end]


class Numbers(Generic[N]):
    """A column of numbers, left where they lie."""

    __slots__ = ("_view", "_starts", "_ends")

    def __init__(self, view: memoryview[N], starts: Sequence[int], ends: Sequence[int]) -> None:
        self._view = view
        self._starts = starts
        self._ends = ends

    def count(self, row: int) -> int:
        """How many numbers a row has."""
        return self._ends[row] - self._starts[row]

    def numbers(self, row: int) -> memoryview[N]:
        """The numbers of a row."""
        return self._view[self._starts[row] : self._ends[row]]


class Tokens(Numbers[int]):
    """A column of token ids, which has ends of its own."""

    __slots__ = ()

    def __init__(self, name: str, column: Ragged, rows: int) -> None:
        view = memoryview(_fours(name, column.data)).cast("I")
        super().__init__(view, *_bounds(name, column.ends, rows, len(view)))

    def beside(self, name: str, data: bytes) -> Numbers[float]:
        """Floats, one for each of these tokens; or none at all."""
        view = memoryview(_fours(name, data)).cast("f")
        if len(view) == 0:
            nothing = [0] * len(self._ends)
            return Numbers(view, nothing, nothing)
        if len(view) != len(self._view):
            raise BadBatch(f"column {name} has {len(view)} values for {len(self._view)} tokens")
        return Numbers(view, self._starts, self._ends)


class Scores:
    """One number a row, NaN where there is none."""

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[float], rows: int) -> None:
        if values and len(values) != rows:
            raise BadBatch(f"column score has {len(values)} values for {rows} rows")
        self._values = values or [float("nan")] * rows

    def score(self, row: int) -> float:
        """The score of a row."""
        return self._values[row]


AnyTexts = Union[Texts, Missing]
AnyTokens = Union[Numbers[int], Missing]
AnyFloats = Union[Numbers[float], Missing]
AnyScores = Union[Scores, Missing]


def _fours(name: str, data: bytes) -> bytes:
    if len(data) % 4:
        raise BadBatch(f"column {name} has {len(data)} bytes, no multiple of 4")
    return data


def _bounds(
    name: str, ends: List[int], rows: int, length: int
) -> Tuple[Sequence[int], Sequence[int]]:
    """Starts and ends of the rows, checked; all empty for a column that holds nothing."""
    if not ends and length == 0:
        nothing = [0] * rows
        return nothing, nothing
    if len(ends) != rows or ends[-1] != length or sorted(ends) != ends:
        raise BadBatch(f"column {name} has ends that do not fit {rows} rows and {length} elements")
    return [0, *ends[:-1]], ends


def text_column(texts: Iterable[bytes]) -> Tuple[bytes, List[int]]:
    """Packs texts, one a row."""
    return _joined(list(texts), 1)


def token_column(rows: Iterable[bytes]) -> Tuple[bytes, List[int]]:
    """Packs token ids, each row's packed already."""
    return _joined(list(rows), 4)


def _joined(rows: List[bytes], size: int) -> Tuple[bytes, List[int]]:
    ends, end = [], 0
    for row in rows:
        end += len(row) // size
        ends.append(end)
    return b"".join(rows), ends


def packed_tokens(tokens: Iterable[int]) -> bytes:
    """Token ids as bytes; an error for what is no id."""
    return array("I", tokens).tobytes()


def packed_floats(values: Iterable[float]) -> bytes:
    """Numbers as single-precision bytes; an error for what is no number."""
    return array("f", values).tobytes()
