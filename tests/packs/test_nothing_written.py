"""No command writes a file of its own into a pack: it would be in no list."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import evidence
from tests.packs.case import GOLDEN


@pytest.mark.parametrize(
    "words",
    [
        ("index", "runs", "--to", "runs/M90/index.sqlite"),
        ("index", "runs", "--to", "runs/M90/attempts/index.sqlite"),
        ("disclose", "runs/M90", "--rows", "1", "--to", "runs/M90/shown.json"),
        ("import", "logs", "--id", "OLD", "--runs", "runs/M90"),
        ("record", "R1", "--runs", "runs/M90", "--", "true"),
        ("run", "M90", "--runs", "runs/M90"),
        ("export", "numbers", "runs/M90", "--output", "runs/M90/numbers"),
        ("site", "runs", "--to", "runs/M90"),
    ],
    ids=lambda words: " ".join(words[:1]),
)
def test_a_file_that_would_lie_in_a_pack_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    pack = Path(shutil.copytree(GOLDEN / "v1/complete/M90", tmp_path / "runs/M90"))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/train.log").write_text("{'loss': 2.5, 'epoch': 0.5}\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(pack.rglob("*"))
    ended = evidence(*words)
    assert ended.exit == 2, ended.err
    assert "nothing is written into a pack" in ended.err
    assert sorted(pack.rglob("*")) == before
