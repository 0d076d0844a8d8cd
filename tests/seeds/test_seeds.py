"""Laws of `seeds` in a milestone file: which stages it is, and what is refused. Nothing is run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evidence import limits
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.effective import with_settings
from evidence.milestone.overrides import read_settings
from evidence.milestone.parse import parse_milestone
from evidence.results.planned_names import value_names
from evidence.stages.stage import Stage, stages_of
from tests.seeds.tiny import MILESTONE, STAGED

FIRST = "where = { half = 1 }\nseeds = [5, 6]"
SECOND = "where = { half = 2 }\nseeds = [5, 6]"


def stages(text: str, *settings: str) -> dict[str, Stage]:
    milestone, _ = with_settings(text.encode(), read_settings(settings))
    return {one.name: one for one in stages_of(milestone)}


def test_a_milestone_with_seeds_trains_and_evaluates_once_with_each() -> None:
    found = stages(MILESTONE)
    assert {name: one.milestone.train.seed for name, one in found.items()} == {
        "seed_1": 1, "seed_2": 2, "seed_3": 3,
        "eval_seed_1": 1, "eval_seed_2": 2, "eval_seed_3": 3,
    }  # fmt: skip
    assert [found[f"eval_seed_{n}"].parent for n in (1, 2, 3)] == ["seed_1", "seed_2", "seed_3"]
    assert {one.group for one in found.values()} == {"seed", "eval"}


def test_a_stage_that_begins_from_one_with_the_same_seeds_begins_from_that_of_its_seed() -> None:
    found = stages(STAGED)
    assert list(found) == [
        "A_1", "A_2", "B_1", "B_2", "check_A_1", "check_A_2", "check_B_1", "check_B_2",
    ]  # fmt: skip
    assert (found["B_1"].parent, found["B_2"].parent) == ("A_1", "A_2")
    assert [found[one].milestone.train.seed for one in ("A_2", "B_2", "check_B_2")] == [6, 6, 6]
    assert [found[f"check_{one}"].group for one in ("A_1", "A_2", "B_1")] == [
        "check_A", "check_A", "check_B",
    ]  # fmt: skip


def test_a_stage_without_seeds_has_the_seed_of_the_table_and_belongs_to_no_group() -> None:
    found = stages(STAGED.replace(SECOND, "where = { half = 2 }").replace('init = "stage:A"', ""))
    assert list(found) == ["A_1", "A_2", "B", "check_A_1", "check_A_2", "check_B"]
    assert (found["B"].milestone.train.seed, found["B"].group, found["check_B"].group) == (
        42, None, None,
    )  # fmt: skip


def test_the_seed_of_a_run_stands_where_the_file_lists_it() -> None:
    assert stages(MILESTONE)["seed_2"].pointer("/train/seed") == "/seeds/1"
    assert stages(STAGED)["B_1"].pointer("/train/seed") == "/stage/1/seeds/0"
    assert stages(STAGED)["B_1"].pointer("/train/epochs") == "/train/epochs"


def test_seeds_of_the_command_line_take_the_place_of_those_of_the_file() -> None:
    found = stages(MILESTONE, "seeds=[4, 5]")
    assert [one.milestone.train.seed for one in found.values()] == [4, 5, 4, 5]
    found = stages(STAGED, "stage.A.seeds=[8, 9]", "stage.B.seeds=[8, 9]")
    assert {one.milestone.train.seed for one in found.values()} == {8, 9}


def test_a_milestone_of_one_seed_can_be_run_with_several() -> None:
    one = MILESTONE.replace("seeds = [1, 2, 3]\n", "").replace("seeds.train", "train")
    assert list(stages(one)) == ["train", "eval"]
    assert len(stages(one, "seeds=[4, 5]")) == 4
    stated = one.replace("[train]", "[train]\nseed = 42")
    assert len(stages(stated, "seeds=[4, 5]")) == 4


@pytest.mark.parametrize("setting", ["train.seed=7", "attempt.tiny.train.seed=7"])
def test_one_seed_together_with_several_is_refused_and_says_why(setting: str) -> None:
    with pytest.raises(MilestoneError, match=r"`?seeds`? .*says the seed of each") as refused:
        stages(MILESTONE, setting)
    assert setting in refused.value.message


def test_a_seed_is_set_where_a_stage_has_no_seeds_of_its_own() -> None:
    text = STAGED.replace(SECOND, "where = { half = 2 }").replace('init = "stage:A"', "")
    assert stages(text, "train.seed=7")["B"].milestone.train.seed == 7
    with pytest.raises(MilestoneError, match=r"stage\.A\.seeds = \[5, 6\] says the seed of each"):
        stages(STAGED, "train.seed=7")


@dataclass
class Refused:
    text: str
    old: str
    new: str
    at: str
    says: str


@pytest.mark.parametrize(
    "wrong",
    [
        Refused(MILESTONE, "[1, 2, 3]", "[1, 2, 1]", "seeds.2", "the seed 1 is used twice"),
        Refused(MILESTONE, "[1, 2, 3]", "[1]", "seeds", "at least 2 are needed"),
        Refused(MILESTONE, "[1, 2, 3]", "[1, -2]", "seeds.1", "-2"),
        Refused(MILESTONE, "threads = 1", "train = { seed = 3 }", "attempt.0.train.seed",
                "in every attempt"),
        Refused(STAGED, "objective", "seeds = [1, 2]\nobjective", "seeds", "of a training stage"),
        Refused(STAGED, SECOND, "where = { half = 2 }", "stage.1.init", "the same seeds here"),
        Refused(STAGED, SECOND, SECOND.replace("6", "7"), "stage.1.init", "the same seeds here"),
        Refused(STAGED, FIRST, FIRST + "\ntrain = { seed = 3 }", "stage.0.train.seed",
                "says the seed of each run"),
        Refused(STAGED, 'of = ["A", "B"]', 'of = ["A"]\nseeds = [1, 2]', "stage.2.seeds",
                "are of training stages"),
        Refused(STAGED, 'name = "check"', 'name = "A_2"', "stage.2.name", "name it else"),
        Refused(STAGED, 'of = ["A", "B"]', 'of = ["A_1"]', "stage.2.of.0", "there are: A, B"),
    ],
    ids=lambda one: one.at,
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_key(wrong: Refused) -> None:
    text = wrong.text.replace(wrong.old, wrong.new)
    assert text != wrong.text
    with pytest.raises(MalformedError) as refused:
        parse_milestone(text.encode())
    assert refused.value.message.startswith(f"{wrong.at}: ")
    assert wrong.says in refused.value.message


def test_more_stages_than_a_milestone_may_have_are_refused_before_one_is_made() -> None:
    seeds = list(range(30))
    more = "".join(f'[[stage]]\nname = "S{n}"\nkind = "train"\nseeds = {seeds}\n' for n in range(9))
    text = STAGED.replace("[[attempt]]", f"{more}\n[[attempt]]")
    with pytest.raises(MalformedError, match=f"more than {limits.MAX_STAGES} stages"):
        parse_milestone(text.encode())


def test_gates_can_refer_to_every_number_that_is_told_over_seeds_before_anything_is_run() -> None:
    names = value_names(parse_milestone(STAGED.encode()))
    parts = ("mean", "sample_sd", "min", "max", "num_runs", "runs", "left_out")
    for number in ("A.train.loss_end", "B.probe.loss_after", "check_B.eval.exact.rate"):
        assert {f"seeds.{number}.{part}" for part in parts} <= set(names)
    assert "seeds.train.loss_end.mean" not in names
