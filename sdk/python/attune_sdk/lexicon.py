"""Rated words, and a few rules about their neighbours after Hutto and Gilbert (2014): what a word weighs
in a text, and what a text's words add up to, in single precision. They know no meaning beyond that."""

from __future__ import annotations

import re
from math import copysign, isfinite
from typing import Dict, List, NamedTuple

from .columns import f32
from .rules import spaced

_NEGATIONS = frozenset(
    "not no never none nobody nothing neither nor nowhere without hardly barely cannot rarely seldom "
    "scarcely lacks lacking".split()
)
_STRONGER = frozenset(
    "very really so extremely absolutely completely totally incredibly deeply truly most more "
    "particularly especially utterly remarkably highly enormously thoroughly".split()
)
_WEAKER = frozenset(
    "somewhat slightly fairly rather less little partly marginally occasionally almost kinda sorta "
    "mildly moderately relatively".split()
)
_TENTH, _STEP, _TURNED = f32(0.1), f32(0.3), f32(-0.7)
_REACH = [f32(_STEP * f32(1.0 - f32(_TENTH * distance))) for distance in range(3)]
_TOKEN = re.compile(r"\S+")


class Word(NamedTuple):
    """A rated word of a text: its characters, and what it weighs there."""

    start: int
    end: int
    weight: float


class Lexicon:
    """Words and their mean ratings, of lines of a word, a tab, its mean rating, and more that is not
    read. ``ValueError`` says which line is none."""

    def __init__(self, text: str) -> None:
        self._ratings: Dict[str, float] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            word, *fields = line.split("\t")
            try:
                mean = f32(float(fields[0]))
            except (IndexError, ValueError):
                raise ValueError(f"line {number} is not a word, a tab and a number") from None
            if not isfinite(mean):
                raise ValueError(
                    f"line {number}: `{word}` has the rating {mean}, which is not a finite number"
                )
            self._ratings[word.lower()] = mean
        if not self._ratings:
            raise ValueError("holds no word")

    def weigh(self, text: str, negation_window: int) -> List[Word]:
        """The rated words of ``text`` with what they weigh: turned round by a negation among
        ``negation_window`` words before them."""
        tokens = list(_TOKEN.finditer(spaced(text)))
        lower = [self._key(token.group()) for token in tokens]
        # Capitals mean something only where not all is in capitals.
        mixed = any(not _is_capital(t.group()) and any(map(str.isalpha, t.group())) for t in tokens)
        turn = len(lower) - 1 - lower[::-1].index("but") if "but" in lower else None
        words = []
        for at, (token, key) in enumerate(zip(tokens, lower)):
            # A booster ("pretty", "so") next to a sentiment word would count twice.
            if key not in self._ratings or key in _STRONGER or key in _WEAKER:
                continue
            rating = self._ratings[key]
            shouting = mixed and _is_capital(token.group())
            size = f32(abs(rating) + (0.75 if shouting else 0.0))
            for reach, before in zip(_REACH, reversed(lower[max(0, at - 3) : at])):
                size = f32(size + reach * ((before in _STRONGER) - (before in _WEAKER)))
            weight = copysign(max(size, 0.0), rating)
            if any(map(_is_negation, lower[max(0, at - negation_window) : at])):
                weight = f32(weight * _TURNED)
            if turn is not None:
                # After "but" comes what is meant.
                weight = f32(weight * (0.5 if at < turn else 1.5))
            words.append(Word(token.start(), token.end(), weight))
        return words

    def _key(self, token: str) -> str:
        """The form in which a token is looked up: as it stands (an emoticon), else without the
        punctuation around it."""
        whole = token.lower()
        if whole in self._ratings:
            return whole
        start, end = 0, len(whole)
        while start < end and not whole[start].isalnum():
            start += 1
        while start < end and not whole[end - 1].isalnum():
            end -= 1
        return whole[start:end]


def total(text: str, words: List[Word]) -> float:
    """What the words of ``text`` add up to; exclamation marks push it away from 0."""
    added = 0.0
    for word in words:
        added = f32(added + word.weight)
    marks = min(text.count("!"), 4)
    return f32(added + copysign(f32(_STEP * marks), added)) if added else 0.0


def _is_capital(token: str) -> bool:
    return sum(map(str.isalpha, token)) > 1 and not any(map(str.islower, token))


def _is_negation(word: str) -> bool:
    return word in _NEGATIONS or word.endswith(("n't", "n’t"))
