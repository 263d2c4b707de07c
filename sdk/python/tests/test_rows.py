"""Rows: what each can come to, what it may read, and its randomness."""

import random
import unittest
from typing import List, Sequence

from attune_sdk import Abstain, Assets, Best, Columns, DataRow, Ending, Group, Hint, Invalid
from attune_sdk import Judgement, Labeler, Layout, Metric, NoSettings, NotApplicable, Query, Rng
from attune_sdk import Rollout, Shaped, Shaper, Status, Task, Tie, log, testing
from attune_sdk.columns import BadBatch, f32
from attune_sdk.host import Level
from attune_sdk.labeler import judge
from attune_sdk.outcome import packed
from attune_sdk.shaper import shape
from attune_sdk.wire import Column

BATCH = testing.Batch.of([("q", "one two"), ("q", "ä"), ("q", ""), ("q", "four")])


class Odd(Shaper[NoSettings]):
    """Does something else in each row."""

    COLUMNS = Columns.RESPONSE_TEXT
    TERMS = ("term",)

    def shape(self, row: Rollout) -> Shaped:
        if row.id == 1:
            raise NotApplicable("it is no ASCII")
        if row.id == 2:
            raise Invalid("it is empty")
        if row.id == 3:
            return Shaped.term(self.fail(row))
        return Shaped.term(len(row.response_text))

    def fail(self, row: Rollout) -> float:
        return float(row.response_text)


class Numbers(Shaper[NoSettings]):
    COLUMNS = Columns.RESPONSE_TOKENS | Columns.LOGPROBS
    TERMS = ("a", "b")
    METRICS = (Metric("m", "a metric"),)
    PER_TOKEN = True

    def shape(self, row: Rollout) -> Shaped:
        return Shaped((1, 2), row.logprobs, (len(row.response_tokens),))


class RowsTest(unittest.TestCase):
    def test_what_a_row_raises_is_its_own_outcome(self) -> None:
        rows = testing.shape(testing.build(Odd), BATCH)
        statuses = [Status.VALUE, Status.NOT_APPLICABLE, Status.INVALID, Status.ERROR]
        self.assertEqual([row.status for row in rows], statuses)
        self.assertEqual(rows[0].value.terms, [7.0])
        self.assertEqual(rows[1].message, "it is no ASCII")
        self.assertEqual(rows[2].message, "it is empty")
        message = rows[3].message
        self.assertRegex(message, r"^ValueError: could not convert .* at test_rows.py:\d+ in fail, test_rows")
        with self.assertRaises(ValueError):
            rows[3].value
        messages = [(row, rows[row].message) for row in (1, 2, 3)]
        self.assertEqual(packed(rows), (statuses, messages))

    def test_why_a_row_does_not_apply_need_not_be_said(self) -> None:
        class Silent(Odd):
            def shape(self, row: Rollout) -> Shaped:
                raise NotApplicable

        rows = testing.shape(testing.build(Silent), BATCH)
        self.assertEqual(packed(rows), ([Status.NOT_APPLICABLE] * 4, []))

    def test_reading_a_column_that_is_not_named_is_an_error(self) -> None:
        class Reader(Odd):
            def shape(self, row: Rollout) -> Shaped:
                return Shaped.term(float(row.logprobs[0] if row.id else len(row.query_text)))

        rows = testing.shape(testing.build(Reader), BATCH)
        self.assertIn("add Columns.QUERY_TEXT to COLUMNS", rows[0].message)
        self.assertIn("add Columns.LOGPROBS to COLUMNS", rows[1].message)

    def test_numbers_are_views_of_the_batch(self) -> None:
        testing.use_bytes()
        batch = testing.Batch.of([("", "abc"), ("", ""), ("", "de")]).logprobs(-0.1, -0.2)
        made = shape(testing.build(Numbers), testing.context(), batch.rollouts())
        self.assertEqual(made.terms, [("a", [1.0] * 3), ("b", [2.0] * 3)])
        self.assertEqual(made.metrics, [3.0, 0.0, 2.0])
        self.assertEqual(memoryview(made.per_token).cast("f").tolist(), [f32(-0.1)] * 5)

    def test_too_many_numbers_are_the_row_s_error(self) -> None:
        class Generous(Odd):
            def shape(self, row: Rollout) -> Shaped:
                return Shaped([1.0] * row.id)

        rows = testing.shape(testing.build(Generous), BATCH)
        self.assertEqual(rows[0].message.split(" at ")[0], "BadAnswer: has 0 terms, not 1 as declared in TERMS")
        self.assertIs(rows[1].status, Status.VALUE)

    def test_columns_that_do_not_fit_are_refused(self) -> None:
        rollouts = BATCH.rollouts()
        for data, ends in ((b"ab", [1, 2]), (b"ab", [2, 1, 2, 2]), (b"\xff", [1, 1, 1, 1])):
            rollouts.response_text = Column(data, ends)
            with self.assertRaises(BadBatch):
                shape(testing.build(Odd), testing.context(), rollouts)

    def test_randomness_is_the_row_s_and_that_of_the_sdk_in_rust(self) -> None:
        # The first output of the published SplitMix64 for the state 0.
        self.assertEqual(Rng(0).next_u64(), 0xE220_A839_7B1D_CDAF)
        self.assertEqual(Rng.for_row(1, 2).next_u64(), Rng(Rng(3).next_u64()).next_u64())
        rng = Rng.for_row(1, 2)
        self.assertTrue(all(rng.below(7) < 7 and 0.0 <= rng.unit() < 1.0 for _ in range(1000)))

        class Chance(Odd):
            def shape(self, row: Rollout) -> Shaped:
                return Shaped.term(random.random() + row.rng().unit())

        before = random.getstate()
        one, other = (testing.shape(testing.build(Chance), BATCH) for _ in range(2))
        self.assertEqual(random.getstate(), before)
        values = [row.value.terms[0] for row in one]
        self.assertEqual(values, [row.value.terms[0] for row in other])
        self.assertEqual(len(set(values)), len(values))

    def test_recursion_and_memory_are_errors_of_the_row(self) -> None:
        class Deep(Odd):
            def shape(self, row: Rollout) -> Shaped:
                if row.id == 1:
                    raise MemoryError
                return self.shape(row) if row.id == 0 else Shaped.term(0)

        rows = testing.shape(testing.build(Deep), BATCH)
        self.assertTrue(rows[0].message.startswith("RecursionError"), rows[0].message)
        self.assertLess(len(rows[0].message), 400)
        self.assertTrue(rows[1].message.startswith("MemoryError: out of memory"))
        self.assertIs(rows[2].status, Status.VALUE)


