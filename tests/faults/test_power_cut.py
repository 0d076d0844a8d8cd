"""C3: the power goes; what was not synced is lost, reordered or torn. The same zeros hold."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from evidence import layout
from tests.faults import laws
from tests.faults.disk import Disk, read_calls, write_tree
from tests.faults.runs import Case, copy_case
from tests.tiers import sampled

SEED = 43
NUM_STATES = 520
NUM_RESUMED = 12
RESUMED = (1, 2, 4, 6, 8, 11)
"""Of `make test`; the third and the last are closed."""
ROWS = (layout.JOURNAL, Path(layout.METRICS).name, layout.PREDICTIONS)


@dataclass(frozen=True, slots=True)
class Outage:
    """One state that the disk may be in, and what had been made safe before."""

    moment: int
    tree: dict[str, bytes | None]
    safe: dict[str, bytes]


def outages(undisturbed: Case, count: int) -> Iterator[Outage]:
    """Distinct states, at moments all over the run."""
    calls = read_calls(undisturbed.root / "calls.jsonl")
    random = Random(SEED)
    seen: set[int] = set()
    while len(seen) < count:
        moment = random.randint(1, len(calls))
        disk = Disk(undisturbed.root)
        for call in calls[:moment]:
            disk.apply(call)
        for tree, _ in zip(disk.states(random), range(4), strict=False):
            mark = hash((moment, frozenset(tree.items())))
            if mark not in seen:
                seen.add(mark)
                yield Outage(moment, tree, disk.safe(ROWS))


def after(outage: Outage, fresh: Case, root: Path) -> Case:
    """The project after the outage."""
    case = copy_case(fresh, root)
    write_tree(outage.tree, case.root)
    return case


def lost(case: Case, outage: Outage) -> list[str]:
    """Files whose safe rows are nowhere any more."""
    return [
        path
        for path, rows in outage.safe.items()
        if rows
        and not any(
            found.read_bytes().startswith(rows) for found in case.runs.rglob(Path(path).name)
        )
    ]


@pytest.fixture(scope="module")
def states(undisturbed: Case) -> list[Outage]:
    return list(outages(undisturbed, NUM_STATES))


@pytest.mark.parametrize("part", sampled(range(4), (0,)))
def test_after_a_power_cut_nothing_safe_is_lost_and_nothing_is_wrongly_complete(
    part: int, states: list[Outage], fresh: Case, tmp_path: Path
) -> None:
    """C3: more than 500 states, a quarter in each part."""
    checked = 0
    for number, outage in enumerate(states):
        if number % 4 == part:
            case = after(outage, fresh, tmp_path / str(number))
            laws.honest(case)
            assert lost(case, outage) == [], outage.moment
            shutil.rmtree(case.root)
            checked += 1
    assert checked >= NUM_STATES // 4


@pytest.mark.parametrize("number", sampled(range(NUM_RESUMED), RESUMED))
def test_after_a_power_cut_the_run_goes_on_or_can_be_closed(
    number: int, states: list[Outage], undisturbed: Case, fresh: Case, tmp_path: Path
) -> None:
    """C3, C10: what is torn is cut, and the outcome is that of an undisturbed run."""
    outage = states[(number * len(states)) // NUM_RESUMED]
    go_on(after(outage, fresh, tmp_path / "project"), number, laws.outcome_of(undisturbed.pack))


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(20))
def test_after_any_power_cut_the_run_goes_on_or_can_be_closed(
    part: int, states: list[Outage], undisturbed: Case, fresh: Case, tmp_path: Path
) -> None:
    """C3: every one of the states."""
    outcome = laws.outcome_of(undisturbed.pack)
    for number, outage in enumerate(states):
        if number % 20 == part:
            case = after(outage, fresh, tmp_path / str(number))
            go_on(case, number // 20, outcome)
            shutil.rmtree(case.root)


def go_on(case: Case, number: int, outcome: str) -> None:
    state = laws.honest(case)
    if number % 3 == 2:
        laws.can_be_closed(case, state)
    else:
        laws.can_be_resumed(case, state, outcome)
