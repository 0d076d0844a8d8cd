"""What a stage says of the checkpoint that it loaded is found where another stage left another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import evidence
from tests.packs.sealing import reseal
from tests.shared import made_once
from tests.stages.test_words import asked_again

pytestmark = pytest.mark.torch
CHECK = "stages/check_A/inputs.json"


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "asked-again", asked_again)
    return Path(shutil.copytree(made, tmp_path / "runs/T5"))


def other_size(inputs: dict[str, Any]) -> None:
    inputs["model"]["files"][0]["size_bytes"] += 1


def other_embeddings(inputs: dict[str, Any]) -> None:
    inputs["model"]["embedding_tables"][0]["num_elements"] += 1
    inputs["model"]["num_embedding_parameters"] += 1


@pytest.mark.parametrize("lie", [other_size, other_embeddings])
def test_it_is_as_it_was_left(lie: Callable[[dict[str, Any]], None], pack: Path) -> None:
    assert evidence("verify", str(pack)).exit == 0
    inputs = json.loads((pack / CHECK).read_bytes())
    lie(inputs)
    (pack / CHECK).write_text(json.dumps(inputs))
    reseal(pack, [])
    found = evidence("verify", str(pack))
    assert found.exit == 1
    assert "across-stages" in found.out
