"""Laws of verify about [train.extra]: what an argument could reach is not checked, by its name, and
the rest is; a table that is not what the worker was given is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "verification"))

from lies import milestone
from test_what_ran import data_of, recorded
from toy import write

from evidence.rules.arguments import CHECKED, at_work
from evidence.self_test.forger import ForgedPack
from evidence.verification.report import Report
from evidence.verification.verification import verify_pack


def given(extra: str, told: object) -> ForgedPack:
    made = recorded()
    milestone("warmup_steps = 2", f"warmup_steps = 2\nextra = {{ {extra} }}")(made)
    if told is not None:
        data_of(made, "execution")["extra"] = told
    return made


def report(made: ForgedPack, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", made.seal().all_bytes()))


@pytest.mark.parametrize(
    ("extra", "told", "unknown"),
    [
        ("tf32 = false", {"tf32": False}, {"training-own-loss"}),
        ("torch_empty_cache_steps = 4", {"torch_empty_cache_steps": 4}, set()),
        (
            "lr_scheduler_kwargs = { num_cycles = 2 }",
            {"lr_scheduler_kwargs": {"num_cycles": 2}},
            set(),  # its schedule is linear, and takes none
        ),
        ('optim_args = "a=1"', {"optim_args": "a=1"}, {"learning-rate-schedule"}),
        ("lr_scheduler_kwargs = {}", {"lr_scheduler_kwargs": {}}, set()),
        ('optim_args = ""', {"optim_args": ""}, set()),
        (
            'dataloader_multiprocessing_context = "fork"',
            {"dataloader_multiprocessing_context": "fork"},
            set(),
        ),
        ("of_tomorrow = [1, 2]", {"of_tomorrow": [1, 2]}, CHECKED - {"validation", "seen-fed"}),
    ],
)
def test_only_what_an_argument_could_reach_is_not_checked(
    extra: str, told: object, unknown: set[str], tmp_path: Path
) -> None:
    (name,) = told  # type: ignore[misc]  # a table of one argument
    before = {one.id: one.outcome for one in report(recorded(), tmp_path / "without").checks}
    found = report(given(extra, told), tmp_path / "with")
    after = {one.id: one.outcome for one in found.checks}
    assert {one for one, outcome in after.items() if outcome != before[one]} == unknown
    for one in found.checks:
        if one.id in unknown:
            assert one.outcome == "not_checked"
            assert f"what train.extra.{name} does to it is not known" in (one.reason or "")


@pytest.mark.parametrize("schedule", ["linear", "constant", "constant_with_warmup"])
def test_an_argument_of_a_schedule_that_takes_none_hides_no_rate(schedule: str) -> None:
    given_kwargs = {"lr_scheduler_kwargs": {"num_cycles": 2}}
    assert at_work(given_kwargs, schedule) == ()
    assert at_work(given_kwargs, "cosine") == ("lr_scheduler_kwargs",)


@pytest.mark.parametrize("told", [None, {}, {"tf32": True}, {"tf32": False, "optim_args": "a"}])
def test_another_table_than_the_worker_was_given_is_found(told: object, tmp_path: Path) -> None:
    checks = {one.id: one.outcome for one in report(given("tf32 = false", told), tmp_path).checks}
    assert checks["training-execution"] == "fail"


def test_a_table_that_is_taken_out_is_found(tmp_path: Path) -> None:
    made = recorded()
    data_of(made, "execution")["extra"] = {"tf32": False}
    assert {one.id: one.outcome for one in report(made, tmp_path).checks}[
        "training-execution"
    ] == "fail"
