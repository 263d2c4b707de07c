"""Answers that are none: each is its own row's error, in words about the author's method."""

import unittest
from array import array
from functools import partial
from typing import Any, Callable, List, Tuple

from attune_sdk import Abstain, Best, Columns, DataRow, Ending, Group, Hint, Judgement, Labeler
from attune_sdk import Layout, Metric, NoSettings, Problems, Query, Rollout, Shaped, Shaper, Status
from attune_sdk import Task, Tie, testing
from attune_sdk.explain import BadAnswer
from attune_sdk.outcome import Outcome
from attune_sdk.plugin import describe

answer: Callable[[], Any] = lambda: None
ROWS = testing.Batch.of([("q", "one two"), ("q", "three four")])


def second(row: Any, honest: Any) -> Any:
    """What is tried, in the second row alone."""
    return answer() if row.id == 1 else honest


class Some(Shaper[NoSettings]):
    TERMS = ("term",)
    METRICS = (Metric("m", "a metric"),)

    def shape(self, row: Rollout) -> Any:
        return second(row, Shaped([0.5], (), [1]))


class Tokens(Some):
    COLUMNS = Columns.RESPONSE_TOKENS
    PER_TOKEN = True

    def shape(self, row: Rollout) -> Any:
        return second(row, Shaped([1], [0.0] * len(row.response_tokens), [1]))


class Judge(Labeler[NoSettings]):
    def judge(self, group: Group) -> Any:
        return second(group, Judgement(Best(0)))

    def annotate(self, group: Group) -> Any:
        return answer()


class Work(Task[NoSettings]):
    METRICS = (Metric("m", "a metric"),)
    BASELINES = ("one",)

    def layout(self) -> Any:
        return answer()

    def query(self, row: DataRow) -> Any:
        return second(row, Query([1]))

    def finish(self, row: Rollout) -> Any:
        return second(row, Ending(1))

    def evaluate(self, row: Rollout) -> Any:
        return second(row, [1.0])

    def baselines(self, row: Rollout) -> Any:
        return second(row, ["text"])


def give(given: Any) -> Any:
    return given


def generator() -> Any:
    yield Shaped.term(1)


async def coroutine() -> Shaped:
    return Shaped.term(1)


def altered(**fields: Any) -> Shaped:
    shaped = Shaped([1], (), [1])
    for name, value in fields.items():
        setattr(shaped, name, value)
    return shaped


