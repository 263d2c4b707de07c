"""A labeler that prefers the response with the warmest words, by a lexicon of rated words and a few
rules about their neighbours. It knows no meaning beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import List, Literal, Tuple

from attune_sdk import Abstain, Asset, Assets, Best, Group, Hint, Judgement, Labeler, Problems, Tie
from attune_sdk import Verdict, f32, setting
from attune_sdk.lexicon import Lexicon, total


@dataclass(frozen=True)
class Settings:
    """Settings of `valence`."""

    judge: Literal["response", "text"] = setting(
        "response", "What is judged: the response alone, or query and response as one text."
    )
    alpha: float = setting(
        15.0, "A text's score is s / √(s² + alpha), with s the sum of its words."
    )
    tie_margin: float = setting(0.02, "Responses so close to the best score share its place.")
    negation_window: int = setting(
        3, "A word is turned round by a negation among so many words before it.", minimum=0
    )


class Valence(Labeler[Settings]):
    """The labeler."""

    ASSETS = (
        Asset(
            "lexicon",
            "lines of a word, a tab, its mean rating, and more columns that are not read",
        ),
    )

    def configure(self, assets: Assets) -> None:
        try:
            self._lexicon = Lexicon(assets.text("lexicon"))
        except ValueError as error:
            raise Problems.at("assets/lexicon", str(error)) from None
        problems = Problems().require(self.settings.alpha > 0.0, "/alpha", "must be above 0")
        problems.require(self.settings.tie_margin >= 0.0, "/tie_margin", "must not be negative")
        problems.done()
        self._alpha, self._margin = f32(self.settings.alpha), f32(self.settings.tie_margin)

    def score(self, text: str) -> Tuple[float, bool]:
        """The score of a text in −1..1, and whether any word of it is in the lexicon."""
        words = self._lexicon.weigh(text, self.settings.negation_window)
        added = total(text, words)
        return f32(added / f32(sqrt(f32(f32(added * added) + self._alpha)))), bool(words)

    def judge(self, group: Group) -> Judgement:
        before = group.query_text if self.settings.judge == "text" else ""
        scored = [self.score(before + response) for response in group.responses]
        scores = [score for score, _ in scored]
        top = max(scores, default=0.0)
        best = [at for at, score in enumerate(scores) if f32(top - score) <= self._margin]
        return Judgement(_verdict(best, any(known for _, known in scored)), scores)

    def annotate(self, group: Group) -> List[Hint]:
        return [
            Hint(place, word.start, word.end, f"{word.weight:+.1f}")
            for place, text in enumerate(group.responses)
            for word in self._lexicon.weigh(text, self.settings.negation_window)
        ]


def _verdict(best: List[int], known: bool) -> Verdict:
    if not known:
        return Abstain()
    return Best(best[0]) if len(best) == 1 else Tie(best)
