"""How the summarization data of Ziegler et al. (2019) was cleaned: the rules of its two data sets, in their
order. They know texts, and no files, fields or settings of a task. After openai/lm-human-preferences,
``datasets/cnndm.py`` and ``datasets/tldr.py``; what is done there by the library ftfy is ``repair``,
which says which part of that library it has."""

from __future__ import annotations

import re
from typing import Literal

from .repair import repair

Cleaning = Literal["none", "cnndm", "tldr"]

_HIGHLIGHT = "@highlight"
_AGENCY = re.compile(r"\(CNN\) +--")
_SECOND_NAME = re.compile(r"^and \w+\n")
# The year is a class of characters by a mistake of the original's.
_STAMP = re.compile(r".*UPDATED:\s+[0-9]{2}:[0-9]{2}.*[0-5|]")
_BREAKS = re.compile(r"\n{3,}")


def text(cleaning: Cleaning, raw: str) -> str:
    """The text as a task reads it."""
    if cleaning == "none":
        return raw
    raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if cleaning == "cnndm":
        raw = _begun(raw)
    raw = _BREAKS.sub("\n\n", repair(raw))
    return (raw.split(_HIGHLIGHT)[0] if cleaning == "cnndm" else raw).strip()


def reference(cleaning: Cleaning, raw: str) -> str:
    """What a person wrote for the text: of a story file its highlights, a line each, and else what is
    there."""
    if cleaning != "cnndm" or _HIGHLIGHT not in raw:
        return raw
    highlights = [line.strip() for line in raw.split(_HIGHLIGHT)[1:]]
    return "\n".join(line for line in highlights if line)


def _begun(raw: str) -> str:
    """An article without what stands before its first sentence, by the original's rules in their order."""
    if raw.startswith("By"):
        raw = "\n".join(raw.split("\n")[2:])
    raw = _AGENCY.split(raw)[-1]
    raw = raw[:100].split("(CNN)")[-1] + raw[100:]
    raw = _SECOND_NAME.sub("", raw)
    raw = _STAMP.split(raw)[-1]
    return raw.replace("\u2019", "'").replace("\u2018", "'").strip()
