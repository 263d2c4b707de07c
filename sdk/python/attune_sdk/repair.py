"""Repairs the characters of a text, line by line, as the library ftfy 5 does: the part of it that English text
of the web needs. In its order, and again until nothing changes:

1. terminal escapes go;
2. UTF-8 that was read as Latin-1 or Windows-1252 is read again, where the whole line allows it and the
   result looks better by that library's measure; else ``â€œ`` and its like alone, and C1 controls are what
   Windows-1252 has for them;
3. entities of HTML: numbers, and the names that HTML 4 has; none from the first line on that has ``<`` and ``>``;
4. Latin ligatures, full-width ASCII, curly quotes, line ends of all kinds, control characters.

It has no other encodings, no bytes that were lost on the way, no half-width katakana, and composes
no accents."""

from __future__ import annotations

import re
from html.entities import html5, name2codepoint
from typing import Dict, Iterator, Match, Optional, Tuple

# The names that HTML 4 has.
_ENTITIES = {"apos": "'", **{name: html5[name + ";"] for name in name2codepoint}}


def _windows() -> Iterator[str]:
    for byte in range(0x80, 0xA0):
        try:
            yield bytes([byte]).decode("cp1252")
        except UnicodeDecodeError:
            yield chr(byte)


# What Windows-1252 has for the bytes 0x80 to 0x9f; those that it leaves open stand for themselves.
_WINDOWS = "".join(_windows())
_TO_WINDOWS = dict(zip(range(0x80, 0xA0), _WINDOWS))
_BYTES = {ord(c): 0x80 + place for place, c in enumerate(_WINDOWS)}

_LIGATURES = (
    "Ĳ IJ ĳ ij ŉ \u02bcn Ǳ DZ ǲ Dz ǳ dz Ǆ DŽ ǅ Dž ǆ dž Ǉ LJ ǈ Lj ǉ lj Ǌ NJ ǋ Nj ǌ nj ﬀ ff ﬁ fi ﬂ fl ﬃ ffi ﬄ ffl ﬅ ſt "
    "ﬆ st"
).split()
_CONTROLS = (
    *(range(0x09), (0x0B,), range(0x0E, 0x20), (0x7F,), range(0x206A, 0x2070), (0xFEFF,)),
    *(range(0xFFF9, 0xFFFD), range(0x1D173, 0x1D17B), range(0xE0000, 0xE0080)),
)


def _signs() -> Dict[int, str]:
    """What single characters become at the end of each round."""
    found = {code: "" for codes in _CONTROLS for code in codes}
    found.update({code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)})
    found.update(dict.fromkeys((0x2BC, *range(0x2018, 0x201C)), "'"))
    found.update(dict.fromkeys(range(0x201C, 0x2020), '"'))
    found.update(dict.fromkeys((0x0D, 0x2028, 0x2029, 0x85), "\n"))
    found[0x3000] = " "
    found.update({ord(c): letters for c, letters in zip(_LIGATURES[::2], _LIGATURES[1::2])})
    return found


_SIGNS = _signs()

_LINE = re.compile("[^\n]*\n|[^\n]+")
_ESCAPE = re.compile("\x1b\\[[0-9;]*[a-zA-Z]")
_ENTITY = re.compile("&([^&;]*);")
_CONTROL = re.compile("[\x80-\x9f]")
_PUNCTUATION = re.compile("â[€\x80]([\x80-\xbf" + re.escape(_WINDOWS) + "])")
# Letters and signs among which those of another script would stand out, and what is left of them where they were misread
# more than once.
_EXPECTED = re.compile(
    "[\0-\u024fˆ˜\u2000-\u20cf\u2100-\u2bff\ufb00-\ufb06\ufeff\uff01-\uff5e\ufffd"
    "\U0001f000-\U0001faff]*"
)
# Symbols that stand in texts by themselves as well: a text with them is not worse for it.
_COMMON = re.compile("[…—–‘“’”¡¿°™®‹›«»\xa0´×ß\ufeff]")
_MISREAD = re.compile(
    "[ÂÃĂ](?=[\x80-\x9f€ƒ‚„†‡ˆ‰‹Œ“•˜œŸ¡¢£¤¥¦§¨ª«¬¯°±²³µ¶·¸¹º¼½¾¿ˇ˘˝])"
    r"|[ÂÃĂ](?=[›»‘”©™]\w)"
    "|[ðđ](?=[Ÿ\x9f])|â(?=€)"
)


def repair(text: str) -> str:
    """The text with its characters repaired."""
    entities, out = True, []
    for line in _LINE.findall(text):
        entities = entities and not ("<" in line and ">" in line)
        before = None
        while line != before:
            before = line
            line = _once(line, entities)
        out.append(line)
    return "".join(out)


def _once(line: str, entities: bool) -> str:
    line = _read_again(_ESCAPE.sub("", line))
    if entities:
        line = _ENTITY.sub(_entity, line)
    return line.replace("\r\n", "\n").translate(_SIGNS)


def _entity(found: Match[str]) -> str:
    name: str = found[1]
    if not name.startswith("#"):
        return _ENTITIES.get(name, found[0])
    number = name[1:]
    digits, base = (number[1:], 16) if number.startswith("x") else (number, 10)
    known = "0123456789abcdefABCDEF" if base == 16 else "0123456789"
    if not digits or len(number) > 8 or digits.strip(known):
        return found[0]
    code = int(digits, base)
    if code > 0x10FFFF:
        return found[0]
    return "\ufffd" if 0xD800 <= code < 0xE000 else _TO_WINDOWS.get(code, chr(code))


def _read_again(line: str) -> str:
    """The line as it was before UTF-8 was taken for another encoding, once or several times: the best that is
    met on the way back."""
    best, least, steps = line, _cost(line), 0
    while True:
        found = _one_back(line)
        if found is None:
            return best
        line, step = found
        steps += step
        if _cost(line) + steps < least:
            best, least = line, _cost(line) + steps


def _one_back(line: str) -> Optional[Tuple[str, int]]:
    """The line before it was read wrongly for the last time, and what that weighs."""
    if line.isascii():
        return None
    read = _as_utf8(line)
    if read is not None:
        return (read, 0) if _EXPECTED.fullmatch(read) else None
    if _PUNCTUATION.search(line):
        return _PUNCTUATION.sub(_punctuation, line.translate(_TO_WINDOWS)), 1
    controls = _CONTROL.findall(line)
    if controls and max(line) <= "\xff" and all(_TO_WINDOWS[ord(c)] != c for c in controls):
        return line.translate(_TO_WINDOWS), 1
    return None


def _punctuation(found: Match[str]) -> str:
    third = ord(found[1])
    return chr(0x2000 + _BYTES.get(third, third) - 0x80)


def _as_utf8(line: str) -> Optional[str]:
    """The line, if the bytes that it was read from, by Latin-1 or by Windows-1252, are UTF-8."""
    try:
        return line.encode("latin-1").decode("utf-8")
    except UnicodeError:
        pass
    places = [_BYTES.get(ord(c), ord(c)) for c in line]
    # In Windows-1252 no character has the code of a byte that is another one's.
    open_ones = [c for c in _CONTROL.findall(line) if c not in _WINDOWS]
    try:
        return None if open_ones else bytes(places).decode("utf-8")
    except ValueError:
        return None


def _cost(line: str) -> int:
    """How bad a line looks: its length, and what stands in misread text, less what is common."""
    controls, misread = len(_CONTROL.findall(line)), len(_MISREAD.findall(line))
    return len(line) + 2 * controls + 2 * misread - len(_COMMON.findall(line))
