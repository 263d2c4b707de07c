"""Write tasks, labelers and reward shapers for Attune in Python.

A plugin is a class that derives from ``Task``, ``Labeler`` or ``Shaper``, with a dataclass of
settings. You write about one row; the batch loop, the errors of single rows, seeds, settings and
their schema are the SDK's. A whole plugin::

    from dataclasses import dataclass
    from attune_sdk import Columns, Rollout, Shaped, Shaper, setting

    @dataclass(frozen=True)
    class Settings:
        per_word: float = setting(0.1, "Taken off for each word above `free`.", minimum=0)
        free: int = setting(2, "So many words cost nothing.", minimum=0)

    class Brevity(Shaper[Settings]):
        COLUMNS = Columns.RESPONSE_TEXT
        TERMS = ("brevity",)

        def shape(self, row: Rollout) -> Shaped:
            over = max(0, len(row.response_text.split()) - self.settings.free)
            return Shaped.term(-self.settings.per_word * over)
"""

from . import cleaning, lexicon, log, rules, tokenizer
from .columns import Columns, f32
from .labeler import Abstain, Best, Hint, Judgement, Labeler, Tie, Verdict
from .outcome import Invalid, NotApplicable, Outcome, Status
from .plugin import Asset, Assets, Metric
from .rng import Rng
from .rows import CallContext, DataRow, Group, Rollout, Split
from .settings import NoSettings, Problems, setting
from .shaper import Shaped, Shaper
from .task import Ending, Layout, Query, Task

__all__ = [
    "Abstain",
    "Asset",
    "Assets",
    "Best",
    "CallContext",
    "Columns",
    "DataRow",
    "Ending",
    "Group",
    "Hint",
    "Invalid",
    "Judgement",
    "Labeler",
    "Layout",
    "Metric",
    "NoSettings",
    "NotApplicable",
    "Outcome",
    "Problems",
    "Query",
    "Rng",
    "Rollout",
    "Shaped",
    "Shaper",
    "Split",
    "Status",
    "Task",
    "Tie",
    "Verdict",
    "cleaning",
    "f32",
    "lexicon",
    "log",
    "rules",
    "setting",
    "tokenizer",
]
