"""Laws of runs whose backend nobody brings: said before anything begins, and nothing is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import schema
from evidence.errors import DurabilityError, ExitCode, UsageError
from evidence.verification.verification import verify_pack
from tests.command import Ended, evidence
from tests.installed import install, take_away
from tests.project import Project, rows
from tests.running.test_recovery import errors, killed, start, wait_for

ANOTHER = '\n[[attempt]]\nname = "another"\nbackend = "elsewhere"\n\n[[gate]]'


def asked(project: Project, command: str, *words: str) -> Ended:
    return evidence(command, "T1", *words, "--root", str(project.root))


def line_of(project: Project, text: str) -> int:
    lines = (project.root / "milestones/T1.toml").read_text("utf-8").splitlines()
    return lines.index(text) + 1


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_misspelt_backend_starts_nothing_and_is_named_by_file_line_and_key(
    project: Project,
) -> None:
    project.edit('backend = "stub"', 'backend = "stob"')
    project.edit("\n[[gate]]", ANOTHER)
    for command in ("run", "doctor"):
        ended = asked(project, command)
        printed = ended.out + ended.err
        assert ended.exit == ExitCode.USAGE
        for index, name in enumerate(("stob", "elsewhere")):
            line = line_of(project, f'backend = "{name}"')
            place = f"T1.toml:{line}: attempt.{index}.backend: there is no backend '{name}' here"
            assert place in printed
        assert (
            "there are: command, counting, faulty, stub, transformers, tunix (did you mean 'stub'?)"
            in printed
        )
        assert "once that package is installed" in printed
    assert not project.runs.exists()


def test_only_the_attempt_that_is_asked_for_must_be_known(project: Project) -> None:
    project.edit("\n[[gate]]", ANOTHER)
    assert project.run(attempt="stub").exit_code == ExitCode.DONE
    with pytest.raises(UsageError, match=r"attempt\.1\.backend: there is no backend 'elsewhere'"):
        project.run(attempt="another", again=True)


@pytest.mark.parametrize("name", ["", "Stub", "a b", "-a", "../a", "a:b", "stub\n", "a" * 33])
def test_what_cannot_be_a_name_is_refused_with_the_milestone(name: str, project: Project) -> None:
    attempt = {"attempt": [{"name": "one", "backend": name}]}
    assert "/attempt/0/backend" in {one.pointer for one in schema.validate("milestone.v1", attempt)}
    project.edit('backend = "stub"', f"backend = {json.dumps(name)}")
    ended = asked(project, "run")
    assert ended.exit == ExitCode.USAGE
    assert f"{line_of(project, f'backend = {json.dumps(name)}')}: attempt.0.backend: " in ended.err


def test_a_broken_backend_is_a_refusal_of_a_run_that_names_it_and_a_line_of_the_doctor(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path / "installed", monkeypatch)
    installed.backend("broken_for_doctor", "odd", "1 / 0")
    printed = "the backend 'odd' of the package broken_for_doctor 1.0 cannot be imported"
    looked = asked(project, "doctor")
    assert looked.exit == ExitCode.DONE
    assert f"odd, none: {printed}" in looked.out
    assert "stub, Stub (tests)" in looked.out
    assert "tunix, JAX/Tunix" in looked.out
    project.edit('backend = "stub"', 'backend = "odd"')
    for command in ("run", "doctor"):
        ended = asked(project, command)
        assert ended.exit == ExitCode.USAGE
        assert f"attempt.0.backend: {printed}" in ended.out + ended.err
        assert "ZeroDivisionError: division by zero" in ended.out + ended.err
        assert "Traceback" not in ended.out + ended.err


def test_a_run_whose_backend_is_gone_stays_as_it_is_until_it_is_back_or_closed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(project)
    wait_for(project, "checkpoint")
    killed(run, project)
    with (project.runs / ".work/T1/pack" / layout.JOURNAL).open("ab") as stream:
        stream.write(b'{"half a li')
    before = files(project.runs)
    with monkeypatch.context() as patch:
        take_away(patch)
        ended = asked(project, "run", "--resume")
        assert ended.exit == ExitCode.USAGE
        assert "attempt stub cannot be run: there is no backend 'stub' here" in ended.err
        assert "--resume" in ended.err
        assert "--close" in ended.err
        assert files(project.runs) == before
    assert asked(project, "run", "--resume").exit == ExitCode.DONE
    assert errors(project.pack) == []
    recovered = [one for one in rows(project.pack / layout.JOURNAL) if one["event"] == "recovered"]
    assert [one["data"]["num_incomplete_bytes"] >= 11 for one in recovered] == [True]


def test_a_run_whose_backend_is_gone_can_be_closed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(project)
    wait_for(project, "checkpoint")
    killed(run, project)
    take_away(monkeypatch)
    assert asked(project, "run", "--close").exit == ExitCode.UNFINISHED
    assert verify_pack(project.pack).verdict == "UNFINISHED"
    assert errors(project.pack) == []


@pytest.mark.parametrize("completes", [True, False])
def test_what_is_left_of_a_run_may_need_no_backend(
    completes: bool, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DurabilityError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.execution.observe_end", full)
        if not completes:
            patch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
        with pytest.raises(DurabilityError):
            project.run()
    take_away(monkeypatch)
    assert project.run(resume=True).status == ("complete" if completes else "failed")
    assert errors(project.pack) == []
