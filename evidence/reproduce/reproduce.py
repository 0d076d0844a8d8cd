"""The reproduce use case: run a sealed pack again, from its own commit, and say how close it came.

Responsible for the order: verify, look at commit, patch and inputs, run the same attempt in a
clean worktree, compare, attach the result to the original. Whatever goes wrong before the new
pack is sealed leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.compare.configuration import plan_of
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import ExitCode, StoppedError, UsageError
from evidence.progress import Observer
from evidence.publish.index import update_index
from evidence.publish.room import refuse_without_room
from evidence.publish.summaries import attach_file, held, read_attached
from evidence.records.finding import Report
from evidence.records.record import Record
from evidence.records.reproduction import ReproductionRecord, TierName
from evidence.records.run import AttemptPlan
from evidence.reproduce.attempts import (
    chosen_plan,
    interpreter_for,
    require_backend,
    require_met,
)
from evidence.reproduce.code import announce_code, code_differences
from evidence.reproduce.inputs import require_inputs, require_milestone
from evidence.reproduce.running import Rerun, clear_up, run_unchanged, run_with_seed
from evidence.reproduce.seeds import other_seeds
from evidence.reproduce.source import project_repository, recorded_source
from evidence.reproduce.this_machine import announce, differences_on_this_machine
from evidence.reproduce.verdict import default_tier, reaches, reproduction_record
from evidence.reproduce.worktree import Worktree, clean_worktree
from evidence.results.other_framework import NAME as OTHER_FRAMEWORK
from evidence.results.seed_test import NAME as OVER_SEEDS
from evidence.running.signals import StopRequest
from evidence.stages.eval import PREDICTIONS
from evidence.text import commands
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import (
    VerifiedPack,
    load_sealed,
    open_verified,
    verify_pack,
)

_NAMED_BY: Final = 12


class ReproduceOptions(Record):
    """What the caller chose."""

    project: Path
    """The user's own project: the folder with milestones/, inside its repository."""
    tier: TierName | None = None
    """None: bitwise where the environments are equal, else numerically-close."""
    keep: bool = False
    """Leave the worktree where it is, to be looked at."""
    num_seeds: int = 0
    """How many runs with other seeds follow; 0: none."""
    trust_command: bool = False
    """Run a recorded program though its command stands in the pack alone."""
    attempt: str | None = None
    """Another attempt of the same milestone, such as one in another framework; None: the one that
    completed."""
    interpreter: str | None = None
    """The Python to run the workers under instead of the one that the attempt names."""


class ReproduceResult(Record):
    """A reproduction that ran to a sealed pack of its own."""

    pack: Path
    record: ReproductionRecord
    attached: Path
    asked: TierName
    reached: bool
    worktree: Path | None
    others: tuple[Path, ...]
    """Packs of the runs with other seeds."""
    report: Report
    """What verify says of the original with what was attached."""

    @property
    def exit_code(self) -> ExitCode:
        """0 only when the tier that was asked for is reached, and all of it verifies."""
        return ExitCode.DONE if self.reached and self.report.passed else ExitCode.FINDINGS


def reproduce(
    pack: Path, options: ReproduceOptions, observer: Observer, stop: StopRequest
) -> ReproduceResult:
    """Run the completed attempt of `pack` again, or another one, and attach the result to it.

    Raises PackBrokenError for a pack that does not verify, UsageError for what is missing to run
    it again, StoppedError when asked to stop.
    """
    _refuse_contradiction(options)
    with ExitStack() as opened:
        with stop.at_once(stop.nothing_started), _stopped_first(stop):
            original = open_verified(pack)
            original.documents.rows(PREDICTIONS)  # refused at once, and not behind a whole run
            plan = chosen_plan(original.documents, options.attempt)
            interpreter = interpreter_for(plan, options.project, options.interpreter)
            worktree, runs = _ready(opened, original, options, plan, interpreter)
            seeds = _seeds(plan, options.num_seeds)
            observer.message(f"a clean worktree at {worktree.commit[:_NAMED_BY]} is ready")
            here = differences_on_this_machine(original.documents, options.project, interpreter)
            announce(here, observer)
            written = require_milestone(worktree.root, original, trust=options.trust_command)
            require_inputs(worktree.root, runs.parent, original.documents, plan)
            code = code_differences(original.documents, worktree.root)
            announce_code(code, observer)
        rerun = Rerun(original, worktree, runs, observer, stop, plan.name, written, interpreter)
        made = run_unchanged(rerun)
        others = []
        for number, seed in enumerate(seeds, 1):
            observer.message(f"seed {seed} ({number} of {options.num_seeds})")
            other = run_with_seed(rerun, seed)
            with stop.at_once(lambda: _stopped_late(stop, pack, made)):
                others.append(open_verified(other))
    with stop.at_once(lambda: _stopped_late(stop, pack, made)):
        second = open_verified(made)
        record = reproduction_record(original, second, others, code)
        attached = attach(pack, record)
        report = verify_pack(pack, VerifyOptions(beside=(pack, made)))
        update_index(made.parent)
    asked = options.tier or default_tier(original.documents, second.documents)
    return ReproduceResult(
        pack=made,
        record=record,
        attached=attached,
        asked=asked,
        reached=reaches(record, asked),
        worktree=worktree.root if options.keep else None,
        others=tuple(one.path for one in others),
        report=report,
    )


