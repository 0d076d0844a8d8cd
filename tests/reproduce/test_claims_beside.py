"""Laws of the claim that a reproduction attaches: checked beside the pack that makes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.publish.index import update_index
from evidence.publish.summaries import rerender
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.reproduce.rerun import rerun


def check(pack: Path, name: str, *beside: Path) -> tuple[str, str]:
    report = verify_pack(pack, VerifyOptions(beside=beside))
    return next((one.outcome, one.reason) for one in report.checks if one.id == name)


def test_the_claim_is_checked_only_beside_the_pack_that_makes_it(ran: Project) -> None:
    result = rerun(ran)
    outcome, reason = check(ran.pack, "reproduction-claims")
    assert outcome == "not_checked"
    assert result.record.reproduction.root_sha256[:12] in reason
    assert check(ran.pack, "reproduction-claims", ran.pack, result.pack)[0] == "pass"
    log = result.pack / layout.TRAINING_LOG
    log.write_bytes(b"other\n")
    outcome, reason = check(ran.pack, "reproduction-claims", result.pack)
    assert outcome == "not_checked"
    assert "does not verify" in reason


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (b'"verdict": "bitwise"', b'"verdict": "different"', "reproduction-claims"),
        pytest.param(
            b"the outcome digests are equal",
            b"the outcome digests are great",
            "reproduction-claims",
            marks=pytest.mark.full,
        ),
        (b'"machine": "test"', b'"machine": "NVIDIA H100"', "reproduction-claims"),
        (b'"finished_utc": "20', b'"finished_utc": "30', "reproduction-claims"),
        (b'"verdict": "bitwise"', b'"verdict": "perfect"', "attached-form"),
        pytest.param(
            b'"verdict": "bitwise"',
            b'"verdict":  "bitwise"',
            "attached-form",
            marks=pytest.mark.full,
        ),
        pytest.param(
            b'"verdict": "bitwise"',
            b'"verdict": bitwise',
            "attached-form",
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_claim_that_was_changed_is_found(old: bytes, new: bytes, name: str, ran: Project) -> None:
    result = rerun(ran)
    data = result.attached.read_bytes()
    assert old in data
    result.attached.write_bytes(data.replace(old, new))
    rerender(ran.pack)
    assert check(ran.pack, name, result.pack)[0] == "fail"


def test_a_reproduction_of_another_pack_is_no_claim_about_this_one(ran: Project) -> None:
    result = rerun(ran)
    target = result.pack / layout.ATTACHED / result.attached.name
    target.parent.mkdir()
    shutil.copy(result.attached, target)
    rerender(result.pack)
    assert check(result.pack, "attached-form")[0] == "fail"
    summary = (result.pack / "t1_summary.md").read_text("utf-8")
    assert "reproduced bitwise" not in summary


def test_the_index_tells_a_claim_from_what_the_packs_beside_it_give(
    ran: Project, tmp_path: Path
) -> None:
    def line() -> str:
        update_index(ran.runs)
        page = (ran.runs / "README.md").read_text("utf-8").splitlines()
        return next(one for one in page if one.startswith(("| [T1](", "| T1 |")))

    result = rerun(ran)
    other = rerun(ran)
    assert line().count("bitwise by") == 2
    assert "not checked" not in line()
    shutil.move(other.pack, tmp_path / "away")
    assert line().count("not checked: its pack is not here") == 1
    data = result.attached.read_bytes()
    result.attached.write_bytes(data.replace(b'"verdict": "bitwise"', b'"verdict": "different"'))
    rerender(ran.pack)
    assert "NOT INTACT" in line()
    assert "bitwise" not in line()
