"""Laws of what no run begins from: it is refused before anything is made, with what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.parse import parse_milestone
from evidence.running.parents import changed_parents
from evidence.running.preflight import prepare
from evidence.stages.stage import stages_of
from tests.parents.family import CHILD, GRANDCHILD, family, milestone, project
from tests.shared import made_once


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "family", family)


@pytest.fixture
def there(made: Path, tmp_path: Path) -> Path:
    """A project with the packs of the family."""
    folder = project(tmp_path / "project")
    shutil.copytree(made / "runs", folder / "runs")
    return folder


@pytest.mark.torch
@pytest.mark.parametrize(
    ("old", "new", "says", "hint"),
    [
        ("pack:runs/P1#B", "pack:runs/P1", "which of them is meant?", "pack:runs/P1#A, pack:"),
        ("pack:runs/P1#B", "pack:runs/P1#BB", "no training stage 'BB'", "Did you mean 'B'?"),
        ("pack:runs/P1#B", "pack:runs/C1#asked", "no training stage 'asked'", "pack:runs/C1#D"),
        ("pack:runs/P1#B", "pack:runs/G1#B", "has no stages", "Write: pack:runs/G1"),
        ("pack:runs/P1#B", "pack:runs/P9#B", "there is no pack runs/P9", "run P9"),
        ("pack:runs/P1#B", "pack:P9#B", "there is no pack P9", "Did you mean 'pack:runs/P9#B'?"),
        ("pack:runs/P1#B", "pack:P1#B", "there is no pack P1", "Did you mean 'pack:runs/P1#B'?"),
        ("parent.P1.B.train", "parent.P1.B.trian", "there is no value 'parent.P1.B.trian", "Did"),
        ("parent.P1.B.train", "parent.P2.B.train", "there is no value 'parent.P2.B.train", "Did"),
    ],
)
def test_a_parent_that_is_not_there_is_refused_where_it_is_named(
    old: str, new: str, says: str, hint: str, there: Path
) -> None:
    path = there / "milestones/C1.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(MilestoneError) as refused:
        prepare(there, "C1", None)
    assert "C1.toml:" in refused.value.message
    assert says in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.torch
def test_withheld_weights_are_asked_for(there: Path) -> None:
    (there / f"runs/P1/stages/B/{layout.FINAL_MODEL}/model.safetensors").unlink()
    with pytest.raises(MilestoneError, match="cannot be loaded") as refused:
        prepare(there, "C1", None)
    assert "put the file back" in refused.value.hint


@pytest.mark.torch
def test_a_run_that_is_not_finished_is_no_parent(there: Path) -> None:
    work = there / "runs/.work/P1/pack"
    (there / "runs/P1").rename(there / "runs/P0")
    work.mkdir(parents=True)
    (work / layout.JOURNAL).write_bytes(b"")
    with pytest.raises(MilestoneError, match="not a finished pack"):
        prepare(there, "C1", None)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"pack:runs/P1#B"', '"pack:../P1#B"', "stage.0.init"),
        ('"pack:runs/P1#B"', '"pack:/P1#B"', "stage.0.init"),
        ('"D", "pack:runs/P1#B"', '"D", "pack:runs//P1"', "names no pack"),
        ('"D", "pack:runs/P1#B"', '"D", "pack:old/P1"', "two packs are called 'P1'"),
        ('"D", "pack:runs/P1#B"', '"D", "pack:runs/P1#B", "pack:runs/P1#B"', "is named twice"),
    ],
)
def test_a_name_that_is_none_is_refused_by_the_file_alone(old: str, new: str, says: str) -> None:
    with pytest.raises(MalformedError) as refused:
        parse_milestone(CHILD.replace(old, new).encode())
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("model", "more", "says"),
    [
        ('pack = "runs/C1#D"\ninit_seed = 3', "", "`pack` stands alone"),
        ('pack = "runs/C1#D"\nid = "of/hub"', "", "`pack` stands alone"),
        ('pack = "../C1#D"', "", "model.pack"),
        ('pack = "runs/C1#D"', "\n[attempt.model]\npath = 'other'\n", "no attempt has another"),
        ('id = "of/hub"', "\n[attempt.model]\npack = 'runs/C1'\n", "is of [model]"),
    ],
)
def test_a_pack_is_the_only_model(model: str, more: str, says: str) -> None:
    with pytest.raises(MalformedError) as refused:
        parse_milestone(milestone("G1", model, "", more).encode())
    assert says in refused.value.message


def test_a_checkpoint_of_another_pack_lies_where_its_name_says() -> None:
    stages = {one.name: one for one in stages_of(parse_milestone(CHILD.encode()))}
    assert list(stages) == ["D", "asked_D", "asked_P1_B"]
    for name in ("D", "asked_P1_B"):
        model = stages[name].milestone.model
        assert model.path == f"runs/P1/stages/B/{layout.FINAL_MODEL}"
        assert model.named == stages[name].of_pack == "pack:runs/P1#B"
    (train, _) = stages_of(parse_milestone(GRANDCHILD.encode()))
    assert train.milestone.model.path == f"runs/C1/stages/D/{layout.FINAL_MODEL}"


@pytest.mark.torch
def test_a_model_that_the_parent_was_not_made_of_is_named_before_the_run(there: Path) -> None:
    assert not [one for one in prepare(there, "C1", None).warnings if "[model]" in one]
    path = there / "milestones/C1.toml"
    here = 'config = "model"\ninit_seed = 3\ntokenizer = "model"'
    path.write_text(path.read_text().replace(here, 'id = "google/gemma-2b"'))
    (said,) = [one for one in prepare(there, "C1", None).warnings if "[model]" in one]
    assert "C1.toml:" in said
    assert "[model] is google/gemma-2b, and pack:runs/P1#B was trained from model" in said
    assert "no stage here begins from [model]" in said
    path.write_text(path.read_text().replace('init = "pack:runs/P1#B"\n', ""))
    (said,) = [one for one in prepare(there, "C1", None).warnings if "[model] is" in one]
    assert "not loaded" not in said  # D begins from it, and what is evaluated beside does not


@pytest.mark.torch
def test_a_parent_that_is_gone_is_told_in_one_sentence(there: Path) -> None:
    records = prepare(there, "C1", None).parents
    shutil.rmtree(there / "runs/P1")
    assert list(changed_parents(there, records)) == ["runs/P1, which the run begins from, is gone"]