class Judge(Labeler[NoSettings]):
    def judge(self, group: Group) -> Judgement:
        lengths = [float(len(text)) for text in group.responses]
        if group.id == 1:
            return Judgement(Best(-1), lengths)
        if group.id == 2:
            raise NotApplicable
        return Judgement(Best(lengths.index(max(lengths))), lengths)

    def annotate(self, group: Group) -> Sequence[Hint]:
        if group.responses[0] == "bad":
            return [Hint(0, 2, 9, "too far")]
        return [Hint(1, 1, 2, "the second letter")]


class Cut(Task[NoSettings]):
    COLUMNS = Columns.RESPONSE_TOKENS
    METRICS = (Metric("m", "a metric"),)
    BASELINES = ("echo", "nothing")

    def configure(self, assets: Assets) -> None:
        self.least = 2

    def layout(self) -> Layout:
        return Layout(8, 4, (1, 2))

    def query(self, row: DataRow) -> Query:
        text = row.parse()["text"]
        if len(text) < self.least:
            raise NotApplicable
        return Query([ord(letter) for letter in text], reference="ä", metadata='{"a": 1}')

    def finish(self, row: Rollout) -> Ending:
        return Ending(len(row.response_tokens) - 2, row.id == 0, -1)

    def baselines(self, row: Rollout) -> List[str]:
        return ["é", ""]


class KindsTest(unittest.TestCase):
    def test_judgements_are_checked(self) -> None:
        groups = [("", ["a", "bcd"]), ("", ["a"]), ("", ["", "", ""]), ("", ["x", "y"])]
        made = judge(testing.build(Judge), testing.context(), testing.groups(groups))
        self.assertEqual(made.verdicts, [Best(1), Abstain(), Abstain(), Best(0)])
        self.assertEqual(made.scores, [1.0, 3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
        self.assertEqual(made.confidence, [])
        self.assertIn("chose response -1 of 1", made.rows[1].message)
        self.assertIs(made.rows[2].status, Status.NOT_APPLICABLE)

    def test_hints_are_of_characters_and_cross_as_bytes(self) -> None:
        labeler = testing.build(Judge)
        self.assertEqual(testing.annotate(labeler, "", ["", "äöü"])[0], Hint(1, 1, 2, "the second letter"))
        testing.take_log()
        self.assertEqual(testing.annotate(labeler, "", ["bad"]), [])
        level, line = testing.take_log()[0]
        self.assertIs(level, Level.WARN)
        self.assertIn("no hints for group 0: BadAnswer", line)

    def test_a_task_s_rows(self) -> None:
        testing.use_bytes()
        task = testing.build(Cut)
        self.assertEqual(testing.layout(task), Layout(8, 4, [1, 2], []))
        rows = testing.queries(task, ['{"text": "ab"}', '{"text": "a"}', "{", '{"text": "𝄞𝄞𝄞"}'])
        self.assertEqual(rows[0].value, Query([97, 98], "ä", '{"a": 1}'))
        kinds = [Status.VALUE, Status.NOT_APPLICABLE, Status.INVALID, Status.VALUE]
        self.assertEqual([row.status for row in rows], kinds)
        self.assertIn("data row 2", rows[2].message)
        endings = testing.finish(task, testing.Batch.of([("", "abc"), ("", "a")]))
        self.assertEqual(endings[0].value, Ending(1, True, -1.0))
        self.assertIn("keeps -1 tokens", endings[1].message)
        metrics = testing.evaluate(task, testing.Batch.of([("", "abc")]))
        self.assertIs(metrics[0].status, Status.NOT_APPLICABLE)
        answers = testing.baselines(task, testing.Batch.of([("", ""), ("", "")]))
        self.assertEqual(answers, {"echo": ["é", "é"], "nothing": ["", ""]})

    def test_verdicts_of_several(self) -> None:
        class All(Judge):
            def judge(self, group: Group) -> Judgement:
                return Judgement(Tie(range(len(group.responses))), confidence=1)

        row = testing.judge(testing.build(All), [("", ["a", "b"])])[0]
        self.assertEqual(row.value, Judgement(Tie([0, 1]), None, 1.0))

    def test_half_a_character_does_not_end_the_log(self) -> None:
        testing.take_log()
        log.info("\ud800")
        self.assertEqual(testing.take_log(), [(Level.INFO, "?")])


if __name__ == "__main__":
    unittest.main()
