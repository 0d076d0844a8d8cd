"""A rule that was not checked says so in every report: leaving it out would read as a pass."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from toy import intact_bytes, write

from evidence import layout
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack


def _garbled(name: str) -> Callable[[Path], object]:
    return lambda pack: (pack / name).write_bytes(b"{")


BROKEN: dict[str, Callable[[Path], object]] = {
    "a link among its files": lambda pack: (pack / "link").symlink_to("/etc"),
    "a name that acts": lambda pack: Path(os.fsdecode(os.fsencode(pack) + b"/a\x1b")).touch(),
    "no list of sealed files": lambda pack: (pack / layout.SUMS).unlink(),
    "a list that is none": _garbled(layout.SUMS),
    "no manifest": lambda pack: (pack / layout.MANIFEST).unlink(),
    "a manifest that is none": _garbled(layout.MANIFEST),
    "results that are none": _garbled(layout.RESULTS),
    "a milestone that is none": _garbled(layout.MILESTONE),
    "a journal that is none": _garbled(layout.JOURNAL),
    "a record of the rendered set that is none": _garbled(layout.RENDERED),
}


@pytest.fixture
def against_a_clone(tmp_path: Path) -> VerifyOptions:
    clone = tmp_path / "clone"
    clone.mkdir()
    subprocess.run(["git", "init", "--quiet", clone], check=True, timeout=60)
    return VerifyOptions(further=repository_checks(clone), expect_milestone="M90")


def asked(report: Report) -> list[str]:
    return sorted(one.id for one in report.checks)


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_is_broken_every_rule_has_an_outcome_and_its_reason(
    name: str, tmp_path: Path, against_a_clone: VerifyOptions
) -> None:
    whole = write(tmp_path / "whole" / "M90", intact_bytes())
    pack = write(tmp_path / "M90", intact_bytes())
    BROKEN[name](pack)
    for options in (VerifyOptions(), against_a_clone):
        report = verify_pack(pack, options)
        assert report.exit_code in (1, 5)
        assert asked(report) == asked(verify_pack(whole, options))
        assert all(one.reason for one in report.checks if one.outcome == "not_checked")
