"""Laws of `--json`: one document on stdout and nothing else, of a command that failed too."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import click
import pytest

from evidence.cli.main import COMMANDS, cli
from evidence.encoding import schema
from tests.command import Ended, evidence
from tests.project import NOT_HERE, STUB, Project, make_project

OWN: Final = {"verify", "explain", "compare", "index", "find", "push", "audit", "keys"}
"""Commands with a document of their own."""
ELSEWHERE: Final = {"disclose"}
"""It takes a pack with rows that are withheld: tests/disclose."""
ASKED: Final = {
    "run": ("run", "T2"),
    "record": ("record", "T9", "--", "echo", "a line of the program"),
    "import": ("import", "data", "--id", "T9"),
    "render": ("render",),
    "reproduce": ("reproduce", "runs/T1"),
    "export": ("export", "model-card", "runs/T1", "--output", "card"),
    "sign": ("sign", "runs/T1", "--key", "../key"),
    "note": ("note", "runs/T1", "note.md"),
    "doctor": ("doctor", "T1"),
    "init": ("init",),
    "new": ("new", "T9"),
    "site": ("site",),
}
WRITTEN: Final = {
    "import": "runs/T9/t9_summary.md",
    "render": "runs/README.md",
    "reproduce": "runs/T1/attached",
    "export": "card/README.md",
    "sign": "runs/T1/SHA256SUMS.sig",
    "note": "runs/T1/attached/notes-001.md",
    "init": ".pre-commit-config.yaml",
    "new": "milestones/T9.toml",
    "site": "runs/index.html",
}
"""How a path that the document names ends or begins."""
MISSTATED: Final = {
    "run": ("run", "NONE"),
    "record": ("record", "T9"),
    "import": ("import", "nowhere", "--id", "T9"),
    "verify": ("verify", "nowhere"),
    "render": ("render", "nowhere"),
    "explain": ("explain", "nowhere", "train.loss_end"),
    "compare": ("compare", "runs/T1", "nowhere"),
    "index": ("index", "nowhere"),
    "find": ("find", "nowhere"),
    "audit": ("audit", "nowhere.md", "--evidence", "data"),
    "reproduce": ("reproduce", "nowhere"),
    "export": ("export", "no-format", "runs/T1"),
    "sign": ("sign", "nowhere"),
    "note": ("note", "runs/T1", "nowhere.md"),
    "disclose": ("disclose", "nowhere", "--rows", "1", "--to", "shown.json"),
    "doctor": ("doctor", "NONE"),
    "init": ("init", "--root", "nowhere"),
    "new": ("new", "T1"),
    "push": ("push", "nowhere", "file:///nowhere"),
    "site": ("site", "nowhere"),
    "keys": ("keys", "no-such-key"),
}


def asking(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same words, for JSON."""
    more = ("--format", "json") if words[0] == "keys" else ("--json",)
    return (words[0], *more, *words[1:])


def document(ended: Ended) -> dict[str, Any]:
    """What stands on stdout, which is this and nothing else."""
    found = json.loads(ended.out)
    assert schema.validate("done.v1", found) == ()
    assert found["exit_code"] == ended.exit
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("done") / "project")
    project.milestone(STUB.replace('id = "T1"', 'id = "T2"'), "T2")
    (project.root / "note.md").write_text("Later.\n")
    key = project.root.parent / "key"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True, timeout=60)
    assert project.run().report.exit == 0
    return project


@pytest.fixture
def copy(ran: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ran.root.parent / "key", tmp_path / "key")
    root = Path(shutil.copytree(ran.root, tmp_path / "project"))
    (root / "runs/README.md").unlink()
    monkeypatch.chdir(root)
    return root


def test_every_command_answers_in_json() -> None:
    assert set(ASKED) | OWN | ELSEWHERE == set(MISSTATED) == set(COMMANDS)
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known = {option for one in command.params for option in one.opts}
        assert known & {"--json", "--format"}, name
        assert name in OWN or "--json" in known, name


@pytest.mark.parametrize("name", ASKED)
def test_a_command_that_is_done_says_in_json_what_it_made(name: str, copy: Path) -> None:
    ended = evidence(*asking(ASKED[name]))
    found = document(ended)
    assert (found["command"], ended.exit, found["errors"]) == (name, 0, [])
    assert found["messages"]
    if name in ("run", "record", "import"):
        pack = copy / "runs" / ("T2" if name == "run" else "T9")
        assert copy / found["pack"] == pack
        assert found["verdict"] == "INTACT"
        manifest = evidence("verify", str(pack), "--json")
        assert json.loads(manifest.out)["root_sha256"] == found["root_sha256"]
    if name in WRITTEN:
        paths = [(copy / one).relative_to(copy).as_posix() for one in found["written"]]
        assert any(one.startswith(WRITTEN[name]) for one in paths), paths
        assert all((copy / one).exists() for one in paths)


@pytest.mark.parametrize("name", MISSTATED)
def test_an_error_is_in_the_document_and_changes_no_exit_code(name: str, copy: Path) -> None:
    plain = evidence(*MISSTATED[name])
    ended = evidence(*asking(MISSTATED[name]))
    found = document(ended)
    assert ended.exit == plain.exit != 0
    assert found["command"] == name
    assert found["errors"][-1]["message"]
    assert found["errors"][-1]["message"].split("\n")[0] in ended.err + "\n".join(found["messages"])


def test_an_error_with_a_place_names_it(copy: Path) -> None:
    path = copy / "milestones/T1.toml"
    path.write_text(path.read_text().replace('title = "A test"', "title = 5"))
    error = document(evidence("run", "T1", "--again", "--json"))["errors"][0]
    assert error["place"].endswith("milestones/T1.toml:4")
    assert error["hint"]


def test_words_that_are_not_understood_are_answered_in_json_where_json_is_asked_for(
    copy: Path,
) -> None:
    found = document(evidence("run", "--no-such-option", "--json"))
    assert found["exit_code"] == 2
    assert "--no-such-option" in found["errors"][0]["message"]
    assert evidence("record", "--no-such-option", "T9", "--", "echo", "--json").out == ""


def test_what_a_recorded_program_prints_is_not_on_stdout(copy: Path) -> None:
    ended = evidence(*asking(ASKED["record"]))
    assert document(ended)["status"] == "complete"
    assert "a line of the program" in ended.err
    assert "a line of the program" not in ended.out
    plain = evidence("record", "T8", "--", "echo", "a line of the program")
    assert "a line of the program" in plain.out


def test_a_failed_run_is_told_with_its_pack(copy: Path) -> None:
    found = document(evidence("record", "T9", "--json", "--", "false"))
    assert (found["status"], found["exit_code"], found["verdict"]) == ("failed", 4, "UNFINISHED")
    assert (copy / found["pack"]).is_dir()


def test_what_is_missing_on_this_machine_is_told_piece_by_piece(copy: Path) -> None:
    path = copy / "milestones/T1.toml"
    path.write_text(f'{path.read_text()}\n[[attempt]]\nname = "big"\n{NOT_HERE}')
    found = document(evidence("doctor", "T1", "--json"))
    assert found["missing"], found
    assert {one["attempt"] for one in found["missing"]} == {"big"}
    assert all(one["what"] and one["remedy"] for one in found["missing"])
