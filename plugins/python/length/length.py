"""A shaper that draws responses towards a length. It counts tokens or words and reads nothing
else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attune_sdk import Assets, Columns, Metric, Problems, Rollout, Shaped, Shaper, f32, setting
from attune_sdk.rules import words


@dataclass(frozen=True)
class Settings:
    """Settings of `length`."""

    target: int = setting(20, "The length that gets the whole bonus.", minimum=0)
    unit: Literal["tokens", "words"] = setting("words", "What it is counted in.")
    scale: float = setting(
        20.0, "The bonus falls from 1 at the target by 1 for so many units, down to −1."
    )


class Length(Shaper[Settings]):
    """The shaper."""

    COLUMNS = Columns.RESPONSE_TEXT | Columns.RESPONSE_TOKENS
    METRICS = (Metric("length", "length of the response, in `unit`"),)
    TERMS = ("length",)

    def configure(self, assets: Assets) -> None:
        Problems().require(self.settings.scale > 0.0, "/scale", "must be above 0").done()

    def shape(self, row: Rollout) -> Shaped:
        if self.settings.unit == "tokens":
            length = len(row.response_tokens)
        else:
            length = len(words(row.response_text))
        off = f32(abs(length - self.settings.target) / f32(self.settings.scale))
        return Shaped.term(max(1.0 - off, -1.0)).metric(length)
