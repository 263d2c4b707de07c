"""The same as a plugin: one row at a time."""

from attune_sdk import Columns, NoSettings, Rollout, Shaped, Shaper
from reward import format_reward


class WholeSentences(Shaper[NoSettings]):
    """Rewards responses that are whole sentences."""

    COLUMNS = Columns.RESPONSE_TEXT
    TERMS = ("format",)

    def shape(self, row: Rollout) -> Shaped:
        return Shaped.term(format_reward(completions=[row.response_text])[0])
