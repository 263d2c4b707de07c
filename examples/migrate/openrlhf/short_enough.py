"""The same as a plugin: the budget is a setting, the logs are metrics."""

from dataclasses import dataclass

from attune_sdk import Columns, Metric, Rollout, Shaped, Shaper, setting
from reward import reward_func


@dataclass(frozen=True)
class Settings:
    """What a config can set."""

    budget: int = setting(8, "So many words cost nothing.", minimum=0)


class ShortEnough(Shaper[Settings]):
    """Takes off for words above a budget."""

    COLUMNS = Columns.QUERY_TEXT | Columns.RESPONSE_TEXT
    TERMS = ("words",)
    METRICS = (Metric("words", "words of the response"),)

    def shape(self, row: Rollout) -> Shaped:
        query = row.query_text + row.response_text
        answer = reward_func([query], [row.query_text], [""], budget=self.settings.budget)
        return Shaped.term(answer["rewards"][0]).metric(answer["extra_logs"]["words"][0])
