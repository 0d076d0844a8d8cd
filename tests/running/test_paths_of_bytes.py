"""Names that are no UTF-8, of folders, files and arguments: a command works, or names them (E7)."""

from __future__ import annotations

import os
import shutil
import sys
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from evidence.catalogue.build import update
from evidence.cli.main import COMMANDS
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.project import Project, make_project
from tests.tiers import sampled

NAME: Final = os.fsdecode(b"x\xff")
SPELLED: Final = "x\\udcff"
ASKED: Final = {
    "run": ("run", "T1", "--again"),
    "record": ("record", "T9", "--", "true"),
    "import": ("import", "data", "--id", "T9"),
    "verify": ("verify", "runs/T1"),
    "verify --json": ("verify", "runs/T1", "--json"),
    "verify --repo": ("verify", "runs/T1", "--repo", "."),
    "render": ("render",),
    "explain": ("explain", "runs/T1", "train.loss_end"),
    "audit": ("audit", "note.md", "--evidence", "data"),
    "index": ("index", "runs"),
    "find": ("find", "--index", "index.sqlite"),
    "site": ("site",),
    "compare": ("compare", "runs/T1", "runs/T1"),
    "reproduce": ("reproduce", "runs/T1"),
    "disclose": ("disclose", "runs/T1", "--rows", "0", "--to", "shown.json"),
    "export": ("export", "model-card", "runs/T1"),
    "sign": ("sign", "runs/T1", "--key", "none"),
    "push": ("push", "runs/T1", "memory://paths/T1"),
    "note": ("note", "runs/T1", "note.md"),
    "doctor": ("doctor", "T1"),
    "init": ("init",),
    "new": ("new", "T9", "--data", "data/train.jsonl", "--model", "model"),
    "keys": ("keys", "train"),
}
REFUSED: Final = {
    ("import", "folder"), ("record", "folder"), ("run", "folder"),
    ("run", "promise"), ("run", "model"),
    ("reproduce", "folder"), ("reproduce", "model"),
    ("doctor", "promise"), ("doctor", "model"),
    *(("sign", where) for where in ("folder", "change", "promise", "model", "pack")),
}  # fmt: skip
"""Exit 2: `sign` for its key."""
WHERE: Final = ("folder", "change", "promise", "model", "pack")
POINTS: Final = list(product(ASKED, WHERE))
QUICK: Final = [
    ("run", "folder"),
    ("run", "change"),
    ("run", "promise"),
    ("run", "model"),
    ("verify --json", "folder"),
    ("reproduce", "folder"),
    ("doctor", "promise"),
    ("new", "folder"),
]
ARGUMENTS: Final = [
    ("run", NAME),
    ("run", "T1", "--again", "--attempt", NAME),
    ("run", "T1", "--runs", NAME),
    ("run", NAME, "--json"),
    ("record", NAME, "--", "true"),
    ("import", "data", "--id", NAME),
    ("import", NAME, "--id", "T9"),
    ("import", "data", "--id", "T9", "--milestone", NAME),
    ("verify", NAME),
    ("verify", NAME, "--json"),
    ("verify", "runs/T1", "--expect", NAME),
    ("render", NAME),
    ("render", f"{NAME}.md"),
    ("explain", "runs/T1", NAME),
    ("explain", NAME, "train.loss_end"),
    ("disclose", NAME, "--rows", "0", "--to", "shown.json"),
    ("disclose", "runs/T1", "--rows", NAME, "--to", "shown.json"),
    ("disclose", "runs/T1", "--rows", "0", "--to", NAME, "--of", NAME),
    ("verify", "runs/T1", "--disclosed", NAME),
    ("export", NAME, "runs/T1"),
    ("export", "model-card", NAME),
    ("export", "model-card", "runs/T1", "--output", NAME),
    ("audit", NAME, "--evidence", "data"),
    ("audit", f"{NAME}.md", "--markers", "--json"),
    ("audit", "note.md", "--evidence", NAME),
    ("audit", "note.md", "--pack", NAME),
    ("index", NAME),
    ("index", "runs", "--to", NAME),
    ("find", NAME),
    ("find", "--index", "index.sqlite", "--milestone", NAME, "--json"),
    ("site", NAME),
    ("site", "runs", "--to", NAME),
    ("site", "runs", "--to", f"{NAME}-page"),
    ("compare", "runs/T1", NAME, "--json"),
    ("compare", "runs/T1", "runs/T1", "--output", f"{NAME}-output"),
    ("reproduce", NAME, "--repo", "data"),
    ("sign", "runs/T1", "--key", NAME),
    ("push", NAME, "memory://paths/other"),
    ("push", "runs/T1", f"memory://{NAME}"),
    ("note", "runs/T1", f"{NAME}.md"),
    ("note", NAME, f"{NAME}.md", "--json"),
    ("doctor", NAME),
    ("doctor", NAME, "--json"),
    ("init", "--root", NAME),
    ("new", NAME),
    ("keys", NAME),
    ("new", "T9", "--data", f"{NAME}.jsonl"),
    (NAME,),
    ("verify", f"--{NAME}"),
]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="names of files are any bytes on Linux only"
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("bytes") / "project")
    (project.root / "note.md").write_text("Later.\n")
    assert project.run().report.exit == 0
    update([project.runs], project.root / "index.sqlite")
    return project


def said_well(words: tuple[str, ...], codes: tuple[int, ...]) -> str:
    """What a command says, which ends as one of `codes`."""
    ended = evidence(*words)
    said = ended.out + ended.err
    assert "Traceback" not in said, said
    assert "bug" not in ended.err, said
    assert ended.exit in codes, (ended.exit, said)
    return said


def test_every_command_is_asked() -> None:
    assert {words[0] for words in ASKED.values()} == set(COMMANDS)
    assert {words[0] for words in ARGUMENTS} >= set(COMMANDS)


@pytest.mark.parametrize("point", sampled(POINTS, QUICK), ids=", ".join)
def test_a_name_that_is_no_utf8_is_refused_before_anything_begins_or_does_no_harm(
    point: tuple[str, str], ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, where = point
    root = tmp_path / (NAME if where == "folder" else "project")
    shutil.copytree(ran.root, root)
    added = {
        "change": f"{NAME}.txt",
        "promise": f"data/{NAME}.jsonl",
        "model": f"model/{NAME}.json",
    }
    if where in added:
        (root / added[where]).write_text("{}\n")
    if where == "pack":
        shutil.copytree(root / "runs/T1", root / "runs" / NAME)
    monkeypatch.chdir(root)
    code = 2 if point in REFUSED else 0
    said = said_well(ASKED[name], (code,))
    if code and name != "sign":
        assert "UTF-8" in said, said
        assert SPELLED in said, said
        assert verify_pack(root / "runs/T1").exit == 0
        assert not (root / "runs/.work/T1").exists()


@pytest.mark.parametrize("words", ARGUMENTS, ids=lambda words: " ".join(words).replace(NAME, "N"))
def test_an_argument_that_is_no_utf8_is_spelled(
    words: tuple[str, ...], ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(shutil.copytree(ran.root, tmp_path / "project"))
    shutil.copytree(root / "runs/T1", root / NAME)
    (root / f"{NAME}.md").write_text("Later.\n")
    shutil.copy(root / "data/train.jsonl", root / f"{NAME}.jsonl")
    monkeypatch.chdir(root)
    said_well(words, (0, 1, 2))
