"""What all kinds of plugin share: settings, assets, columns, metrics, and their description to
the host. It does not know the kinds."""

from __future__ import annotations

import json
import typing
from typing import Any, ClassVar, Dict, Generic, Mapping, NamedTuple, Optional, Sequence, Type
from typing import TypeVar

from . import settings as _settings
from .answer import shown
from .columns import Columns
from .explain import BadAnswer, place
from .settings import Problems

S = TypeVar("S")
P = TypeVar("P", bound="Plugin[Any]")

SDK = "attune-sdk 0.1.0 (python)"


class Asset(NamedTuple):
    """A file that a plugin can be given."""

    name: str
    """The name in the config."""
    help: str
    """What it is for."""
    required: bool = True
    """Whether the plugin cannot work without it."""


class Metric(NamedTuple):
    """A number that a plugin reports for each row."""

    name: str
    """Its name in the run's metrics."""
    help: str
    """What it measures."""


class Assets:
    """The files from the config."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def get(self, name: str) -> Optional[bytes]:
        """The bytes of asset ``name``, if it was given."""
        return self._files.get(name)

    def text(self, name: str) -> str:
        """The text of asset ``name``; a problem when it is missing or not UTF-8."""
        data = self._files.get(name)
        if data is None:
            raise Problems.at(f"assets/{name}", "asset is missing")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Problems.at(f"assets/{name}", f"not UTF-8: {error}") from None


class Plugin(Generic[S]):
    """The part that every plugin has, whatever its kind. Derive from ``Task``, ``Labeler`` or
    ``Shaper`` instead, with your settings: ``class Length(Shaper[Settings])``."""

    KIND: ClassVar[str]
    COLUMNS: ClassVar[Columns] = Columns.NONE
    """Columns that the plugin reads; reading another one is an error."""
    ASSETS: ClassVar[Sequence[Asset]] = ()
    """Files that the config may hand over."""
    METRICS: ClassVar[Sequence[Metric]] = ()
    """Numbers that the plugin reports for each row, in this order."""

    _ALWAYS: ClassVar[Columns] = Columns.NONE
    _REQUIRED: ClassVar[Sequence[str]] = ()
    _SETTINGS: ClassVar[Type[Any]] = _settings.NoSettings

    settings: S
    """The settings, checked."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for base in cls.__dict__.get("__orig_bases__", ()):
            for argument in typing.get_args(base):
                if isinstance(argument, type):
                    cls._SETTINGS = argument

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def configure(self, assets: Assets) -> None:
        """Makes the plugin ready, once; raise ``Problems`` with every problem found."""


def columns(plugin: Type[Plugin[Any]]) -> Columns:
    """What a plugin asks for, and what its kind always needs."""
    return plugin.COLUMNS | plugin._ALWAYS


def check(plugin: Type[Plugin[Any]]) -> None:
    """Refuses a class that declares columns or names which are none."""
    if not isinstance(plugin.COLUMNS, Columns):
        raise TypeError(f"{plugin.__name__}.COLUMNS is {shown(plugin.COLUMNS)}, not Columns")
    kinds = {"TERMS": str, "BASELINES": str, "METRICS": Metric, "ASSETS": Asset}
    for name, kind in kinds.items():
        given = getattr(plugin, name, ())
        if type(given) not in (list, tuple) or not all(isinstance(one, kind) for one in given):
            example = "('one', 'two')" if kind is str else f"({kind.__name__}(...),)"
            raise TypeError(
                f"{plugin.__name__}.{name} is {shown(given)}; write a tuple such as {example}: "
                "a tuple of one has a comma, as in (1,)"
            )


def schema(plugin: Type[Plugin[Any]]) -> str:
    """The JSON Schema of a plugin's settings."""
    return json.dumps(_settings.schema(plugin._SETTINGS), ensure_ascii=False)


def build(plugin: Type[P], settings: str, assets: Mapping[str, bytes]) -> P:
    """Reads settings as JSON text and builds the plugin; raises ``Problems``."""
    check(plugin)
    made = plugin(_settings.read(plugin._SETTINGS, settings))
    missing = Problems()
    for asset in plugin.ASSETS:
        there = not asset.required or asset.name in assets
        missing.require(there, f"assets/{asset.name}", f"asset is missing: {asset.help}")
    missing.done()
    returned: Any = made.configure(Assets(assets))
    if isinstance(returned, Problems):
        error = BadAnswer("`configure` returned Problems; raise them, or end it with `.done()`")
        error.place = place(made.configure)
        raise error
    return made


def describe(plugin: Type[Plugin[Any]], name: str, version: str, summary: str) -> Dict[str, Any]:
    """What a plugin says of itself, in the contract's words."""
    check(plugin)
    for method in plugin._REQUIRED:
        if getattr(plugin, method).__module__.startswith("attune_sdk."):
            raise TypeError(f"{plugin.__name__} has no method `{method}`")
    return {
        "name": name,
        "version": version,
        "summary": summary,
        "sdk": SDK,
        "columns": columns(plugin),
        "settings_schema": schema(plugin),
        "assets": [asset._asdict() for asset in plugin.ASSETS],
        "metrics": [metric._asdict() for metric in plugin.METRICS],
    }
