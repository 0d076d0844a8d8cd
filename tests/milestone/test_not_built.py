"""What other programs know and a milestone has not is refused in one sentence that says what to do
instead."""

from __future__ import annotations

import pytest

from evidence.errors import MalformedError
from evidence.milestone import not_built
from evidence.milestone.keys import tables
from evidence.milestone.parse import parse_milestone
from evidence.records.training import TrainSpec
from tests.backends.test_training import MILESTONE

INSTEAD = (
    "a function of yours", "packing = true here",
    not_built.RECORD, 'quantise = "nf4" here', "[attempt.requires] with", "in [attempt.requires]",
    'mixed_precision = "bf16"', "[train.lora] with rank = 8", "[train.extra] with",
    "validate_every_steps = 50", 'strategy = "fsdp" of [launch]', "nothing is to be said for",
)  # fmt: skip
KEYS = sorted(not_built._KEYS)


def refused(table: str, line: str) -> str:
    text = MILESTONE.replace(f"[{table}]\n", f"[{table}]\n{line}\n", 1)
    assert text != MILESTONE
    with pytest.raises(MalformedError) as found:
        parse_milestone(text.encode())
    return found.value.message


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_not_built_says_so_and_what_to_do(key: str) -> None:
    message = refused("train", f"{key} = 1")
    assert message.startswith(f"train.{key}: unknown key: ")
    assert any(instead in message for instead in INSTEAD)
    assert "\n" not in message


@pytest.mark.parametrize("value", ["dpo", "preference", "classification", "seq2seq"])
def test_a_value_that_is_not_built_says_so(value: str) -> None:
    for table, key in (("train", "optimizer"), ("data.train", "format"), ("data.train", "loss")):
        message = refused_value(table, key, value)
        assert f"'{value}' is not one of" in message
        assert not_built.RECORD in message


def refused_value(table: str, key: str, value: str) -> str:
    lines = MILESTONE.splitlines()
    start = lines.index(f"[{table}]")
    end = next((n for n, one in enumerate(lines) if n > start and one.startswith("[")), len(lines))
    kept = [one for one in lines[start + 1 : end] if not one.startswith(f"{key} ")]
    text = "\n".join([*lines[: start + 1], f'{key} = "{value}"', *kept, *lines[end:]])
    with pytest.raises(MalformedError) as found:
        parse_milestone(text.encode())
    return found.value.message


def test_no_key_that_a_milestone_has_is_said_to_be_not_built() -> None:
    """When one is built, its sentence goes."""
    names = {key.name for table in tables() for key in table.keys}
    names |= set(TrainSpec.__struct_fields__)
    assert names & set(KEYS) == set()


def test_a_misspelt_key_is_still_told_the_nearest() -> None:
    assert "did you mean 'max_steps'?" in refused("train", "max_step = 1")
