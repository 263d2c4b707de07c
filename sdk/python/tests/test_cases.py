"""The cases of the plugins in Rust, put to their twins in Python."""

import json
import os
import sys
import unittest
from typing import Any, List

from attune_sdk import cases, testing

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")


def differences(expected: Any, got: Any, place: str = "") -> List[str]:
    """Places where an answer is not as expected; a key that is left out is not compared."""
    if isinstance(expected, dict) and isinstance(got, dict):
        pairs = [(key, value, got.get(key)) for key, value in expected.items()]
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = [(str(at), one, other) for at, (one, other) in enumerate(zip(expected, got))]
    elif place.split(".")[-1] in ("error", "invalid", "not-applicable"):
        return [] if expected in got else [f"{place}: {expected!r} is not in {got!r}"]
    else:
        return [] if expected == got else [f"{place}: {expected!r} is not {got!r}"]
    found: List[str] = []
    for key, one, other in pairs:
        found += differences(one, other, f"{place}.{key}")
    return found


class CasesTest(unittest.TestCase):
    def test_twins_answer_as_the_plugins_in_rust_do(self) -> None:
        testing.use_bytes()
        for name in ("length", "valence", "continuation"):
            sys.path.insert(0, os.path.join(ROOT, "plugins/python", name))
            kind = getattr(__import__(name), name.capitalize())
            folder = os.path.join(ROOT, "plugins", name)
            with open(os.path.join(folder, "cases.jsonl"), encoding="utf-8") as file:
                asked = [json.loads(line) for line in file]
            self.assertGreater(len(asked), 4)
            for case in asked:
                answers = cases.answer(kind, case, folder)
                self.assertEqual(differences(case["expect"], answers), [], case["name"])
            del sys.path[0], sys.modules[name]


if __name__ == "__main__":
    unittest.main()
