"""Laws of the tool's own code: a version number hides no change of a checkout."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

import evidence
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.reproduce.code import TOOL, announce_code, code_differences
from evidence.reproduce.verdict import reproduction_record
from evidence.verification.verification import VerifiedPack
from tests.compare.conftest import packs
from tests.reproduce.messages import Messages

__all__ = ["packs"]

CODE = Path(evidence.__file__).parent
SAID = Unavailable("a test")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A worktree of the tool's own project, as it is here."""
    shutil.copytree(CODE, tmp_path / "evidence", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "{TOOL}"\n')
    return tmp_path


def made_by(documents: Documents, origin: str | Unavailable) -> Documents:
    one = PackageRecord(TOOL, "0.1.0", SAID, origin, SAID)
    return replace(documents, packages=replace(documents.packages, packages=(one,)))


def test_another_line_of_code_is_a_difference_though_the_version_is_the_same(
    checkout: Path, packs: Callable[[str], VerifiedPack]
) -> None:
    documents = made_by(packs("as-it-is").documents, "file:///somewhere")
    assert code_differences(documents, checkout) == ()
    with (checkout / "evidence/rules/scoring.py").open("a") as stream:
        stream.write("# changed\n")
    (row,) = code_differences(documents, checkout)
    assert row.key == "tool.code_sha256"
    messages = Messages()
    announce_code((row,), messages)
    assert "--exact-env" in messages.lines[0]
    record = reproduction_record(packs("as-it-is"), packs("seed"), further=[row])
    assert row in record.differences
    assert any("tool.code_sha256" in cause.explanation for cause in record.causes)


def test_line_ends_and_caches_are_no_difference(
    checkout: Path, packs: Callable[[str], VerifiedPack]
) -> None:
    documents = made_by(packs("as-it-is").documents, "file:///somewhere")
    path = checkout / "evidence/rules/scoring.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (checkout / "evidence/__pycache__").mkdir()
    (checkout / "evidence/__pycache__/scoring.pyc").write_bytes(b"x")
    assert code_differences(documents, checkout) == ()


def test_a_tool_from_an_index_is_known_by_its_version_alone(
    checkout: Path, packs: Callable[[str], VerifiedPack]
) -> None:
    (checkout / "evidence/rules/scoring.py").unlink()
    documents = made_by(packs("as-it-is").documents, SAID)
    assert code_differences(documents, checkout) == ()
    (checkout / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    assert code_differences(made_by(documents, "file:///x"), checkout) == ()
