"""Which attempt of the milestone is run again, and whether it can be here.

Responsible for another attempt than the recorded one (`--attempt`): that the milestone has it, that
it starts from the same model, and that this machine has what it needs. All of it before anything
is started.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence.backends import registry
from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.compare.configuration import plan_of
from evidence.encoding.codec import encode
from evidence.encoding.schema import nearest
from evidence.errors import UsageError
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.records.run import AttemptPlan
from evidence.text import commands
from evidence.worker.interpreter import path_of
from evidence.worker.requirements import unmet, worker_python

_OF_START: Final = ("id", "revision", "path", "config", "init_seed", "tokenizer")


def chosen_plan(documents: Documents, attempt: str | None) -> AttemptPlan:
    """The recorded attempt, or the one that is asked for. Raises UsageError for one that the
    milestone lacks, and for one that starts from another model."""
    recorded = plan_of(documents)
    if attempt is None or attempt == recorded.name:
        return recorded
    plans = {plan.name: plan for plan in plan_attempts(documents.milestone)}
    plan = plans.get(attempt)
    if plan is None:
        raise UsageError(
            f"the milestone of this pack has no attempt {attempt!r}; it has: {', '.join(plans)}"
            f"{nearest(attempt, list(plans))}"
        )
    here, there = _start(recorded), _start(plan)
    for key in _OF_START:
        if here.get(key) != there.get(key):
            run = commands.evidence("run", documents.milestone.id, "--attempt", attempt)
            raise UsageError(
                f"attempt {attempt} starts from another model than this pack (model.{key}: "
                f"{there.get(key)}, here {here.get(key)}), so it cannot reproduce it",
                hint=f"Run it for itself: {run}",
            )
    return plan


def _start(plan: AttemptPlan) -> dict[str, object]:
    return {} if plan.given_model is None else encode(plan.given_model)


def interpreter_for(plan: AttemptPlan, project: Path, given: str | None = None) -> str | None:
    """The Python of the plan's workers: the one that is given, or that in the user's own project; a
    clean worktree has none. Raises UsageError where one is given to an attempt that names none."""
    if plan.interpreter is None:
        if given is not None:
            raise UsageError(
                f"attempt {plan.name} names no interpreter, so that none can take its place",
                hint="Without --interpreter it runs under the Python of `evidence`.",
            )
        return None
    return path_of(given or plan.interpreter, Path() if given else project)


def require_backend(plan: AttemptPlan) -> None:
    """Raises UsageError where there is no backend of its name."""
    try:
        registry.find(plan.backend)
    except UsageError as error:
        raise UsageError(
            f"attempt {plan.name} cannot be run again here: {error.message}", hint=error.hint
        ) from error


def require_met(plan: AttemptPlan, project: Path, interpreter: str | None) -> None:
    """Raises UsageError for whatever this machine lacks for an attempt."""
    backend = registry.find(plan.backend)
    gpus = capture_gpus()
    hardware = capture_hardware(
        project, capture_cpu(), gpus.gpus, gpus.driver_version, gpus.driver_cuda_version
    )
    python = worker_python(plan, backend, project, interpreter)
    missing = unmet(plan, backend, hardware, python)
    if missing:
        raise UsageError(
            f"attempt {plan.name} cannot be run here: {'; '.join(text for text, _ in missing)}; "
            "nothing was started",
            hint="; ".join(dict.fromkeys(remedy for _, remedy in missing)),
        )
