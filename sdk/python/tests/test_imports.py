"""Imports that a component could not do."""

import unittest

from attune_sdk.imports import Late, late, missing

SOURCE = '''
import json
def top():
    import statistics
    from . import near
    from ..far import thing as other
    try:
        import fast
    except ImportError:
        import slow
    try:
        import risky
    finally:
        pass
class A:
    import inside_a_class
    def method(self):
        if self:
            from os import path
'''


class ImportsTest(unittest.TestCase):
    def test_imports_inside_functions_are_found(self) -> None:
        found = late(SOURCE, "pack/inner/mod.py")
        self.assertEqual(
            [(one.line, one.function, one.module, one.name) for one in found],
            [
                (4, "top", "statistics", ""),
                (5, "top", "pack.inner", "near"),
                (6, "top", "pack.far", "thing"),
                (10, "top", "slow", ""),
                (12, "top", "risky", ""),
                (19, "method", "os", "path"),
            ],
        )
        self.assertEqual(str(found[0]), "pack/inner/mod.py:4 imports `statistics` inside `top`")

    def test_what_somebody_imported_is_there(self) -> None:
        here = Late("a.py", 1, "f", "unittest", "TestCase")
        gone = Late("a.py", 1, "f", "unittest", "no_such_name")
        self.assertEqual(missing([here, gone, Late("a.py", 1, "f", "os.path", "")]), [gone])


if __name__ == "__main__":
    unittest.main()
