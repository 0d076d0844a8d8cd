"""Laws of reproducing: the recorded run again, the user's tree untouched, nothing left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evidence import jsonio, layout
from evidence.capture.git import Repository
from evidence.cli.reproduce import command as reproduce_command
from evidence.errors import DurabilityError, ExitCode, PackBrokenError, StoppedError, UsageError
from evidence.pipeline.index import index_differs, update_index
from evidence.pipeline.signals import StopRequest
from evidence.pipeline.summaries import differences, rerender
from evidence.progress import Silent
from evidence.records.availability import Unavailable
from evidence.records.comparison import DifferenceRecord
from evidence.reproduce import ReproduceOptions, ReproduceResult, reproduce
from evidence.reproduce.here import announce
from evidence.verify import VerifyOptions, open_verified, verify_pack
from tests.project import Project, make_project, write_rows
from tests.reproduce.heard import Heard


def again(project: Project, pack: Path | None = None, **options: Any) -> ReproduceResult:
    with StopRequest() as stop:
        stop.asked = options.pop("stop_level", 0)
        chosen = ReproduceOptions(project=project.root.resolve(), **options)
        return reproduce(pack or project.pack, chosen, Silent(), stop)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where worktrees are made, so that a law can look at what stays there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        project = make_project(tmp_path_factory.mktemp("made") / "project")
        project.run()
    return project.root


@pytest.fixture
def ran(made: Path, tmp_path: Path) -> Project:
    """The same in a folder of its own."""
    shutil.copytree(made, tmp_path / "project")
    return Project(tmp_path / "project")


def state(project: Project, temporary: Path) -> dict[str, object]:
    """Everything that a reproduction must leave as it was, or as it found it."""
    files = {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in sorted(project.root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project.root).parts[:1]
    }
    return {
        "files": files,
        "worktrees": project.git("worktree", "list"),
        "status": project.git("status", "--porcelain"),
        "head": project.git("rev-parse", "HEAD"),
        "administration": (project.root / ".git/worktrees").exists(),
        "temporary": list(temporary.iterdir()),
    }


def test_a_clean_tree_is_reproduced_bit_for_bit(ran: Project, temporary: Path) -> None:
    before = state(ran, temporary)
    result = again(ran)
    assert (result.record.verdict, result.asked) == ("bitwise", "bitwise")
    assert result.exit_code is ExitCode.DONE
    assert result.record.causes == ()
    after = state(ran, temporary)
    for key in before.keys() - {"files"}:
        assert before[key] == after[key]
    names = {path.name for path in ran.runs.iterdir()}
    assert names == {"T1", result.pack.name, ".work", ".gitattributes", ".gitignore", "README.md"}
    assert [path.name for path in (ran.runs / ".work").iterdir()] == ["T1.lock"]


def test_the_new_pack_verifies_and_names_the_original_as_its_parent(ran: Project) -> None:
    original = open_verified(ran.pack)
    result = again(ran)
    second = open_verified(result.pack)
    assert second.report.verdict == "INTACT"
    assert result.pack.name == f"T1-reproduced-{original.root_sha256[:12]}"
    first, manifest = original.documents.manifest, second.documents.manifest
    assert first is not None
    assert manifest is not None
    (parent,) = manifest.parents
    assert (parent.root_sha256, parent.relation) == (original.root_sha256, "reproduces")
    assert manifest.outcome_sha256 == first.outcome_sha256
    assert manifest.commit == first.commit


def test_the_seal_of_the_original_stays_and_its_summary_says_what_was_added(ran: Project) -> None:
    seal = (ran.pack / layout.SUMS).read_bytes()
    result = again(ran)
    assert (ran.pack / layout.SUMS).read_bytes() == seal
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    (line,) = [line for line in summary.splitlines() if line.startswith("**Added after sealing**")]
    assert "reproduced bitwise on 2" in line
    assert result.record.reproduction.root_sha256[:12] in line
    assert differences(ran.pack) == []
    assert verify_pack(ran.pack).verdict == "INTACT"
    assert not index_differs(ran.runs)
    assert "bitwise by" in (ran.runs / "README.md").read_text("utf-8")


def test_a_dirty_tree_is_reproduced_with_its_patch_whatever_became_of_it(
    project: Project, temporary: Path
) -> None:
    rows = [{"prompt": f"new {i}", "answer": "ä\r"} for i in range(9)]
    write_rows(project.root / "data/train.jsonl", rows)
    (project.root / "untracked.bin").write_bytes(bytes(range(256)))
    project.edit("seed = 7", "seed = 11")
    project.run()
    project.git("checkout", "-q", "--", ".")
    (project.root / "untracked.bin").unlink()
    write_rows(project.root / "data/train.jsonl", [{"prompt": "later", "answer": "x"}])
    project.git("add", "data")
    project.git("commit", "-q", "-m", "later")
    before = state(project, temporary)
    result = again(project)
    assert result.record.verdict == "bitwise"
    after = state(project, temporary)
    assert {**before, "files": 0} == {**after, "files": 0}  # runs/ as a whole is untracked here
    assert jsonio.load_document((result.pack / layout.GIT).read_bytes())["start"]["dirty"] is True


def test_a_project_below_the_top_of_its_repository_is_reproduced(tmp_path: Path) -> None:
    project = make_project(tmp_path / "outer/inner")
    shutil.rmtree(project.root / ".git")
    outer = Project(tmp_path / "outer")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        outer.git(*command)
    project.run()
    assert again(project).record.verdict == "bitwise"


def test_data_that_git_ignores_are_taken_from_the_project_with_the_recorded_bytes(
    project: Project, temporary: Path
) -> None:
    (project.root / ".gitignore").write_text("/data/\n/model/\n")
    project.edit('[[frozen]]\nname = "data"\npaths = ["data/*.jsonl"]\nref = "HEAD"\n', "")
    project.git("rm", "-rq", "--cached", "data", "model")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "data are not in git")
    project.run()
    assert again(project).record.verdict == "bitwise"
    write_rows(project.root / "data/train.jsonl", [{"prompt": "p", "answer": "other"}])
    assert_refused(project, temporary, "other bytes")
    (project.root / "data/train.jsonl").unlink()
    assert_refused(project, temporary, "no data/train.jsonl")


def assert_refused(project: Project, temporary: Path, words: str) -> None:
    """Exit 2 with something to do, and everything as it was."""
    before = state(project, temporary)
    with pytest.raises(UsageError, match=words) as caught:
        again(project)
    assert caught.value.hint
    assert state(project, temporary) == before


def other_history(project: Project) -> None:
    shutil.rmtree(project.root / ".git")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "another history"]):
        project.git(*command)


def shallow(project: Project) -> None:
    project.git("commit", "-q", "--allow-empty", "-m", "later")
    origin = project.root.with_name("origin")
    (project.root / ".git").rename(origin)
    clone = project.root.with_name("clone")
    url = f"file://{origin}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(clone)], check=True)
    (clone / ".git").rename(project.root / ".git")
    shutil.rmtree(clone)


@pytest.mark.parametrize(
    ("change", "words"),
    [(other_history, "is not in"), (shallow, "shallow clone")],
)
def test_a_commit_that_is_not_there_is_named_with_what_to_do(
    change: Callable[[Project], None], words: str, ran: Project, temporary: Path
) -> None:
    change(ran)
    assert_refused(ran, temporary, words)


def test_without_a_repository_nothing_starts(ran: Project) -> None:
    shutil.rmtree(ran.root / ".git")
    with pytest.raises(UsageError, match="not a git repository"):
        again(ran)


def test_a_dirty_tree_whose_patch_was_too_large_is_not_reproduced(
    project: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.limits.MAX_PATCH_BYTES", 10)
    project.edit("seed = 7", "seed = 8")
    project.run()
    assert_refused(project, temporary, "holds no patch")


def test_a_failed_pack_has_nothing_to_reproduce(
    project: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    project.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    assert_refused(project, temporary, "no completed attempt")


def test_a_pack_that_does_not_verify_is_not_run_again(ran: Project, temporary: Path) -> None:
    log = ran.pack / layout.TRAINING_LOG
    log.write_bytes(log.read_bytes() + b"more\n")
    before = state(ran, temporary)
    with pytest.raises(PackBrokenError, match=layout.TRAINING_LOG):
        again(ran)
    assert state(ran, temporary) == before


def test_being_stopped_leaves_nothing_behind(ran: Project, temporary: Path) -> None:
    before = state(ran, temporary)
    with pytest.raises(StoppedError, match="nothing of the run in progress is kept"):
        again(ran, stop_level=1)
    assert state(ran, temporary) == before


def test_git_that_a_ctrl_c_ended_is_a_stop_and_no_mistake_of_the_caller(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Repository.attempt

    def killed(asked: Repository, *args: str, **options: Any) -> bytes | Unavailable:
        adds = args[:2] == ("worktree", "add")
        return Unavailable("it was killed") if adds else attempt(asked, *args, **options)

    monkeypatch.setattr(Repository, "attempt", killed)
    before = state(ran, temporary)
    with pytest.raises(UsageError, match="cannot check out"):
        again(ran)
    with pytest.raises(StoppedError) as caught:
        again(ran, stop_level=1)
    assert caught.value.exit_code == 130
    assert state(ran, temporary) == before


def test_a_fault_of_ours_leaves_nothing_behind(
    ran: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space")

    before = state(ran, temporary)
    monkeypatch.setattr("evidence.pipeline.execution.seal_staging", full_disk)
    with pytest.raises(DurabilityError, match="no space"):
        again(ran)
    assert state(ran, temporary) == before


def test_a_second_run_that_fails_is_different_and_says_so_first(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    result = again(ran)
    assert (result.record.verdict, result.exit_code) == ("different", ExitCode.FINDINGS)
    assert result.record.causes[0].cause == "failed"
    assert "told to raise" in result.record.causes[0].explanation
    assert verify_pack(result.pack).verdict == "UNFINISHED"
    assert verify_pack(ran.pack).verdict == "INTACT"


def test_each_reproduction_has_its_own_pack_and_its_own_line(ran: Project) -> None:
    first, second = again(ran), again(ran)
    assert second.pack.name == f"{first.pack.name}-2"
    assert len(list((ran.pack / layout.ATTACHED).iterdir())) == 2
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    assert summary.count("reproduced bitwise") == 2
    assert verify_pack(second.pack).verdict == "INTACT"


def test_the_worktree_stays_where_asked_for(ran: Project) -> None:
    result = again(ran, keep=True)
    assert result.worktree is not None
    assert (result.worktree / "milestones/T1.toml").is_file()
    assert str(result.worktree) in ran.git("worktree", "list")


def check(pack: Path, name: str, *beside: Path) -> tuple[str, str]:
    report = verify_pack(pack, VerifyOptions(beside=beside))
    return next((one.outcome, one.reason) for one in report.checks if one.id == name)


def test_the_claim_is_checked_only_beside_the_pack_that_makes_it(ran: Project) -> None:
    result = again(ran)
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
        (b"the outcome digests are equal", b"the outcome digests are great", "reproduction-claims"),
        (b'"machine": "test"', b'"machine": "NVIDIA H100"', "reproduction-claims"),
        (b'"finished_utc": "20', b'"finished_utc": "30', "reproduction-claims"),
        (b'"verdict": "bitwise"', b'"verdict": "perfect"', "attached-form"),
        (b'"verdict": "bitwise"', b'"verdict":  "bitwise"', "attached-form"),
        (b'"verdict": "bitwise"', b'"verdict": bitwise', "attached-form"),
    ],
)
def test_a_claim_that_was_changed_is_found(old: bytes, new: bytes, name: str, ran: Project) -> None:
    result = again(ran)
    data = result.attached.read_bytes()
    assert old in data
    result.attached.write_bytes(data.replace(old, new))
    rerender(ran.pack)
    assert check(ran.pack, name, result.pack)[0] == "fail"


def test_a_reproduction_of_another_pack_is_no_claim_about_this_one(ran: Project) -> None:
    result = again(ran)
    target = result.pack / layout.ATTACHED / result.attached.name
    target.parent.mkdir()
    shutil.copy(result.attached, target)
    rerender(result.pack)
    assert check(result.pack, "attached-form")[0] == "fail"
    summary = (result.pack / "t1_summary.md").read_text("utf-8")
    assert "reproduced bitwise" not in summary


def test_the_reports_last_words_are_those_of_the_tier_asked_for(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows are no reproduction for one who asked for close losses."""

    def words(*arguments: str) -> tuple[int, str]:
        command = [str(ran.pack), "--repo", str(ran.root), *arguments]
        result = CliRunner().invoke(reproduce_command, command)
        return result.exit_code, result.stdout

    code, said = words()
    assert code == 0
    assert "REPRODUCED bitwise" in said
    assert "asked for    bitwise (the default: the environments are equal" in said
    assert "reached      bitwise, same-stream, numerically-close, statistically-con" in said
    monkeypatch.setenv("EVIDENCE_STUB", '{"do": "shift", "by": 0.01}')
    for tier, exit_code in (("bitwise", 1), ("numerically-close", 1), ("same-stream", 0)):
        code, said = words("--tier", tier)
        assert code == exit_code
        assert f"{'NOT ' * exit_code}REPRODUCED {tier}" in said
        assert "reached      same-stream\n" in said
        assert f"asked for    {tier}\n" in said
    summary = (ran.pack / "t1_summary.md").read_text("utf-8")
    assert "run again with the same rows, but losses beyond the tolerance" in summary


