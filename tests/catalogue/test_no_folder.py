"""What is said to who asks for packs where no index is."""

from __future__ import annotations

from pathlib import Path

from tests.command import evidence


def test_of_what_is_no_folder_it_is_said_how_a_value_is_asked_for(tmp_path: Path) -> None:
    assert "--value 'NAME<NUMBER'" in evidence("find", str(tmp_path / "acc")).err
    assert "makes one of the packs there" in evidence("find", str(tmp_path)).err
