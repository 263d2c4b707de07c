"""What Python offers and a component has not: files, clocks, a network, modules that were not
imported when it was built. Asked for as they are, they end the call without a word; here they raise
an exception that says what to do instead. ``print`` and ``logging`` go to the log.

It knows nothing about plugins. Only a component imports this."""

from __future__ import annotations

import _io
import _random
import _signal  # type: ignore[import-not-found]
import _thread
import builtins
import gc
import importlib.machinery
import io
import linecache
import logging
import os
import posix
import random
import select
import sys
import threading
import time
import warnings
from types import BuiltinFunctionType, ModuleType, SimpleNamespace
from typing import Any, Dict, NoReturn, Optional, Set, Tuple

from . import host, log
from .lock import Lock
from .streams import NOBODY, Lines, Nobody

_NO_FILES = "a plugin has no files; let the config hand it an asset"
_NO_CLOCK = "a plugin has no clock"
_NO_NETWORK = "a plugin has no network"
_NO_CHANCE = "a plugin's randomness comes from the row's rng()"
_NO_END = "a plugin cannot end its process; raise an exception, which is the row's error"
_NO_OUTPUT = "a plugin has no files; `print` writes to the log"
_ONE_THREAD = "a plugin has one thread; do the work here"
_ONE_PROCESS = "a plugin has no other processes"
_CLOCKS = (
    *("clock_getres", "clock_gettime", "clock_gettime_ns", "get_clock_info", "monotonic"),
    *("monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns"),
    *("sleep", "time", "time_ns"),
)
_SYSTEM = {
    **{"_exit": _NO_END, "abort": _NO_END, "times": _NO_CLOCK, "urandom": _NO_CHANCE},
    **{"write": _NO_OUTPUT, "pwrite": _NO_OUTPUT},
}
"""Functions of the system that nobody needs while a plugin is imported."""
_HARMLESS = (
    *("confstr", "cpu_count", "fspath", "getcwd", "getcwdb", "getpid", "putenv", "sched_yield"),
    *("strerror", "sysconf", "uname", "unsetenv"),
)
_LATER: Dict[str, Tuple[Tuple[str, ...], str]] = {
    "_socket": (
        (
            *("dup", "getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex"),
            *("getnameinfo", "getprotobyname", "getservbyname", "getservbyport"),
        ),
        _NO_NETWORK,
    ),
    "socket": (
        ("create_connection", "create_server", "getaddrinfo", "gethostbyname", "socketpair"),
        _NO_NETWORK,
    ),
    "subprocess": (("Popen",), _ONE_PROCESS),
    "asyncio": (("new_event_loop", "run"), _ONE_THREAD),
    "asyncio.events": (("new_event_loop",), _ONE_THREAD),
}
"""Functions of modules that a plugin may import, and why they are refused."""
_Generator = random.Random
_before: Set[str] = set()
_imported = False
_uses_random = False


