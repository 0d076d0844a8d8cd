"""Laws of what is refused before the first step, and of small sentences that must be true."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from msgspec.structs import replace
from toy_jax import jax_toy
from toy_parent import parent_toy
from toy_worker import under_another

from evidence.data.read import load_data
from evidence.errors import ExitCode, MilestoneError
from evidence.records.eval_spec import ChoicesSpec
from evidence.records.milestone import Milestone, NarrativeSpec, PatternSpec, StageSpec
from evidence.records.training import LoraSpec
from evidence.results.compute import compute_results
from evidence.results.evaluation import EFFECTIVE
from evidence.results.inputs import CHAT, TURNS
from evidence.results.planned_names import value_names
from evidence.rules.differences import differences, scalar
from evidence.running import fitting
from evidence.running.preflight import prepare
from evidence.stages.command import COMMAND
from evidence.stages.stage import stages_of
from evidence.text import formatting
from tests.command import evidence
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
    ("value", "messages"),
    [
        (4 / 15, "0.266667 epochs"),
        (1.0, "1 epoch"),
        (0.5, "0.5 epochs"),
        (1 / 3 + 1, "1.33333 epochs"),
        (138, "138 epochs"),
    ],
)
def test_a_number_with_a_noun_has_no_more_digits_than_say_something(
    value: float, messages: str
) -> None:
    assert formatting.plural(value, "epoch") == messages
    assert formatting.FORMATS[formatting.BY_UNIT["epochs"]](value) == messages.split()[0]


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


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("train.los_end", "train.loss_end"),
        ("trian.loss_end", "train.loss_end"),
        ("eval.contians.rate", "eval.contains.rate"),
        ("seen.anwser.num_rows_cut", "seen.answer.num_rows_cut"),
        ("data.trian.num_rows", "data.train.num_rows"),
        ("train", ""),
        ("train.num_steps.more", "train.num_steps"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest(
    typed: str, meant: str, project: Project
) -> None:
    project.edit("{{ train.num_steps }} steps.", "{{ " + typed + " }} steps.")
    with pytest.raises(
        MilestoneError, match=f"narrative.summary: there is no value '{re.escape(typed)}'"
    ) as e:
        project.run()
    assert meant in e.value.hint
    assert not (project.runs / "T1").exists()
    assert evidence("doctor", "T1", "--root", str(project.root)).exit == ExitCode.USAGE


def test_every_value_of_a_run_can_be_named(ran: Project) -> None:
    milestone = prepare(ran.root, "T1", None).milestone
    names = "".join(f"{{{{ {name} }}}} " for name in ran.read("results.json")["values"])
    named = replace(milestone, narrative=NarrativeSpec(summary=names))
    sets = {name: load_data(ran.root, name, spec) for name, spec in named.data.items()}
    of_stages = {stage.name: sets for stage in stages_of(named)}
    assert list(fitting.value_problems(named, of_stages)) == []


def _of_seeds(milestone: Milestone) -> Iterator[str]:
    """Each is of a number that has a line of its own; of those, losses."""
    for name in value_names(replace(milestone, seeds=(1, 2))):
        if fnmatchcase(name, "seeds.*.loss_*"):
            yield name


def _of_stages(milestone: Milestone) -> Iterator[str]:
    """What no stage has alone, or has only with others before it."""
    asked = milestone.eval.data
    data = {**milestone.data, asked: replace(milestone.data[asked], under_test="prompt")}
    trained = (StageSpec("A", "train"), StageSpec("B", "train"))
    stages = (*trained, StageSpec("check", "eval", of=("A", "B")))
    for name in value_names(replace(milestone, data=data, stage=stages)):
        if re.search(r"^(stages|arms|pair)\.|\.eval\.(seen|under_test)\.|_energy_", name):
            yield name


def _of_a_program(milestone: Milestone) -> Iterator[str]:
    """What it drew, as of any stage."""
    run = {COMMAND.name: {"run": ["true"]}}
    program = replace(milestone, given_train=None, given_eval=None, stages=run)
    yield from (name for name in value_names(program) if "_energy_" in name)


def _set_otherwise(milestone: Milestone) -> Milestone:
    """With each setting of training that has a value only where it is not at its default."""
    train = replace(
        milestone.train,
        warmup_ratio=0.1,
        adam_beta1=0.8,
        adam_beta2=0.9,
        adam_epsilon=1e-6,
        label_smoothing=0.1,
        neftune_noise_alpha=5.0,
        gradient_checkpointing=True,
        mixed_precision="bf16",
        quantise="nf4",
        validate_every_steps=5,
        validation_data="dev",
        early_stopping_patience=2,
        early_stopping_threshold=0.1,
        keep_best=True,
        lora=LoraSpec(rank=2),
        extra={"tf32": False},
        packing=True,
    )
    return replace(milestone, given_train=train)


def test_the_names_are_those_of_the_documentation(ran: Project) -> None:
    text = (Path(__file__).parents[2] / "docs/arithmetic.md").read_text("utf-8")
    section = text.split("## Every value of results.json")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    documented = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    milestone = prepare(ran.root, "T1", None).milestone
    behaviour = PatternSpec(name="gives_up", kind="regex", pattern="I cannot")
    asked = replace(
        milestone.eval,
        scorer=(behaviour,),
        metric="metrics.py:score",
        metrics=("mean_loss", "squad_f1", "rouge_l"),
        choices=ChoicesSpec(),
    )
    scored = replace(milestone, given_eval=asked)
    of_jax = compute_results(under_another(jax_toy()).seal().documents()).values
    of_parent = compute_results(parent_toy().seal().documents()).values
    names = {*value_names(scored), *ran.read("results.json")["values"], *of_jax, *of_parent}
    names |= {*_of_seeds(scored), *_of_stages(scored), *value_names(_set_otherwise(scored))}
    names |= {*_of_a_program(milestone), EFFECTIVE}
    names |= {*(f"seen.user.{key}" for key in TURNS), *(f"seen.{key}" for key in CHAT)}
    assert sorted(one for one in names if not any(fnmatchcase(one, w) for w in documented)) == []
    assert [one for one in documented if not fnmatch.filter(names, one)] == []


def test_data_of_another_encoding_are_named_once_with_what_to_do(project: Project) -> None:
    path = project.root / "data/train.jsonl"
    path.write_text(path.read_text("utf-8"), "utf-16")
    with pytest.raises(MilestoneError) as refused:
        project.run()
    assert refused.value.message == "data/train.jsonl: is UTF-16 text, and data are UTF-8"
    assert "iconv -f UTF-16 -t UTF-8 data/train.jsonl" in refused.value.hint


def test_a_folder_in_the_place_of_data_is_called_one_with_what_it_holds(project: Project) -> None:
    project.edit('path = "data/train.jsonl"', 'path = "data"')
    with pytest.raises(MilestoneError, match="data is a folder, not a file") as refused:
        project.run()
    assert "train.jsonl" in refused.value.hint
