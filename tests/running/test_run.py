"""Laws of a run: what it leaves is whole, honest, and verifies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.errors import BusyError, ExitCode, MilestoneError, UsageError
from evidence.publish.notes import attach_note
from evidence.publish.summaries import render_all, rerender
from evidence.verification.verification import verify_pack
from tests.project import JAX, Project, rows, write_rows


def verdict(pack: Path) -> str:
    report = verify_pack(pack)
    errors = [f for f in report.findings if f.severity in ("error", "refused")]
    return f"NOT INTACT: {errors}" if errors else report.verdict


def test_a_complete_run_verifies_and_its_summary_renders_the_same(project: Project) -> None:
    result = project.run()
    assert result.exit_code == ExitCode.DONE
    report = verify_pack(project.pack)
    assert [f for f in report.findings if f.severity == "error"] == []
    assert (report.verdict, report.exit) == ("INTACT", ExitCode.DONE)
    assert render_all([project.pack], check=True)[0].changed == ()
    assert rerender(project.pack) == []


def test_a_run_leaves_nothing_but_the_pack(project: Project) -> None:
    project.run()
    names = {path.name for path in project.runs.iterdir()}
    assert names == {"T1", ".work", ".gitattributes", ".gitignore", "README.md"}
    assert [path.name for path in (project.runs / ".work").iterdir()] == ["T1.lock"]


def test_every_step_and_prediction_is_in_the_evidence(ran: Project) -> None:
    steps = rows(ran.pack / layout.METRICS)
    assert [row["step"] for row in steps] == list(range(1, 11))  # ceil(14/3) = 5 an epoch, twice
    assert [row["num_rows"] for row in steps] == [3, 3, 3, 3, 2] * 2
    assert len(rows(ran.pack / layout.PREDICTIONS)) == 5


def test_two_runs_of_one_machine_have_one_outcome_digest(project: Project) -> None:
    project.run()
    first = project.read(layout.MANIFEST)
    project.run(again=True)
    second = project.read(layout.MANIFEST)
    assert first["outcome_sha256"] == second["outcome_sha256"]
    other = (project.pack / layout.SUMS).read_bytes()
    assert len(list((project.runs / "archive").iterdir())) == 1
    archived = next((project.runs / "archive").iterdir())
    assert archived.name.startswith("T1-")
    assert sha256_hex(other) != sha256_hex((archived / layout.SUMS).read_bytes())
    assert verdict(archived) == "INTACT"


def test_another_seed_has_another_outcome_digest(ran: Project) -> None:
    first = ran.read(layout.MANIFEST)["outcome_sha256"]
    ran.edit("seed = 7", "seed = 8")
    ran.run(again=True)
    assert ran.read(layout.MANIFEST)["outcome_sha256"] != first


def test_a_sealed_pack_is_never_overwritten(ran: Project) -> None:
    before = {p: p.read_bytes() for p in ran.pack.rglob("*") if p.is_file()}
    with pytest.raises(UsageError, match="never overwritten") as caught:
        ran.run()
    assert "--again" in caught.value.hint
    assert {p: p.read_bytes() for p in ran.pack.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("behaviour", "outcome", "word"),
    [
        ('{"stage": "train", "at": 4, "do": "raise"}', "exception", "told to raise"),
        pytest.param(
            '{"stage": "train", "at": 4, "do": "abort"}',
            "killed-by-signal",
            "SIGABRT",
            marks=pytest.mark.full,
        ),
        pytest.param(
            '{"stage": "train", "at": 4, "do": "exit"}',
            "exception",
            "status 7",
            marks=pytest.mark.full,
        ),
        pytest.param(
            '{"stage": "train", "at": 4, "do": "gpu-assert"}',
            "exception",
            "device-side assert",
            marks=pytest.mark.full,
        ),
        ('{"stage": "train", "at": 4, "do": "nan"}', "diverged", "nan"),
        ('{"stage": "train", "at": 4, "do": "babble"}', "exception", "no worker sends"),
        ('{"stage": "train", "at": 4, "do": "hang"}', "timed-out", "longer than"),
        pytest.param(
            '{"stage": "eval", "at": 2, "do": "raise"}',
            "exception",
            "told to raise",
            marks=pytest.mark.full,
        ),
        ('{"stage": "eval", "at": 2, "do": "abort"}', "killed-by-signal", "SIGABRT"),
    ],
)
def test_a_failed_attempt_is_sealed_with_its_reason_and_never_reads_as_complete(
    behaviour: str, outcome: str, word: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", behaviour)
    project.edit('backend = "stub"', 'backend = "stub"\ntimeout_s = 4.0')
    result = project.run()
    assert result.exit_code == ExitCode.UNFINISHED
    record = project.read("attempts/01-stub/outcome.json")
    assert record["outcome"] == outcome
    assert word in record["reason"]
    assert project.read(layout.MANIFEST)["status"] == "failed"
    report = verify_pack(project.pack)
    assert [f for f in report.findings if f.severity == "error"] == []
    assert (report.verdict, report.exit) == ("UNFINISHED", ExitCode.UNFINISHED)
    step_rows = rows(project.pack / "attempts/01-stub" / layout.METRICS)
    assert [row["step"] for row in step_rows] == list(range(1, len(step_rows) + 1))
    assert not list(project.pack.rglob("*.safetensors"))
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "Failed" in summary
    assert render_all([project.pack], check=True)[0].changed == ()


def test_the_next_attempt_follows_and_the_summary_tells_both(
    project: Project,
) -> None:
    project.edit(
        '[[attempt]]\nname = "stub"',
        f'{JAX}\n[[attempt]]\nname = "stub"',
    )
    result = project.run()
    assert result.exit_code == ExitCode.DONE
    assert [record.name for record in result.outcomes] == ["jax"]
    assert result.attempt == "stub"
    assert verdict(project.pack) == "INTACT"
    assert "jax" in (project.pack / "t1_summary.md").read_text("utf-8").lower()


def test_one_attempt_alone_can_be_named(project: Project) -> None:
    project.edit(
        '[[attempt]]\nname = "stub"',
        f'{JAX}\n[[attempt]]\nname = "stub"\nmanual = true',
    )
    assert project.run().attempt is None
    assert project.run(again=True, attempt="stub").attempt == "stub"
    assert verdict(project.pack) == "INTACT"
    with pytest.raises(UsageError, match="no attempt 'other'"):
        project.run(again=True, attempt="other")


def test_a_gate_that_is_not_met_leaves_the_pack_intact_and_the_run_open(project: Project) -> None:
    project.edit('op = "<"\nvalue = 1', 'op = "<"\nvalue = 0')
    assert project.run().exit_code == ExitCode.UNFINISHED
    assert verdict(project.pack) == "INTACT"


def test_a_broken_promise_is_a_gate_not_met(project: Project) -> None:
    write_rows(project.root / "data/train.jsonl", [{"prompt": "p", "answer": "a"}] * 3)
    result = project.run()
    assert result.exit_code == ExitCode.UNFINISHED
    assert project.read(layout.FROZEN)["sets"][0]["equal_to_ref"] is False
    assert verdict(project.pack) == "INTACT"


def test_a_second_run_of_a_pack_at_the_same_time_is_told_to_wait(project: Project) -> None:
    from filelock import FileLock

    (project.runs / ".work").mkdir(parents=True)
    with FileLock(project.runs / ".work" / "T1.lock"), pytest.raises(BusyError):
        project.run()
    assert project.run().exit_code == ExitCode.DONE


@pytest.mark.parametrize(
    ("break_it", "word"),
    [
        (lambda p: p.edit("epochs = 2", 'epochs = "two"'), "train.epochs"),
        (lambda p: p.edit("data/train.jsonl", "data/tarin.jsonl"), "data.train.path"),
        (lambda p: p.edit('paths = ["data/*.jsonl"]', 'paths = ["nothing/*"]'), "matches no file"),
        (lambda p: p.edit("{{ prompt }}", "{{ prompt "), "data.train.text"),
        (lambda p: p.edit('id = "T1"', 'id = "T2"'), "named T1.toml"),
        (lambda p: p.edit('config = "model"', 'config = "nowhere"'), "nowhere/config.json"),
        (
            lambda p: p.edit('path = "data/train.jsonl"', 'path = "data/train.jsonl"\nrows = 15'),
            "declares 15, the data have 14",
        ),
        (
            lambda p: write_rows(p.root / "data/train.jsonl", [{"prompt": 1, "answer": ""}]),
            "data/train.jsonl:1: field 'prompt' is int, declared as string",
        ),
        (lambda p: (p.root / "data/train.jsonl").write_text('{"a": 1, "a": 2}\n'), "twice"),
        (lambda p: (p.root / "data/train.jsonl").write_text(""), "has no rows"),
        (
            lambda p: p.edit("epochs = 2", "max_steps = 1_000_001"),
            "train.max_steps: asks for 1000001",
        ),
        (
            lambda p: (
                p.edit("epochs = 2", "max_steps = 120_004")
                or p.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 500")
            ),
            "make a loss table of 30001 rows",
        ),
        (lambda p: p.edit("epochs = 2", "max_steps = 50_005"), "asks for 10001 checkpoints"),
        (
            lambda p: (
                p.edit("gradient_accumulation = 3", "gradient_accumulation = 1")
                or p.edit("epochs = 2", "epochs = 10_000")
                or p.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 500")
                or p.edit("every_steps = 4", "every_steps = 2")
            ),
            "train.log_every_steps: 140000 steps",
        ),
        (
            lambda p: p.edit(
                'backend = "stub"\n', 'backend = "stub"\ntrain = { max_steps = 1_000_001 }\n'
            ),
            "attempt.0.train.max_steps",
        ),
    ],
)
def test_what_is_invalid_is_named_and_nothing_is_created(
    break_it: object, word: str, project: Project
) -> None:
    assert callable(break_it)
    break_it(project)
    with pytest.raises(MilestoneError) as caught:
        project.run()
    assert word in caught.value.message
    assert caught.value.exit_code == ExitCode.USAGE
    assert not project.runs.exists()


def test_a_note_is_shown_as_added_after_sealing_and_changes_no_evidence(
    project: Project, tmp_path: Path
) -> None:
    result = project.run()
    note = tmp_path / "later.md"
    note.write_text("We learned **more**.\n<script>alert(1)</script>\n", encoding="utf-8")
    assert attach_note(project.pack, note).as_posix() == "attached/notes-001.md"
    assert attach_note(project.pack, note).as_posix() == "attached/notes-002.md"
    report = verify_pack(project.pack)
    assert report.verdict == "INTACT"
    assert report.root_sha256 == result.root_sha256
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "We learned" in summary
    assert "added after sealing" in summary
    assert "<script" not in summary


def test_a_summary_that_was_lost_or_edited_is_regenerated(ran: Project) -> None:
    summary = ran.pack / "t1_summary.md"
    before = summary.read_bytes()
    summary.write_bytes(before.replace(b"10", b"11", 1))
    assert verdict(ran.pack).startswith("NOT INTACT")
    assert render_all([ran.pack], check=True)[0].changed == ("t1_summary.md",)
    assert rerender(ran.pack) == ["t1_summary.md"]
    shutil.rmtree(ran.pack / "plots")
    rerender(ran.pack)
    assert summary.read_bytes() == before
    assert verdict(ran.pack) == "INTACT"


def test_a_dirty_tree_is_recorded_with_a_patch_that_leads_there(
    project: Project, tmp_path: Path
) -> None:
    (project.root / "extra.py").write_text("print('x')\n")
    project.run()
    assert project.read(layout.GIT)["start"]["dirty"] is True
    patch = (project.pack / layout.PATCH).read_bytes()
    assert b"extra.py" in patch
    assert verdict(project.pack) == "INTACT"


def test_a_project_without_git_runs_and_says_so(project: Project) -> None:
    shutil.rmtree(project.root / ".git")
    project.run()
    assert "not a git repository" in project.read(layout.GIT)["start"]["unavailable"]
    assert verdict(project.pack) == "INTACT"


def test_one_attempt_that_was_asked_for_is_recorded_and_shown(project: Project) -> None:
    project.edit(
        '[[attempt]]\nname = "stub"',
        f'{JAX}\n[[attempt]]\nname = "stub"',
    )
    result = project.run(attempt="stub")
    assert result.intact
    assert rows(project.pack / "journal.jsonl")[0]["data"]["only_attempt"] == "stub"
    assert "`stub` alone was asked for" in result.summary.read_text("utf-8")
