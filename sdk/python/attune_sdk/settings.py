"""Settings: a dataclass becomes the JSON Schema that users see, and JSON becomes a dataclass. It
knows no plugin."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import typing
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, Union

T = TypeVar("T")
_DOC = "attune"
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


class Problems(Exception):
    """Settings or assets that cannot be used, each with its place: a JSON pointer such as
    ``/target``, or ``assets/NAME``."""

    def __init__(self, found: Optional[List[Tuple[str, str]]] = None) -> None:
        super().__init__()
        self.found = list(found or [])

    @classmethod
    def at(cls, path: str, message: str) -> Problems:
        """One problem."""
        return cls([(path, message)])

    def require(self, holds: bool, path: str, message: str) -> Problems:
        """Adds a problem at ``path`` unless ``holds``."""
        if not holds:
            self.found.append((path, message))
        return self

    def done(self) -> None:
        """Raises itself when there is a problem."""
        if self.found:
            raise self

    def __str__(self) -> str:
        return "; ".join(f"`{path}`: {message}" for path, message in self.found)


def setting(
    default: T,
    doc: str,
    *,
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    above: Optional[float] = None,
    below: Optional[float] = None,
) -> T:
    """A field of a settings dataclass: its default, its explanation, and its bounds (``above`` and
    ``below`` are not allowed themselves)."""
    bounds = zip(_BOUNDS, (minimum, maximum, above, below))
    about = {"doc": doc, "bounds": {name: bound for name, bound in bounds if bound is not None}}
    made: Any = dataclasses.field(
        default_factory=lambda: copy.deepcopy(default), metadata={_DOC: about}
    )
    return typing.cast(T, made)


@dataclasses.dataclass(frozen=True)
class NoSettings:
    """For plugins without settings."""


def schema(settings: Type[Any]) -> Dict[str, Any]:
    """The JSON Schema of a settings dataclass; unknown keys are refused."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(settings)}


def read(settings: Type[T], text: str) -> T:
    """Settings from JSON text; an error names every setting that does not fit."""
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise Problems.at("", f"not JSON: {error}") from None
    problems = Problems()
    made = _read(settings, given, "", {}, problems)
    problems.done()
    return typing.cast(T, made)


def _object(settings: Type[Any]) -> Dict[str, Any]:
    doc = (settings.__doc__ or "").strip()
    made: Dict[str, Any] = {"title": settings.__name__}
    # A dataclass without a docstring gets its signature as one.
    if doc and not doc.startswith(settings.__name__ + "("):
        made["description"] = " ".join(doc.split())
    made.update(type="object", properties={}, additionalProperties=False)
    for name, kind, field in _fields(settings):
        about = field.metadata.get(_DOC, {"doc": "", "bounds": {}})
        property_: Dict[str, Any] = {"description": about["doc"]} if about["doc"] else {}
        try:
            property_.update(_schema(kind))
        except TypeError as error:
            raise TypeError(f"`{name}`: {error}") from None
        property_.update(about["bounds"])
        property_["default"] = _default(f"{settings.__name__}.{name}", kind, field, about["bounds"])
        made["properties"][name] = property_
    return made


def _default(name: str, kind: Any, field: Any, bounds: Mapping[str, float]) -> Any:
    """What a setting is where nobody sets it, which must be what it may be set to."""
    if field.default_factory is not dataclasses.MISSING:
        default = _plain(field.default_factory())
    elif field.default is not dataclasses.MISSING:
        default = _plain(field.default)
    else:
        raise TypeError(f"{name} has no default")
    problems = Problems()
    _read(kind, default, "", bounds, problems)
    for _, message in problems.found:
        raise TypeError(f"the default of {name} {message}")
    return default


def _fields(settings: Type[Any]) -> List[Tuple[str, Any, Any]]:
    if not dataclasses.is_dataclass(settings):
        raise TypeError(f"{settings.__name__} is not a dataclass")
    kinds = typing.get_type_hints(settings)
    return [(field.name, kinds[field.name], field) for field in dataclasses.fields(settings)]


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]


