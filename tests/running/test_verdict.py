"""Laws of the last word of a run: what verify says of the pack, in the same process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.errors import ExitCode, StoppedError
from evidence.pack.documents import Documents
from evidence.progress import Silent
from evidence.records.run import ResultsRecord
from evidence.results.compute import compute_results
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.verification import verification
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.project import Project
from tests.reproduce.rerun import rerun


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong result, written by `run` and seen through by `verify`."""

    def wrong(documents: Documents) -> ResultsRecord:
        results = compute_results(documents)
        one = next(one for one in sorted(results.values) if results.values[one].value is not None)
        value = replace(results.values[one], value="another value")
        return replace(results, values={**results.values, one: value})

    monkeypatch.setattr("evidence.running.finish.compute_results", wrong)


def words(project: Project, *options: str) -> tuple[str, ...]:
    return ("run", "T1", "--root", str(project.root), *options)


def test_a_run_says_the_verdict_on_its_pack_last(project: Project) -> None:
    ended = evidence(*words(project))
    assert ended.exit == ExitCode.DONE
    report = verify_pack(project.pack)
    passed = sum(one.outcome == "pass" for one in report.checks)
    last = ended.out.splitlines()[-1]
    assert last.startswith(f"  verified     INTACT: {passed} checks passed, 0 failed, ")


def test_a_failed_run_is_unfinished_and_verified_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    ended = evidence(*words(project))
    assert ended.exit == ExitCode.UNFINISHED
    assert ended.out.splitlines()[-1].startswith("  verified     UNFINISHED: ")


@pytest.mark.usefixtures("bug")
@pytest.mark.parametrize("how", ["run", "--close", "--resume"])
def test_a_pack_that_our_verify_rejects_is_exit_1_and_never_complete(
    how: str, project: Project
) -> None:
    if how != "run":
        with StopRequest() as stop:
            stop.asked = 1
            with pytest.raises(StoppedError):
                run_milestone("T1", RunOptions(project.root, project.runs), Silent(), stop)
    ended = evidence(*words(project, *(() if how == "run" else (how,))))
    assert ended.exit == ExitCode.FINDINGS
    assert "NOT INTACT  " in ended.out
    assert "results.json#/values/" in ended.out
    assert "COMPLETE" not in ended.out
    assert "FAILED" not in ended.out
    last, next_step = ended.out.splitlines()[-2:]
    assert last.startswith("  verified     NOT INTACT: ")
    assert "bug of evidence-pack" in next_step
    assert "NOT INTACT" in (project.runs / "README.md").read_text("utf-8")


@pytest.mark.usefixtures("bug")
def test_scripts_read_it_too(project: Project) -> None:
    result = project.run()
    assert (result.intact, result.exit_code) == (False, ExitCode.FINDINGS)
    assert result.report.verdict == "NOT INTACT"


def test_each_pack_is_verified_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the run; its line of the index is made of that report."""
    judged: list[Path] = []
    real: Callable[..., bool] = verification._check_consistency_rules

    def counted(root: object, path: Path, *rest: object) -> bool:
        judged.append(path)
        return real(root, path, *rest)

    monkeypatch.setattr(verification, "_check_consistency_rules", counted)
    project.run()
    assert judged == [project.pack]


def test_a_reproduction_says_the_verdict_on_the_pack_it_is_attached_to(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = rerun(ran)
    assert (result.report.verdict, result.exit_code) == ("INTACT", ExitCode.DONE)
    assert {one.outcome for one in result.report.checks if one.id == "reproductions"} <= {"pass"}
    broken = ran.pack / layout.METRICS
    monkeypatch.setattr("evidence.reproduce.reproduce.attach_file", lambda *_: broken.unlink())
    result = rerun(ran)
    assert (result.report.verdict, result.exit_code) == ("NOT INTACT", ExitCode.FINDINGS)
