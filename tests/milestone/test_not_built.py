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
    "validate_every_steps = 50", 'metrics = ["mean_loss"]', "nothing is to be said",
    'strategy = "fsdp" of [launch]',
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


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("lr", "it is called learning_rate here"),
        ("max_seq_length", "it is called max_length here"),
        ("per_device_train_batch_size", "it is called batch_size here: write that into [train]"),
        ("num_train_epochs", "it is called epochs here: write that into [train]"),
        ("output_dir", "it is set by this tool: where and when files are written is told"),
    ],
)
def test_a_key_of_another_trainer_is_told_by_our_name(key: str, said: str) -> None:
    assert refused("train", f"{key} = 1").startswith(f"train.{key}: unknown key: {said}")


def test_every_name_of_another_trainer_is_one_of_ours_and_none_is_ours_already() -> None:
    ours = set(TrainSpec.__struct_fields__)
    for name, meant in not_built._SHORT.items():
        assert name not in ours
        assert set(meant.split(" and ")) <= ours


def test_the_format_of_a_file_is_no_format_of_rows() -> None:
    assert 'file_format = "csv" here' in refused_value("data.train", "format", "csv")


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
