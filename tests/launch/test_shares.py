"""Who takes which row, what is refused of several processes, and what other launchers say."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from evidence.attempt.ranks import without_ranks
from evidence.errors import MalformedError, MilestoneError, UsageError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.rules.ranks import num_passes, packages_sha256, share
from evidence.running.launching import refuse_several
from evidence.running.preflight import prepare
from evidence.worker.visible import most_visible
from tests.launch.milestone import ALONE, MILESTONE, project


@pytest.mark.parametrize("world", [2, 3, 5])
@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_each_row_of_a_step_is_taken_once_and_in_order(world: int, at_once: int) -> None:
    for count in range(1, 4 * world * at_once + 2):
        rows = list(range(100, 100 + count))
        shares = [share(rows, rank, world, at_once) for rank in range(world)]
        assert {len(one) for one in shares} == {num_passes(count, world, at_once)}
        together = [row for passes in zip(*shares, strict=True) for row in itertools.chain(*passes)]
        assert together == rows
        assert all(len(one) <= at_once for passes in shares for one in passes)


def test_the_digest_of_packages_knows_no_order() -> None:
    some = [("a", "1"), ("b", "2")]
    assert packages_sha256(some) == packages_sha256(reversed(some))
    assert packages_sha256(some) != packages_sha256([("a", "1"), ("b", "3")])


def test_one_process_is_planned_as_none_is_asked_for() -> None:
    said = MILESTONE.replace("processes = 2", "processes = 1")
    assert plan_attempts(parse_milestone(said.encode())) == plan_attempts(
        parse_milestone(ALONE.encode())
    )


def test_a_step_that_cannot_be_divided_is_refused_by_its_key() -> None:
    text = MILESTONE.replace("processes = 2", "processes = 3")
    with pytest.raises(MalformedError) as refused:
        parse_milestone(text.encode())
    assert refused.value.message.startswith("train.gradient_accumulation: 4 is no multiple")
    assert refused.value.line == text.splitlines().index("gradient_accumulation = 4") + 1
    own = MILESTONE + "\n[attempt.train]\ngradient_accumulation = 5\n"
    with pytest.raises(MalformedError, match=r"attempt\.0\.train\.gradient_accumulation"):
        parse_milestone(own.encode())


def test_whole_models_are_the_strategy_of_whoever_names_none() -> None:
    as_is = MILESTONE.replace("processes = 2", 'processes = 2\nstrategy = "ddp"')
    assert parse_milestone(as_is.encode()) == parse_milestone(MILESTONE.encode())


def test_a_program_starts_its_processes_itself() -> None:
    text = """schema = "milestone.v1"
id = "R1"
title = "Recorded"
kind = "recorded-program"
objective = "A program is recorded."
[command]
run = ["python", "train.py"]
[launch]
processes = 2
[[attempt]]
name = "recorded"
backend = "command"
"""
    with pytest.raises(MalformedError, match=r"torchrun --nproc-per-node 2 train\.py") as refused:
        parse_milestone(text.encode())
    assert refused.value.message.startswith("launch: ")


def test_a_backend_without_processes_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = project(
        tmp_path / "project", MILESTONE.replace('backend = "transformers"', 'backend = "tunix"')
    )
    with pytest.raises(MilestoneError, match="'tunix' trains in one process") as refused:
        prepare(folder, "L2", None)
    assert "attempt.0.backend" in refused.value.message
    assert "leave [launch] out" in refused.value.hint
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "1", "WORLD_SIZE": "2"},
        {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"},
        {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"},
    ],
)
def test_what_is_done_once_is_refused_where_a_launcher_started_several(
    variables: dict[str, str],
) -> None:
    with pytest.raises(UsageError, match="what it does is done once") as refused:
        refuse_several(variables)
    assert "with [launch] in the milestone" in refused.value.hint


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"WORLD_SIZE": "2"},
        {"SLURM_NTASKS": "4", "SLURM_PROCID": "0"},
        {"RANK": "0", "WORLD_SIZE": "many"},
    ],
)
def test_what_is_started_once_is_let_in(variables: dict[str, str]) -> None:
    refuse_several(variables)


def test_what_another_launcher_said_reaches_no_worker_of_ours() -> None:
    said = {"RANK": "0", "MASTER_ADDR": "a", "ACCELERATE_USE_FSDP": "true", "GROUP_WORLD_SIZE": "1"}
    kept = {"PATH": "/bin", "RANKING": "1", "CUDA_VISIBLE_DEVICES": "0"}
    assert without_ranks({**said, **kept}) == kept


@pytest.mark.parametrize(
    ("given", "count"), [(None, 2), ("0,1", 2), ("1", 1), ("", 0), ("0, 1, 2", 2)]
)
def test_each_process_needs_a_gpu_that_can_be_seen(given: str | None, count: int) -> None:
    unknown = Unavailable("not asked")
    cards = tuple(
        GpuRecord(index, "H200", f"GPU-{index}", 1 << 37, *[unknown] * 5, False, False)
        for index in range(2)
    )
    variables = {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    assert most_visible(cards, variables) == count
