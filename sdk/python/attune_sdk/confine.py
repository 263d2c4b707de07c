"""What Python offers and a component has not: files, clocks, modules that were not imported when it
was built. Asked for as they are, they end the call without a word; here they raise an exception
that says what to do instead. ``print`` goes to the log.

It knows nothing about plugins. Only a component imports this."""

from __future__ import annotations

import builtins
import gc
import importlib.machinery
import io
import linecache
import os
import random
import sys
import time
import warnings
from typing import Any, Callable, NoReturn, Optional

from . import host, log

_NO_FILES = "a plugin has no files; let the config hand it an asset"
_NO_CLOCK = "a plugin has no clock"
_NO_CHANCE = "a plugin's randomness comes from the row's rng()"
_FILES = (
    *("access", "chdir", "chmod", "link", "listdir", "lstat", "mkdir", "open", "readlink"),
    *("remove", "rename", "replace", "rmdir", "scandir", "stat", "symlink", "truncate"),
    *("unlink", "utime"),
)
_CLOCKS = (
    *("clock_gettime", "clock_gettime_ns", "gmtime", "localtime", "monotonic", "monotonic_ns"),
    *("perf_counter", "perf_counter_ns", "process_time", "process_time_ns", "sleep", "time"),
    *("time_ns",),
)
_uses_random = False


class _Lines(io.TextIOBase):
    """A stream whose lines are lines of the log."""

    def __init__(self, level: host.Level) -> None:
        super().__init__()
        self._level = level
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            log.write(self._level, line)
        return len(text)

    def flush(self) -> None:
        if self._begun:
            log.write(self._level, self._begun)
            self._begun = ""


class _TooLate:
    """Finds no module, and says why."""

    @staticmethod
    def find_spec(name: str, path: Optional[Any] = None, target: Optional[Any] = None) -> NoReturn:
        raise ImportError(
            f"`{name}` was not imported when the plugin was built; import it at the top of the module"
        )


_out = _Lines(host.Level.INFO)
_err = _Lines(host.Level.WARN)


def before_import() -> None:
    """Before the plugin's own modules are imported, which may keep what they find."""
    for name in _CLOCKS:
        _refuse(time, name, _NO_CLOCK)
    _refuse(os, "urandom", _NO_CHANCE)
    _refuse(random, "_urandom", _NO_CHANCE)
    random.Random = _Random  # type: ignore[misc, assignment]


def after_import() -> None:
    """When all is imported, which is when files come to their end."""
    global _uses_random
    _uses_random = any(_holds_random(module) for module in list(sys.modules.values()))
    for name in _FILES:
        _refuse(os, name, _NO_FILES)
    for module in (builtins, io):
        _refuse(module, "open", _NO_FILES)
    _refuse(io, "open_code", _NO_FILES)
    # Source lines for tracebacks and warnings would be read from files.
    linecache.updatecache = lambda *_: []
    linecache.lazycache = lambda *_: False
    warnings.showwarning = lambda message, *_, **__: log.warn(str(message))
    finders = importlib.machinery
    sys.meta_path[:] = [finders.BuiltinImporter, finders.FrozenImporter, _TooLate]
    sys.path_importer_cache.clear()
    sys.path.clear()
    gc.collect()
    gc.freeze()


def enter() -> None:
    """At the beginning of a call."""
    sys.stdout, sys.stderr = _out, _err


def leave() -> None:
    """At the end of a call."""
    _out.flush()
    _err.flush()


def random_in_use() -> Any:
    """The module ``random``, if the plugin has any use for it."""
    return random if _uses_random else None


class _Random(random.Random):
    """A generator that without a seed takes one from the row."""

    def __new__(cls, seed: Any = None) -> _Random:
        made: _Random = super().__new__(cls, _row_seed(seed))  # type: ignore[call-arg]
        return made

    def __init__(self, seed: Any = None) -> None:
        super().__init__(_row_seed(seed))


def _row_seed(seed: Any) -> Any:
    return random.getrandbits(64) if seed is None else seed


def _holds_random(module: Any) -> bool:
    """Whether a module of the plugin has imported ``random`` or something of it."""
    path = getattr(module, "__file__", None) or ""
    if not path.startswith("/0/") or path.startswith("/0/attune_sdk/"):
        return False
    return any(
        value is random
        or getattr(value, "__module__", None) == "random"
        or isinstance(getattr(value, "__self__", None), random.Random)
        for value in list(vars(module).values())
    )


def _refuse(module: Any, name: str, why: str) -> None:
    if not hasattr(module, name):
        return
    full = name if module is builtins else f"{module.__name__}.{name}"

    def refused(*_: Any, **__: Any) -> NoReturn:
        raise OSError(f"`{full}` cannot be used: {why}")

    setattr(module, name, refused)
