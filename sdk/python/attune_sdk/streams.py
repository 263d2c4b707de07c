"""The streams of a component: what is printed are lines of the log, and there is nothing to read.

Only a component imports this."""

from __future__ import annotations

import io
from typing import Any, List, Optional

from . import host, log

NOBODY = "a plugin has nobody to ask"


class Lines(io.TextIOBase):
    """A stream whose lines are lines of the log; of the build's, as long as the plugin is imported."""

    def __init__(self, level: host.Level, build: Any) -> None:
        super().__init__()
        self._level = level
        self._begun: List[str] = []
        self.build: Any = build

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.build is not None:
            return int(self.build.write(text))
        first, *lines = text.split("\n")
        self._begun.append(first)
        for line in lines:
            log.write(self._level, "".join(self._begun))
            self._begun = [line]
        return len(text)

    def flush(self) -> None:
        begun = "".join(self._begun)
        self._begun = []
        if begun:
            log.write(self._level, begun)


class Nobody(io.TextIOBase):
    """Standard input."""

    def readable(self) -> bool:
        return True

    def read(self, size: Optional[int] = -1) -> str:
        raise OSError(f"`sys.stdin` cannot be used: {NOBODY}")

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return self.read()
