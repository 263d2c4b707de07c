"""A plugin as a component: the contract's exports, answered by the batch loops of the kinds. Only a
component imports this; the bindings are generated when it is built.

It knows the contract's records and nothing about what a plugin does."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Type, TypeVar

from attune_world.imports import log as _log  # type: ignore[import-not-found]
from attune_world.imports import progress, types
from attune_world.imports import tokenizer as _tokenizer
from componentize_py_types import Err  # type: ignore[import-not-found]

from . import confine, host, imports, labeler, outcome, plugin, shaper, task
from .columns import BadBatch, packed_tokens, text_column
from .explain import explain
from .rows import CallContext, Split
from .settings import Problems

F = TypeVar("F", bound=Callable[..., Any])
_KINDS: Dict[str, Type[plugin.Plugin[Any]]] = {
    "task": task.Task,
    "labeler": labeler.Labeler,
    "shaper": shaper.Shaper,
}
_instance: Optional[Any] = None


class _Tokenizer:
    def encode(self, text: str) -> List[int]:
        data = text.encode()
        column = _tokenizer.encode(types.TextColumn(data, [len(data)]))
        return memoryview(column.data).cast("I").tolist()

    def decode(self, tokens: Sequence[int]) -> str:
        data = packed_tokens(tokens)
        column = _tokenizer.decode(types.TokenColumn(data, [len(data) // 4]))
        # A cut in the middle of a character cannot be shown as text otherwise.
        return bytes(column.data).decode(errors="replace")

    def vocab_size(self) -> int:
        return int(_tokenizer.vocab_size())


class _Host(host.Host):
    INTERRUPTS = ()

    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = _Tokenizer()
        # Called for every row: without a step between.
        self.row = progress.row  # type: ignore[method-assign]
        self._levels = list(_log.Level)

    def write(self, level: host.Level, message: str) -> None:
        _log.write(self._levels[level.value], message)

    def random(self) -> Any:
        return confine.random_in_use()


def begin() -> None:
    """Before the plugin's own modules are imported."""
    host.current = _Host()
    confine.before_import()


def named(module: Any, name: str) -> Any:
    """The class ``name`` of ``module``, which pyproject.toml says is the plugin."""
    try:
        return getattr(module, name)
    except AttributeError:
        raise ImportError(
            f"{module.__name__} has no class `{name}`, which [tool.attune] plugin in pyproject.toml names"
        ) from None


def export(
    made: Any,
    kind: str,
    name: str,
    version: str,
    summary: str,
    late: Sequence[Tuple[str, int, str, str, str]],
) -> Dict[str, Any]:
    """The exports of a component that plays ``kind`` by the class ``made``; ``late`` are the
    plugin's imports inside functions."""
    too_late = imports.missing([imports.Late(*one) for one in late])
    if too_late:
        found = "; ".join(map(str, too_late))
        raise ImportError(f"{found}: a component finds no modules; import at the top of the module")
    wanted = _KINDS[kind]
    if not (isinstance(made, type) and issubclass(made, wanted)):
        raise TypeError(f"{made!r} is no class that derives from attune_sdk.{wanted.__name__}")
    about = plugin.describe(made, name, version, summary)
    about["columns"] = types.Columns(about["columns"].value)
    from attune_world.exports import plugin as records  # type: ignore[import-not-found]

    about["assets"] = [records.AssetDescription(**asset) for asset in about["assets"]]
    about["metrics"] = [records.MetricDescription(**metric) for metric in about["metrics"]]
    description = records.Description(**about)

    class Plugin:
        def describe(self) -> Any:
            return description

        @_guarded
        def configure(self, settings: str, assets: List[Any]) -> None:
            global _instance
            if _instance is not None:
                raise BadBatch("configured twice")
            _instance = plugin.build(made, settings, {asset.name: asset.data for asset in assets})

    exports = {"task": _task, "labeler": _labeler, "shaper": _shaper}[kind]()
    confine.after_import(any(one[3] == "random" for one in late))
    return {"Plugin": Plugin, f"{wanted.__name__}Plugin": exports}