class _File(io.FileIO):
    """An open file, of which there are none when the plugin is imported."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        if _imported:
            raise OSError(f"`io.FileIO` cannot be used: {_NO_FILES}")
        super().__init__(*arguments, **named)


class _Builtins(ModuleType):
    """The module ``builtins``, whose functions stay what they are: the SDK and the next row need
    them."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) and name != "_":
            self.__delattr__(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(
            f"`builtins.{name}` cannot be changed: every row needs it; use a name of your own"
        )


class _TooLate:
    """Finds no module, and says why."""

    @staticmethod
    def find_spec(name: str, path: Optional[Any] = None, target: Optional[Any] = None) -> NoReturn:
        raise ImportError(
            f"`{name}` was not imported when the plugin was built; import it at the top of the module"
        )


_out = Lines(host.Level.INFO, sys.stdout)
_err = Lines(host.Level.WARN, sys.stderr)


def before_import() -> None:
    """Before the plugin's own modules are imported, which may keep what they find."""
    _before.update(sys.modules)
    enter()
    sys.__stdout__, sys.__stderr__ = _out, _err  # type: ignore[misc, assignment]
    sys.stdin = sys.__stdin__ = Nobody()  # type: ignore[misc, assignment]
    # Lines of the log have no time; that of a record is always the same.
    still: Any = SimpleNamespace(**vars(time))
    still.time, still.time_ns = (lambda: 0.0), (lambda: 0)
    logging.time = still  # type: ignore[attr-defined]
    for name in _CLOCKS:
        _refuse(time, name, _NO_CLOCK)
    for name, given in (("gmtime", 1), ("localtime", 1), ("ctime", 1), ("strftime", 2)):
        _refuse(time, name, _NO_CLOCK, unless=given)
    # The modules in Python ask `time` and `threading`; those in C ask the system.
    for name in ("_datetime", "_queue"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name, why in _SYSTEM.items():
        _refuse(os, name, why)
        setattr(posix, name, getattr(os, name))
    for name, value in list(vars(posix).items()):
        known = name.startswith("_") or name in _SYSTEM or name in _HARMLESS
        if isinstance(value, BuiltinFunctionType) and not known:
            _refuse(os, name, _NO_FILES, later=True)
            setattr(posix, name, getattr(os, name))
    os.isatty = posix.isatty = lambda fd: False
    for module in (builtins, io, _io):
        _refuse(module, "open", _NO_FILES, later=True)
    _refuse(builtins, "input", NOBODY)
    io.FileIO = _io.FileIO = _File  # type: ignore[misc]
    _refuse(_signal, "raise_signal", _NO_END, shown="signal.raise_signal")
    for name in ("select", "poll"):
        _refuse(select, name, _ONE_THREAD)
    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        _refuse(_thread, name, _ONE_THREAD)
    _refuse(threading.Thread, "start", _ONE_THREAD)
    threading.Lock = threading._allocate_lock = Lock  # type: ignore[attr-defined, assignment]
    _thread.allocate_lock = _thread.lock = _thread.LockType = Lock  # type: ignore[attr-defined, misc, assignment]
    random._urandom = os.urandom  # type: ignore[attr-defined]
    random.seed = _seed
    random.Random = _random.Random = _Random  # type: ignore[misc, assignment]


def after_import(uses_random: bool) -> None:
    """When all is imported, which is when files come to their end. ``uses_random`` says of a plugin
    that it imports ``random`` inside a function."""
    global _imported, _uses_random
    added = [module for name, module in list(sys.modules.items()) if name not in _before]
    _uses_random = uses_random or any(map(_holds_random, added))
    if "datetime" in sys.modules:
        _without_clock(sys.modules["datetime"])
    if "socket" in sys.modules:
        _refuse(sys.modules["socket"].socket, "__init__", _NO_NETWORK, shown="socket.socket")
    for of, (names, why) in _LATER.items():
        for name in names if of in sys.modules else ():
            _refuse(sys.modules[of], name, why)
    _refuse(io, "open_code", _NO_FILES)
    # Source lines for tracebacks and warnings would be read from files.
    linecache.updatecache = lambda *_: []
    linecache.lazycache = lambda *_: False
    warnings.showwarning = lambda message, *_, **__: log.warn(str(message))
    finders = importlib.machinery
    sys.meta_path[:] = [finders.BuiltinImporter, finders.FrozenImporter, _TooLate]
    sys.path_importer_cache.clear()
    sys.path.clear()
    builtins.__class__ = _Builtins
    _out.build = _err.build = None
    _imported = True
    gc.collect()
    gc.freeze()


def _without_clock(datetime: Any) -> None:
    for kind, names in ((datetime.datetime, ("now", "utcnow", "today")), (datetime.date, ("today",))):
        for name in names:
            _refuse(kind, name, _NO_CLOCK, shown=f"datetime.{kind.__name__}.{name}")
    # `strptime` imports it when it is called, which is too late.
    import _strptime  # type: ignore[import-not-found]  # noqa: F401


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


class _Random(_Generator):
    """A generator that without a seed takes one from the row."""

    def __new__(cls, seed: Any = None) -> _Random:
        made: _Random = super().__new__(cls, _row_seed(seed))  # type: ignore[call-arg]
        return made

    def __init__(self, seed: Any = None) -> None:
        super().__init__(_row_seed(seed))

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(_row_seed(a), version)


def _seed(a: Any = None, version: int = 2) -> None:
    """Stands for ``random.seed``."""
    random._inst.seed(_row_seed(a), version)


def _row_seed(seed: Any) -> Any:
    return random.getrandbits(64) if seed is None else seed


def _holds_random(module: Any) -> bool:
    """Whether a module has imported ``random`` or something of it."""
    return any(
        value is random
        or getattr(value, "__module__", None) == "random"
        or isinstance(getattr(value, "__self__", None), _Generator)
        for value in list(getattr(module, "__dict__", {}).values())
    )


def _refuse(
    of: Any,
    name: str,
    why: str,
    *,
    unless: Optional[int] = None,
    later: bool = False,
    shown: str = "",
) -> None:
    """Replaces a function of a module or class by one that raises: with fewer arguments than
    ``unless``, which are all it needs to know, or ``later``, when the plugin is imported."""
    original = getattr(of, name, None)
    if original is None:
        return
    full = shown or (name if of is builtins else f"{of.__name__}.{name}")

    def refused(*arguments: Any, **named: Any) -> Any:
        if later and not _imported:
            return original(*arguments, **named)
        if unless is not None and len(arguments) >= unless and None not in arguments:
            return original(*arguments, **named)
        raise OSError(f"`{full}` cannot be used: {why}")

    setattr(of, name, refused)
