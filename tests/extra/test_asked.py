"""Laws of [train.extra] before anything is run: what is refused, in which words, and what comes of
the rest."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from evidence.backends.registry import SHIPPED
from evidence.errors import MalformedError
from evidence.milestone import overrides
from evidence.milestone.effective import with_settings
from evidence.milestone.extra_problems import extra_problems
from evidence.milestone.parse import document_in, parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import Milestone
from evidence.records.training import TrainSpec
from evidence.results.conditions import settings
from evidence.rules.arguments import _KEYS, _REACHES, _REASONS, CHECKED, reaching, refusal
from evidence.running import extra_names
from evidence.running.launching import launch_problems
from evidence.verification.consistency.every_check import every_check
from tests.backends.test_training import MILESTONE
from tests.command import evidence
from tests.docs.pages import codes, page, table
from tests.project import Project

FREE = {"lr_scheduler_kwargs": {"num_cycles": 2}, "tf32": False, "ddp_timeout": 60}


def text_of(extra: str, attempt: str = "", launch: str = "", backend: str = "transformers") -> str:
    whole = MILESTONE.replace("seed = 5\n", f"seed = 5\n[train.extra]\n{extra}\n")
    whole = whole.replace('backend = "transformers"', f'backend = "{backend}"')
    return f"{whole}\n[attempt.train]\n{attempt}\n{launch}\n"


def parsed(extra: str, **more: str) -> Milestone:
    return parse_milestone(text_of(extra, **more).encode())


def refused(extra: str, **more: str) -> str:
    with pytest.raises(MalformedError) as found:
        parsed(extra, **more)
    return found.value.message


def test_what_a_key_says_is_refused_with_that_key() -> None:
    message = refused("per_device_train_batch_size = 2")
    said = "train.extra.per_device_train_batch_size: is called batch_size here"
    assert message == f"{said}: write that into [train]"
    assert {*_KEYS} <= {*TrainSpec.__struct_fields__}


@pytest.mark.parametrize("name", sorted(_REASONS))
def test_what_this_tool_sets_is_refused_with_the_reason(name: str) -> None:
    message = refused(f"{name} = 1")
    assert message.startswith(f"train.extra.{name}: is set by this tool: ")
    assert "\n" not in message


def test_attempts_and_stages_are_refused_likewise() -> None:
    said = "train.extra.seed: is called seed here"
    assert said in refused("tf32 = false", attempt="extra = { seed = 1 }")
    stage = '[[stage]]\nname = "A"\nkind = "train"\n[stage.train.extra]\nseed = 1\n'
    assert said in refused("tf32 = false", launch=stage)


def test_what_is_of_one_process_or_of_several_needs_them() -> None:
    several = "[launch]\nprocesses = 2\n"
    assert "is of several processes" in refused("ddp_timeout = 60")
    assert "is of one process" in refused("dataloader_num_workers = 1", launch=several)
    parsed("ddp_timeout = 60", launch=several)
    parsed("dataloader_num_workers = 1")


def test_values_that_no_argument_takes_are_refused() -> None:
    wanted = "wanted: a text, a number, true or false, a list of these, or a table of these"
    assert wanted in refused("tf32 = 2020-01-01")
    assert wanted in refused("optim_args = { one = { two = 3 } }")
    assert "wanted: the name of an argument" in refused('"a b" = 1')


def test_every_argument_of_transformers_is_judged() -> None:
    """A new one is passed on and taken to reach every check, until somebody looked at it."""
    from transformers import TrainingArguments

    known = {one.name for one in fields(TrainingArguments) if one.init}
    judged = {name for name in known if refusal(name) or name in _REACHES}
    assert known - judged == {"optim_target_modules"}
    assert set(extra_names.argument_names()) == known


def test_what_is_set_by_the_worker_cannot_be_set_by_a_milestone() -> None:
    source = Path(__file__).parents[2] / "evidence/backends/transformers/arguments.py"
    names = [line.strip().partition('": ') for line in source.read_text("utf-8").splitlines()]
    found = [name[1:] for name, colon, _ in names if colon and name.startswith('"')]
    assert len(found) > 20
    assert [name for name in found if not refusal(name)] == []


def test_a_name_that_nobody_knows_is_refused_with_the_nearest() -> None:
    milestone = parsed("lr_scheduler_kwarg = { num_cycles = 1 }")
    ((place, text, _),) = extra_names.extra_problems(milestone, SHIPPED)
    assert place == "/train/extra/lr_scheduler_kwarg"
    assert text == (
        "TrainingArguments has no lr_scheduler_kwarg (did you mean 'lr_scheduler_kwargs'?)"
    )
    assert not [*extra_names.extra_problems(parsed("tf32 = false"), SHIPPED)]


def test_doctor_and_run_refuse_such_a_name(project: Project) -> None:
    project.edit('backend = "stub"', 'backend = "transformers"')
    project.edit("[train]\n", "[train]\nextra = { tf_32 = true }\n")
    for command in ("doctor", "run"):
        ended = evidence(command, "T1", "--root", str(project.root))
        assert ended.exit == 2
        assert "TrainingArguments has no tf_32 (did you mean 'tf32'?)" in " ".join(
            f"{ended.out} {ended.err}".split()
        )


def test_the_backend_without_arguments_refuses_the_table() -> None:
    milestone = parsed("tf32 = false", backend="tunix")
    ((place, text, _),) = launch_problems(milestone, plan_attempts(milestone), SHIPPED)
    assert place == "/train/extra"
    assert text == "the backend 'tunix' of the attempt 'cpu' does not do extra"


def test_an_attempt_with_a_table_has_nothing_of_the_milestone_s() -> None:
    milestone = parsed("tf32 = false", attempt="extra = { torch_empty_cache_steps = 4 }")
    assert plan_attempts(milestone)[0].train.extra == {"torch_empty_cache_steps": 4}
    made = overrides.applied(
        document_in(text_of("tf32 = false", attempt="extra = { optim_args = 'a' }").encode()),
        [overrides.read_setting("train.extra.tf32=true")],
    )
    (said,) = overrides.shadowed(made, ["cpu"])
    assert said.endswith("own table: --set attempt.cpu.train.extra.tf32=true")


def test_one_argument_can_be_set_on_the_command_line() -> None:
    source = text_of("tf32 = false").encode()
    asked = ["train.extra.lr_scheduler_kwargs.num_cycles=2", "train.extra.tf32=true"]
    milestone, _ = with_settings(source, overrides.read_settings(asked))
    wanted = {"tf32": True, "lr_scheduler_kwargs": {"num_cycles": 2}}
    assert milestone.train.extra == wanted
    assert not [*extra_problems(milestone)]


def test_two_runs_that_differ_in_it_are_told_apart() -> None:
    plans = [plan_attempts(parsed(one))[0] for one in ("tf32 = false", "tf32 = true")]
    (found,) = [one for one in settings((plans[0], plans[1])) if one.name == "train.extra"]
    assert (found.outcome, found.values) == ("differs", ("tf32 False", "tf32 True"))


def test_the_page_says_which_checks_an_argument_could_reach() -> None:
    rows = table(page("extra.md"))
    told = {name: set(codes(checks)) for names, checks in rows for name in codes(names)}
    assert told == {name: set(reached) for name, reached in _REACHES.items()}
    (every,) = [set(codes(checks)) for names, checks in rows if not codes(names)]
    assert every == CHECKED
    assert {*CHECKED} <= {one.rule.id for one in every_check()}
    assert reaching(["tf32", "no_such_one"], "training-steps") == ("no_such_one",)
