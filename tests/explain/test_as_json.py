"""`evidence explain --json` says what the page for people says, in a document of its schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evidence.encoding import schema
from tests.command import evidence

GOLDEN = Path(__file__).parents[1] / "packs/golden/v1"


@pytest.mark.parametrize(
    "asked",
    [
        "train.loss_end",
        "model.revision",
        "training_output/metrics.jsonl#L1-L9/loss",
        "results.json#",
    ],
)
def test_an_explanation_is_a_document_of_its_schema(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(GOLDEN / "complete/M90", tmp_path / "M90")
    monkeypatch.chdir(tmp_path)
    ended = evidence("explain", "M90", asked, "--json")
    assert ended.exit == 0, ended
    document = json.loads(ended.out)
    assert schema.validate("explanation.v1", document) == ()
    said = evidence("explain", "M90", asked).out
    assert document["value"] in said
    assert document["address"] in said
    assert all(place["shown"] in said for place in document["places"])
