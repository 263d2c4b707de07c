"""Text for the person who runs the training. ``print`` writes at level info as well."""

from __future__ import annotations

from . import host
from .host import Level

__all__ = ["Level", "debug", "error", "info", "warn", "write"]


def write(level: Level, message: str) -> None:
    """Writes ``message`` to the run's log."""
    # Half a character cannot cross to the host, and would end the call without a word.
    host.current.write(level, message.encode("utf-8", "replace").decode("utf-8"))


def debug(message: str) -> None:
    """Writes at level debug, which a run does not show."""
    write(Level.DEBUG, message)


def info(message: str) -> None:
    """Writes at level info."""
    write(Level.INFO, message)


def warn(message: str) -> None:
    """Writes at level warn."""
    write(Level.WARN, message)


def error(message: str) -> None:
    """Writes at level error; it fails nothing."""
    write(Level.ERROR, message)
