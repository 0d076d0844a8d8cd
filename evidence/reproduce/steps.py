"""Some steps of a recorded training run again, and held against its rows: cheap, hard to fake.

Responsible for a run that is ended after the last step asked for, for comparing it row by row, and
with the checkpoint or final model that the journal has a digest of. It leaves nothing: what it made
lies beside its worktree. Where it begins behind the first step, `kept` brings the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal

from evidence import layout
from evidence.attempt.attempt import StartPoint
from evidence.compare.configuration import plan_of
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import EvidenceError, ExitCode, RejectedError, StoppedError, UsageError
from evidence.milestone.overrides import settings_of
from evidence.pack import journal
from evidence.pack.documents import Documents
from evidence.progress import Observer
from evidence.records.inputs import FileDigest
from evidence.records.record import Record
from evidence.records.run import JournalEvent, StepRow
from evidence.reproduce.attempts import interpreter_for, require_backend
from evidence.reproduce.inputs import require_inputs, require_milestone
from evidence.reproduce.kept import brought, kept_after
from evidence.reproduce.running import clear_up
from evidence.reproduce.source import project_repository, recorded_source
from evidence.reproduce.this_machine import announce, differences_on_this_machine
from evidence.reproduce.worktree import clean_worktree
from evidence.rules.closeness import difference, rounding_limit
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.stages.train import STEPS, TRAIN
from evidence.verification.verification import VerifiedPack, open_verified

FED: Final = ("stream", "num_rows", "num_tokens", "num_fed_tokens", "num_target_tokens")
"""What a step was fed: the same on every machine."""
_WHOLE: Final = "Without --steps the whole run is made again."
_RUNS: Final = "replayed"
_BEGUN: Final = "begun-from"
_WEIGHTS: Final = ".safetensors"

Closeness = Literal["same", "rounding", "otherwise"]


class Replay(Record):
    """What came of it."""

    closeness: Closeness
    num_steps: int
    """Steps that were run again and compared."""
    total_steps: int
    """Steps of the recorded training."""
    largest_difference: float
    """Of the losses, relative to the recorded ones."""
    reason: str
    """Where it is otherwise: the first step that is, and how; else empty."""
    weights_step: int | None
    """The step after which both wrote a checkpoint; None: the record has none within these."""
    same_weights: bool
    """Whether their weights have the same digests."""
    begins_after: int = 0
    """The step whose kept checkpoint it began from; 0: the base model."""
    num_after: int = 0
    """Recorded steps after the last one asked for."""

    @property
    def last(self) -> int:
        """The last step that was run again and compared."""
        return self.begins_after + self.num_steps

    @property
    def exit_code(self) -> ExitCode:
        """0 where the steps came out the same, rounding aside."""
        return ExitCode.FINDINGS if self.closeness == "otherwise" else ExitCode.DONE


class _EndAfter:
    """Passes progress on, and asks the run to end once so many steps of the training are done; of
    the last step, once its final model is saved."""

    def __init__(self, observer: Observer, stop: StopRequest, last: int, total: int) -> None:
        self._observer, self._stop, self._last = observer, stop, last
        self._is_end = last == total
        self._training = self._done = False
        self.reached = False

    def message(self, text: str) -> None:
        """As it is."""
        self._observer.message(text)

    def stage(self, attempt: str, stage: str, total: int, unit: str) -> None:
        """As it is; steps count in the training alone."""
        self._training = stage == TRAIN.name
        self._observer.stage(attempt, stage, total, unit)

    def advance(self, done: int, total: int, note: str) -> None:
        """As it is; after the last step asked for, no more are wanted."""
        self._observer.advance(done, total, note)
        if self._training and done >= self._last:
            self._done = True
            if not self._is_end:
                self._end()

    def stage_end(self) -> None:
        """As it is; nothing that follows the training is wanted."""
        self._observer.stage_end()
        if self._training and self._done:
            self._end()
        self._training = False

    def _end(self) -> None:
        if not self.reached:
            self.reached = True
            self._stop.asked = max(self._stop.asked, 1)

    def output(self, text: str) -> None:
        """As it is."""
        self._observer.output(text)


def replay(
    pack: Path, project: Path, steps: tuple[int, int], observer: Observer, stop: StopRequest
) -> Replay:
    """Steps of the completed attempt of `pack`, run again in a clean worktree. `steps`: the one
    whose kept checkpoint it begins from (0: the base model), and the last one.

    Raises PackBrokenError for a pack that does not verify, UsageError for what cannot be replayed
    or is missing here, StoppedError when asked to stop.
    """
    begin, last = steps
    with ExitStack() as opened:
        with stop.at_once(stop.nothing_started):
            original = open_verified(pack)
            recorded = recorded_rows(original.documents, begin, last)
            checkpoint = kept_after(original, begin, last) if begin else None
            plan = plan_of(original.documents)
            require_backend(plan)
            interpreter = interpreter_for(plan, project)
            commit, patch = recorded_source(original)
            repository = project_repository(project, original.path)
            clear_up(repository)
            tree = opened.enter_context(clean_worktree(repository, commit, patch, keep=False))
            announce(
                differences_on_this_machine(original.documents, project, interpreter), observer
            )
            require_milestone(tree.root, original, trust=False)
            require_inputs(tree.root, repository.root, original.documents, plan)
            point = StartPoint()
            if checkpoint is not None:
                point = brought(original, repository.root, checkpoint, tree.folder / _BEGUN)
        runs = tree.folder / _RUNS
        options = RunOptions(
            root=tree.root,
            runs=runs,
            attempt=plan.name,
            interpreter=interpreter,
            settings=settings_of(original.documents.overrides),
            begin=point,
        )
        total = len(original.documents.rows(STEPS))
        _run(original, options, _EndAfter(observer, stop, last, total), stop)
        return _compared(original.documents, recorded, runs)


def recorded_rows(documents: Documents, begin: int, last: int) -> dict[int, StepRow]:
    """The rows of the steps after `begin` by their numbers.

    Raises UsageError where they cannot be replayed.
    """
    plan = plan_of(documents)
    if plan.given_train is None:
        raise UsageError(
            "--steps is for a milestone with one training of its own: this pack has stages, "
            "a recorded program, or no training",
            hint=_WHOLE,
        )
    if documents.parents:
        raise UsageError("--steps cannot begin from the checkpoint of another pack", hint=_WHOLE)
    rows = {row.step: row for row in documents.rows(STEPS)}
    most = len(rows) if begin else len(rows) - 1  # from the first to the last is the whole run
    if last > most:
        raise UsageError(
            f"the training has {len(rows)} steps, so that the last to replay is {most}",
            hint=_WHOLE,
        )
    return {step: row for step, row in rows.items() if begin < step <= last}


def _run(
    original: VerifiedPack, options: RunOptions, observer: _EndAfter, stop: StopRequest
) -> None:
    try:
        run_milestone(original.documents.milestone.id, options, observer, stop)
    except RejectedError:
        return  # a training alone came to its end: begun in its midst, it is no pack of its own
    except StoppedError as error:
        if observer.reached and stop.asked == 1:
            return  # asked by us: the steps are there
        raise StoppedError(
            "stopped, as asked; nothing is kept of the replay", by_sigterm=stop.by_sigterm
        ) from error


def _compared(documents: Documents, recorded: Mapping[int, StepRow], runs: Path) -> Replay:
    made = {row.step: row for row in _rows(b"".join(_left(runs, layout.METRICS)))}
    events = tuple(journal.read(_one(runs, layout.JOURNAL)))
    dtype = plan_of(documents).train.dtype
    reason, largest, all_equal = "", 0.0, True
    compared, begin = 0, min(recorded) - 1
    for step, row in sorted(recorded.items()):
        other = made.get(step)
        if other is None:
            reason = reason or f"the replay ended before step {step}: {_why(events)}"
            break
        compared += 1
        reason = reason or _apart(row, other, rounding_limit(step - begin, dtype, largest))
        largest = max(largest, difference(row.loss, other.loss))
        all_equal = all_equal and row.loss == other.loss and row.grad_norm == other.grad_norm
    total = len(documents.rows(STEPS))
    after, same = _weights(documents.journal, events, max(recorded), total)
    if all_equal and after is not None and not same and not reason:
        reason = f"equal losses, and other weights after step {after}"
    closeness: Closeness = "otherwise" if reason else "same" if all_equal else "rounding"
    num_after = total - max(recorded)
    return Replay(closeness, compared, total, largest, reason, after, same, begin, num_after)


def _apart(recorded: StepRow, made: StepRow, limit: float) -> str:
    """How a step came out otherwise; empty where rounding explains all."""
    step = recorded.step
    for key in FED:
        if getattr(recorded, key) != getattr(made, key):
            return f"step {step} was fed otherwise ({key})"
    if difference(recorded.learning_rate, made.learning_rate) > 1e-9:
        rates = f"recorded {recorded.learning_rate!r}, now {made.learning_rate!r}"
        return f"step {step} used another learning rate: {rates}"
    apart = difference(recorded.loss, made.loss)
    if apart > limit:
        losses = f"recorded {recorded.loss!r}, now {made.loss!r}"
        return f"the loss of step {step} is another: {losses} (rounding may come to {limit:.1e})"
    return ""


def _weights(
    recorded: Sequence[JournalEvent], made: Sequence[JournalEvent], last: int, total: int
) -> tuple[int | None, bool]:
    """The latest step up to `last` of which both have a checkpoint, or after the `total` of steps
    the final model; whether the weights agree."""
    before, after = _saved(recorded, total), _saved(made, total)
    common = [step for step in before.keys() & after.keys() if step <= last]
    if not common:
        return None, False
    return max(common), before[max(common)] == after[max(common)]


def _saved(events: Sequence[JournalEvent], total: int) -> dict[int, set[tuple[str, str]]]:
    """By step, of all weights that were saved after one, the names and digests of their files."""
    found: dict[int, set[tuple[str, str]]] = {}
    for event in events:
        if event.event in ("checkpoint", "final-model"):
            files = decode(tuple[FileDigest, ...], event.data["files"])
            weights = {(one.path, one.sha256) for one in files if one.path.endswith(_WEIGHTS)}
            if weights:
                found[event.data.get("step", total)] = weights
    return found


def _rows(data: bytes) -> list[StepRow]:
    return [decode(StepRow, jsonio.load_document(line)) for line in data.splitlines()]


def _left(runs: Path, path: str) -> list[bytes]:
    """The files of this name that the replay left, which is unfinished, or sealed where it failed
    or was quicker than we. A training that did not come to its first step has no rows."""
    found = [one for one in runs.rglob(Path(path).name) if one.as_posix().endswith(path)]
    return [one.read_bytes() for one in found]


def _one(runs: Path, path: str) -> bytes:
    found = _left(runs, path)
    if len(found) != 1:
        raise EvidenceError(f"the replay left {len(found)} files {path}: it did not run")
    return found[0]


def _why(events: Sequence[JournalEvent]) -> str:
    ended: list[Any] = [one.data.get("reason") for one in events if one.event == "attempt-finished"]
    return str(ended[-1]) if ended and ended[-1] else "it did not come that far"
