"""Checks on attempts: all that the milestone asks for were made, and what failed ones left fits."""

from __future__ import annotations

from collections.abc import Iterator

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.milestone.plan import plan_attempts
from evidence.pack import lost
from evidence.records.run import AttemptPlan, JournalEvent, OutcomeRecord
from evidence.results.context import journal_at
from evidence.rules import arithmetic
from evidence.stages.stage import stages_of
from evidence.stages.train import TRAIN
from evidence.verification.consistency.rank_attempts import ranks_of_failed
from evidence.verification.consistency.registry import Evidence, Problems, check, close, differs
from evidence.verification.problem import CannotCheckError, Problem, shown

_FLOAT_TOLERANCE = 1e-9
_CUT = " […] ("
"""In a last line that was too long to be repeated whole."""


@check("attempts-made", "every attempt that the milestone puts before the last one was made")
def attempts_made(evidence: Evidence) -> Problems:
    """The attempts that the journal started are the milestone's from its first on, in order,
    manual ones left out; or the one that was asked for (`--attempt`, in run-started). All of them
    where none completed and nobody interrupted or closed the run. Exact."""
    events = evidence.documents.journal
    if lost.damaged_in(events) is not None:
        raise CannotCheckError("what its attempts left was set aside when the run was closed")
    started = [event.attempt for event in events if event.event == "attempt-started"]
    asked = events[0].data.get("only_attempt") if events else None
    names = [plan.name for plan in evidence.plans if not plan.manual]
    if asked is not None:
        known = [plan.name for plan in evidence.plans]
        if asked not in known:
            place = journal_at(events[0], "data", "only_attempt")
            yield Problem(place, "the milestone has no such attempt", " or ".join(known), asked)
        names = [asked]
    text = "other attempts than the milestone asks for, in its order"
    expected = names if _went_through(events) else names[: len(started)]
    yield from differs(layout.JOURNAL, text, ", ".join(expected), ", ".join(map(str, started)))


def _went_through(events: tuple[JournalEvent, ...]) -> bool:
    """Whether a run came to its end by itself, with no attempt that completed."""
    ends = [event for event in events if event.event == "attempt-finished"]
    if not ends or not events or events[-1].data.get("status") != "failed":
        return False
    behind = events[ends[-1].seq + 1] if ends[-1].seq + 1 < len(events) else ends[-1]
    return ends[-1].data["outcome"] != "interrupted" and behind.event != "recovered"


@check("attempt-outcomes", "what a failed attempt says of itself fits milestone and log")
def attempt_outcomes(evidence: Evidence) -> Problems:
    """Of each outcome.json: backend and resolution as the milestone gives them; one remedy for
    each thing that was missing, which together are the reason; a signal or an exit status, as the
    outcome needs it; last_lines end the log beside it. Exact."""
    plans = {plan.name: plan for plan in evidence.plans}
    for outcome in evidence.documents.outcomes:
        folder = layout.attempt_dir(outcome.number, outcome.name)
        place = f"{folder}/outcome.json#"
        plan = plans.get(outcome.name)
        if plan is not None:
            for key in ("backend", "resolution"):
                text = f"another {key} than the milestone gives this attempt"
                expected, found = getattr(plan, key), getattr(outcome, key)
                yield from differs(f"{place}/{key}", text, expected, found)
        yield from _missing(place, outcome)
        yield from _ended(place, outcome)
        yield from _last_lines(evidence, folder, outcome)


def _missing(place: str, outcome: OutcomeRecord) -> Problems:
    if len(outcome.missing) != len(outcome.remedies):
        text = "one remedy for each thing that was missing"
        yield Problem(f"{place}/remedies", text, len(outcome.missing), len(outcome.remedies))
    if outcome.missing:
        text = "not what was missing"
        yield from differs(f"{place}/reason", text, "; ".join(outcome.missing), outcome.reason)
        text = "something was missing, so this is how it ended"
        expected = "requirement-not-met"
        yield from differs(f"{place}/outcome", text, expected, outcome.outcome)


def _ended(place: str, outcome: OutcomeRecord) -> Problems:
    if outcome.signal is not None and outcome.exit_status is not None:
        text = "a process ends with a status or by a signal"
        yield Problem(f"{place}/exit_status", text, "nothing", outcome.exit_status)
    if outcome.missing and (outcome.signal is not None or outcome.exit_status is not None):
        yield Problem(f"{place}/exit_status", "no process was started, so none ended")


def _last_lines(evidence: Evidence, folder: str, outcome: OutcomeRecord) -> Problems:
    if not outcome.last_lines:
        return
    logs = [
        data.decode("utf-8", "replace")
        for path, data in sorted(evidence.contents.items())
        if path.startswith(f"{folder}/") and _is_log(path.removeprefix(f"{folder}/"))
    ]
    withheld = any(
        path.startswith(f"{folder}/") and path.endswith(".txt") and path not in evidence.contents
        for path in evidence.documents.digests
    )
    if withheld:
        return  # a log that is not here, or larger than what is read of a stranger's pack
    if not any(_ends(log, outcome.last_lines) for log in logs):
        place = f"{folder}/outcome.json#/last_lines"
        yield Problem(place, "are not the last lines of the log beside it")


def _is_log(path: str) -> bool:
    """Below the folder of an attempt: of the attempt itself, or of one of its stages."""
    depth = 2 if path.startswith(f"{layout.STAGES}/") else 0
    return path.endswith(".txt") and path.count("/") == depth


