"""S1: thirty secrets, six spellings, ten channels: 1,800 meet whole packs, none is published.

Six channels are rewritten: two published packs hold all of them, and every byte is searched. Four
are refused: each secret by itself keeps a pack from being started or sealed, so that none is made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import ExitCode, MilestoneError, SecretFoundError
from evidence.redact import search
from evidence.running.secrets import refuse_secrets
from evidence.verification.verification import verify_pack
from tests.project import Project, make_project, write_rows
from tests.redaction.canaries import CANARIES, ENCODINGS, VARIABLES, Canary, traces

MAX_NAME_BYTES = 255


@dataclass(frozen=True)
class Spelled:
    """One secret in one spelling."""

    canary: Canary
    encoding: str

    @property
    def text(self) -> str:
        return ENCODINGS[self.encoding](self.canary.text)


ALL = [Spelled(canary, encoding) for canary in CANARIES for encoding in ENCODINGS]
EVERY = 5
"""In the quick tier, one of so many is tried alone."""
CHOSEN = [
    pytest.param(ALL[::EVERY], id="a sample"),
    pytest.param(ALL, id="all", marks=pytest.mark.full),
]
LINES = "\n".join(one.text for one in ALL) + "\nall said\n"


def leaks(folder: Path) -> list[str]:
    """Canaries in any name and any byte below a folder."""
    data = b"\n".join(
        path.name.encode() + b"\n" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return [one.name for one in CANARIES if any(trace in data for trace in traces(one))]


@pytest.fixture(scope="module")
def surrounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose environment, arguments and remote hold everything."""
    folder = tmp_path_factory.mktemp("secrets")
    project = make_project(folder / "project")
    (folder / "said").write_text(LINES)
    remote = "/".join(one.text.replace("\n", "").replace("?", "") for one in ALL)
    project.git("remote", "add", "origin", f"../{remote}.git")
    patch = pytest.MonkeyPatch()
    patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
    for name, value in VARIABLES.items():
        patch.setenv(name, value)
    for number, one in enumerate(ALL):  # a name on the allow-list for each
        letters = "".join(chr(ord("A") + int(digit)) for digit in f"{number:03d}")
        patch.setenv(f"OMP_{letters}", one.text)
    patch.setattr(sys, "argv", ["evidence", "run", *(f"--token={one.text}" for one in ALL)])
    yield project
    patch.undo()


