"""Gates: the acceptance conditions of a milestone, and what its frozen promises add to them.

Responsible for comparing values that are computed already. What an open gate means for the exit
status is `running`'s.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenSetRecord
from evidence.records.milestone import GateSpec, PolicySpec
from evidence.records.run import GateResult, ValueRecord
from evidence.results.context import Context, Value
from evidence.results.run import changed_during_run, different_from_ref

_NAMED_PATHS: Final = 3
_STEADY: Final[tuple[tuple[str, str, Value, str], ...]] = (
    ("git", "git.changed_during_run", False, "the repository changed during the run"),
    ("clock", "run.num_clock_jumps", 0, "the wall clock jumped during the run"),
    ("threads", "run.threads_changed", False, "the number of threads changed during the run"),
)
"""Key of [policy], value, what it is when nothing changed, and what is said otherwise."""
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
}


def evaluate_gates(context: Context, values: Mapping[str, ValueRecord]) -> tuple[GateResult, ...]:
    """Every declared gate in order, then one for each promise broken and change made."""
    declared = [_gate(spec, context, values) for spec in context.documents.milestone.gates]
    broken = [gate for one in context.documents.frozen.known for gate in _frozen(one)]
    return (*declared, *broken, *_unsteady(context.documents.milestone.policy, values))


def _gate(spec: GateSpec, context: Context, values: Mapping[str, ValueRecord]) -> GateResult:
    actual = _look_up(spec.metric, values)
    limit = _limit(spec, values)

    def result(outcome: Any, reason: str = "") -> GateResult:
        return GateResult(
            name=spec.name,
            metric=spec.metric,
            op=spec.op,
            required=spec.required,
            outcome=outcome,
            actual=None if isinstance(actual, Unavailable) else actual,
            limit=None if isinstance(limit, Unavailable) else limit,
            reason=reason,
        )

    is_stand_in = context.plan is not None and (
        context.plan.stand_in or context.documents.begins_at_stand_in
    )
    if is_stand_in and spec.on_stand_in == "skip":
        return result("skipped", "the milestone skips it on a stand-in")
    for side in (actual, limit):
        if isinstance(side, Unavailable):
            return result("not-checked", side.reason)
    if not _comparable(actual, limit, spec.op):
        return result("not-checked", f"{actual!r} {spec.op} {limit!r} is no comparison")
    met = _OPERATORS[spec.op](actual, limit)
    return result("met" if met else "not-met")


def _look_up(name: str, values: Mapping[str, ValueRecord]) -> Value | Unavailable:
    record = values.get(name)
    if record is None:
        from difflib import get_close_matches  # for a misspelt name only

        close = get_close_matches(name, values, n=1, cutoff=0.6)
        hint = f"; did you mean {close[0]}?" if close else ""
        return Unavailable(f"there is no value {name!r}{hint}")
    if record.value is None:
        return Unavailable(f"{name} is not measured: {record.unavailable}")
    return record.value


def _limit(spec: GateSpec, values: Mapping[str, ValueRecord]) -> Value | Unavailable:
    if spec.other is None:
        return Unavailable("the gate has no limit") if spec.value is None else spec.value
    other = _look_up(spec.other, values)
    if isinstance(other, Unavailable) or not _is_number(other):
        return other
    return other if spec.factor == 1 else spec.factor * other  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _comparable(actual: object, limit: object, op: str) -> bool:
    if _is_number(actual) and _is_number(limit):
        return True
    return op in ("==", "!=") and type(actual) is type(limit)


def _frozen(one: FrozenSetRecord) -> Iterator[GateResult]:
    if one.policy != "fail":
        return
    changed = changed_during_run(one)
    if changed:
        yield _broken(one, "changed during the run", changed, "frozen.num_changed_during_run")
    different = different_from_ref(one)
    metric = "frozen.num_different_from_ref"
    if isinstance(different, Unavailable):
        if one.ref is not None:
            yield _promise(one, metric, None, f"not compared with {one.ref}: {different.reason}")
    elif different:
        yield _broken(one, f"different from {one.ref}", different, metric)


def _unsteady(policy: PolicySpec, values: Mapping[str, ValueRecord]) -> Iterator[GateResult]:
    for key, metric, steady, what in _STEADY:
        found = _look_up(metric, values)
        if getattr(policy, key) != "fail" or found == steady:
            continue
        yield GateResult(
            name=f"policy: {key}",
            metric=metric,
            op="==",
            required=True,
            outcome="not-checked" if isinstance(found, Unavailable) else "not-met",
            actual=None if isinstance(found, Unavailable) else found,
            limit=steady,
            reason=found.reason if isinstance(found, Unavailable) else what,
        )


def _broken(one: FrozenSetRecord, what: str, paths: tuple[str, ...], metric: str) -> GateResult:
    named = ", ".join(paths[:_NAMED_PATHS])
    more = f" and {len(paths) - _NAMED_PATHS} more" if len(paths) > _NAMED_PATHS else ""
    return _promise(one, metric, len(paths), f"{what}: {named}{more}")


def _promise(one: FrozenSetRecord, metric: str, actual: int | None, reason: str) -> GateResult:
    return GateResult(
        name=f"frozen: {one.name}",
        metric=metric,
        op="==",
        required=True,
        outcome="not-checked" if actual is None else "not-met",
        actual=actual,
        limit=0,
        reason=reason,
    )
