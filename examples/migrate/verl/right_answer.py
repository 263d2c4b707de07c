"""The same as a plugin: the truth is the row's reference, which the task took from the data."""

from attune_sdk import Columns, NoSettings, NotApplicable, Rollout, Shaped, Shaper
from reward import compute_score


class RightAnswer(Shaper[NoSettings]):
    """Rewards the right number after four hashes."""

    COLUMNS = Columns.RESPONSE_TEXT | Columns.REFERENCE_TEXT
    TERMS = ("answer",)

    def shape(self, row: Rollout) -> Shaped:
        score = compute_score("data", row.response_text, row.reference_text or None)
        if score is None:
            raise NotApplicable
        return Shaped.term(score)