def _ends(log: str, lines: tuple[str, ...]) -> bool:
    whole = [line for line in log.split("\n") if line.strip()][-len(lines) :]
    return len(whole) == len(lines) and all(map(_repeats, lines, whole))


def _repeats(line: str, whole: str) -> bool:
    return line == whole or (_CUT in line and whole.startswith(line.rpartition(_CUT)[0]))


@check("attempt-evidence", "files and rows of a failed attempt are of an attempt that failed")
def attempt_evidence(evidence: Evidence) -> Problems:
    """Every file below attempts/ is of an attempt that the journal ended without completing; its
    step rows count 1, 2, 3, … up to the schedule's steps, at the rates of its schedule, with the
    epochs and rows of its steps; its samples name it and a stage that the journal started. Of
    several processes that trained together in it, as far as it came: what `ranks` asks of their
    numbers, rows, tokens and weights, and `ranks-alike` and `ranks-machine` of their devices.
    Exact; rates and epochs relative 1e-9."""
    journal = evidence.documents.journal
    ended = {
        layout.attempt_dir(event.data["number"], event.attempt or ""): event.attempt
        for event in journal
        if event.event == "attempt-finished" and event.data["outcome"] != "completed"
    }
    steps_of = {
        f"{layout.attempt_dir(plan.number, plan.name)}/{stage.path(layout.METRICS)}": (index, stage)
        for index, plan in enumerate(evidence.plans)
        for stage in stages_of(evidence.documents.milestone)
        if stage.kind is TRAIN  # without [[stage]] an evaluation has the same folder
    }
    stages = {(event.attempt, event.data["stage"]) for event in journal
              if event.event == "stage-started"}  # fmt: skip
    for path in sorted(evidence.documents.digests):
        folder = "/".join(path.split("/")[:2])
        if not path.startswith(f"{layout.ATTEMPTS}/"):
            continue
        if folder not in ended:
            yield Problem(path, "the journal has no attempt that failed and left this")
        elif path.startswith(f"{folder}/") and path in steps_of and path in evidence.contents:
            number, stage = steps_of[path]
            plan = plan_attempts(stage.milestone)[number]
            schedule = _schedule(journal, plan.name, stage.name)
            yield from _steps(path, _rows(evidence, path), plan, schedule)
        elif path == f"{folder}/{layout.TELEMETRY}" and path in evidence.contents:
            for line, row in enumerate(_rows(evidence, path), 1):
                place, text = f"{path}#L{line}/attempt", "a sample of another attempt"
                yield from differs(place, text, ended[folder], row.get("attempt"))
                if (ended[folder], row.get("stage")) not in stages:
                    text = "the journal started no such stage of this attempt"
                    yield Problem(f"{path}#L{line}/stage", text, None, row.get("stage"))
    yield from ranks_of_failed(evidence)


def _rows(evidence: Evidence, path: str) -> list[dict[str, object]]:
    try:
        return [
            row for _, row in jsonio.iter_rows(evidence.contents[path]) if isinstance(row, dict)
        ]
    except MalformedError as error:
        raise CannotCheckError(f"{path}: {error.message}") from error


def _schedule(journal: tuple[JournalEvent, ...], name: str, stage: str) -> JournalEvent | None:
    found = (
        event
        for event in journal
        if event.event == "schedule" and event.attempt == name and event.data["stage"] == stage
    )
    return next(found, None)


def _steps(
    path: str, rows: list[dict[str, object]], plan: AttemptPlan, schedule: JournalEvent | None
) -> Problems:
    if schedule is None:
        if rows:
            yield Problem(path, "steps of a training that the journal has no schedule of")
        return
    train, total, num_rows = plan.train, schedule.data["num_steps"], schedule.data["num_rows"]
    if len(rows) > total:
        yield Problem(path, "more steps than the schedule has", f"at most {total}", len(rows))
    per_epoch = max(
        1, arithmetic.steps_per_epoch(num_rows, train.batch_size, train.gradient_accumulation)
    )
    warmup = arithmetic.warm_up(total, train.warmup_steps, train.warmup_ratio)
    for line, row in enumerate(rows[:total], 1):
        place, text = f"{path}#L{line}", "step rows count 1, 2, 3, … without a gap"
        yield from differs(f"{place}/step", text, line, row.get("step"))
        yield from differs(f"{place}/stage", "another stage", "train", row.get("stage"))
        within, full = (line - 1) % per_epoch, train.batch_size * train.gradient_accumulation
        expected = min((within + 1) * full, num_rows) - within * full
        text = "another number of rows than its micro-batches hold"
        yield from differs(f"{place}/num_rows", text, expected, row.get("num_rows"))
        rate = arithmetic.learning_rate_used(
            line, total, train.learning_rate, train.schedule, warmup
        )
        epoch = arithmetic.epoch_after_step(
            line, num_rows, train.batch_size, train.gradient_accumulation
        )
        yield from _numbers(place, row, {"learning_rate": rate, "epoch": epoch})


def _numbers(place: str, row: dict[str, object], expected: dict[str, float]) -> Iterator[Problem]:
    for key, value in expected.items():
        found = row.get(key)
        if isinstance(found, (int, float)) and not close(value, float(found), _FLOAT_TOLERANCE):
            text = f"another {key} than milestone and step give"
            yield Problem(f"{place}/{key}", text, value, shown(repr(found)))
