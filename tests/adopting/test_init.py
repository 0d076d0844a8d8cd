"""`evidence init` in an existing repository: nothing is lost, nothing is run, twice is once."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from evidence import __version__
from evidence.adopting.candidates import candidates_in
from evidence.milestone.parse import load_milestone
from tests.command import evidence
from tests.docs.pages import ROOT

WRITTEN: Final = (
    "milestones/M1.toml",
    "runs/.gitattributes",
    "runs/.gitignore",
    ".github/workflows/evidence.yml",
    ".pre-commit-config.yaml",
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("open('ran', 'w').close()\n")
    return tmp_path


def files(root: Path) -> dict[str, bytes]:
    return {
        one.relative_to(root).as_posix(): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file()
    }


def commands(root: Path) -> list[str]:
    return [shlex.join(one.command) for one in candidates_in(root)]


def test_what_is_missing_is_written_and_shown_and_a_second_time_nothing(repository: Path) -> None:
    before = files(repository)
    ended = evidence("init")
    assert (ended.exit, ended.err) == (0, "")
    first = files(repository)
    assert set(first) - set(before) == set(WRITTEN)
    for name in WRITTEN:
        assert f"wrote      {name}\n" in ended.out
        for line in first[name].decode().splitlines():
            assert line.strip() in ended.out
    again = evidence("init")
    assert again.exit == 0
    assert "wrote" not in again.out
    assert files(repository) == first


def test_nothing_is_written_through_a_link_or_past_a_file_and_the_rest_is(
    repository: Path,
) -> None:
    outside = repository.parent / f"{repository.name}-outside"
    outside.mkdir()
    (repository / "runs").symlink_to(outside)
    (repository / ".github").write_text("a file\n")
    (repository / "milestones").symlink_to("nowhere")
    ended = evidence("init")
    assert (ended.exit, ended.err) == (0, "")
    assert list(outside.iterdir()) == []
    assert (repository / ".github").read_text() == "a file\n"
    for said in ("runs is a link", ".github is no folder", "milestones is a link"):
        assert said in ended.out
    assert (repository / ".pre-commit-config.yaml").is_file()
    assert ended.out.count("wrote ") == 1


def test_a_bare_repository_and_a_folder_within_one_are_refused(repository: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", "bare.git"], check=True)
    subprocess.run(["git", "init", "-q", "top"], check=True)
    (repository / "top/below").mkdir()
    for folder, says in (("bare.git", "bare repository"), ("top/below", "lies in the repository")):
        before = files(repository / folder)
        ended = evidence("init", "--root", folder)
        assert ended.exit == 2, ended
        assert says in ended.err
        assert files(repository / folder) == before
    assert evidence("init", "--root", "top").exit == 0


def test_a_dry_run_writes_nothing_and_shows_the_same(repository: Path) -> None:
    before = files(repository)
    dry = evidence("init", "--dry-run")
    assert dry.exit == 0
    assert files(repository) == before
    assert dry.out.replace("would be   ", "wrote      ") == evidence("init").out


def test_the_milestone_says_what_was_found(repository: Path) -> None:
    evidence("init")
    milestone, _ = load_milestone(repository / "milestones/M1.toml")
    assert milestone.stages["command"]["run"] == ["python", "train.py"]


def test_it_runs_and_leaves_a_pack(repository: Path) -> None:
    evidence("init")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], cwd=repository, check=True)
    assert evidence("run", "M1").exit == 0
    assert (repository / "ran").exists()
    assert evidence("verify", "runs/M1").exit == 0


def test_what_a_program_wrote_and_no_pack_keeps_is_not_committed(repository: Path) -> None:
    evidence("init")
    (repository / "runs/.output/M1").mkdir(parents=True)
    (repository / "runs/.output/M1/optimizer.pt").write_bytes(bytes(9))
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    words = ["git", "status", "--porcelain", "-uall"]
    said = subprocess.run(words, cwd=repository, check=True, capture_output=True, text=True)
    assert "runs/.gitignore" in said.stdout
    assert "optimizer.pt" not in said.stdout


def test_what_is_there_is_never_written(repository: Path) -> None:
    for name in WRITTEN:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(f"mine: {name}\n")
    (repository / ".gitignore").write_text("*.pyc\nruns/\n")
    before = files(repository)
    ended = evidence("init")
    assert ended.exit == 0
    assert files(repository) == before
    for name in set(WRITTEN) - {"milestones/M1.toml"}:
        assert f"add        to {name}, which is left as it is" in ended.out
    assert "!/runs/" in ended.out
    assert "there are milestones: M1" in ended.out


def test_a_link_that_leads_nowhere_is_there(repository: Path) -> None:
    (repository / ".pre-commit-config.yaml").symlink_to("gone")
    assert evidence("init").exit == 0
    assert (repository / ".pre-commit-config.yaml").is_symlink()
    assert not (repository / "gone").exists()


@pytest.mark.parametrize("text", ["runs/", "/runs", "runs", "a\nruns/**\n"])
def test_a_project_that_ignores_its_packs_is_told(repository: Path, text: str) -> None:
    (repository / ".gitignore").write_text(text)
    assert "packs lie there" in evidence("init").out
    (repository / ".gitignore").write_text(f"{text}\n!/runs/\n")
    assert "packs lie there" not in evidence("init").out


def test_candidates_are_found_by_their_names_the_likeliest_first(tmp_path: Path) -> None:
    for name in (
        "train.py",
        "train_lora.py",
        "constrain.py",
        "test_train.py",
        "scripts/finetune.py",
        "scripts/train.sh",
        "scripts/deep/train.py",
        "src/trainer.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text("all:\ntrain: data\n\trun\ntrain := 1\nretrain-b:\n")
    (tmp_path / "pyproject.toml").write_text('[project.scripts]\nours-train = "a:b"\nx = "a:c"\n')
    assert commands(tmp_path) == [
        "python train.py",
        "python train_lora.py",
        "python scripts/finetune.py",
        "python src/trainer.py",
        "bash scripts/train.sh",
        "make train",
        "make retrain-b",
        "ours-train",
    ]


def test_several_are_listed(repository: Path) -> None:
    (repository / "finetune.py").touch()
    (repository / "Makefile").write_text("train:\n\tx\n")
    out = evidence("init").out
    assert "(found: train.py)" in out
    assert "-- python finetune.py" in out
    assert "(Makefile:1)" in out
    assert "-- make train" in out


def test_without_any_it_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = evidence("init").out
    assert "No program that trains was found" in out
    assert not (tmp_path / "milestones").exists()


def test_a_file_of_another_encoding_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes(b"# gr\xfc\xdfe\ntrain:\n\tpython a.py\n")
    assert commands(tmp_path) == ["make train"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
def test_odd_files_are_no_candidates(tmp_path: Path) -> None:
    (tmp_path / "train_\udcff.py").touch()
    (tmp_path / "train.py").symlink_to("/etc/hostname")
    (tmp_path / "scripts").symlink_to("/usr")
    os.mkfifo(tmp_path / "Makefile")
    (tmp_path / "makefile").symlink_to("/proc/self/cmdline")
    (tmp_path / "pyproject.toml").write_text("[project\n")
    (tmp_path / "finetune.py").mkdir()
    assert candidates_in(tmp_path) == ()


def test_workflow_and_hooks_are_pinned_and_those_of_the_project(repository: Path) -> None:
    evidence("init")
    workflow = yaml.safe_load((repository / WRITTEN[3]).read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert f"evidence-pack=={__version__}" in job["steps"][-1]["run"]
    assert "${{" not in str(job)
    config = yaml.safe_load((repository / WRITTEN[4]).read_text())
    ours = {one["id"]: one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for hook in config["repos"][0]["hooks"]:
        assert hook["additional_dependencies"] == [f"evidence-pack=={__version__}"]
        for key in ("entry", "files", "name"):
            assert hook[key] == ours[hook["id"]][key]
