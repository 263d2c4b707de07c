"""Run by ``python3 -m unittest`` in this folder, with the SDK's folder on PYTHONPATH."""

import unittest

from attune_sdk import Abstain, Best, Hint, Problems, Tie, f32, testing
from valence import Valence

WORDS = b"good\t1.9\t0.9\t[2]\nbad\t-2.5\ngreat\t3.1\n:)\t2.0\n"


class ValenceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.labeler = testing.build(Valence, assets={"lexicon": WORDS})

    def test_neighbours_change_what_a_word_weighs(self) -> None:
        def score(text: str) -> float:
            return self.labeler.score(text)[0]

        self.assertAlmostEqual(score("It is good."), 1.9 / (1.9 * 1.9 + 15.0) ** 0.5, 6)
        self.assertTrue(score("slightly good") < score("good") < score("very good"))
        self.assertTrue(score("isn't very good") < 0.0 < score("never bad"))
        self.assertTrue(score("a GOOD film") > score("a good film"))
        self.assertTrue(score("good but bad") < score("good and bad"))
        self.assertEqual(self.labeler.score("a table"), (0.0, False))
        self.assertEqual(score("good"), f32(score("good")))

    def test_chooses_ties_and_abstains(self) -> None:
        groups = [("q", ["bad", "great", "good"]), ("q", ["good", "x", "good"]), ("q", ["x", "y"])]
        verdicts = [row.value.verdict for row in testing.judge(self.labeler, groups)]
        self.assertEqual(verdicts, [Best(1), Tie([0, 2]), Abstain()])

    def test_hints_show_words_and_the_lexicon_is_checked(self) -> None:
        hints = testing.annotate(self.labeler, "", ["x", "é not good"])
        self.assertEqual(hints, [Hint(1, 6, 10, "-1.3")])
        for assets in ({}, {"lexicon": b"good"}):
            with self.assertRaises(Problems) as refused:
                testing.build(Valence, assets=assets)
            self.assertEqual(refused.exception.found[0][0], "assets/lexicon")


if __name__ == "__main__":
    unittest.main()
