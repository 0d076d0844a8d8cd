"""Laws of a pack that was committed and cloned: what our ignore file leaves out may be absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.project import Project

PUBLISH = (
    '\n[publish]\nwithhold = ["training_output/final_model/*.safetensors"]\nreason = "private"\n'
)


def cloned(project: Project, folder: Path) -> Path:
    """The pack, committed as a user would, in a clone."""
    project.git("add", ".")
    project.git("commit", "-qm", "evidence")
    project.git("clone", "-q", str(project.root), str(folder))
    return folder / "runs/T1"


def errors(report: Report) -> list[str]:
    return [str(one) for one in report.findings if one.severity in ("error", "refused")]


def test_a_cloned_pack_is_intact_and_names_what_it_lacks(project: Project, tmp_path: Path) -> None:
    project.run()
    pack = cloned(project, tmp_path / "clone")
    absent = {p.relative_to(project.pack).as_posix() for p in project.pack.rglob("*")} - {
        p.relative_to(pack).as_posix() for p in pack.rglob("*")
    }
    assert absent == {f"{layout.FINAL_MODEL}/model.safetensors"}
    report = verify_pack(pack)
    assert (report.verdict, errors(report)) == ("INTACT", [])
    (messages,) = (one for one in report.findings if one.code == "withheld")
    assert (messages.severity, messages.address) == ("advice", *absent)
    assert "runs/.gitignore" in messages.message
    assert "runs/.gitignore" in (pack / "t1_summary.md").read_text("utf-8")
    asked = verify_pack(pack, VerifyOptions(require_all=True))
    assert asked.verdict == "NOT INTACT"


def test_the_milestones_own_reason_comes_first(project: Project) -> None:
    path = project.root / "milestones/T1.toml"
    path.write_text(path.read_text("utf-8") + PUBLISH, "utf-8")
    project.run()
    assert [one["reason"] for one in project.read(layout.WITHHELD)["files"]] == ["private"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".gitignore", "*.txt\n*.jsonl\n*.json\n*.safetensors\ntraining_output/\nfinal_model\n"),
        (".gitattributes", "*.jsonl text eol=crlf\n*.md text=auto eol=crlf\n"),
        pytest.param(
            ".gitattributes",
            "*.jsonl filter=loud\n*.json filter=loud\n*.txt filter=loud\n",
            marks=pytest.mark.full,
        ),
        (".gitattributes", "runs/**/*.json working-tree-encoding=UTF-16\n*.txt ident\n"),
    ],
    ids=["ignored", "line ends", "filter", "encoding"],
)
def test_what_a_project_ignores_or_converts_elsewhere_leaves_packs_whole(
    name: str, content: str, project: Project, tmp_path: Path
) -> None:
    (project.root / name).write_text(content)
    project.git("config", "filter.loud.clean", "tr a-z A-Z")
    project.run()
    assert verify_pack(project.pack).verdict == "INTACT"
    report = verify_pack(cloned(project, tmp_path / "clone"))
    assert (report.verdict, errors(report)) == ("INTACT", [])


def test_weights_that_were_changed_are_an_error_all_the_same(ran: Project) -> None:
    weights = ran.pack / layout.FINAL_MODEL / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    assert verify_pack(ran.pack).verdict == "NOT INTACT"
