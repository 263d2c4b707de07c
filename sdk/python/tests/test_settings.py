"""Settings: their schema, and what is refused."""

import unittest
from dataclasses import dataclass, field
from typing import Dict, List, Literal, Optional

from attune_sdk import NoSettings, Problems, Shaper, setting, testing


@dataclass(frozen=True)
class Inner:
    weight: float = setting(1.0, "What it weighs.", above=0)


@dataclass(frozen=True)
class Settings:
    """What can be
    set."""

    target: int = setting(20, "The best length.", minimum=1, maximum=100)
    unit: Literal["tokens", "words"] = setting("words", "What is counted.")
    scale: float = setting(2.5, "How wide.", above=0)
    word: Optional[str] = setting(None, "A word; none by default.")
    flag: bool = setting(False, "Whether.")
    words: List[str] = setting(["a"], "Words.")
    table: Dict[str, float] = setting({}, "Weights.")
    inner: Inner = setting(Inner(), "More.")
    plain: int = 3
    made: List[int] = field(default_factory=list)


class Some(Shaper[Settings]):
    pass


class None_(Shaper[NoSettings]):
    pass


class SettingsTest(unittest.TestCase):
    def test_the_schema_says_what_users_see(self) -> None:
        schema = testing.schema(Some)
        self.assertEqual(schema["title"], "Settings")
        self.assertEqual(schema["description"], "What can be set.")
        self.assertIs(schema["additionalProperties"], False)
        properties = schema["properties"]
        self.assertEqual(
            properties["target"],
            {
                "description": "The best length.",
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "default": 20,
            },
        )
        self.assertEqual(properties["unit"]["enum"], ["tokens", "words"])
        self.assertEqual(properties["scale"]["exclusiveMinimum"], 0)
        self.assertEqual(properties["word"]["type"], ["string", "null"])
        self.assertEqual(properties["inner"]["default"], {"weight": 1.0})
        self.assertEqual(properties["made"], {"type": "array", "items": {"type": "integer"}, "default": []})
        self.assertEqual(testing.schema(None_)["properties"], {})

    def test_defaults_are_filled_in_and_never_shared(self) -> None:
        one, other = testing.build(Some), testing.build(Some, {"inner": {"weight": 2}, "scale": 3})
        self.assertEqual((one.settings.target, other.settings.scale), (20, 3.0))
        self.assertEqual(other.settings.inner.weight, 2.0)
        one.settings.words.append("b")
        self.assertEqual(other.settings.words, ["a"])

    def test_what_does_not_fit_is_named_with_its_place(self) -> None:
        for settings, path, part in (
            ('{"target": 0}', "/target", "at least 1, not 0"),
            ('{"target": 101}', "/target", "at most 100"),
            ('{"target": 3.5}', "/target", "an integer, not 3.5"),
            ('{"target": true}', "/target", "an integer"),
            ('{"scale": 0}', "/scale", "above 0"),
            ('{"scale": NaN}', "/scale", "a number"),
            ('{"unit": "pages"}', "/unit", '"tokens" or "words"'),
            ('{"words": ["a", 3]}', "/words/1", "a text, not 3"),
            ('{"table": {"a/b": "x"}}', "/table/a~1b", "a number"),
            ('{"inner": {"wait": 1}}', "/inner/wait", "known are weight"),
            ('{"tarket": 3}', "/tarket", "unknown setting"),
            ("[]", "", "a table"),
            ("{", "", "not JSON"),
        ):
            with self.assertRaises(Problems, msg=settings) as refused:
                testing.build(Some, settings)
            found, message = refused.exception.found[0]
            self.assertEqual(found, path)
            self.assertIn(part, message)

    def test_every_problem_is_told(self) -> None:
        with self.assertRaises(Problems) as refused:
            testing.build(Some, {"target": 0, "scale": 0, "flag": 1})
        self.assertEqual([path for path, _ in refused.exception.found], ["/target", "/scale", "/flag"])

    def test_a_setting_without_a_default_or_of_another_type_is_the_author_s_mistake(self) -> None:
        @dataclass
        class Bare:
            target: int

        @dataclass
        class Odd:
            target: bytes = b""

        @dataclass
        class Wrong:
            target: int = setting("eight", "A length.")  # type: ignore[assignment]

        @dataclass
        class Beyond:
            target: int = setting(0, "A length.", minimum=1)

        for settings in (Bare, Odd, Wrong, Beyond):
            plugin = type("Plugin", (Some,), {"_SETTINGS": settings})
            with self.assertRaises(TypeError):
                testing.schema(plugin)


if __name__ == "__main__":
    unittest.main()
