"""Gates come out as met, not met, skipped or not checked, and broken promises join them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from render.sample import MILESTONE, complete_pack, failed_pack, sealed

from evidence.errors import MalformedError
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.run import GateResult
from evidence.results.compute import compute_results


def gate(lines: str, pack: Any = complete_pack) -> GateResult:
    """The outcome of one gate added to the milestone."""
    text = MILESTONE.replace("[[gate]]", f'[[gate]]\nname = "probe"\n{lines}\n\n[[gate]]', 1)
    return next(g for g in compute_results(pack(text)).gates if g.name == "probe")


def frozen(**changes: Any) -> Documents:
    """A pack whose frozen set is bent."""
    pack = complete_pack()
    one = replace(pack.frozen.sets[0], **changes)
    return sealed(replace(pack, frozen=replace(pack.frozen, sets=(one,))))


def promises(pack: Documents) -> list[GateResult]:
    return [g for g in compute_results(pack).gates if g.name == "frozen: submission"]


@pytest.mark.parametrize(
    ("op", "value", "outcome"),
    [
        ("==", 138, "met"),
        ("!=", 138, "not-met"),
        ("<=", 138, "met"),
        ("<", 138, "not-met"),
        (">=", 138.5, "not-met"),
        (">", 137.5, "met"),
    ],
)
def test_each_operator_compares(op: str, value: float, outcome: str) -> None:
    assert gate(f'metric = "train.num_steps"\nop = "{op}"\nvalue = {value}').outcome == outcome


def test_a_gate_can_compare_with_another_metric() -> None:
    found = gate('metric = "train.loss_end"\nop = "<"\nother = "train.loss_start"\nfactor = 0.5')
    assert found.outcome == "met"
    start = compute_results(complete_pack()).values["train.loss_start"].value
    assert found.limit == 0.5 * start  # type: ignore[operator]


def test_a_stand_in_skips_what_is_declared_so() -> None:
    found = next(g for g in compute_results(complete_pack()).gates if "big model" in g.name)
    assert found.outcome == "skipped"
    assert found.reason


def test_an_unknown_metric_is_not_checked_and_named() -> None:
    found = gate('metric = "train.los_ratio"\nop = "<"\nvalue = 1')
    assert found.outcome == "not-checked"
    assert "train.loss_ratio" in found.reason


def test_a_value_that_was_not_measured_is_not_checked() -> None:
    found = gate('metric = "train.loss_ratio"\nop = "<"\nvalue = 1', failed_pack)
    assert found.outcome == "not-checked"
    assert "no attempt completed" in found.reason


@pytest.mark.parametrize("value", ['"138"', "true"])
def test_a_number_is_not_compared_with_something_else(value: str) -> None:
    found = gate(f'metric = "train.num_steps"\nop = "=="\nvalue = {value}')
    assert found.outcome == "not-checked"


def test_texts_and_switches_are_compared_with_their_like() -> None:
    assert gate('metric = "model.source"\nop = "=="\nvalue = "random"').outcome == "met"
    assert gate('metric = "git.dirty"\nop = "=="\nvalue = false').outcome == "met"
    assert gate('metric = "model.source"\nop = "<"\nother = "run.date"').outcome == "not-checked"


@pytest.mark.parametrize(("op", "value"), [("<", '"3"'), (">=", "true"), (">", '"z"')])
def test_what_has_no_order_is_refused_before_anything_is_run(op: str, value: str) -> None:
    with pytest.raises(MalformedError, match=f"is no number, and {op} compares numbers"):
        gate(f'metric = "train.loss_end"\nop = "{op}"\nvalue = {value}')


def test_a_promise_that_holds_adds_no_gate() -> None:
    assert promises(complete_pack()) == []


def test_a_file_that_changed_during_the_run_is_a_required_gate_not_met() -> None:
    file = replace(complete_pack().frozen.sets[0].files[0], after_sha256="0" * 64)
    found = promises(frozen(files=(file,)))
    assert [g.outcome for g in found] == ["not-met", "not-met"]  # and it differs from HEAD now
    assert all(g.required for g in found)
    assert "submission.zip" in found[0].reason


def test_a_file_that_vanished_counts_as_changed() -> None:
    file = replace(complete_pack().frozen.sets[0].files[0], after_sha256=None)
    assert promises(frozen(files=(file,), ref=None))[0].outcome == "not-met"


def test_a_file_that_differs_from_its_ref_is_not_met_even_if_the_record_says_equal() -> None:
    file = replace(complete_pack().frozen.sets[0].files[0], ref_sha256="1" * 64)
    found = promises(frozen(files=(file,), equal_to_ref=True))
    assert [g.outcome for g in found] == ["not-met"]


def test_a_ref_that_could_not_be_read_is_not_checked() -> None:
    nothing = Unavailable("no git")
    file = replace(complete_pack().frozen.sets[0].files[0], ref_sha256=nothing)
    found = promises(frozen(files=(file,), equal_to_ref=nothing))
    assert [g.outcome for g in found] == ["not-checked"]


def test_a_promise_only_recorded_adds_no_gate() -> None:
    file = replace(complete_pack().frozen.sets[0].files[0], after_sha256="0" * 64)
    assert promises(frozen(files=(file,), policy="record")) == []