class AnswersTest(unittest.TestCase):
    def rows(self, made: List[Outcome[Any]], message: str, method: str) -> None:
        """The first row has its value, and the second the error, with the place of ``method``."""
        self.assertIs(made[0].status, Status.VALUE, made[0])
        self.assertIs(made[1].status, Status.ERROR, (message, made[1]))
        said, place = made[1].message.rsplit(" at ", 1)
        self.assertIn(message, said)
        self.assertRegex(place, rf"^test_answers.py:\d+ in {method}(, |$)")

    def tried(self, ask: Callable[[], List[Outcome[Any]]], method: str, *cases: Any) -> None:
        global answer
        for given, message in cases:
            answer = given
            self.rows(ask(), message, method)

    def test_a_shaper_s(self) -> None:
        plugin = testing.build(Some)
        self.tried(
            lambda: testing.shape(plugin, ROWS),
            "shape",
            (lambda: None, "BadAnswer: `shape` returned None, not a Shaped; end it with `return Shaped(...)`"),
            (lambda: 0.5, "`shape` returned 0.5, a float, not a Shaped"),
            (lambda: True, "`shape` returned True, a bool, not a Shaped"),
            (lambda: [1.0], "`shape` returned a list, not a Shaped"),
            (lambda: Shaped, "`shape` returned the class Shaped itself, not a Shaped"),
            (generator, "`shape` returned a generator, not a Shaped; it has a `yield`"),
            (coroutine, "`shape` returned a coroutine, not a Shaped; write `def`, not `async def`"),
            (lambda: Shaped([1, 2], (), [1]), "has 2 terms, not 1 as declared in TERMS"),
            (lambda: Shaped([1]), "has 0 metrics, not 1 as declared in METRICS"),
            (lambda: Shaped([1], [0.5], [1]), "has 1 per-token rewards, and PER_TOKEN is not set"),
            (lambda: altered(terms=None), "the terms of a Shaped are None, not a list of numbers"),
            (lambda: altered(terms=["1"]), "term 0 is '1', a str, not a number"),
            (lambda: altered(metrics=[[1]]), "metric 0 is a list, not a number"),
            (lambda: altered(per_token=None), "per_token of a Shaped is None, not a list of numbers"),
        )

    def test_what_a_shaped_is_made_of_is_checked_where_it_is_made(self) -> None:
        plugin = testing.build(Tokens)
        self.tried(
            lambda: testing.shape(plugin, ROWS),
            "<lambda>",
            (lambda: Shaped(0.5), "the terms of a Shaped are 0.5, a float, not a list of numbers; put it"),  # type: ignore[arg-type]
            (lambda: Shaped("12"), "the terms of a Shaped are '12', a str, not a list"),  # type: ignore[arg-type]
            (lambda: Shaped({"term": 1}), "the terms of a Shaped are a dict, not a list"),  # type: ignore[dict-item]
            (lambda: Shaped([[1.0]]), "term 0 is a list, not a number"),  # type: ignore[list-item]
            (lambda: Shaped.term("1.5"), "term 0 is '1.5', a str, not a number"),  # type: ignore[arg-type]
            (lambda: Shaped.term(None), "term 0 is None, not a number"),  # type: ignore[arg-type]
            (lambda: Shaped.term(10**400), "term 0 is too large for a number"),
            (lambda: Shaped([1]).metric([]), "metric 0 is a list, not a number"),  # type: ignore[arg-type]
            (lambda: Shaped([1], b"abcd"), "per_token of a Shaped is a bytes, not a list"),
            (lambda: Shaped([1], [0.5, [1]]), "per_token 1 is a list, not a number"),  # type: ignore[list-item]
            (lambda: Shaped([1], ["x"]), "per_token 0 is 'x', a str, not a number"),  # type: ignore[list-item]
        )
        self.tried(
            lambda: testing.shape(plugin, ROWS),
            "shape",
            (lambda: Shaped([1], [0.5], [1]), "has 1 per-token rewards for 2 tokens"),
        )

    def test_numbers_are_whatever_is_one(self) -> None:
        shaped = Shaped((value for value in (True, 2)), (value for value in (1, 0.5)), array("d", [3]))
        self.assertEqual((shaped.terms, shaped.metrics), ([1.0, 2.0], [3.0]))
        self.assertEqual(shaped.per_token, array("f", [1, 0.5]))

    def test_a_labeler_s(self) -> None:
        groups = [("q", ["a", "b"]), ("q", ["c", "d"])]
        plugin = testing.build(Judge)
        self.tried(
            lambda: testing.judge(plugin, groups),
            "judge",
            (lambda: None, "`judge` returned None, not a Judgement; end it with `return Judgement(...)`"),
            (lambda: Best(0), "`judge` returned a Best, not a Judgement"),
            (lambda: (Best(0), None, None), "`judge` returned a tuple, not a Judgement"),
            (lambda: Judgement(Abstain), "not the class Abstain itself; write `Abstain()`"),  # type: ignore[arg-type]
            (lambda: Judgement(0), "a verdict is a Best, a Tie or an Abstain, not 0, an int"),  # type: ignore[arg-type]
            (lambda: Judgement(Best(0.5)), "the response that was chosen is 0.5, a float, not a whole"),  # type: ignore[arg-type]
            (lambda: Judgement(Best("a")), "is 'a', a str, not a whole number"),  # type: ignore[arg-type]
            (lambda: Judgement(Best(True)), "is True, a bool, not a whole number"),
            (lambda: Judgement(Best(2)), "chose response 2 of 2"),
            (lambda: Judgement(Tie(0)), "the responses of a Tie are 0, an int, not a list of indices"),  # type: ignore[arg-type]
            (lambda: Judgement(Tie([0, None])), "the response that was chosen is None"),  # type: ignore[list-item]
            (lambda: Judgement(Best(0), [1.0]), "has 1 scores for 2 responses"),
            (lambda: Judgement(Best(0), [1.0, "2"]), "score 1 is '2', a str, not a number"),  # type: ignore[list-item]
            (lambda: Judgement(Best(0), {0: 1.0, 1: 2.0}), "the scores of a Judgement are a dict"),  # type: ignore[arg-type]
            (lambda: Judgement(Best(0), None, "1"), "the confidence of a Judgement is '1', a str"),  # type: ignore[arg-type]
        )

    def test_hints(self) -> None:
        global answer
        plugin = testing.build(Judge)
        for given, message in (
            (None, "`annotate` returned None, not a list of Hints"),
            (Hint(0, 0, 1, "x"), "`annotate` returned a Hint, not a list of Hints; put it into a list"),
            ([None], "`annotate` returned a list with None, not Hints alone"),
            ([(0, 0, 1, "x")], "`annotate` returned a list with a tuple, not Hints alone"),
            ([Hint(0, 0.0, 1, "x")], "the start of a Hint is 0.0, a float, not a whole number"),  # type: ignore[arg-type]
            ([Hint(0, 0, 1, None)], "the note of a Hint is None, not a text"),  # type: ignore[arg-type]
            ([Hint(0, 0, 9, "x")], "a hint for characters 0 to 9, no passage of a text of 1"),
        ):
            answer = partial(give, given)
            testing.take_log()
            self.assertEqual(testing.annotate(plugin, "q", ["a"]), [])
            line = testing.take_log()[0][1]
            self.assertIn(f"no hints for group 0: BadAnswer: {message}", line)
            self.assertRegex(line, r" at test_answers.py:\d+ in annotate$")

    def test_a_task_s(self) -> None:
        plugin = testing.build(Work)
        self.tried(
            lambda: testing.queries(plugin, ["{}", "{}"]),
            "query",
            (lambda: None, "`query` returned None, not a Query; end it with `return Query(...)`"),
            (lambda: [1, 2], "`query` returned a list, not a Query"),
            (lambda: Query("text"), "the tokens of a Query are 'text', a str, not a list of token ids"),  # type: ignore[arg-type]
            (lambda: Query(b"text"), "the tokens of a Query are a bytes, not a list of token ids"),
            (lambda: Query(None), "the tokens of a Query are None"),  # type: ignore[arg-type]
            (lambda: Query([1, "a"]), "token 1 is 'a', a str, not a whole number"),  # type: ignore[list-item]
            (lambda: Query([1.0]), "token 0 is 1.0, a float, not a whole number"),  # type: ignore[list-item]
            (lambda: Query([-1]), "token 0 is -1, an int, no token id"),
            (lambda: Query([[1]]), "token 0 is a list, not a whole number"),  # type: ignore[list-item]
            (lambda: Query([1], None), "the reference of a Query is None, not a text"),  # type: ignore[arg-type]
            (lambda: Query([1], "", {}), "the metadata of a Query is a dict, not a text"),  # type: ignore[arg-type]
            (lambda: Query([1], "\ud800"), "the reference of a Query holds half a character at 0"),
        )
        self.tried(
            lambda: testing.finish(plugin, ROWS),
            "finish",
            (lambda: None, "`finish` returned None, not an Ending; end it with `return Ending(...)`"),
            (lambda: (1, True, 0.0), "`finish` returned a tuple, not an Ending"),
            (lambda: Ending(True), "kept of an Ending is True, a bool, not a whole number"),
            (lambda: Ending(-1), "keeps -1 tokens"),
            (lambda: Ending(1, "no"), "valid of an Ending is 'no', a str, not a bool"),  # type: ignore[arg-type]
            (lambda: Ending(1, True, "-1"), "the penalty of an Ending is '-1', a str, not a number"),  # type: ignore[arg-type]
        )
        self.tried(
            lambda: testing.evaluate(plugin, ROWS),
            "evaluate",
            (lambda: None, "`evaluate` returned None, not a list of numbers"),
            (lambda: 1.0, "`evaluate` returned 1.0, a float, not a list of numbers; put it into a list"),
            (lambda: "1", "`evaluate` returned '1', a str, not a list of numbers"),
            (lambda: {"m": 1.0}, "`evaluate` returned a dict, not a list of numbers"),
            (lambda: [None], "metric 0 is None, not a number"),
            (lambda: [], "has 0 metrics, not 1 as declared in METRICS"),
        )

    def test_what_concerns_a_whole_batch(self) -> None:
        global answer
        plugin = testing.build(Work)
        for given, message in (
            (None, "`baselines` returned None, not a list of texts"),
            ("a", "`baselines` returned 'a', a str, not a list of texts; put it into a list"),
            ([1], "baseline 0 is 1, an int, not a text"),
            ([], "has 0 baselines, not 1 as declared in BASELINES"),
        ):
            answer = partial(give, given)
            with self.assertRaises(ValueError) as raised:
                testing.baselines(plugin, ROWS)
            self.assertIn(f"baselines of row 1: BadAnswer: {message}", str(raised.exception))
            self.assertRegex(str(raised.exception), r" at test_answers.py:\d+ in baselines$")
        layouts: List[Tuple[Any, str]] = [
            (None, "`layout` returned None, not a Layout; end it with `return Layout(...)`"),
            ((8, 4), "`layout` returned a tuple, not a Layout"),
            (Layout("8", 4), "query_len of a Layout is '8', a str, not a whole number"),  # type: ignore[arg-type]
            (Layout(8, -4), "layout: response_len is -4, no length"),
            (Layout(8, 4, "Q:"), "prefix of a Layout is 'Q:', a str, not a list of token ids"),  # type: ignore[arg-type]
        ]
        for layout, message in layouts:
            answer = partial(give, layout)
            with self.assertRaises(BadAnswer) as bad:
                testing.layout(plugin)
            self.assertIn(message, str(bad.exception))
            self.assertRegex(bad.exception.place, r"^test_answers.py:\d+ in layout$")

    def test_what_a_class_declares(self) -> None:
        for declared, message in (
            ({"TERMS": ("term")}, "Odd.TERMS is 'term', a str; write a tuple such as ('one', 'two'): a tuple of one"),
            ({"METRICS": Metric("m", "x")}, "Odd.METRICS is a Metric; write a tuple such as (Metric(...),)"),
            ({"METRICS": ("m",)}, "Odd.METRICS is a tuple; write a tuple such as (Metric(...),)"),
            ({"ASSETS": None}, "Odd.ASSETS is None; write a tuple"),
            ({"COLUMNS": "score"}, "Odd.COLUMNS is 'score', a str, not Columns"),
        ):
            with self.assertRaises(TypeError) as raised:
                testing.build(type("Odd", (Some,), declared))
            self.assertIn(message, str(raised.exception))

        class Empty(Shaper[NoSettings]):
            TERMS = ("term",)

        with self.assertRaisesRegex(TypeError, "Empty has no method `shape`"):
            describe(Empty, "name", "0", "summary")

        class Forgetful(Some):
            def configure(self, assets: Any) -> Any:
                return Problems().require(False, "/x", "is wrong")

        with self.assertRaisesRegex(BadAnswer, r"`configure` returned Problems; raise them"):
            testing.build(Forgetful)


if __name__ == "__main__":
    unittest.main()
