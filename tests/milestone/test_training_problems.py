"""Settings of [train] that contradict each other, or that a backend would leave alone, are refused
before anything is run."""

from __future__ import annotations

import pytest

from evidence.backends.registry import SHIPPED
from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import Milestone
from evidence.records.training import OPTIONS, TrainSpec, options_set
from evidence.results.conditions import FURTHER
from evidence.running.launching import launch_problems
from tests.backends.test_training import MILESTONE


def parsed(train: str, attempt: str = "", backend: str = "transformers") -> Milestone:
    text = MILESTONE.replace("warmup_steps = 2\nseed = 5", train)
    text = text.replace('backend = "transformers"', f'backend = "{backend}"')
    return parse_milestone(f"{text}\n[attempt.train]\n{attempt}\n".encode())


def refused(train: str, attempt: str = "") -> str:
    with pytest.raises(MalformedError) as found:
        parsed(train, attempt)
    return found.value.message


def test_a_warm_up_is_said_in_one_way() -> None:
    both = "give `warmup_steps` or `warmup_ratio`, and not both"
    assert both in refused("warmup_steps = 2\nwarmup_ratio = 0.1")
    message = refused("warmup_steps = 2", "warmup_ratio = 0.1")
    assert both in message
    assert "attempt" in message
    plan = plan_attempts(parsed("warmup_steps = 2", "warmup_steps = 0\nwarmup_ratio = 0.1"))[0]
    assert (plan.train.warmup_steps, plan.train.warmup_ratio) == (0, 0.1)


def test_mixed_precision_is_of_float32_weights() -> None:
    mixed = 'mixed_precision = "bf16"'
    said = "mixed_precision: is of weights that are float32, and the dtype is bfloat16: write dtype"
    assert said in refused(mixed, 'dtype = "bfloat16"')
    assert said in refused("", f'dtype = "bfloat16"\n{mixed}')
    parsed(mixed)
    parsed(mixed, 'dtype = "bfloat16"\nmixed_precision = "no"')
    assert "mixed_precision" in refused('mixed_precision = "fp16"')


def test_validation_needs_rows_that_become_text_and_are_not_trained_on() -> None:
    said = "validation_data: no [data.validation] in this file; there are: eval, train"
    assert said in refused("validate_every_steps = 5")
    assert said in refused("", "validate_every_steps = 5")
    assert "[data.train] is trained on" in refused(
        'validate_every_steps = 5\nvalidation_data = "train"'
    )
    said = "data.eval: train.validation_data takes these rows, and it is not said how one becomes"
    assert said in refused('validate_every_steps = 5\nvalidation_data = "eval"')
    parsed('validation_data = "nothing"')


@pytest.mark.parametrize("key", ["adam_beta1", "adam_beta2", "adam_epsilon"])
def test_numbers_of_adam_need_adam(key: str) -> None:
    assert f"{key}: is of AdamW, and the optimizer is sgd" in refused(
        f'optimizer = "sgd"\n{key} = 0.5'
    )
    assert key in refused(f'optimizer = "adamw_torch"\n{key} = 0.5', 'optimizer = "adafactor"')
    parsed(f'optimizer = "adamw_torch_fused"\n{key} = 0.5')


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("adam_beta1 = 0.5", "adam_beta1 = 0.5"),
        ("adam_beta1 = 0.9", ""),
        ("", ""),
        ('optimizer = "adamw_torch_fused"', "optimizer = 'adamw_torch_fused'"),
    ],
)
def test_what_a_backend_leaves_alone_is_refused_by_name(key: str, said: str) -> None:
    optimizer = "" if "optimizer" in key else 'optimizer = "adamw_torch"\n'
    for backend in ("tunix", "transformers"):
        milestone = parsed(f"{optimizer}{key}", backend=backend)
        found = [*launch_problems(milestone, plan_attempts(milestone), SHIPPED)]
        asked = [said] if said and backend == "tunix" else []
        assert [text.partition("does not do ")[2] for _, text, _ in found] == asked
        assert all(place.startswith("/train/") for place, _, _ in found)


def test_an_option_is_known_to_be_set_where_it_is_not_at_its_default() -> None:
    assert options_set(TrainSpec()) == ()
    assert options_set(TrainSpec(adam_beta1=0.5)) == ("adam_beta1",)
    assert FURTHER.keys() == set(OPTIONS)
    lacks = [one.partition(" = ")[0] for one in SHIPPED["tunix"].lacks]
    assert {*lacks} <= {*TrainSpec.__struct_fields__}
