"""A shaper that does what a plugin should not, in every fourth row. Only tests use it."""

import asyncio
import builtins
import datetime
import io
import logging
import os
import queue
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from os import _exit, listdir, write
from random import random as drawn
from typing import Any, Callable, Dict, Iterator, List

from attune_sdk import Columns, NotApplicable, Rollout, Shaped, Shaper, log, setting


# Holds on to the stream that is there when the plugin is built.
logging.basicConfig(format="%(levelname)s: %(message)s")
print("said while it is built")


@dataclass(frozen=True)
class Settings:
    """Settings of `odd`."""

    mode: str = setting("honest", "What the fourth rows do.")


def divide(row: Rollout) -> float:
    return 1 / (row.id % 4)


def raises(row: Rollout) -> float:
    return divide(row)


def reads(row: Rollout) -> float:
    return float(len(row.query_text))


def speaks(row: Rollout) -> float:
    print("row", row.id, end=", ")
    print("two\nlines")
    print("beside", file=sys.stderr)
    warnings.warn("be careful")
    logging.warning("as others log")
    log.info("half a character: \ud800")
    return 0.0


def recurses(row: Rollout) -> float:
    return recurses(row) + 1


class Mirror:
    """Its text is its mirror's, which calls through C at every step."""

    def __repr__(self) -> str:
        return repr([self])


def recurses_in_c(row: Rollout) -> float:
    return float(len(repr(Mirror())))


def eats(row: Rollout) -> float:
    eaten: List[bytes] = []
    while True:
        eaten.append(bytes(1 << 20))


def loops(row: Rollout) -> float:
    while True:
        pass


def imports(row: Rollout) -> float:
    try:
        import wave
    except ImportError as error:
        raise RuntimeError(str(error)) from error
    return float(len(dir(wave)))


def opens(row: Rollout) -> float:
    with open("/etc/passwd") as file:
        return float(len(file.read()))


def waits(row: Rollout) -> float:
    assert time.strftime("%Y", time.gmtime(0)) == "1970"
    time.sleep(1)
    return time.time()


def asks(row: Rollout) -> float:
    return float(input("how long? "))


def connects(row: Rollout) -> float:
    with socket.create_connection(("localhost", 80)) as connection:
        return float(connection.fileno())


def starts_a_thread(row: Rollout) -> float:
    thread = threading.Thread(target=print)
    thread.start()
    return 0.0


def runs(row: Rollout) -> float:
    """Does what the response says."""
    names: Dict[str, Any] = dict(globals())
    exec(row.response_text, names)
    return float(names.get("value", 0))


def leaves(row: Rollout) -> float:
    sys.exit(3)


def asks_for_chance(row: Rollout) -> float:
    return float(os.urandom(1)[0])


def chance(row: Rollout) -> float:
    own = random.Random()
    numbers = [random.random(), random.gauss(0, 1), own.random(), random.choice([1.0, 2.0, 3.0])]
    random.seed()
    own.seed()
    numbers += [drawn(), own.random(), row.rng().unit()]
    return statistics.fmean(numbers)


def returns_text(row: Rollout) -> Any:
    return "1.5 points"


def returns_nothing(row: Rollout) -> Any:
    return None


def generates(row: Rollout) -> Any:
    def numbers() -> Iterator[float]:
        yield 1.0
        raise LookupError(f"\ud800 no more numbers for {row.id}")

    return sum(numbers())


MODES: Dict[str, Callable[[Rollout], Any]] = {
    "raise": raises,
    "read": reads,
    "print": speaks,
    "recurse": recurses,
    "recurse-in-c": recurses_in_c,
    "memory": eats,
    "loop": loops,
    "import": imports,
    "open": opens,
    "wait": waits,
    "input": asks,
    "socket": connects,
    "thread": starts_a_thread,
    "exit": leaves,
    "urandom": asks_for_chance,
    "text": returns_text,
    "nothing": returns_nothing,
    "generate": generates,
}


class Odd(Shaper[Settings]):
    """The shaper."""

    COLUMNS = Columns.RESPONSE_TEXT
    TERMS = ("length",)

    def shape(self, row: Rollout) -> Shaped:
        if self.settings.mode == "random":
            return Shaped.term(chance(row))
        if self.settings.mode == "run":
            return Shaped.term(runs(row))
        if self.settings.mode == "forget" and row.id % 4 == 0:
            return None  # type: ignore[return-value]
        if row.id % 4 == 0 and self.settings.mode in MODES:
            return Shaped.term(MODES[self.settings.mode](row))
        if not row.response_text:
            raise NotApplicable
        return Shaped.term(len(row.response_text))
