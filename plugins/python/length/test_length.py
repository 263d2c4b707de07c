"""Run by ``python3 -m unittest`` in this folder, with the SDK's folder on PYTHONPATH."""

import unittest

from attune_sdk import Problems, testing
from length import Length


class LengthTest(unittest.TestCase):
    def test_bonus_falls_off_on_both_sides(self) -> None:
        shaper = testing.build(Length, {"target": 3, "scale": 2})
        texts = ["a b c", "a b", "a b c d", "a b c d e f g h i j"]
        rows = testing.shape(shaper, testing.Batch.of([("", text) for text in texts]))
        self.assertEqual([row.value.terms for row in rows], [[1.0], [0.5], [0.5], [-1.0]])

    def test_counts_tokens_and_refuses_nonsense(self) -> None:
        testing.use_bytes()
        shaper = testing.build(Length, {"target": 3, "unit": "tokens"})
        row = testing.shape(shaper, testing.Batch.of([("", "abc")]))[0].value
        self.assertEqual((row.terms, row.metrics), ([1.0], [3.0]))
        for settings, path in (({"unit": "pages"}, "/unit"), ({"scale": 0}, "/scale")):
            with self.assertRaises(Problems) as refused:
                testing.build(Length, settings)
            self.assertEqual(refused.exception.found[0][0], path)


if __name__ == "__main__":
    unittest.main()
