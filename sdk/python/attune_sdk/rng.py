"""Randomness that depends on the run's seed and a row's id alone, so that a batch split never
changes an answer: the same stream as that of the Rust SDK. It does not know what a row is."""

from __future__ import annotations

_MASK = (1 << 64) - 1


class Rng:
    """A small generator (SplitMix64). Get one from a row: ``row.rng()``."""

    __slots__ = ("_state",)

    def __init__(self, state: int) -> None:
        self._state = state & _MASK

    @classmethod
    def for_row(cls, seed: int, row: int) -> Rng:
        """The generator of row ``row`` in a call with ``seed``."""
        # One round first: neighbouring ids must not give neighbouring streams.
        return cls(cls(seed ^ row).next_u64())

    def next_u64(self) -> int:
        """64 random bits."""
        self._state = z = (self._state + 0x9E37_79B9_7F4A_7C15) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
        return z ^ (z >> 31)

    def unit(self) -> float:
        """Uniform in [0, 1), with 53 random bits."""
        return (self.next_u64() >> 11) / (1 << 53)

    def below(self, bound: int) -> int:
        """Uniform in ``range(bound)``; 0 for a bound of 0."""
        return (self.next_u64() * bound) >> 64
