"""The hooks for pre-commit: as they stand, and by pre-commit itself where it is installed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.command import evidence
from tests.docs.pages import ROOT

GOLDEN: Final = ROOT / "tests/packs/golden/v1"
HOOKS: Final[dict[str, Any]] = {
    one["id"]: one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
}
MARKED: Final = "A loss of <!-- evidence runs/M90 train.loss_end -->0.72<!-- /evidence -->.\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(GOLDEN / "complete/M90", tmp_path / "runs/M90")
    (tmp_path / "README.md").write_text(MARKED)
    (tmp_path / "plain.md").write_text("Nothing is marked.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def entry(name: str, *files: str) -> int:
    """Exit code of the hook, as pre-commit would call it."""
    first, *words = shlex.split(HOOKS[name]["entry"])
    assert first == "evidence"
    return evidence(*words, *files).exit


def test_the_hooks_pass_what_is_true_and_fail_what_is_not(repository: Path) -> None:
    assert entry("evidence-verify") == 0
    assert entry("evidence-audit", "README.md", "plain.md") == 0
    assert entry("evidence-audit", "plain.md") == 0
    (repository / "README.md").write_text(MARKED.replace("0.72", "0.27"))
    assert entry("evidence-audit", "README.md", "plain.md") == 1
    with (repository / "runs/M90/results.json").open("ab") as file:
        file.write(b" ")
    assert entry("evidence-verify") == 1


def test_the_hooks_look_at_packs_and_pages_and_nothing_else() -> None:
    assert re.search(HOOKS["evidence-verify"]["files"], "runs/M90/results.json")
    for name in ("src/runs/a", "runs/.gitignore", "runs/README.md"):  # of a folder without a pack
        assert not re.search(HOOKS["evidence-verify"]["files"], name)
    for name in ("README.md", "docs/a.markdown", "a.qmd", "a.html"):
        assert re.search(HOOKS["evidence-audit"]["files"], name)
    assert not re.search(HOOKS["evidence-audit"]["files"], "a.md.txt")


@pytest.mark.full
def test_pre_commit_itself_runs_them(repository: Path, tmp_path_factory: Any) -> None:
    """It installs this project from a clone: needs pre-commit and a package index."""
    tool = shutil.which("pre-commit") or os.environ.get("EVIDENCE_PRE_COMMIT", "")
    if not tool:
        pytest.skip("pre-commit is not installed (EVIDENCE_PRE_COMMIT names it where it lies)")
    ours = tmp_path_factory.mktemp("ours") / "evidence-pack"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(ours)], check=True)
    for name in ("action.yml", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, ours / name)
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]

    def git(folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git(ours, "add", "-A")
    git(ours, "commit", "-q", "--allow-empty", "-m", "hooks")
    config = {
        "repos": [
            {
                "repo": str(ours),
                "rev": git(ours, "rev-parse", "HEAD"),
                "hooks": [{"id": name} for name in HOOKS],
            }
        ]
    }
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(repository, "init", "-q")
    git(repository, "add", "-A")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, "run", "--all-files", "--verbose"],
            cwd=repository,
            env=os.environ | {"PRE_COMMIT_HOME": str(ours.parent / "home")},
            capture_output=True,
            text=True,
            timeout=600,
        )

    done = run()
    if "Could not find a version" in done.stdout + done.stderr:
        pytest.skip("there is no package index here")
    assert done.returncode == 0, done.stdout + done.stderr
    (repository / "README.md").write_text(MARKED.replace("0.72", "0.27"))
    done = run()
    assert done.returncode == 1, done.stdout
    assert "train.loss_end" in done.stdout
