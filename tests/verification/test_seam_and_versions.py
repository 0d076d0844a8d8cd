"""Laws on the seam, shadowed packages and held inputs: what contradicts the pack is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packs.addresses import astray
from toy import toy, write

from evidence import layout
from evidence.records.finding import Finding
from evidence.records.inputs import SEAM_CHARS
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

SEAM = {
    "fed": "0 + 0?",
    "continuation": " Answer: 0",
    "first_target": " Answer",
    "waits_for": "Answer:",
    "probe_given": "0 + 0? Answer: ",
    "probe_wanted": "0",
    "mismatches": [],
}


def found(forged: ForgedPack, folder: Path) -> list[Finding]:
    pack = write(folder / "M90", forged.seal().all_bytes())
    findings = verify_pack(pack).findings
    assert astray(findings, pack) == []
    return list(findings)


def with_seam(**changes: Any) -> ForgedPack:
    forged = toy()
    forged.docs[layout.INPUTS]["text"]["seam"] = SEAM | changes
    return forged


@pytest.mark.parametrize("given", [SEAM["probe_given"], "x" * SEAM_CHARS])
def test_the_seam_of_this_evaluation_is_accepted(given: str, tmp_path: Path) -> None:
    assert found(with_seam(probe_given=given), tmp_path) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("waits_for", "####"), ("waits_for", None), ("probe_wanted", "1"), ("probe_given", "1 + 1?")],
)
def test_the_seam_of_another_evaluation_is_an_error(
    key: str, value: str | None, tmp_path: Path
) -> None:
    (one,) = found(with_seam(**{key: value}), tmp_path)
    assert (one.severity, one.check) == ("error", "text-facts")
    assert one.address == f"{layout.INPUTS}#/text/seam/{key}"


def test_a_seam_that_does_not_fit_is_warned_of(tmp_path: Path) -> None:
    (one,) = found(with_seam(mismatches=["a blank differs"]), tmp_path)
    assert (one.severity, one.code) == ("warning", "form-differs")


def shadowed_by_nothing(forged: ForgedPack) -> None:
    forged.docs[layout.PACKAGES]["packages"][0]["shadowed"] = True


def shadowed_by_another(forged: ForgedPack) -> None:
    packages = forged.docs[layout.PACKAGES]["packages"]
    packages.insert(1, packages[0] | {"version": "999", "shadowed": True})


def two_imported(forged: ForgedPack) -> None:
    packages = forged.docs[layout.PACKAGES]["packages"]
    packages.append(packages[-1] | {"version": "999"})


@pytest.mark.parametrize(
    ("edit", "severity"),
    [
        (shadowed_by_nothing, "error"),
        (shadowed_by_another, "warning"),
        (two_imported, "error"),
    ],
)
def test_of_several_versions_one_is_imported(
    edit: Callable[[ForgedPack], None], severity: str, tmp_path: Path
) -> None:
    forged = toy()
    edit(forged)
    severities = {one.severity for one in found(forged, tmp_path) if one.check ==
                  "framework-identity"}  # fmt: skip
    assert severities == {severity}
