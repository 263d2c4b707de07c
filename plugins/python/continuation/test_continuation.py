"""The published fixtures, with one token a byte (token 13 is a carriage return). Run by
``python3 -m unittest`` in this folder, with the SDK's folder on PYTHONPATH."""

import json
import unittest
from typing import Any

from attune_sdk import Problems, Status, testing
from continuation import Continuation


def task(**settings: Any) -> Continuation:
    testing.use_bytes()
    return testing.build(Continuation, settings)


class ContinuationTest(unittest.TestCase):
    def test_queries_are_cut_as_in_the_toy_checks(self) -> None:
        cutting = task(query_len=6, start_text="\r", end_text="\r")
        for tokens, wanted in (
            ([7, 8, 13, 1, 2, 3, 13, 4, 5, 6], [1, 2, 3, 13]),
            ([1, 2, 13], [1, 2, 13]),
            ([1, 2, 3], r'has no start_text "\r"'),
            ([13, 1, 2, 3, 4, 5, 6, 7, 13], r'has no end_text "\r" within query_len 6'),
            ([9, 13, 1, 13, 2, 3, 4, 5, 6], [1, 13]),
        ):
            (row,) = testing.queries(cutting, [json.dumps("".join(map(chr, tokens)))])
            if isinstance(wanted, str):
                self.assertIs(row.status, Status.NOT_APPLICABLE)
                self.assertEqual(row.message, wanted)
            else:
                self.assertEqual(row.value.tokens, wanted)

    def test_responses_end_as_in_fixture_f7(self) -> None:
        ending = task(response_len=8, truncate_token="\r", truncate_after=3, penalty=-1)
        rows = [
            [5, 13, 7, 8, 13, 9, 13, 2],
            [5, 13, 7, 1, 2, 3, 4, 6],
            [1, 2, 3, 13, 13, 4, 5, 13],
            [1, 2, 3, 4, 5, 6, 7, 13],
        ]
        endings = [row.value for row in testing.finish(ending, testing.Batch.of_tokens(rows))]
        wanted = [(5, True, -1.0), (8, False, -1.0), (4, True, -1.0), (8, True, -1.0)]
        self.assertEqual([tuple(ending) for ending in endings], wanted)

    def test_settings_that_cannot_work_are_named(self) -> None:
        with self.assertRaises(Problems) as refused:
            task(start_text="..", response_len=4, truncate_after=4)
        paths = [path for path, _ in refused.exception.found]
        self.assertEqual(paths, ["/truncate_after", "/start_text"])


if __name__ == "__main__":
    unittest.main()
