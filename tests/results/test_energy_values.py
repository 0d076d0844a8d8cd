"""Values of energy: there with bounds, or not measured with a reason, and never 0 for nothing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from render.sample import complete_pack
from render.test_hardware_shown import computed
from render.test_summary import changed_pack, summary

from evidence.records.availability import Unavailable
from evidence.records.run import ValueRecord
from evidence.results.compute import compute_results
from evidence.results.planned_names import value_names

NO = Unavailable("the energy counter of the processor (RAPL) is for root alone")


def values(**changed: Any) -> dict[str, ValueRecord]:
    rows = tuple(replace(row, **changed) for row in complete_pack().telemetry)
    journal = tuple(
        replace(event, data={**event.data, "duration_s": 10.0})
        if event.event == "stage-finished"
        else event
        for event in complete_pack().journal
    )
    return dict(compute_results(changed_pack(telemetry=rows, journal=journal)).values)


def test_the_energy_of_the_gpu_has_its_bounds_and_what_was_not_sampled() -> None:
    found = values(gpu_power_w=360.0, cpu_energy_j=NO)
    for start in ("telemetry", "train"):
        names = [f"{start}.gpu_energy{part}_wh" for part in ("", "_low", "_high")]
        assert [found[name].value for name in names] == pytest.approx([0.3] * 3)  # 3 s
        assert found[names[0]].address == "telemetry.jsonl#L1-L4/gpu_power_w"
    missing = [f"{start}.gpu_energy_missing_s" for start in ("train", "eval", "telemetry")]
    assert [found[name].value for name in missing] == [7.0, 10.0, 17.0]
    assert "journal.jsonl#" in found[missing[0]].address
    assert found["eval.gpu_energy_wh"].value is None
    assert found["eval.gpu_energy_wh"].unavailable == "it was over before the first sample"


def test_what_is_not_measured_has_its_reason_and_no_number() -> None:
    found = values(cpu_energy_j=NO)
    assert found["telemetry.cpu_energy_wh"].unavailable == NO.reason
    assert found["telemetry.gpu_energy_wh"].unavailable == "no GPU"
    machine = found["telemetry.machine_energy_wh"]
    assert (machine.value, machine.unavailable) == (
        None,
        "nothing measures what the whole machine draws",
    )


def test_a_pack_from_before_there_was_energy_has_no_such_value() -> None:
    assert not [name for name in compute_results(complete_pack()).values if "energy" in name]


def test_a_gate_may_name_energy_before_anything_was_run() -> None:
    assert "telemetry.gpu_energy_wh" in value_names(complete_pack().milestone)


def test_the_summary_says_energy_with_bounds_or_why_there_is_none() -> None:
    rows = tuple(
        replace(row, gpu_power_w=360.0, cpu_energy_j=NO) for row in complete_pack().telemetry
    )
    text = summary(changed_pack(telemetry=rows, environment=computed("cuda:0", "A GPU")))
    assert "| Energy of the GPU | 0.3 Wh (0.3 to 0.3 Wh by what lies between samples; " in text
    assert "| Energy of the processor | not measured (the energy counter" in text
    assert "| Energy of memory, disks and the machine as a whole | not measured (" in text
    assert "Energy of the GPU" not in summary(changed_pack(telemetry=rows))
