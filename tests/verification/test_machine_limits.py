"""Laws of what a machine has: less is free than there is, and no stage used far more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toy import write

from evidence import layout
from evidence.verification.verification import verify_pack
from tests.fields.rich import rich_toy

GIB = 1 << 30


def judged(changes: dict[str, Any], peak: int | None, folder: Path) -> str:
    pack = rich_toy()
    hardware = pack.docs[layout.HARDWARE]
    for key, value in changes.items():
        target, _, inner = key.partition("/")
        if inner:
            hardware[target][inner] = value
        else:
            hardware[target] = value
    if peak is not None:
        pack.event("stage-finished", stage="train")["data"]["peak_memory_bytes"] = peak
    files = {k: v for k, v in pack.seal().all_bytes().items() if v is not None}
    report = verify_pack(write(folder / "M90", files))
    found = [one.severity for one in report.findings if one.check == "machine-limits"]
    outcome = {one.id: one.outcome for one in report.checks}["machine-limits"]
    return found[0] if found else outcome


@pytest.mark.parametrize(
    ("changes", "peak", "wanted"),
    [
        ({}, None, "pass"),
        ({"disk_free_bytes": 10**12}, None, "pass"),
        ({"disk_free_bytes": 10**12 + 1}, None, "warning"),
        ({"cpu/num_usable_cores": 64}, None, "warning"),
        ({"cpu/num_physical_cores": 64}, None, "warning"),
        ({"memory_bytes": GIB}, 60 * GIB, "pass"),  # on the card
        ({"memory_bytes": GIB}, 100 * GIB, "warning"),  # oversubscribed, or shared by containers
        ({"memory_bytes": GIB}, 5000 * GIB, "error"),
        ({"memory_bytes": {"unavailable": "it is not said"}}, 5000 * GIB, "not_checked"),
    ],
)
def test_what_a_machine_has_bounds_what_was_free_and_used(
    changes: dict[str, Any], peak: int | None, wanted: str, tmp_path: Path
) -> None:
    assert judged(changes, peak, tmp_path) == wanted


@pytest.mark.parametrize(("share", "wanted"), [(3, "error"), (1, "pass")])
def test_an_evaluation_holds_the_parameters_of_its_model(
    share: int, wanted: str, tmp_path: Path
) -> None:
    """Whether anything was trained, or a model was asked as it is given."""
    pack = rich_toy()
    model = pack.docs[layout.INPUTS]["model"]
    finished = pack.event("stage-finished", stage="eval")["data"]
    assert model["dtype"] == "float32"
    finished["peak_memory_bytes"] = 4 * model["num_parameters"] // share
    report = verify_pack(write(tmp_path / "M90", pack.seal().all_bytes()))
    found = [one.severity for one in report.findings if one.check == "machine-limits"]
    assert (found or ["pass"]) == [wanted]
