"""What a milestone may ask of LoRA, and what it is refused, before anything is run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from evidence.backends.registry import SHIPPED
from evidence.errors import MalformedError
from evidence.milestone.effective import with_settings
from evidence.milestone.overrides import read_settings
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.capture import HardwareRecord
from evidence.records.hollow import hollow
from evidence.records.training import LoraSpec
from evidence.running.launching import launch_problems
from evidence.worker import interpreter
from evidence.worker.interpreter import WorkerPython
from evidence.worker.requirements import unmet
from tests.lora.tuning import MERGED, MILESTONE, TARGETS

STAGED = """
[[stage]]
name = "first"
kind = "train"
{more}
[[stage]]
name = "asked"
kind = "eval"
of = ["first"]
"""


def text(lora: str = TARGETS, more: str = "") -> str:
    return MILESTONE.format(id="A1", lora=lora) + more


def asked(source: str) -> LoraSpec | None:
    return parse_milestone(source.encode()).train.lora


def refused(source: str) -> str:
    with pytest.raises(MalformedError) as caught:
        parse_milestone(source.encode())
    return str(caught.value)


def test_defaults_are_those_of_the_page() -> None:
    assert asked(text("")) == LoraSpec(rank=4, alpha=8, target_modules="all-linear")
    plain = text("").replace("alpha = 8\n", "")
    assert asked(plain) == LoraSpec(4, 16.0, 0.0, "all-linear", use_rslora=False, merge=False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rank = 4\n", "", "the key 'rank' is missing"),
        ("rank = 4", "rank = 0", "0 is less than 1"),
        ("alpha = 8", "alpha = 0", "0 is not more than 0"),
        ("alpha = 8", 'alpha = 8\nbias = "all"', "unknown key"),
        ("alpha = 8", 'alpha = 8\ntarget_modules = "q_proj"', "'q_proj'"),
        ("alpha = 8", "alpha = 8\ntarget_modules = []", "target_modules"),
        ("alpha = 8", 'alpha = 8\ntarget_modules = [".*proj"]', "target_modules"),
        ("alpha = 8", "alpha = 8\ndropout = 1.0", "1.0 is not less than 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, says: str) -> None:
    assert says in refused(text("").replace(old, new, 1))


def test_an_attempt_trains_what_the_others_train() -> None:
    said = refused(text(more="\n[attempt.train.lora]\nrank = 2\n"))
    assert "what is trained is the same in every attempt" in said


def test_what_follows_a_stage_needs_a_whole_model() -> None:
    said = refused(text(more=STAGED.format(more="")))
    assert "write merge = true" in said
    assert asked(text(MERGED, STAGED.format(more=""))) is not None
    own = "[stage.train.lora]\nrank = 2\n"
    assert "write merge = true" in refused(text(MERGED, STAGED.format(more=own)))
    assert asked(text(MERGED, STAGED.format(more=f"{own}merge = true\n"))) is not None


def test_a_setting_of_the_command_line_is_one_of_its_keys() -> None:
    made, _ = with_settings(text().encode(), read_settings(["train.lora.rank=2"]))
    assert made.train.lora is not None
    assert (made.train.lora.rank, made.train.lora.alpha) == (2, 8)


def missing(source: str, python: WorkerPython = WorkerPython()) -> list[tuple[str, str]]:  # noqa: B008 - a frozen record
    plan = plan_attempts(parse_milestone(source.encode()))[0]
    return list(unmet(plan, SHIPPED[plan.backend], hollow(HardwareRecord, "not looked at"), python))


def test_peft_is_missed_where_it_is_asked_for_and_only_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        interpreter, "find_spec", lambda name: None if name == "peft" else find_spec(name)
    )
    says = ("the Python package peft is not installed", 'pip install "evidence-pack[lora]"')
    assert missing(text()) == [says]
    assert missing(text().replace("[train.lora]\nrank = 4\nalpha = 8\n" + TARGETS, "")) == []


def test_the_backend_on_jax_refuses_it_by_name() -> None:
    milestone = parse_milestone(text().replace('"transformers"', '"tunix"').encode())
    plans = plan_attempts(milestone)
    (found,) = launch_problems(milestone, plans, {"tunix": SHIPPED["tunix"]})
    assert found[0] == "/train/lora"
    assert found[1].endswith("of the attempt 'here' does not do lora")