def _refuse_contradiction(options: ReproduceOptions) -> None:
    if options.tier == OVER_SEEDS and not options.num_seeds:
        raise UsageError(
            f"the tier {OVER_SEEDS} is a test over runs with other seeds",
            hint="Say how many with --seeds: 5 is a beginning, and takes five runs more.",
        )
    if options.attempt is not None and options.num_seeds:
        raise UsageError("other seeds are of the recorded attempt: --attempt excludes --seeds")
    if options.tier == OTHER_FRAMEWORK and options.attempt is None:
        raise UsageError(
            f"the tier {OTHER_FRAMEWORK} is of an attempt in another framework",
            hint="Name it with --attempt.",
        )


def _seeds(plan: AttemptPlan, count: int) -> list[int]:
    if not count:
        return []
    if plan.given_train is None and not plan.stages:
        raise UsageError(
            "a milestone with stages has no one seed that another could be put in the place of",
            hint="Reproduce it without --seeds; `seeds = [1, 2, 3]` in the milestone runs several.",
        )
    if plan.given_train is None:
        raise UsageError(
            "a recorded program has no seed that another could be put in the place of",
            hint="Reproduce it without --seeds.",
        )
    return other_seeds(plan.given_train.seed, count)


def _ready(
    opened: ExitStack,
    original: VerifiedPack,
    options: ReproduceOptions,
    plan: AttemptPlan,
    interpreter: str | None,
) -> tuple[Worktree, Path]:
    """A worktree at the recorded commit, and the folder for the new pack."""
    commit, patch = recorded_source(original)
    require_backend(plan)
    if interpreter is not None or plan.name != plan_of(original.documents).name:
        require_met(plan, options.project, interpreter)
    if not os.access(original.path, os.W_OK):
        raise UsageError(
            f"{original.path} cannot be written, and what a reproduction finds is attached to it",
            hint="Reproduce a copy of it that is yours.",
        )
    refuse_without_room(read_attached(original.path), limits.MAX_NOTE_BYTES)
    repository = project_repository(options.project, original.path)
    clear_up(repository)
    worktree = opened.enter_context(clean_worktree(repository, commit, patch, keep=options.keep))
    return worktree, repository.root / layout.RUNS


@contextmanager
def _stopped_first(stop: StopRequest) -> Iterator[None]:
    """A Ctrl-C ends git as well: what it then complains of is no mistake of the caller."""
    try:
        yield
    except UsageError as error:
        if not stop.asked:
            raise
        raise stop.nothing_started() from error


def _stopped_late(stop: StopRequest, pack: Path, made: Path) -> StoppedError:
    """Asked to stop when the run was over: its pack is whole, and stays."""
    root_sha256 = sha256_hex((made / layout.SUMS).read_bytes())
    if (pack / layout.reproduction_file(root_sha256)).exists():
        what = "the result is attached"
        hint = f"Make its summary whole: {commands.evidence('render', str(pack))}"
    else:
        what = "nothing is attached"
        hint = f"See how close it came: {commands.evidence('compare', str(pack), str(made))}"
    return StoppedError(
        f"stopped, as asked; the new run is sealed and stays in {made}, and {what}",
        hint=hint,
        by_sigterm=stop.by_sigterm,
    )


def attach(pack: Path, record: ReproductionRecord) -> Path:
    """Attach a reproduction to the original and render its summary again."""
    name = layout.reproduction_file(record.reproduction.root_sha256)
    with held(pack):
        attach_file(load_sealed(pack), name, jsonio.dump_document(encode(record)))
    return pack / name
