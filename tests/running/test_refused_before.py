"""Laws of what is refused before the first step, and of small sentences that must be true."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.compare.differences import differences, scalar
from evidence.errors import MilestoneError
from evidence.text import formatting
from tests.project import Project

BY_CONFIG = 'config = "model"\ninit_seed = 1\ntokenizer = "model"'


@pytest.mark.parametrize("name", ["model", "./model", "a/b/c", "~/model", "../model", "/model"])
def test_a_path_is_no_id_of_a_model(name: str, project: Project) -> None:
    project.edit(BY_CONFIG, f'id = "{name}"')
    with pytest.raises(MilestoneError, match=r"T1\.toml:\d+: model\.id: .* is a path") as caught:
        project.run()
    assert f'path = "{name}"' in caught.value.hint
    assert not (project.runs / "T1").exists()


def test_a_folder_named_like_a_model_of_the_hub_is_a_path(project: Project) -> None:
    (project.root / "google/gemma-2b").mkdir(parents=True)
    project.edit(BY_CONFIG, 'id = "google/gemma-2b"')
    with pytest.raises(MilestoneError, match="is a path"):
        project.run()


def test_numbers_are_compared_and_not_their_spelling() -> None:
    facts = [
        {"a": 1, "b": True, "c": "1", "d": scalar([1.0]), "e": 2},
        {"a": 1.0, "b": 1, "c": 1, "d": scalar([1]), "e": 2.5},
    ]
    assert [row.key for row in differences(facts)] == ["b", "c", "e"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (4 / 15, "0.266667 epochs"),
        (1.0, "1 epoch"),
        (0.5, "0.5 epochs"),
        (1 / 3 + 1, "1.33333 epochs"),
        (138, "138 epochs"),
    ],
)
def test_a_number_with_a_noun_has_no_more_digits_than_say_something(
    value: float, said: str
) -> None:
    assert formatting.plural(value, "epoch") == said
    assert formatting.FORMATS[formatting.BY_UNIT["epochs"]](value) == said.split()[0]


def test_a_failed_pack_shows_the_versions_it_has(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 1, "do": "raise"}')
    result = project.run()
    assert (result.status, result.report.verdict) == ("failed", "UNFINISHED")
    versions = {one["name"]: one["version"] for one in project.read("packages.json")["packages"]}
    values = project.read("results.json")["values"]
    for name in ("torch", "transformers"):
        assert values[f"software.{name}"]["value"] == versions.get(name)
