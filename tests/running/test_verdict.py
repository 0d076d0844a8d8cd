"""Laws of the last word of a run: what verify says of the pack, in the same process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.errors import ExitCode, RejectedError, StoppedError
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


def test_the_terminal_says_which_gates_are_required_and_which_of_them_are_open(
    project: Project,
) -> None:
    project.edit(
        "[narrative]",
        '[[gate]]\nname = "never"\nmetric = "train.num_steps"\nop = "<"\nvalue = 0\n\n'
        '[[gate]]\nname = "not meant"\nmetric = "train.num_steps"\nop = "<"\nvalue = 0\n'
        "required = false\n\n[narrative]",
    )
    ended = evidence(*words(project))
    assert ended.exit == ExitCode.UNFINISHED
    lines = ended.out.splitlines()
    assert "gate met (required): the loss falls" in lines
    assert "gate not-met (required): never" in lines
    assert "gate not-met (advisory): not meant" in lines
    said = lines.index("the run is complete, but 1 of 2 required gates not met (exit 4):")
    assert lines[said + 1] == "    never: train.num_steps is 10, to be < 0"
    assert "not meant" not in "".join(lines[said:])


def test_a_failed_run_is_unfinished_and_verified_all_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    ended = evidence(*words(project))
    assert ended.exit == ExitCode.UNFINISHED
    assert ended.out.splitlines()[-1].startswith("  verified     UNFINISHED: ")


@pytest.mark.usefixtures("bug")
@pytest.mark.parametrize("how", ["run", "--close", "--resume"])
def test_a_pack_that_our_verify_rejects_is_exit_1_and_not_published(
    how: str, project: Project
) -> None:
    if how != "run":
        with StopRequest() as stop:
            stop.asked = 1
            with pytest.raises(StoppedError):
                run_milestone("T1", RunOptions(project.root, project.runs), Silent(), stop)
    ended = evidence(*words(project, *(() if how == "run" else (how,))))
    assert ended.exit == ExitCode.FINDINGS
    assert "results.json#/values/" in ended.err
    assert "bug of evidence-pack" in ended.err
    assert "COMPLETE" not in ended.out
    assert "FAILED" not in ended.out
    assert not project.pack.exists()
    assert verify_pack(project.pack).exit == ExitCode.UNFINISHED


@pytest.mark.usefixtures("bug")
def test_scripts_are_told_too(project: Project) -> None:
    with pytest.raises(RejectedError, match=r"it was not published: results\.json#/values/"):
        project.run()


def test_what_the_author_says_wrongly_is_published_and_never_called_intact(
    project: Project,
) -> None:
    """Every file is as the run left it: whoever trained for hours has a pack, and its verdict."""
    declared = '\n[narrative.literals]\n"9.99" = "what I hope for"\n'
    project.edit(
        'summary = "{{ train.num_steps }} steps."', 'summary = "A final loss of 9.99."' + declared
    )
    result = project.run()
    assert (result.intact, result.exit_code) == (False, ExitCode.FINDINGS)
    assert result.report.verdict == "NOT INTACT"
    assert "NOT INTACT" in (project.runs / "README.md").read_text("utf-8")


def test_each_pack_is_verified_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the run; its line of the index is made of that report."""
    judged: list[Path] = []
    real: Callable[..., bool] = verification._check_consistency_rules

    def counted(root: object, path: Path, *rest: object) -> bool:
        judged.append(path)
        return real(root, path, *rest)

    monkeypatch.setattr(verification, "_check_consistency_rules", counted)
    project.run()
    assert judged == [project.runs / ".work/T1/pack"]


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
