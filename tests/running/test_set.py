"""Laws of runs with settings of the command line: used, sealed, said, and kept by who goes on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.compare.configuration import configuration
from evidence.errors import ExitCode, MilestoneError, PackBrokenError, UsageError
from evidence.milestone.overrides import read_settings
from evidence.results.conditions import conditions
from evidence.results.context import Context
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import VerifiedPack, open_verified, verify_pack
from tests.command import evidence
from tests.project import Project, rows
from tests.running.test_recovery import errors, killed, start, wait_for
from tests.running.test_resumed_inputs import tree

ASKED = ("train.seed=9", "attempt.stub.train.learning_rate=0.02")
SET = read_settings(ASKED)
OPTIONS = tuple(word for text in ASKED for word in ("--set", text))


@pytest.fixture
def half(project: Project) -> Project:
    """A run with settings that was killed after its first checkpoint."""
    process = start(project, *OPTIONS)
    wait_for(project, "checkpoint")
    killed(process, project)
    return project


def opened(pack: Path) -> VerifiedPack:
    found = open_verified(pack)
    assert isinstance(found, VerifiedPack)
    return found


def first_lines(project: Project) -> str:
    return (project.pack / "t1_summary.md").read_text("utf-8").partition("\n---\n")[0]


def assert_as_set(project: Project) -> None:
    """The pack is intact, and was run with ASKED."""
    assert verify_pack(project.pack).verdict in ("INTACT", "UNFINISHED")
    source = (project.root / "milestones/T1.toml").read_bytes()
    assert (project.pack / layout.MILESTONE).read_bytes() == source
    sealed = project.read(layout.OVERRIDES)["overrides"]
    assert [(one["key"], one["value"], one["was"]) for one in sealed] == [
        ("train.seed", 9, 7),
        ("attempt.stub.train.learning_rate", 0.02, None),
    ]
    assert rows(project.pack / layout.JOURNAL)[0]["data"]["overrides"] == sealed
    assert "`--set train.seed=9`; the milestone file says `7`" in first_lines(project)


def test_a_run_uses_seals_and_says_what_was_set(project: Project) -> None:
    result = project.run(settings=SET)
    assert result.exit_code == ExitCode.DONE
    assert_as_set(project)
    values = project.read(layout.RESULTS)["values"]
    found = {name: (values[name]["value"], values[name]["address"]) for name in
             ("train.seed", "train.learning_rate")}  # fmt: skip
    assert found == {
        "train.seed": (9, "overrides.json#/overrides/0/value"),
        "train.learning_rate": (0.02, "overrides.json#/overrides/1/value"),
    }
    peak = max(row["learning_rate"] for row in rows(project.pack / layout.METRICS))
    assert peak == pytest.approx(0.02)
    assert Context(opened(project.pack).documents).train.seed == 9
    report = verify_pack(project.pack, VerifyOptions(further=repository_checks(project.root)))
    assert {one.outcome for one in report.checks if one.id == "repo-milestone"} == {"pass"}
    assert report.exit_code == ExitCode.DONE


def test_two_runs_that_were_set_otherwise_differ_in_those_settings(project: Project) -> None:
    project.run()
    shutil.move(project.pack, project.runs / "T1-plain")
    project.run(settings=SET)
    plain, other = opened(project.runs / "T1-plain").documents, opened(project.pack).documents
    before, after = configuration(plain), configuration(other)
    differing = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert differing == {"train.seed": (7, 9), "train.learning_rate": (0.01, 0.02)}
    plans = (Context(plain).plan, Context(other).plan)
    assert plans[0]
    assert plans[1]
    by_name = {one.name: one for one in conditions(plain, other, (plans[0], plans[1]))}
    assert (by_name["train.seed"].outcome, by_name["train.seed"].values) == ("differs", (7, 9))
    assert by_name["train.seed"].reason == "milestone.toml and overrides.json, as stated"
    done = evidence("compare", str(project.runs / "T1-plain"), str(project.pack))
    assert "train.seed" in done.out + done.err


def test_settings_that_cannot_be_leave_nothing_behind(project: Project) -> None:
    for text, said in {
        "train.sed=1": "--set train.sed=1: unknown key train.sed (did you mean 'seed'?)",
        "train.seed=abc": "--set train.seed=abc: 'abc' is not of type integer",
        "data.train.path=gone.jsonl": "--set data.train.path=gone.jsonl: there is no file",
        "narrative.impact=A final loss of 0.0001.": "--set 'narrative.impact=A final loss of",
        'eval.group_by=["kinds"]': "--set 'eval.group_by=[\"kinds\"]'",
        "title=AKIAIOSFODNN7EXAMPLF": "the command line: ",
    }.items():
        with pytest.raises(MilestoneError) as refused:
            project.run(settings=read_settings([text]))
        assert said in refused.value.message
        assert not project.runs.exists() or not list(project.runs.iterdir())


def test_what_a_setting_does_not_reach_is_said_before_the_run(project: Project) -> None:
    project.edit('backend = "stub"\n', 'backend = "stub"\ntrain = { seed = 8 }\n')
    done = evidence("run", "T1", "--set", "train.seed=9", "--root", str(project.root))
    assert done.exit == 0, done.err
    assert "--set train.seed=9; the milestone file says 7" in done.out + done.err
    assert (
        "--set train.seed=9 does not reach the attempt stub, which has its own (8)"
        in done.out + done.err
    )
    assert project.read(layout.RESULTS)["values"]["train.seed"]["value"] == 8
    assert verify_pack(project.pack).verdict == "INTACT"


def test_data_that_are_set_need_their_digest_and_the_message_says_how(project: Project) -> None:
    (project.root / "data/more.jsonl").write_bytes((project.root / "data/train.jsonl").read_bytes())
    project.edit('path = "data/train.jsonl"', 'path = "data/train.jsonl"\nrows = 13')
    with pytest.raises(MilestoneError) as refused:
        project.run(settings=read_settings(["data.train.path=data/more.jsonl"]))
    assert "--set data.train.rows=14" in (refused.value.hint or "")


def test_who_resumes_goes_on_with_the_settings_it_began_with(half: Project) -> None:
    work = half.runs / ".work/T1"
    before = tree(work)
    for asked in (["train.seed=8"], [ASKED[0]], [*ASKED, "eval.limit=2"]):
        with pytest.raises(UsageError) as refused:
            half.run(resume=True, settings=read_settings(asked))
        assert "the run began with --set train.seed=9, --set attempt.stub" in refused.value.message
        assert asked[-1] in refused.value.message
        assert "--resume" in (refused.value.hint or "")
        assert tree(work) == before
    with pytest.raises(UsageError, match="it takes no --set"):
        half.run(close=True, settings=SET)
    assert half.run(resume=True, settings=SET).exit_code == ExitCode.DONE
    assert_as_set(half)


def test_what_is_resumed_without_settings_has_those_it_began_with(half: Project) -> None:
    assert half.run(resume=True).exit_code == ExitCode.DONE
    assert_as_set(half)
    resumed = half.read(layout.MANIFEST)["outcome_sha256"]
    shutil.rmtree(half.pack)
    half.run(settings=SET)
    assert half.read(layout.MANIFEST)["outcome_sha256"] == resumed
    recovered = [one for one in rows(half.pack / layout.JOURNAL) if one["event"] == "recovered"]
    assert recovered == []


def test_a_run_that_began_without_settings_takes_none_later(project: Project) -> None:
    process = start(project)
    wait_for(project, "checkpoint")
    killed(process, project)
    with pytest.raises(UsageError, match="the run began without --set, and goes on so"):
        project.run(resume=True, settings=SET)
    project.run(resume=True)
    assert not (project.pack / layout.OVERRIDES).exists()


def test_a_run_that_is_closed_seals_its_settings(half: Project) -> None:
    assert half.run(close=True).status == "failed"
    assert_as_set(half)


def test_settings_that_were_changed_in_the_work_folder_are_damage(half: Project) -> None:
    path = half.runs / ".work/T1/pack" / layout.OVERRIDES
    was = path.read_bytes()
    path.write_bytes(was.replace(b"9", b"8"))
    with pytest.raises(PackBrokenError, match=r"overrides\.json"):
        half.run(resume=True)
    path.unlink()
    with pytest.raises(PackBrokenError, match=r"overrides\.json"):
        half.run(resume=True)
    path.write_bytes(was)
    half.run(resume=True)
    assert_as_set(half)


@pytest.mark.parametrize("how", ["changed", "gone", "a folder", "no settings", "of a stranger"])
def test_a_run_whose_settings_are_damaged_is_closed_with_those_of_its_journal(
    half: Project, how: str
) -> None:
    path = half.runs / ".work/T1/pack" / layout.OVERRIDES
    was = path.read_bytes()
    path.unlink()
    if how == "changed":
        path.write_bytes(was.replace(b"9", b"8"))
    elif how == "a folder":
        path.mkdir()
    elif how == "no settings":
        path.write_bytes(b"{")
    elif how == "of a stranger":
        os.mkfifo(path)
    assert half.run(close=True).status == "failed"
    assert_as_set(half)


def test_a_run_whose_journal_is_lost_is_closed_with_its_settings(half: Project) -> None:
    (half.runs / ".work/T1/pack" / layout.JOURNAL).unlink()
    assert half.run(close=True).status == "failed"
    assert_as_set(half)


def test_where_journal_and_settings_are_lost_the_pack_is_intact_and_says_so(half: Project) -> None:
    for name in (layout.JOURNAL, layout.OVERRIDES):
        (half.runs / ".work/T1/pack" / name).unlink()
    assert half.run(close=True).status == "failed"
    assert errors(half.pack) == []
    damaged = next(one for one in rows(half.pack / layout.JOURNAL) if one["event"] == "damaged")
    assert "pack/overrides.json" in {one["path"] for one in damaged["data"]["files"]}


def test_the_command_line_says_and_repeats_what_was_set(project: Project) -> None:
    project.edit("value = 1\n", "value = -1\n")
    options = [*OPTIONS, "--root", str(project.root)]
    os.environ["EVIDENCE_STUB"] = '{"stage": "train", "at": 3, "do": "raise"}'
    try:
        done = evidence("run", "T1", *options)
    finally:
        del os.environ["EVIDENCE_STUB"]
    assert done.exit == ExitCode.UNFINISHED, done.err
    assert (
        "--again --set train.seed=9 --set attempt.stub.train.learning_rate=0.02"
        in done.out + done.err
    )
    done = evidence("run", "T1", "--set", "train.seed", "--root", str(project.root))
    assert done.exit == ExitCode.USAGE
    assert "is not KEY=VALUE" in done.out + done.err
    assert json.loads((project.pack / layout.OVERRIDES).read_bytes())["schema"] == "overrides.v1"
