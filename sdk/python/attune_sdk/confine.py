"""What Python offers and a component has not: files, clocks, a network, modules that were not
imported when it was built. Asked for as they are, they end the call without a word; here they raise
an exception that says what to do instead. ``print`` and ``logging`` go to the log.

It knows nothing about plugins. Only a component imports this."""

from __future__ import annotations

import builtins
import gc
import importlib.machinery
import io
import linecache
import logging
import os
import random
import sys
import time
import warnings
from types import SimpleNamespace
from typing import Any, NoReturn, Optional

from . import host, log

_NO_FILES = "a plugin has no files; let the config hand it an asset"
_NO_CLOCK = "a plugin has no clock"
_NO_NETWORK = "a plugin has no network"
_NO_CHANCE = "a plugin's randomness comes from the row's rng()"
_FILES = (
    *("access", "chdir", "chmod", "link", "listdir", "lstat", "mkdir", "open", "readlink"),
    *("remove", "rename", "replace", "rmdir", "scandir", "stat", "symlink", "truncate"),
    *("unlink", "utime"),
)
_CLOCKS = (
    *("clock_gettime", "clock_gettime_ns", "monotonic", "monotonic_ns", "perf_counter"),
    *("perf_counter_ns", "process_time", "process_time_ns", "sleep", "time", "time_ns"),
)
_NETWORK = ("create_connection", "getaddrinfo", "gethostbyname", "socket", "socketpair")
_uses_random = False


class _Lines(io.TextIOBase):
    """A stream whose lines are lines of the log; of the build's, as long as the plugin is imported."""

    def __init__(self, level: host.Level, build: Any) -> None:
        super().__init__()
        self._level = level
        self._begun = ""
        self.build: Any = build

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.build is not None:
            return int(self.build.write(text))
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


_out = _Lines(host.Level.INFO, sys.stdout)
_err = _Lines(host.Level.WARN, sys.stderr)


def before_import() -> None:
    """Before the plugin's own modules are imported, which may keep what they find."""
    enter()
    # Lines of the log have no time; that of a record is always the same.
    still: Any = SimpleNamespace(**vars(time))
    still.time, still.time_ns = (lambda: 0.0), (lambda: 0)
    logging.time = still  # type: ignore[attr-defined]
    for name in _CLOCKS:
        _refuse(time, name, _NO_CLOCK)
    for name, given in (("gmtime", 1), ("localtime", 1), ("ctime", 1), ("strftime", 2)):
        _refuse(time, name, _NO_CLOCK, given)
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
    _refuse(builtins, "input", "a plugin has nobody to ask")
    for name in _NETWORK if "socket" in sys.modules else ():
        _refuse(sys.modules["socket"], name, _NO_NETWORK)
    # Source lines for tracebacks and warnings would be read from files.
    linecache.updatecache = lambda *_: []
    linecache.lazycache = lambda *_: False
    warnings.showwarning = lambda message, *_, **__: log.warn(str(message))
    finders = importlib.machinery
    sys.meta_path[:] = [finders.BuiltinImporter, finders.FrozenImporter, _TooLate]
    sys.path_importer_cache.clear()
    sys.path.clear()
    _out.build = _err.build = None
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


def _refuse(module: Any, name: str, why: str, unless: Optional[int] = None) -> None:
    """Replaces a function by one that raises, except with ``unless`` arguments where that is given:
    those are all it needs to know."""
    original = getattr(module, name, None)
    if original is None:
        return
    full = name if module is builtins else f"{module.__name__}.{name}"

    def refused(*arguments: Any, **named: Any) -> Any:
        if unless is not None and len(arguments) >= unless and None not in arguments:
            return original(*arguments, **named)
        raise OSError(f"`{full}` cannot be used: {why}")

    setattr(module, name, refused)
