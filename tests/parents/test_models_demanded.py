"""A policy that says which models may go in is held against the model of each stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.pack.documents import Documents
from evidence.policy.models import model_answer
from evidence.records.inputs import ModelRecord
from evidence.verification.verification import load_sealed
from tests.parents.family import family
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "family", family) / "runs"


def documents_of(pack: Path) -> Documents:
    documents = load_sealed(pack).documents
    assert isinstance(documents, Documents)
    return documents


def test_a_stage_that_begins_from_another_pack_has_its_model_asked_too(runs: Path) -> None:
    child = documents_of(runs / "C1")
    model = child.inputs.model
    assert isinstance(model, ModelRecord)
    inputs = replace(child.inputs, model=replace(model, id="model"))
    mixed = replace(child, inputs=inputs)  # as if the first stage began from another one
    assert model_answer(mixed, ("model",)) == ("fail", "the model of stage D is pack:runs/P1#B")
    assert model_answer(mixed, ("model", "pack:runs/P1#*")) == ("pass", "")


def test_a_stage_that_begins_from_one_of_its_pack_is_asked_for_that_ones_model(runs: Path) -> None:
    assert model_answer(documents_of(runs / "P1"), ("model",)) == ("pass", "")
