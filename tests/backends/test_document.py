"""Laws of docs/backends.md: it says what the supervisor hears and what the stub really sends."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from stub_backend.stage import run_stage

from evidence.attempt.facts import FACTS
from evidence.attempt.stage import StageRun
from evidence.backends import registry
from evidence.milestone.parse import load_milestone
from evidence.milestone.plan import plan_attempts
from evidence.stages.command import COMMAND
from evidence.stages.registry import kinds
from evidence.worker.failures import kind_and_message
from evidence.worker.interface import Backend, Job, StageFailure
from tests.project import Project

TEXT = (Path(__file__).parents[2] / "docs/backends.md").read_text("utf-8")
NOT_EVERY_TIME = {"warning", "stopped", "execution", "loss", "generation", "compilation"}
NOT_EVERY_TIME |= {"adapter", "functions", "validation", "validation-set"}
NOT_EVERY_TIME |= {"weights", "logits", "evaluated", "ranks", "ranks-fed"}


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """Event → stages and keys, from the table."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.*?) \| ", TEXT, re.MULTILINE)
    outside = [(name, stage, re.sub(r"\(.*?\)", "", keys)) for name, stage, keys in rows]
    return {
        name: ({"train", "eval"} if stage == "both" else {stage}, set(re.findall(r"`(\w+)`", keys)))
        for name, stage, keys in outside
    }


def test_the_record_it_shows_is_one() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - a few lines of our own
    assert isinstance(names["BACKEND"], Backend)
    assert list(registry._contradictions("mine", names["BACKEND"])) == []


def test_the_entry_point_it_shows_is_of_the_group_that_is_asked() -> None:
    shown = tomllib.loads(block("toml"))["project"]["entry-points"]
    assert shown == {registry.GROUP: {"mine": "my_backend:BACKEND"}}


def test_it_names_every_event_that_the_supervisor_hears() -> None:
    """Those of a recorded program are sent by a backend of ours alone."""
    own = {name[4:] for name in vars(StageRun) if name.startswith("_on_")}
    own = own - {"row", "document", "collected", "signalled", "fact"} | FACTS.keys()
    others = [kind for kind in kinds() if kind is not COMMAND]
    of_kinds = {one.event for kind in others for one in kind.documents}
    of_kinds |= {kind.rows.event for kind in others if kind.rows is not None}
    assert own - {"failed"} | of_kinds == documented().keys(), (
        "`failed` is sent by the worker itself"
    )


def test_the_stub_sends_what_it_says_and_all_of_it(project: Project) -> None:
    milestone, _ = load_milestone(project.root / "milestones/T1.toml")
    plan, folder = plan_attempts(milestone)[0], str(project.root / "work")
    sent: dict[str, tuple[set[str], set[str]]] = {}
    for stage in ("train", "eval"):
        order: list[str] = []

        def emit(event: str, stage: str = stage, order: list[str] = order, **data: Any) -> None:
            order.append(event)
            stages, keys = sent.setdefault(event, (set(), set(data)))
            stages.add(stage)
            assert keys == set(data), event

        run_stage(Job(plan, stage, str(project.root), folder, folder, 1, None, ""), emit)  # type: ignore[arg-type]
        assert (order[0], order[-1]) == ("ready", "done")
    documented_events = documented()
    assert sent == {
        name: documented_events[name] for name in documented_events.keys() - NOT_EVERY_TIME
    }


def test_the_kinds_of_failure_it_names_are_kept() -> None:
    line = next(one for one in TEXT.splitlines() if "StageFailure(kind" in one)
    kinds = re.findall(r"`([a-z]+(?:-[a-z]+)*)`", line)
    assert kinds == [
        "bad-data",
        "diverged",
        "out-of-memory",
        "requirement-not-met",
        "gpu-lost",
        "unreachable",
    ]
    for kind in kinds:
        assert kind in (StageFailure.__doc__ or "")
        assert kind_and_message(StageFailure(kind, "why")) == (kind, "why")