def _guarded(call: F) -> F:
    """The call with everything that it raises turned into the contract's error, since an exception
    that leaves a component ends it without a word."""

    def guarded(*arguments: Any) -> Any:
        confine.enter()
        try:
            return call(*arguments)
        except Problems as error:
            problems = [types.ConfigProblem(*found) for found in error.found]
            raise Err(types.Error_Config(problems)) from None
        except BadBatch as error:
            raise Err(types.Error_Input(str(error))) from None
        except BaseException as error:
            raise Err(types.Error_Internal(_sound(explain(error)))) from None
        finally:
            confine.leave()

    return guarded  # type: ignore[return-value]


def _ready() -> Any:
    if _instance is None:
        raise BadBatch("called before configure")
    return _instance


def _sound(text: str) -> str:
    """Text that can cross: half a character cannot."""
    return text.encode("utf-8", "replace").decode()


def _context(given: Any) -> CallContext:
    return CallContext(given.seed, given.update, Split(given.split.value))


def _outcomes(rows: Sequence[outcome.Outcome[Any]]) -> Any:
    status, messages = outcome.packed(rows)
    return types.Outcomes(
        [types.Status(one.value) for one in status],
        [types.RowMessage(row, _sound(text)) for row, text in messages],
    )


def _shaper() -> Any:
    from attune_world.exports import shaper_plugin as records

    class ShaperPlugin:
        @_guarded
        def shape(self, context: Any, batch: Any) -> Any:
            made = shaper.shape(_ready(), _context(context), batch)
            terms = [records.Term(name, values) for name, values in made.terms]
            return records.Shaped(terms, made.per_token, made.metrics, _outcomes(made.rows))

    return ShaperPlugin


def _labeler() -> Any:
    from attune_world.exports import labeler_plugin as records

    def verdict(given: labeler.Verdict) -> Any:
        if isinstance(given, labeler.Best):
            return records.Verdict_Best(given.response)
        if isinstance(given, labeler.Tie):
            return records.Verdict_Tie(given.responses)
        return records.Verdict_Abstain()

    class LabelerPlugin:
        @_guarded
        def judge(self, context: Any, batch: Any) -> Any:
            made = labeler.judge(_ready(), _context(context), batch)
            verdicts = [verdict(given) for given in made.verdicts]
            return records.Judgements(verdicts, made.confidence, made.scores, _outcomes(made.rows))

        @_guarded
        def annotate(self, context: Any, batch: Any) -> Any:
            hints = labeler.annotate(_ready(), _context(context), batch)
            return [records.Hint(*hint[:4], _sound(hint.note)) for hint in hints]

    return LabelerPlugin


def _task() -> Any:
    from attune_world.exports import task_plugin as records

    class TaskPlugin:
        @_guarded
        def layout(self) -> Any:
            return records.TaskLayout(*task.layout(_ready()))

        @_guarded
        def queries(self, context: Any, ids: List[int], rows: Any) -> Any:
            made = task.queries(_ready(), _context(context), ids, rows)
            return records.QueryBatch(
                types.TokenColumn(*made.tokens),
                types.TextColumn(*made.reference),
                types.TextColumn(*made.metadata),
                _outcomes(made.rows),
            )

        @_guarded
        def finish(self, context: Any, batch: Any) -> Any:
            made = task.finish(_ready(), _context(context), batch)
            return records.Endings(made.kept, made.valid, made.penalty, _outcomes(made.rows))

        @_guarded
        def evaluate(self, context: Any, batch: Any) -> Any:
            metrics, rows = task.evaluate(_ready(), _context(context), batch)
            return records.Evaluation(metrics, _outcomes(rows))

        @_guarded
        def baselines(self, context: Any, batch: Any) -> Any:
            made = task.baselines(_ready(), _context(context), batch)
            columns = [(name, types.TextColumn(*text_column(texts))) for name, texts in made]
            return [records.Baseline(*named) for named in columns]

    return TaskPlugin