def test_a_published_pack_holds_nothing_of_what_stood_around_it_and_was_said(
    surrounded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1, S3: environment, arguments, remote, stdout, raw writes of the file descriptor."""
    printed = surrounded.root.parent / "said"
    for do in ("print", "write"):
        order = {"stage": "train", "at": 2, "do": do, "from": str(printed)}
        monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
        assert surrounded.run(again=True).exit_code == ExitCode.DONE
        assert leaks(surrounded.pack) == []
        log = (surrounded.pack / layout.TRAINING_LOG).read_text()
        assert "all said" in log
        assert log.count("[redacted:") >= len(ALL)
    captured = surrounded.read(layout.ENVIRONMENT)["variables"]
    met = [value for name, value in captured.items() if "OMP_" in name]
    assert len(met) == len(ALL)
    unmarked = [value for value in met if "[redacted:" not in value]
    assert [value for value in unmarked if "://" not in value or "@" in value] == []
    assert surrounded.read(layout.GIT)["remote"].count("[redacted:") >= len(ALL) // 2
    assert verify_pack(surrounded.pack).exit_code == ExitCode.DONE


def test_a_published_failure_holds_nothing_of_its_traceback(
    surrounded: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1: tracebacks, the reason, the last lines."""
    printed = surrounded.root.parent / "said"
    order = {"stage": "train", "at": 2, "do": "raise", "from": str(printed)}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    assert surrounded.run(again=True).exit_code == ExitCode.UNFINISHED
    assert leaks(surrounded.pack) == []
    log = (surrounded.pack / "attempts/01-stub" / layout.TRAINING_LOG).read_text()
    assert log.count("[redacted:") >= len(ALL)


@pytest.fixture
def all_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every finding is named, instead of the first few."""
    monkeypatch.setattr(search, "MAX_MATCHES", 10_000)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def refused_lines(project: Project, path: str) -> set[int]:
    """Lines of an input that a run names when it refuses to start."""
    with pytest.raises(MilestoneError) as caught:
        project.run()
    printed = caught.value.message + caught.value.hint
    assert not [one.name for one in CANARIES if one.secret in printed]
    assert not project.runs.exists()
    return {int(line) for line in re.findall(rf"^{re.escape(path)}:(\d+):", printed, re.MULTILINE)}


@pytest.mark.usefixtures("all_findings")
def test_every_row_of_data_with_a_secret_is_refused(project: Project) -> None:
    """S1: data rows."""
    write_rows(
        project.root / "data/train.jsonl", [{"prompt": "p", "answer": one.text} for one in ALL]
    )
    project.git("commit", "-qam", "data")
    assert refused_lines(project, "data/train.jsonl") == set(range(1, len(ALL) + 1))


@pytest.mark.usefixtures("all_findings")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_line_of_a_milestone_with_a_secret_is_refused(
    encoding: str, project: Project
) -> None:
    """S1: TOML."""
    path = project.root / "milestones/T1.toml"
    before = path.read_text().replace("[narrative]", "[narrative]\nlessons = [\n#\n]")
    first = before[: before.index("#\n]")].count("\n") + 1
    items = [json.dumps(one.text) + ",\n" for one in ALL if one.encoding == encoding]
    path.write_text(before.replace("#\n]", "".join(items) + "]"))
    project.git("commit", "-qam", "told")
    found = refused_lines(project, "milestones/T1.toml")
    assert found == set(range(first, first + len(CANARIES)))


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a real run was about to seal, made small: a copy of a published pack."""
    patch = pytest.MonkeyPatch()
    patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
    project = make_project(tmp_path_factory.mktemp("staged") / "project")
    project.run()
    patch.undo()
    folder = project.root / "staged"
    shutil.copytree(project.pack, folder)
    for name in ("packages.json", "results.json", "seen.json", "plots", "t1_summary.md"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


def refused(staging: Path) -> bool:
    try:
        refuse_secrets(staging, "T1", ())
    except SecretFoundError as error:
        printed = error.message + error.hint
        return not [one.name for one in CANARIES if one.secret in printed]
    return False


@pytest.mark.usefixtures("all_findings")
@pytest.mark.parametrize("chosen", CHOSEN)
def test_every_secret_in_the_metadata_of_weights_keeps_a_pack_from_being_sealed(
    chosen: list[Spelled], staged: Path
) -> None:
    """S1, S2: safetensors metadata."""
    assert not refused(staged)
    weights = staged / layout.FINAL_MODEL / "model.safetensors"
    before = weights.read_bytes()
    (size,) = struct.unpack("<Q", before[:8])
    for one in chosen:
        header = json.loads(before[8 : 8 + size]) | {"__metadata__": {"note": one.text}}
        text = json.dumps(header).encode()
        weights.write_bytes(struct.pack("<Q", len(text)) + text + before[8 + size :])
        assert refused(staged), one
    weights.write_bytes(before)
    assert not refused(staged)


@pytest.mark.usefixtures("all_findings")
@pytest.mark.parametrize("chosen", CHOSEN)
def test_every_secret_in_a_file_name_keeps_a_pack_from_being_sealed(
    chosen: list[Spelled], staged: Path
) -> None:
    """S1, S2: file names. What no file can be called cannot come in that way."""
    impossible = 0
    for one in chosen:
        name = one.text
        if "/" in name or len(os.fsencode(name)) > MAX_NAME_BYTES:
            impossible += 1
            continue
        (staged / name).write_bytes(b"")
        assert refused(staged), one
        (staged / name).unlink()
    assert len(chosen) - impossible > len(chosen) // 2
    assert not refused(staged)
