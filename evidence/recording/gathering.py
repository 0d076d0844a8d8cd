"""What the hooks tell, put together: step rows as they come, everything else at the end.

Responsible for one segment of a program: which process is which, and bounds on what is kept. Files
are looked at by `opened`, text by `coverage`; nothing is printed or written here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, Final

from msgspec import Struct, field

from evidence import limits
from evidence.errors import MalformedError
from evidence.recording import events
from evidence.recording.counting import counted
from evidence.recording.fed import Fed
from evidence.recording.models import Models
from evidence.records.program import (
    EvaluationPhase,
    FrameworkFacts,
    LoggedRecord,
    LossFunction,
    NamedVersion,
    NotSeen,
    ProcessRecord,
    ProgramModel,
    ProgramStep,
    ReplacedFunction,
    ReportedValue,
)
from evidence.rules.program_sums import model_problems

MAX_PROCESSES: Final = 256
MAX_NOTES: Final = 200
"""Of what was not seen, of replaced functions, of evaluations, of loss functions: of each."""
MAX_REPORTED: Final = 10_000
MAX_LOGGED: Final = 20_000
MAX_VALUES: Final = 100_000
"""Of all that frameworks logged: program.json holds them."""
MAX_OPENED: Final = 5_000
MAX_LEFT_OUT: Final = 1_000_000
MAX_ARGUMENTS: Final = 200
MAX_ARGV_CHARS: Final = 8_000
MAX_NAME_CHARS: Final = 200
LATER_STEPS: Final = "later steps"
ODD_NUMBER: Final = "a number of a step"
NOT_HEARD: Final = "nothing was heard of its end"


class _Process(Struct):
    """A process as far as it is known."""

    index: int
    """Among the processes, in the order in which they told of themselves."""
    told: events.Process
    ended: str = NOT_HEARD
    num_steps: int = 0
    memory: events.MemoryPeak | None = None
    counts: dict[int, int] = field(default_factory=dict)
    """Steps of each optimizer."""
    elapsed_s: float = 0.0
    """Of its last step."""

    def later(self, told_s: float, now_s: float) -> float:
        """When its next step was: not before the last one, and not after now."""
        self.elapsed_s = max(self.elapsed_s, min(told_s, now_s))
        return self.elapsed_s


class Gathering(Struct):
    """Everything that one segment of a program told."""

    segment: int
    began_s: float
    """Monotonic seconds when it was started."""
    fed: Fed = field(default_factory=Fed)
    models: Models = field(default_factory=Models)
    opened: dict[tuple[str, str], events.Opened] = field(default_factory=dict)
    """By path and mode."""
    _opened_left_out: set[int] = field(default_factory=set)
    """Hashes of paths and modes: a file that is told again is the same file."""
    reported: list[ReportedValue] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    num_reported_left_out: int = 0
    frameworks: dict[str, FrameworkFacts] = field(default_factory=dict)
    libraries: dict[str, NamedVersion] = field(default_factory=dict)
    loss_functions: dict[tuple[int, str], LossFunction] = field(default_factory=dict)
    evaluations: list[EvaluationPhase] = field(default_factory=list)
    logged: list[LoggedRecord] = field(default_factory=list)
    num_logged_left_out: int = 0
    _num_values: int = 0
    not_seen: list[NotSeen] = field(default_factory=list)
    replaced: list[ReplacedFunction] = field(default_factory=list)
    _processes: dict[str, _Process] = field(default_factory=dict)
    num_processes_left_out: int = 0

    def take(self, source: str, event: dict[str, Any]) -> ProgramStep | None:
        """Take an event of a file of the spool; the row that it makes, if it makes one."""
        try:
            told = events.read(event)
        except MalformedError as error:
            self._not_seen("an event", error.message, None)
            return None
        if isinstance(told, events.Process):
            self._begin(source, told)
            return None
        if isinstance(told, events.Reported):  # any language may tell it, and begins with it
            self._report(told, self._index(source))
            return None
        index = self._index(source)
        if index is None:
            self._not_seen("a process", "it told something before it said which it is", None)
            return None
        if isinstance(told, events.Step):
            return self._step(index, source, told)
        handler = _HANDLERS.get(type(told))
        if handler is not None:
            handler(self, index, source, told)
        return None

    @property
    def sources(self) -> tuple[str, ...]:
        """The files of the processes, in their order."""
        return tuple(self._processes)

    @property
    def num_opened_left_out(self) -> int:
        """Files that are not kept for want of room."""
        return len(self._opened_left_out)

    def processes(self) -> tuple[ProcessRecord, ...]:
        """Those that told of themselves, in the order in which they did."""
        return tuple(_record(one) for one in self._processes.values())

    def agreeing_models(self) -> Iterator[ProgramModel]:
        """The models of which the numbers can all be true; the others are said."""
        for one in self.models.records():
            wrong = next((text for _, text in model_problems(one)), None)
            if wrong is None:
                yield one
            else:
                self.say("a model", f"what was told of it cannot be: {wrong}")

    def say(self, what: str, why: str) -> None:
        """Something that was not seen, by our own word: kept beyond the cap of what others say."""
        one = NotSeen(what, why[: 10 * MAX_NAME_CHARS], None, None)
        if one not in self.not_seen and len(self.not_seen) < 2 * MAX_NOTES:
            self.not_seen.append(one)

    def forget(self, source: str) -> None:
        """A row that is one too many for a pack: its process does not count it."""
        self._processes[source].num_steps -= 1
        text = f"only the first {limits.MAX_JSONL_LINES} steps are kept"
        self.say(LATER_STEPS, text)

    def _index(self, source: str) -> int | None:
        known = self._processes.get(source)
        return None if known is None else known.index

    def _begin(self, source: str, told: events.Process) -> None:
        if source in self._processes:
            return
        if len(self._processes) >= MAX_PROCESSES:
            self.num_processes_left_out += 1
            return
        self._processes[source] = _Process(len(self._processes), told)

    def _step(self, index: int, source: str, told: events.Step) -> ProgramStep:
        process = self._processes[source]
        process.num_steps += 1
        whole, problems = counted(told, process.counts.get(told.optimizer, 0) + 1)
        process.counts[told.optimizer] = whole.num
        for problem in problems:
            self._not_seen(ODD_NUMBER, problem, index)
        told = whole
        return ProgramStep(
            kind="step",
            segment=self.segment,
            process=index,
            optimizer=told.optimizer,
            step=told.num,
            skipped=told.skipped,
            loss=told.loss,
            loss_rule=told.loss_rule[:MAX_NAME_CHARS],
            losses=told.losses,
            num_losses=told.num_losses,
            learning_rates=told.learning_rates,
            grad_norm=told.grad_norm,
            epoch=told.epoch,
            num_rows=told.num_rows,
            num_tokens=told.num_tokens,
            num_fed_tokens=told.num_fed_tokens,
            num_target_tokens=told.num_target_tokens,
            num_targets=told.num_targets,
            shared_with=told.shared_with,
            elapsed_s=process.later(told.t - self.began_s, time.monotonic() - self.began_s),
        )

    def _report(self, told: events.Reported, index: int | None) -> None:
        if told.refused:
            if len(self.refused) < MAX_NOTES:
                self.refused.append(f"{told.name}: {told.refused}"[: 2 * MAX_NAME_CHARS])
            return
        what = told.what if told.what in ("metric", "step", "artifact") else "metric"
        named = told.values if what == "step" else {told.name: told.value}
        for name, one in named.items():
            value = told.path if what == "artifact" else one
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                if len(self.refused) < MAX_NOTES:
                    self.refused.append(f"{str(name)[:MAX_NAME_CHARS]}: no number")
            elif len(self.reported) >= MAX_REPORTED:
                self.num_reported_left_out += 1
            else:
                self.reported.append(
                    ReportedValue(
                        what,  # type: ignore[arg-type]
                        str(name)[:MAX_NAME_CHARS],
                        value[: 5 * MAX_NAME_CHARS] if isinstance(value, str) else value,
                        told.unit[:MAX_NAME_CHARS],
                        told.step,
                        index,
                    )
                )

    def _open(self, index: int, source: str, told: events.Opened) -> None:
        del index, source
        key = (told.path, told.mode)
        if key in self.opened:
            if told.mode == "written":  # told once more when the program ends
                self.opened[key] = told
            return
        if len(self.opened) >= MAX_OPENED:
            if len(self._opened_left_out) < MAX_LEFT_OUT:
                self._opened_left_out.add(hash(key))
            return
        self.opened[key] = told

    def _framework(self, index: int, source: str, told: events.Framework) -> None:
        del index, source
        self.frameworks[told.name] = FrameworkFacts(
            told.name,
            told.version,
            told.device,
            told.device_count,
            told.num_threads,
            told.cuda,
        )

    def _library(self, index: int, source: str, told: events.Library) -> None:
        del index, source
        if len(self.libraries) < MAX_NOTES:
            self.libraries[told.name] = NamedVersion(told.name, told.version)

    def _loss(self, index: int, source: str, told: events.LossCalls) -> None:
        del source
        if len(self.loss_functions) < MAX_NOTES:
            record = LossFunction(told.name, told.ignore_index, told.reduction, told.num_calls)
            self.loss_functions[index, told.name] = record

    def _evaluated(self, index: int, source: str, told: events.Evaluated) -> None:
        del source
        if len(self.evaluations) < MAX_NOTES:
            self.evaluations.append(
                EvaluationPhase(
                    index, told.after_step, told.num_forwards, told.num_rows, told.num_tokens
                )
            )

    def _memory(self, index: int, source: str, told: events.MemoryPeak) -> None:
        del index
        self._processes[source].memory = told

    def _logged(self, index: int, source: str, told: events.Logged) -> None:
        del source
        if len(self.logged) >= MAX_LOGGED:
            self.num_logged_left_out += 1
            return
        values = _numbers(told.values)
        self._num_values += len(values)
        if self._num_values > MAX_VALUES:
            self.num_logged_left_out += 1
        elif values:
            self.logged.append(LoggedRecord(index, told.by, told.step, values))

    def _failed(self, index: int, source: str, told: events.Failed) -> None:
        del source
        self._not_seen(told.hook, f"our hook failed: {told.why}", index, told.from_step)

    def _unseen(self, index: int, source: str, told: events.Unseen) -> None:
        del source
        self._not_seen(told.what, told.why, index)

    def _patched(self, index: int, source: str, told: events.Patched) -> None:
        del source
        if len(self.replaced) < MAX_NOTES:
            self.replaced.append(ReplacedFunction(told.what, told.by, index))

    def _end(self, index: int, source: str, told: events.End) -> None:
        del index
        self._processes[source].ended = told.how

    def _batch(self, index: int, source: str, told: events.Batch) -> None:
        del source
        self.fed.batch(index, told)

    def _sequence(self, index: int, source: str, told: events.Sequence) -> None:
        del index, source
        self.fed.sequence(told)

    def _sequences(self, index: int, source: str, told: events.Sequences) -> None:
        del index, source
        self.fed.counted(told)

    def _tokenizer(self, index: int, source: str, told: events.Tokenizer) -> None:
        del source
        self.models.tokenizer(index, told)

    def _model(self, index: int, source: str, told: events.Model) -> None:
        del source
        self.models.model(index, told)

    def _weights(self, index: int, source: str, told: events.Weights) -> None:
        del source
        self.models.weights(index, told)

    def _not_seen(
        self, what: str, why: str, index: int | None, from_step: int | None = None
    ) -> None:
        one = NotSeen(what[:MAX_NAME_CHARS], why[: 10 * MAX_NAME_CHARS], index, from_step)
        if one not in self.not_seen and len(self.not_seen) < MAX_NOTES:
            self.not_seen.append(one)


Handler = Callable[[Gathering, int, str, Any], None]
_HANDLERS: Final[dict[type[events.Event], Handler]] = {
    events.Opened: Gathering._open,
    events.Framework: Gathering._framework,
    events.Library: Gathering._library,
    events.LossCalls: Gathering._loss,
    events.Evaluated: Gathering._evaluated,
    events.MemoryPeak: Gathering._memory,
    events.Logged: Gathering._logged,
    events.Failed: Gathering._failed,
    events.Unseen: Gathering._unseen,
    events.Patched: Gathering._patched,
    events.End: Gathering._end,
    events.Batch: Gathering._batch,
    events.Sequence: Gathering._sequence,
    events.Sequences: Gathering._sequences,
    events.Tokenizer: Gathering._tokenizer,
    events.Model: Gathering._model,
    events.Weights: Gathering._weights,
}


def _record(one: _Process) -> ProcessRecord:
    told, memory = one.told, one.memory
    return ProcessRecord(
        pid=told.pid,
        parent_pid=told.ppid,
        argv=_argv(told.argv),
        executable=told.executable,
        python=told.python,
        cwd=told.cwd,
        rank=told.rank,
        world_size=told.world_size,
        forked=told.forked,
        how_it_ended=one.ended,
        num_steps=one.num_steps,
        max_rss_bytes=None if memory is None else memory.max_rss_bytes,
        cuda_max_bytes=None if memory is None else memory.cuda_max_allocated_bytes,
    )


def _argv(words: tuple[str, ...]) -> tuple[str, ...]:
    """As many of the words as one process may have."""
    ends = accumulate(len(word) for word in words[:MAX_ARGUMENTS])
    return words[: sum(end <= MAX_ARGV_CHARS for end in ends)]


def _numbers(logged: dict[str, Any]) -> dict[str, float | int]:
    """Finite numbers alone: what else a framework logs is in its own log."""
    return {
        str(key): value
        for key, value in sorted(logged.items())[:MAX_NOTES]
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