def _optional(kind: Any) -> Any:
    """The type inside an ``Optional``, or nothing."""
    arguments = [a for a in typing.get_args(kind) if a is not type(None)]
    is_union = typing.get_origin(kind) is Union or type(kind).__name__ == "UnionType"
    if is_union and len(arguments) == 1 and len(typing.get_args(kind)) == 2:
        return arguments[0]
    return None


_SIMPLE: Dict[Any, Tuple[str, str]] = {
    bool: ("boolean", "true or false"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
    str: ("string", "a text"),
}


def _schema(kind: Any) -> Dict[str, Any]:
    if kind in _SIMPLE:
        return {"type": _SIMPLE[kind][0]}
    inner = _optional(kind)
    if inner is not None:
        made = _schema(inner)
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
        return {**made, "type": [made["type"], "null"]}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal and all(isinstance(choice, str) for choice in arguments):
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object(kind)
    raise TypeError(
        f"a setting cannot be {kind}: use bool, int, float, str, Literal of texts, Optional, List, "
        "Dict with text keys, or a dataclass"
    )


def _read(kind: Any, given: Any, path: str, bounds: Mapping[str, float], out: Problems) -> Any:
    """``given`` as a value of ``kind``; what does not fit is added to ``out``."""
    if kind in _SIMPLE:
        return _simple(kind, given, path, bounds, out)
    inner = _optional(kind)
    if inner is not None:
        return None if given is None else _read(inner, given, path, bounds, out)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        choices = " or ".join(json.dumps(choice) for choice in arguments)
        out.require(given in arguments, path, f"{_shown(given)} is not {choices}")
        return given
    if origin is list:
        if not isinstance(given, list):
            return out.require(False, path, f"must be a list, not {_shown(given)}")
        items = enumerate(given)
        return [_read(arguments[0], item, f"{path}/{at}", {}, out) for at, item in items]
    if not isinstance(given, dict):
        return out.require(False, path, f"must be a table, not {_shown(given)}")
    if origin is dict:
        pairs = given.items()
        return {key: _read(arguments[1], v, path + _step(key), {}, out) for key, v in pairs}
    return _dataclass(kind, given, path, out)


def _dataclass(kind: Any, given: Dict[str, Any], path: str, out: Problems) -> Any:
    fields = _fields(kind)
    known = [name for name, _, _ in fields]
    for key in given:
        wanted = ", ".join(known) or "there are none"
        out.require(key in known, path + _step(key), f"unknown setting; known are {wanted}")
    values = {}
    for name, inner, field in fields:
        if name in given:
            bounds = field.metadata.get(_DOC, {"bounds": {}})["bounds"]
            values[name] = _read(inner, given[name], path + _step(name), bounds, out)
    return None if out.found else kind(**values)


_HOLDS: Dict[str, Tuple[Callable[[float, float], bool], str]] = {
    "minimum": (lambda value, bound: value >= bound, "must be at least"),
    "maximum": (lambda value, bound: value <= bound, "must be at most"),
    "exclusiveMinimum": (lambda value, bound: value > bound, "must be above"),
    "exclusiveMaximum": (lambda value, bound: value < bound, "must be below"),
}


def _simple(kind: Any, given: Any, path: str, bounds: Mapping[str, float], out: Problems) -> Any:
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    fits = is_number and math.isfinite(given) if kind is float else type(given) is kind
    out.require(fits, path, f"must be {_SIMPLE[kind][1]}, not {_shown(given)}")
    if not fits:
        return given
    for name, bound in bounds.items():
        holds, words = _HOLDS[name]
        out.require(holds(given, bound), path, f"{words} {bound}, not {_shown(given)}")
    return float(given) if kind is float else given


def _step(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 40 else text[:40] + "…"
