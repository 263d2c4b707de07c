"""An exception in words, with the places in the author's code that it came through. It opens no
file: a component has none.

It knows nothing about rows."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, List, Optional

MOST_FRAMES = 8
_OWN = os.path.dirname(__file__) + os.sep


class BadAnswer(TypeError):
    """A method of the plugin returned what it should not."""

    place = ""
    """Where the method is, since none of its lines is at fault."""


def explain(error: BaseException) -> str:
    """``ValueError: no such word at app.py:12 in score, app.py:30 in judge``."""
    text = _named(error)
    places = _places(error.__traceback__)
    if isinstance(error, BadAnswer) and error.place:
        places = [error.place]
    if places:
        text += " at " + ", ".join(places)
    cause = error.__cause__
    if cause is not None:
        text += f" (because of {_named(cause)})"
    return text


def place(method: Any) -> str:
    """``app.py:12 in judge``, where a method begins; empty for what is not written in Python."""
    while hasattr(method, "__wrapped__"):
        method = method.__wrapped__
    code = getattr(method, "__code__", None)
    if code is None:
        return ""
    return f"{_short(code.co_filename)}:{code.co_firstlineno} in {code.co_name}"


def _named(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, MemoryError):
        return f"{name}: out of memory"
    try:
        text = str(error)
    except Exception:  # an exception whose own text fails
        text = "its text cannot be made"
    return f"{name}: {text}" if text else name


def _places(trace: Optional[TracebackType]) -> List[str]:
    """Innermost first, each once; frames of the SDK only where there are no others."""
    own: List[str] = []
    others: List[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        path = code.co_filename
        place = f"{_short(path)}:{trace.tb_lineno} in {code.co_name}"
        places = others if path.startswith(_OWN) else own
        if place in places:
            places.remove(place)
        places.append(place)
        trace = trace.tb_next
    return (own or others)[: -MOST_FRAMES - 1 : -1]


def _short(path: str) -> str:
    """The path inside the project; a component's begin with the number of their folder."""
    parts = path.split("/")
    if path.startswith("/") and len(parts) > 2 and parts[1].isdigit():
        return "/".join(parts[2:])
    return os.path.basename(path)
