"""The paper's task: continue a piece of text. It cuts queries and ends responses by the rules of
Ziegler et al. (2019), all of them settings; it does not know what a good continuation is."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import List, Literal, Optional

from attune_sdk import Assets, Columns, DataRow, Ending, Layout, Metric, Problems
from attune_sdk import Query, Rollout, Task, cleaning, setting, tokenizer
from attune_sdk.rules import distinct, end_response, query_or_reason


@dataclass(frozen=True)
class Settings:
    """Settings of `continuation`; the defaults are those of the paper's style tasks."""

    field: str = setting(
        "text", "Field of a data row that holds the text; a row that is a string is the text."
    )
    reference_field: Optional[str] = setting(
        None, "Field that holds what a person wrote for the query; none by default."
    )
    cleaning: Literal["none", "cnndm", "tldr"] = setting(
        "none",
        "How texts are cleaned first: as the original's news (`cnndm`) or posts (`tldr`), or `none`.",
    )
    query_len: int = setting(64, "Tokens of a query at most.", minimum=1)
    response_len: int = setting(24, "Tokens of every response.", minimum=1)
    start_text: Optional[str] = setting(
        ".",
        "A query starts after the first of these; must be a single token; null: at the text's start.",
    )
    end_text: Optional[str] = setting(
        ".",
        "A query ends with the last of these; must be a single token; null: where it is full.",
    )
    prefix: str = setting("", "What the policy sees before the query.")
    suffix: str = setting("", "What the policy sees after the query.")
    truncate_token: Optional[str] = setting(
        ".",
        "A response ends with the first of these; must be a single token; null: nothing is cut.",
    )
    truncate_after: int = setting(
        16, "The first place, from 0, where a response may end.", minimum=0
    )
    penalty: float = setting(-1.0, "The score of a response that does not end as it should.")
    min_query_tokens: int = setting(1, "Shorter queries are dropped.", minimum=0)


class Continuation(Task[Settings]):
    """The task: settings, and the token ids that they name."""

    COLUMNS = Columns.RESPONSE_TOKENS
    METRICS = (
        Metric("kept_tokens", "tokens of the response that the scorer sees"),
        Metric("distinct_2", "share of the response's word pairs that are different"),
    )

    def configure(self, assets: Assets) -> None:
        s, problems = self.settings, Problems()
        late = f"{s.truncate_after} is not below response_len {s.response_len}"
        problems.require(s.truncate_after < s.response_len, "/truncate_after", late)
        problems.require(isfinite(s.penalty), "/penalty", "must be a number")
        self._start = tokenizer.single(s.start_text, "/start_text", problems)
        self._end = tokenizer.single(s.end_text, "/end_text", problems)
        self._stop = tokenizer.single(s.truncate_token, "/truncate_token", problems)
        problems.done()
        self._around: List[List[int]] = [tokenizer.encode(s.prefix), tokenizer.encode_next(s.suffix)]

    def layout(self) -> Layout:
        return Layout(self.settings.query_len, self.settings.response_len, *self._around)

    def query(self, row: DataRow) -> Query:
        s = self.settings
        reference = "" if s.reference_field is None else row.reference(s.reference_field)
        reference = cleaning.reference(s.cleaning, reference)
        tokens = tokenizer.encode(cleaning.text(s.cleaning, row.text(s.field)))
        start, end = (self._start, s.start_text), (self._end, s.end_text)
        lengths = (s.min_query_tokens, s.query_len)
        return Query(query_or_reason(s.field, tokens, lengths, start, end), reference)

    def finish(self, row: Rollout) -> Ending:
        tokens = row.response_tokens.tolist()
        kept, valid = end_response(tokens, self._stop, self.settings.truncate_after)
        return Ending(kept, valid, self.settings.penalty)

    def evaluate(self, row: Rollout) -> List[float]:
        kept = self.finish(row).kept
        return [kept, distinct(tokenizer.decode(row.response_tokens[:kept]), 2)]
