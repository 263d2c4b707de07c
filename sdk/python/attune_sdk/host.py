"""What a plugin may ask of the host: the log, its progress, the tokenizer. In a component the
generated bindings answer; natively a stand-in does, which keeps the log for tests to read.

It knows nothing about plugins."""

from __future__ import annotations

import sys
from enum import Enum
from typing import Any, ClassVar, List, Protocol, Sequence, Tuple, Type


class Level(Enum):
    """How much a line of the log matters."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


class Tokenizer(Protocol):
    """Text to token ids and back."""

    def encode(self, text: str) -> List[int]:
        """Token ids of ``text``."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of ``tokens``."""

    def vocab_size(self) -> int:
        """How many ids there are."""


class Host:
    """The stand-in of native tests: keeps the log, and has a token for each word or byte."""

    INTERRUPTS: ClassVar[Tuple[Type[BaseException], ...]] = (KeyboardInterrupt,)
    """What ends a whole batch: somebody at a keyboard, who is not there in a component."""

    def __init__(self) -> None:
        self.log: List[Tuple[Level, str]] = []
        self.tokenizer: Tokenizer = Words()

    def write(self, level: Level, message: str) -> None:
        """Takes a line of the log."""
        self.log.append((level, message))

    def row(self, row: int) -> None:
        """Is told which row comes next."""

    def random(self) -> Any:
        """The module ``random``, if anybody has imported it."""
        return sys.modules.get("random")


class Words:
    """A token is a word with the white space before it; ids count up from 0 as words appear."""

    def __init__(self) -> None:
        self._known: List[str] = []

    def encode(self, text: str) -> List[int]:
        """Token ids of ``text``."""
        pieces = []
        start, in_word = 0, False
        for at, character in enumerate(text):
            if character.isspace() and in_word:
                pieces.append(text[start:at])
                start = at
            in_word = not character.isspace()
        pieces.extend([text[start:]] if start < len(text) else [])
        for piece in pieces:
            if piece not in self._known:
                self._known.append(piece)
        return [self._known.index(piece) for piece in pieces]

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of ``tokens``; unknown ids become nothing."""
        return "".join(self._known[token] for token in tokens if token < len(self._known))

    def vocab_size(self) -> int:
        """How many words there are so far."""
        return len(self._known)


class Bytes:
    """A token is a byte."""

    def encode(self, text: str) -> List[int]:
        """Token ids of ``text``."""
        return list(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of ``tokens``; unknown ids become nothing."""
        return bytes(token for token in tokens if token < 256).decode(errors="replace")

    def vocab_size(self) -> int:
        """Always 256."""
        return 256


current: Host = Host()
"""Who answers; the component's entry puts the real one here."""
