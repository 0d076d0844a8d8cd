"""One stage of an attempt: a worker runs, and what it says becomes evidence.

Responsible for the order of things: the journal first, then the worker; rows to disk before
anything that depends on them. Processes are `process`'s, files are `files`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from evidence import limits
from evidence.attempt.changed_inputs import (
    input_changed,
    of_changed_inputs,
    other_bytes,
    other_parent,
    refused,
)
from evidence.attempt.facts import FACTS, fact_of
from evidence.attempt.files import StageFiles
from evidence.attempt.folders import Files, drop_checkpoints, folder_digests
from evidence.attempt.handed import row_of, write_collected, write_document
from evidence.attempt.outcome import Limit, StageResult, WorkerEnd, left_by, of_signal, outcome_of
from evidence.attempt.process import GRACE_AFTER_KILL_S, WorkerProcess, are_told_too
from evidence.attempt.ranks import RankProcesses, started
from evidence.attempt.reported import Reported, framework_of, read_reported, write_reported
from evidence.attempt.surroundings import Surroundings
from evidence.attempt.time_limits import passed
from evidence.capture.oom import count_oom_kills
from evidence.capture.telemetry import sample, sampling_period_s
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import DurabilityError, MalformedError, PastLimitError
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord
from evidence.records.execution import ExecutionRecord
from evidence.records.inputs import ModelRecord, TextRecord, TokenizerRecord
from evidence.stages.kind import Document, Rows
from evidence.stages.stage import Stage
from evidence.system.durable import NO_ROOM_HINT, Written, write_file
from evidence.text.escape import one_line
from evidence.worker.failures import DISK_FULL, GPU_LOST, UNREACHABLE
from evidence.worker.interface import Job
from evidence.worker.memory import remedy

POLL_S: Final = 0.2
STOP_NOW: Final = 2


class StageRun:
    """Supervises the worker of one stage."""

    def __init__(
        self,
        stage: Stage,
        job: Job,
        around: Surroundings,
        deadline_s: float | None,
        from_step: int,
        probed: frozenset[str],
    ) -> None:
        self._stage = stage
        self._kind = stage.kind
        self._job = job
        self._probed = probed
        self._from_step = from_step
        self._around = around
        self._deadline_s = deadline_s
        self._redactor = around.privacy.redactor()
        self._folder = Path(job.output)
        up = len(Path(stage.folder).parts)
        self._attempt_folder = self._folder.parents[up - 1] if up else self._folder
        self._total = 0
        self._failure: tuple[str, str] | None = None
        self._execution: ExecutionRecord | None = None
        self._in_vain = False
        """The worker reads other data than were recorded, or sent what no pack holds."""
        self._done: dict[str, Any] | None = None
        self._has_begun = self._obeyed = False
        self._program_signal: int | None = None
        self._checkpoint_step = from_step or None
        self._num_threads: int | None = None
        self._framework: FrameworkRecord | Unavailable | None = None
        self._documents: dict[Path, Written] = {}

    def execute(self) -> StageResult:
        """Run the worker to its end. Only an error of our own (a full disk) raises."""
        job = self._job
        self._journal(
            "stage-started",
            stage=self._stage.name,
            segment=job.segment,
            resumed_from_step=self._from_step or None,
        )
        job_file = Path(job.scratch) / f"job-{job.stage}.json"
        write_file(job_file, jsonio.dump_document(encode(job)))
        began_s, oom_kills = time.monotonic(), count_oom_kills()
        with (
            StageFiles(self._folder, self._attempt_folder, self._kind, self._redactor) as files,
            folder_digests(self._stops_now) as self._digests,
        ):
            self._files = files
            stopped, limit, status = self._supervise(job_file)
        if not self._has_begun and not self._in_vain:
            self._failure = of_changed_inputs(self._failure, self._around)
        if self._failure is None:
            status = of_signal(status, files.log.last_lines)
        if self._failure is not None and self._failure[0] == DISK_FULL:
            message = f"the worker found its disk full: {self._failure[1]}"
            raise DurabilityError(message, hint=NO_ROOM_HINT, no_room=True)
        ended = WorkerEnd(
            kind=self._kind,
            stage=self._stage.name,
            blamed=self._blamed,
            done=self._done is not None,
            failure=self._failure,
            exit_status=status,
            stopped=stopped or are_told_too(status, self._obeyed, self._around.stop_level),
            limit=limit,
            checkpoint_step=self._checkpoint_step,
            num_oom_kills=count_oom_kills() - oom_kills,
            memory_remedy=""
            if self._execution is None or job.plan.given_train is None
            else remedy(job.plan.given_train, self._execution),
            obeyed=self._obeyed,
            program_signal=self._program_signal,
            has_begun=self._has_begun,
            last_lines=files.log.last_lines,
        )
        outcome, reason = outcome_of(ended)
        if self._redactor.counts:
            self._journal("redacted", stage=self._stage.name, counts=dict(self._redactor.counts))
        self._keep()
        if outcome == "completed":  # from here on none of its files may be another one
            self._finished(time.monotonic() - began_s)
            self._keep()
        return StageResult(
            outcome=outcome,
            reason=reason,
            exit_status=status,
            last_lines=files.log.last_lines,
            left=left_by(ended),
        )

    def _supervise(self, job_file: Path) -> tuple[bool, Limit | None, int | None]:
        """Whether we stopped the worker, the limit that ran out, and its exit status."""
        around, where = self._around, (Path(self._job.root), self._around.interpreter)
        more = (around.lead, around.early)
        worker = started(self._job, job_file, around.environment, *where, *more)
        self._around.observer.stage(self._job.plan.name, self._stage.name, 0, self._kind.unit)
        try:
            stopped, limit = self._listen(worker)
        finally:
            self._blamed, status = worker.blamed, worker.close()
            self._around.observer.stage_end()
        self._files.sync()
        is_hashed = self._digests.finish()
        self._done = self._done if is_hashed else None  # its model could be checked by nobody
        return stopped or not is_hashed, limit, status

    def _stops_now(self) -> bool:
        return self._around.stop_level() >= STOP_NOW

    def _listen(self, worker: WorkerProcess | RankProcesses) -> tuple[bool, Limit | None]:
        """Read the worker to its end. Returns whether we stopped it and the limit that ran out."""
        asked, sampled_s, last_event_s = 0, 0.0, time.monotonic()
        killed_s: float | None = None
        while not worker.finished():
            for channel, data in worker.receive(POLL_S):
                if channel == "output":
                    shown = self._files.log.feed(data)
                    if self._kind.echoes and shown:
                        self._around.observer.output(shown)
                else:
                    self._take(data)
                last_event_s = time.monotonic()
            now = time.monotonic()
            if now - sampled_s >= sampling_period_s(now - self._around.started_s):
                sampled_s = now
                self._sample(worker, now)
            self._files.sync_when_due()
            self._digests.hand_over()
            if self._in_vain:
                worker.kill()  # nothing that it does from now on could be kept
            level = self._around.stop_level()
            if level > asked:
                at_once = level == STOP_NOW
                self._around.observer.message(
                    "stopping at once" if at_once else self._kind.stopping
                )
                killed_s, asked = now if at_once else None, level
                interrupt = self._kind.stops_by_interrupt and self._around.interrupted()
                worker.kill() if at_once else worker.ask_to_stop(by_interrupt=interrupt)
            if killed_s is not None and now - killed_s > GRACE_AFTER_KILL_S:
                break  # stuck in the kernel
            limit = passed(self._job.plan, self._deadline_s, now, last_event_s)
            if limit is not None and killed_s is None:
                worker.kill()
                return asked > 0, limit
        return asked > 0, None

    def _sample(self, worker: WorkerProcess | RankProcesses, now: float) -> None:
        plan, elapsed_s = self._job.plan, now - self._around.started_s
        place = (plan.name, self._stage.name, elapsed_s)
        if row := sample(worker.pid, *place, worker.others, plan.requires):
            self._files.telemetry(row)

    def _take(self, line: bytes) -> None:
        if self._in_vain:
            return
        try:
            event = jsonio.load_document(line)
            self._handler(str(event["event"]))(event)
        except PastLimitError as error:
            text = f"what the worker sent fits into no pack: {error.message}"
            self._failure, self._in_vain = ("exception", text), True
        except (MalformedError, KeyError, TypeError) as error:
            # Secrets are cut out first: a half of one, left by the limit, would not be recognised.
            clean = self._redactor.text(line.decode("utf-8", "replace"))
            shown = one_line(clean, limits.MAX_MESSAGE_CHARS)
            cause = self._redactor.text(str(error))
            text = f"the worker sent what no worker sends ({cause}): {shown}"
            self._failure = ("exception", text)

    def _handler(self, name: str) -> Callable[[dict[str, Any]], None]:
        """What takes an event: of the kind of stage its rows and documents, else one of ours."""
        rows = self._kind.rows
        if rows is not None and name == rows.event:
            return partial(self._on_row, rows)
        if name in FACTS:
            return self._on_fact
        for document in self._kind.documents:
            if name == document.event:
                return partial(self._on_document, document)
        handler: Callable[[dict[str, Any]], None] | None = getattr(
            self, "_on_" + name.replace("-", "_"), None
        )
        if handler is None:
            raise MalformedError(f"unknown event {name!r}")
        return handler

    def _journal(self, event: str, **data: Any) -> None:
        self._around.journal.record(event, attempt=self._job.plan.name, **data)

    def _on_ready(self, event: dict[str, Any]) -> None:
        self._num_threads = event.get("num_threads")
        found = {
            key: self._redactor.text(value) if isinstance(value, str) else value
            for key, value in event["framework"].items()
        }
        self._framework = framework_of(found)

    def _on_inputs(self, event: dict[str, Any]) -> None:
        model = decode(ModelRecord, event["model"])
        tokenizer = decode(TokenizerRecord, event["tokenizer"])
        scratch, text = Path(self._job.scratch), decode(TextRecord, event["text"])
        now, before = Reported(self._framework, model, tokenizer, text), read_reported(scratch)
        for line in now.other_framework(before):
            self._around.observer.message(f"other than before: {line}")
        changed = [
            *other_bytes(event["data"], self._around),
            *self._around.changed_models(),
            *other_parent(model, self._around),
            *now.differences(before),
        ]
        if changed and self._job.segment > 1:
            raise refused(changed)
        if not self._stops_in_vain(changed):
            self._around.keep(write_reported(scratch, now))

    def _on_evaluated(self, event: dict[str, Any]) -> None:
        """The checkpoint that an evaluation loaded, where it is not the attempt's only one."""
        model = decode(ModelRecord, event["model"])
        told = event.get("tokenizer")
        tokenizer = None if told is None else decode(TokenizerRecord, told)
        changed = [*self._around.changed_models(), *other_parent(model, self._around)]
        if not self._stops_in_vain(changed):
            reported = Reported(self._framework, model, tokenizer)
            self._around.keep(write_reported(Path(self._job.scratch), reported))

    def _on_read(self, event: dict[str, Any]) -> None:
        """Data that a stage read anew, after the one before it."""
        self._stops_in_vain([*other_bytes(event["data"], self._around)])

    def _stops_in_vain(self, changed: Sequence[str]) -> bool:
        """Whether an input is another one, so that nothing the worker does could be kept."""
        if changed:
            self._failure, self._in_vain = input_changed(changed), True
        return self._in_vain

    def _on_schedule(self, event: dict[str, Any]) -> None:
        self._has_begun, self._total = True, int(event["num_steps"])
        name, unit = self._stage.name, self._kind.unit
        self._around.observer.stage(self._job.plan.name, name, self._total, unit)
        keys = ("num_rows", "num_steps", "steps_per_epoch", "resumed_from_step")
        self._journal("schedule", stage=self._stage.name, **{key: event[key] for key in keys})

    def _on_fact(self, event: dict[str, Any]) -> None:
        """A record that the worker sends becomes an event of the journal."""
        name, segment = event["event"], self._job.segment
        found = fact_of(event, self._redactor.text)
        self._journal(name, stage=self._stage.name, segment=segment, **encode(found))
        if isinstance(found, ExecutionRecord):
            self._execution = found

    def _on_probe(self, event: dict[str, Any]) -> None:
        if event["moment"] not in self._probed:  # else the journal has it
            keys = ("moment", "loss", "num_examples")
            self._journal("probe", **self._of(), **{key: event[key] for key in keys})

    def _on_row(self, rows: Rows[Any], event: dict[str, Any]) -> None:
        row = row_of(rows, event, self._redactor.text)
        self._files.row(row)
        done, note = rows.progress(row, self._files.num_rows)
        self._around.observer.advance(done, self._total, note)
        if self._around.early is not None:
            self._around.early.progressed(done, self._total, self._framework)

    def _on_document(self, document: Document[Any], event: dict[str, Any]) -> None:
        self._documents |= write_document(self._folder, document, event, self._redactor.text)

    def _on_collected(self, event: dict[str, Any]) -> None:
        self._documents |= write_collected(self._folder, self._kind, event)

    def _on_checkpoint(self, event: dict[str, Any]) -> None:
        self._files.sync()  # a checkpoint must never be ahead of the rows that led to it
        folder, step = Path(event["path"]), int(event["step"])
        then = partial(self._checkpoint, step, str(event["stream"]))
        self._digests.begin(folder, folder, then)

    def _checkpoint(self, step: int, stream: str, files: Files) -> None:
        self._journal(
            "checkpoint",
            stage=self._stage.name,
            segment=self._job.segment,
            step=step,
            stream=stream,
            files=encode(files),
        )
        self._keep()
        before, self._checkpoint_step = self._checkpoint_step, step
        if before is not None:
            drop_checkpoints(Path(self._job.scratch), before, self._around.kept_steps)

    def _on_model(self, event: dict[str, Any]) -> None:
        self._digests.begin(Path(event["path"]), self._folder, self._final_model)

    def _final_model(self, files: Files) -> None:
        self._journal("final-model", **self._of(), files=encode(files))

    def _of(self) -> dict[str, str]:
        """Which stage it is, where there may be several of its kind."""
        return {"stage": self._stage.name} if self._stage.is_named else {}

    def _on_warning(self, event: dict[str, Any]) -> None:
        message = self._redactor.text(str(event["message"]))
        self._around.observer.message(one_line(message, 3 * limits.MAX_MESSAGE_CHARS))

    def _on_stopped(self, event: dict[str, Any]) -> None:
        """The worker obeyed; whether it was we who asked is known elsewhere."""
        self._obeyed = True

    def _on_signalled(self, event: dict[str, Any]) -> None:
        """A signal ended what the worker ran, and will end the worker likewise."""
        self._program_signal = int(event["number"])

    def _on_done(self, event: dict[str, Any]) -> None:
        self._done = event

    def _on_failed(self, event: dict[str, Any]) -> None:
        kind = one_line(self._redactor.text(str(event["type"])), limits.MAX_MESSAGE_CHARS)
        message = one_line(self._redactor.text(str(event["message"])), 2000)
        named = event["kind"] in ("exception", GPU_LOST, UNREACHABLE)
        shown = f"{kind}: {message}" if named else message
        self._failure = (str(event["kind"]), shown)

    def _finished(self, duration_s: float) -> None:
        done = self._done or {}
        moved = {"weights": done["weights"]} if "weights" in done else {}
        self._journal(
            "stage-finished",
            stage=self._stage.name,
            segment=self._job.segment,
            duration_s=duration_s,
            runtime_s=done.get("runtime_s"),
            total_flos=done.get("total_flos"),
            peak_memory_bytes=done.get("peak_memory_bytes"),
            num_rows=self._files.num_rows,
            num_threads_start=self._num_threads,
            num_threads_end=done.get("num_threads"),
            **moved,
        )

    def _keep(self) -> None:
        files = {**self._files.written(), **self._documents, **self._around.journal.written}
        self._around.keep(files)
