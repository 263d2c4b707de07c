"""Golden cases, put to a plugin natively: what it is asked as JSON, what it answers as JSON, in the
form that docs/plugins.md shows. Tokens are bytes, unless ``testing.use_tokenizer`` says otherwise.

It does not know what was expected."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Type

from . import labeler, plugin, shaper, task, testing, tokenizer
from .columns import f32, packed_floats
from .outcome import Outcome, Status
from .plugin import Metric, Plugin
from .rows import CallContext, Split
from .settings import Problems
from .wire import Groups, Rollouts, texts, tokens

Case = Mapping[str, Any]


def answer(kind: Type[Plugin[Any]], case: Case, folder: str = ".") -> List[Any]:
    """The answers of a plugin to one case, one a row; ``assets`` are files in ``folder``."""
    assets = {}
    for name, path in case.get("assets", {}).items():
        with open(os.path.join(folder, path), "rb") as file:
            assets[name] = file.read()
    missing = [one.name for one in kind.ASSETS if one.required and one.name not in assets]
    if missing:  # which the host says in these words before it calls the plugin
        return _refused(f"asset `{missing[0]}` is missing", case)
    try:
        made = plugin.build(kind, json.dumps(case.get("settings") or {}), assets)
    except Problems as problems:
        return _refused(str(problems), case)
    if case["call"] == "configure":
        return ["accepted"]
    call, wanted = _CALLS[case["call"]]
    if not isinstance(made, wanted):
        raise TypeError(f"a {kind.KIND} has no `{case['call']}`")
    return call(made, _context(case), list(case.get("rows", [])))


def _refused(message: str, case: Case) -> List[Any]:
    return [{"error": message}] * (len(case.get("rows", [])) or 1)


def _context(case: Case) -> CallContext:
    given = case.get("context", {})
    split = Split[given.get("split", "train").upper()]
    return CallContext(given.get("seed", 1), given.get("update", 0), split)


def _metadata(row: Case) -> str:
    given = row.get("metadata")
    if given is None:
        return ""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _rollouts(rows: Sequence[Case]) -> Rollouts:
    ids, responses = [], []
    for row in rows:
        given = row.get("tokens")
        text = row.get("response")
        if given is None:
            given = tokenizer.encode(text or "")
        ids.append(given)
        responses.append(tokenizer.decode(given) if text is None else text)

    def beside(name: str) -> bytes:
        flat: List[float] = []
        for row, encoded in zip(rows, ids):
            value = row.get(name, 0.0)
            flat.extend(value if isinstance(value, list) else [value] * len(encoded))
        return packed_floats(flat)

    queries = [row.get("query", "") for row in rows]
    encoded = [tokenizer.encode(text) for text in queries]
    scores = [row.get("score") for row in rows]
    return Rollouts(
        ids=[row.get("id", place) for place, row in enumerate(rows)],
        query_text=texts(queries),
        query_tokens=tokens([r.get("query_tokens", made) for r, made in zip(rows, encoded)]),
        response_text=texts(responses),
        response_tokens=tokens(ids),
        reference_text=texts([row.get("reference", "") for row in rows]),
        logprobs=beside("logprobs"),
        ref_logprobs=beside("ref_logprobs"),
        values=beside("values"),
        score=[float("nan") if score is None else score for score in scores],
        metadata=texts([_metadata(row) for row in rows]),
    )


def _groups(rows: Sequence[Case]) -> Groups:
    made = testing.groups([(row.get("query", ""), row["responses"]) for row in rows])
    made.ids = [row.get("id", place) for place, row in enumerate(rows)]
    made.reference_text = texts([row.get("reference", "") for row in rows])
    made.metadata = texts([_metadata(row) for row in rows])
    return made


def _each(outcomes: Sequence[Outcome[Any]], write: Callable[[Any], Any]) -> List[Any]:
    def row(outcome: Outcome[Any]) -> Any:
        if outcome.status is Status.VALUE:
            return write(outcome.value)
        if outcome.status is Status.NOT_APPLICABLE:
            return {"not-applicable": outcome.message} if outcome.message else "not-applicable"
        return {outcome.status.name.lower(): outcome.message}

    return [row(outcome) for outcome in outcomes]


def _number(value: float) -> Any:
    """The shortest decimal that is this single-precision number and no other."""
    exact = f32(value)
    if exact in (float("inf"), float("-inf")) or exact != exact:
        return None
    shorter = (float(f"{exact:.{digits}g}") for digits in range(1, 9))
    return next((short for short in shorter if f32(short) == exact), exact)


def _numbers(values: Sequence[float]) -> List[Any]:
    return [_number(value) for value in values]


def _metrics(described: Sequence[Metric], values: Sequence[float]) -> Dict[str, Any]:
    return {metric.name: _number(value) for metric, value in zip(described, values)}


def _shape(made: shaper.Shaper[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    def write(shaped: shaper.Shaped) -> Any:
        answer: Dict[str, Any] = {"terms": dict(zip(made.TERMS, _numbers(shaped.terms)))}
        if shaped.per_token:
            answer["per_token"] = _numbers(shaped.per_token)
        if shaped.metrics:
            answer["metrics"] = _metrics(made.METRICS, shaped.metrics)
        return answer

    return _each(shaper.shape(made, context, _rollouts(rows)).rows, write)


def _judge(made: labeler.Labeler[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    def write(judgement: labeler.Judgement) -> Any:
        verdict = judgement.verdict
        answer: Dict[str, Any] = {}
        if isinstance(verdict, labeler.Best):
            answer["best"] = verdict.response
        elif isinstance(verdict, labeler.Tie):
            answer["tie"] = sorted(set(verdict.responses))
        else:
            answer["abstain"] = True
        if judgement.confidence is not None:
            answer["confidence"] = _number(judgement.confidence)
        if judgement.scores:
            answer["scores"] = _numbers(judgement.scores)
        return answer

    return _each(labeler.judge(made, context, _groups(rows)).rows, write)


def _annotate(made: labeler.Labeler[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    answers: List[Dict[str, List[Any]]] = [{"hints": []} for _ in rows]
    for hint in labeler.annotate(made, context, _groups(rows)):
        fields = hint._asdict()
        answers[fields.pop("group")]["hints"].append(fields)
    return answers


def _layout(made: task.Task[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    return [task.layout(made)._asdict()]


def _queries(made: task.Task[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    def write(query: task.Query) -> Any:
        encoded = list(query.tokens)
        text = tokenizer.decode(encoded)
        try:
            metadata = json.loads(query.metadata)
        except ValueError:
            metadata = query.metadata
        about = {"reference": query.reference, "metadata": metadata}
        return {"text": text, "tokens": encoded, **about}

    data = texts([json.dumps(row, ensure_ascii=False) for row in rows])
    return _each(task.queries(made, context, list(range(len(rows))), data).rows, write)


def _finish(made: task.Task[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    def write(ending: task.Ending) -> Any:
        return {**ending._asdict(), "penalty": _number(ending.penalty)}

    return _each(task.finish(made, context, _rollouts(rows)).rows, write)


def _evaluate(made: task.Task[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    outcomes = task.evaluate(made, context, _rollouts(rows))[1]
    return _each(outcomes, lambda values: {"metrics": _metrics(made.METRICS, values)})


def _baselines(made: task.Task[Any], context: CallContext, rows: List[Any]) -> List[Any]:
    without = [{**row, "response": "", "tokens": []} for row in rows]
    named = task.baselines(made, context, _rollouts(without))
    return [
        {"baselines": {name: answers[row].decode() for name, answers in named}}
        for row in range(len(rows))
    ]


_CALLS: Dict[str, Tuple[Callable[[Any, CallContext, List[Any]], List[Any]], Type[Any]]] = {
    "shape": (_shape, shaper.Shaper),
    "judge": (_judge, labeler.Labeler),
    "annotate": (_annotate, labeler.Labeler),
    "layout": (_layout, task.Task),
    "queries": (_queries, task.Task),
    "finish": (_finish, task.Task),
    "evaluate": (_evaluate, task.Task),
    "baselines": (_baselines, task.Task),
}