def test_the_command_exits_by_tier_and_by_what_is_missing(ran: Project) -> None:
    command = [
        sys.executable,
        "-m",
        "evidence",
        "reproduce",
        str(ran.pack),
        "--repo",
        str(ran.root),
    ]
    done = subprocess.run([*command, "--tier", "bitwise"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "REPRODUCED bitwise" in done.stdout
    shutil.rmtree(ran.root / ".git")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "not a git repository" in done.stderr


def test_git_that_is_absent_or_pointed_elsewhere_is_named_with_what_to_do(
    ran: Project, temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(ran, temporary)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(UsageError, match="git is not on PATH") as caught:
            again(ran)
        assert "Install git" in caught.value.hint
    with monkeypatch.context() as patch:
        patch.setenv("GIT_DIR", "/elsewhere")
        with pytest.raises(UsageError, match=r"GIT_DIR is set .*; unset it"):
            again(ran)
    assert state(ran, temporary) == before


def test_from_another_folder_the_clone_around_the_pack_is_named_but_not_taken(
    ran: Project, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    options = ReproduceOptions(project=elsewhere)
    with StopRequest() as stop, pytest.raises(UsageError) as caught:
        reproduce(ran.pack, options, Silent(), stop)
    assert "git init" not in caught.value.message  # that would not bring the commit
    assert caught.value.hint.endswith(f"--repo {ran.root.resolve()}")


def test_a_pack_that_is_not_there_or_not_finished_is_a_mistake_of_the_caller(
    ran: Project, temporary: Path
) -> None:
    with pytest.raises(UsageError, match="there is no pack"):
        again(ran, ran.runs / "T9")
    work = layout.work_dir(ran.runs, "T9")  # as a killed run leaves it
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_bytes(b"{}")
    before = state(ran, temporary)
    with pytest.raises(PackBrokenError, match="not a finished pack") as caught:
        again(ran, ran.runs / "T9")
    assert caught.value.hint
    assert state(ran, temporary) == before


def test_weights_that_were_withheld_are_not_needed(project: Project) -> None:
    publish = '[publish]\nwithhold = ["training_output/final_model/*.safetensors"]\nreason = "r"\n'
    project.edit("[narrative]", f"{publish}\n[narrative]")
    project.run()
    (weights,) = (project.pack / layout.FINAL_MODEL).glob("*.safetensors")
    weights.unlink()
    assert again(project).record.verdict == "bitwise"


def test_what_computes_is_announced_line_by_line_and_the_rest_in_one() -> None:
    heard = Heard()
    names = ["torch", *(f"tool-{i}" for i in range(30))]
    announce(tuple(DifferenceRecord(f"package.{name}", ("1", "2")) for name in names), heard)
    first, second = heard.lines
    assert first == "differs here: package.torch: recorded 1, here 2"
    assert "tool-5 and 24 more" in second
    heard.lines.clear()
    announce((), heard)
    assert "is the recorded one" in heard.lines[0]


def test_the_index_tells_a_claim_from_what_the_packs_beside_it_give(
    ran: Project, tmp_path: Path
) -> None:
    def line() -> str:
        update_index(ran.runs)
        page = (ran.runs / "README.md").read_text("utf-8").splitlines()
        return next(one for one in page if one.startswith(("| [T1](", "| T1 |")))

    result = again(ran)
    other = again(ran)
    assert line().count("bitwise by") == 2
    assert "not checked" not in line()
    shutil.move(other.pack, tmp_path / "away")
    assert line().count("not checked: its pack is not here") == 1
    data = result.attached.read_bytes()
    result.attached.write_bytes(data.replace(b'"verdict": "bitwise"', b'"verdict": "different"'))
    rerender(ran.pack)
    assert "NOT INTACT" in line()
    assert "bitwise" not in line()
