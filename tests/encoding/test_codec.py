"""Laws of the two ways of building a record: msgspec's builds what our own reader builds."""

from __future__ import annotations

import copy
import importlib
import pkgutil
from typing import Any, get_args, get_type_hints

import pytest
from encoding.test_foundation import RECORDS
from hypothesis import given
from hypothesis import strategies as st
from toy import toy

from evidence import records
from evidence.encoding import codec
from evidence.encoding.codec import decode, encode
from evidence.errors import MalformedError
from evidence.records import milestone, run
from evidence.records.record import Record
from evidence.stages.registry import schema_for

KINDS = {**RECORDS, "journal-event.v1": run.JournalEvent, "attempt-plan.v1": run.AttemptPlan}
ODD = (None, True, 0, 1, 1.0, 1.5, 2**53 + 1, "", "a", [], {}, [None], {"unavailable": "why"},
       {"unavailable": 1}, {"unavailable": "why", "more": 1})  # fmt: skip
"""Values put in the place of others."""


def samples() -> list[tuple[type, Any]]:
    """What a record is built of: every document of an intact pack, a few rows of each."""
    found: list[tuple[type, Any]] = []
    for path, value in toy().docs.items():
        kind = KINDS.get(schema_for(path) or "")
        if kind is not None:
            found += [(kind, one) for one in (value[:3] if path.endswith(".jsonl") else [value])]
    return [*found, (milestone.TrainSpec, encode(milestone.TrainSpec()))]


SAMPLES = samples()
QUICK = [(kind, value) for kind, value in SAMPLES if codec._is_known_to_msgspec(kind)]


def quick_result(kind: type, value: Any) -> tuple[Any, str]:
    """The record and its parts' kinds, or that there is none."""
    try:
        record = decode(kind, value)
    except MalformedError as error:
        return None, error.message
    return record, repr(record)


def exactly(kind: type, value: Any) -> tuple[Any, str]:
    """The same by our own reader alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "_is_known_to_msgspec", lambda kind: False)
        return quick_result(kind, value)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every part of a value."""
    found: list[tuple[Any, Any]] = []
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def test_rows_are_built_by_msgspec() -> None:
    quick = {kind for kind, _ in QUICK}
    assert {run.StepRow, run.PredictionRow, RECORDS["telemetry-row.v1"]} <= quick
    assert len(quick) < len({kind for kind, _ in SAMPLES})  # the others only we can build


@pytest.mark.parametrize(("kind", "value"), SAMPLES, ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_right_is_built_alike(kind: type, value: Any) -> None:
    record, _ = quick_result(kind, value)
    assert isinstance(record, kind)
    assert quick_result(kind, value) == exactly(kind, value)
    assert decode(kind, encode(record)) == record


@given(st.data())
def test_what_was_edited_is_built_or_refused_alike(data: Any) -> None:
    kind, original = data.draw(st.sampled_from(QUICK))
    value = copy.deepcopy(original)
    container, key = data.draw(st.sampled_from(places(value)))
    how = data.draw(st.sampled_from(("replace", "remove", "add")))
    if how == "remove":
        del container[key]
    elif how == "add" and isinstance(container, dict):
        container[data.draw(st.text(max_size=3))] = data.draw(st.sampled_from(ODD))
    else:
        container[key] = data.draw(st.sampled_from(ODD) | st.integers() | st.floats())
    assert repr(quick_result(kind, value)) == repr(exactly(kind, value))


@pytest.mark.parametrize(
    "kind", sorted({kind for kind, _ in QUICK}, key=lambda kind: kind.__name__)
)
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_value_is_refused_alike(kind: type, value: Any) -> None:
    assert quick_result(kind, value) == exactly(kind, value)


def test_a_number_stays_as_it_was_written() -> None:
    value = next(value for kind, value in QUICK if kind is run.StepRow)
    for read in (quick_result, exactly):
        for loss in (2, 2.0):
            record, _ = read(run.StepRow, {**value, "loss": loss})
            assert repr(record.loss) == repr(loss)


def test_no_field_of_what_is_read_turns_whole_numbers_into_fractions() -> None:
    for module in pkgutil.iter_modules(records.__path__, "evidence.records."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record:
                for name, hint in get_type_hints(kind).items():
                    loose = float in (hint, *get_args(hint)) and int not in get_args(hint)
                    assert not loose, f"{kind.__name__}.{name}: write Number in place of float"


def test_a_key_of_a_table_is_named() -> None:
    value = next(value for kind, value in QUICK if kind is run.PredictionRow)
    with pytest.raises(MalformedError, match="at /scores/exact/: int does not fit bool"):
        decode(run.PredictionRow, {**value, "scores": {"exact": 1}})


def test_where_nothing_may_stand_the_other_kind_is_named() -> None:
    value = next(value for kind, value in QUICK if kind is run.StepRow)
    with pytest.raises(MalformedError, match="at /grad_norm/: str does not fit float"):
        decode(run.StepRow, {**value, "grad_norm": "1"})
