"""Values of the run as a whole: status, times, repository, promises."""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.pack import lost
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenSetRecord
from evidence.records.run import JournalEvent
from evidence.results.context import (
    Context,
    Named,
    Values,
    at,
    join,
    journal_at,
    known,
    number_in,
    observed,
    places_of,
    rows_at,
    unknown,
)
from evidence.stages.stage import stages_of


def run_values(context: Context) -> Values:
    """run.*, git.* and frozen.*"""
    yield from _outcome(context)
    yield from _times(context)
    yield from _counts(context)
    yield from _git(context)
    yield from _frozen(context)


def _outcome(context: Context) -> Values:
    sealing = context.sealing
    if sealing is None:
        for name in ("run.status", "run.attempt", "run.stand_in"):
            yield name, unknown("the journal has no sealing record", "")
        return
    status = str(sealing.data.get("status"))
    yield "run.status", known(status, "", journal_at(sealing, "data", "status"))
    where = journal_at(sealing, "attempt")
    if context.plan is None or context.attempt is None:
        yield "run.attempt", unknown(context.why_not, "", where)
        yield "run.stand_in", unknown(context.why_not, "", where)
        return
    yield "run.attempt", known(context.attempt, "", where)
    index = context.plan.number - 1
    place = join(where, at(layout.MILESTONE, "attempt", index))
    stand_in, begins_at = context.plan.stand_in, context.documents.begins_at_stand_in
    if begins_at:
        place = join(place, at(layout.PARENTS, "parents"))
    yield "run.stand_in", known(stand_in or begins_at, "", place, "attempt-of-milestone")


_SET_ASIDE: Final = "the journal of the run was set aside when it was closed"
_COUNTED: Final = (
    ("num_attempts", "attempts", "count-of-attempt-started"),
    ("num_redactions", "secrets", "sum-of-redacted"),
    ("num_segments", "segments", "count-of-stage-started"),
    ("num_recoveries", "recoveries", "count-of-recovered"),
    ("num_step_rows_cut", "rows", "sum"),
    ("num_predictions_cut", "rows", "sum"),
)


def _times(context: Context) -> Values:
    events = context.documents.journal
    if not events:
        for name, unit in (
            ("run.date", "date"),
            ("run.started_utc", "utc"),
            ("run.finished_utc", "utc"),
            ("run.duration_s", "s"),
        ):
            yield name, unknown("the journal is empty", unit)
        return
    first, last = events[0], events[-1]
    if _begins_anew(context):
        yield "run.date", known(last.utc[:10], "date", journal_at(last, "utc"), "date-of-utc")
        yield "run.started_utc", unknown(_SET_ASIDE, "utc", journal_at(first, "utc"))
        yield "run.finished_utc", known(last.utc, "utc", journal_at(last, "utc"))
        yield "run.duration_s", unknown(_SET_ASIDE, "s", "", "difference")
        return
    yield "run.date", known(last.utc[:10], "date", journal_at(last, "utc"), "date-of-utc")
    yield "run.started_utc", known(first.utc, "utc", journal_at(first, "utc"))
    yield "run.finished_utc", known(last.utc, "utc", journal_at(last, "utc"))
    place = join(journal_at(first, "monotonic_s"), journal_at(last, "monotonic_s"))
    duration_s = last.monotonic_s - first.monotonic_s
    yield (
        "run.duration_s",
        unknown("the machine's clock was restarted during the run", "s", place, "difference")
        if duration_s < 0
        else known(duration_s, "s", place, "difference"),
    )


def _begins_anew(context: Context) -> bool:
    """Whether the journal holds nothing of the run but that it was closed."""
    found = lost.damaged_in(context.documents.journal)
    return found is not None and found.begins_anew


def _counts(context: Context) -> Values:
    events = context.documents.journal
    whole = rows_at(layout.JOURNAL, 1, max(1, len(events)), "event")
    if lost.damaged_in(events) is not None:
        for name, unit, rule in _COUNTED:
            yield f"run.{name}", unknown(_SET_ASIDE, unit, whole, rule)
        yield _allowed(context, whole)
        return
    started = sum(event.event == "attempt-started" for event in events)
    yield "run.num_attempts", known(started, "attempts", whole, "count-of-attempt-started")
    removed = {journal_at(event, "data", "counts"): _num_redacted(event) for event in events}
    place = places_of([place for place, count in removed.items() if count], whole)
    yield "run.num_redactions", known(sum(removed.values()), "secrets", place, "sum-of-redacted")
    yield _allowed(context, whole)
    segments = _num_segments(context)
    yield (
        "run.num_segments",
        known(segments, "segments", whole, "count-of-stage-started")
        if segments
        else unknown(context.why_not, "segments", whole, "count-of-stage-started"),
    )
    yield from _recoveries(context, whole)


def _num_segments(context: Context) -> int:
    """Of a run without [[stage]] the starts of its first stage; else 1, and each further start of
    a stage that had begun. 0 where none began."""
    stages = stages_of(context.documents.milestone)
    asked = stages if stages and stages[0].is_named else stages[:1]
    starts = [len(context.stage_events("stage-started", one.name)) for one in asked]
    return 1 + sum(count - 1 for count in starts if count) if any(starts) else 0


def _recoveries(context: Context, whole: str) -> Values:
    """What was lost between the processes of a run that was killed and resumed."""
    events = [one for one in context.documents.journal if one.event == "recovered"]
    rule = "count-of-recovered"
    yield "run.num_recoveries", known(len(events), "recoveries", whole, rule)
    for name, unit in (("num_step_rows_cut", "rows"), ("num_predictions_cut", "rows")):
        place = places_of([journal_at(event, "data", name) for event in events], whole)
        total = sum(int(number_in(event, name) or 0) for event in events)
        yield f"run.{name}", known(total, unit, place, "sum")


def _allowed(context: Context, whole: str) -> Named:
    """What looks like a secret and was published all the same, by the author's word."""
    events = [one for one in context.documents.journal if one.event == "recovered"]
    later = {journal_at(one, "data", "allowed"): len(one.data["allowed"]) for one in events}
    first = len(context.documents.milestone.secrets.allow)
    declared = [at(layout.MILESTONE, "secrets", "allow")] if first else []
    given = [place for place, count in later.items() if count]
    place = join(*declared, places_of(given, "" if declared and not given else whole))
    total = first + sum(later.values())
    return "run.num_secrets_allowed", known(total, "secrets", place, "count")


def _num_redacted(event: JournalEvent) -> int:
    counts = event.data.get("counts") if event.event == "redacted" else None
    if not isinstance(counts, dict):
        return 0
    return sum(count for count in counts.values() if type(count) is int)


def _git(context: Context) -> Values:
    start = context.documents.git.start
    names = (("commit", "commit"), ("branch", "branch"), ("dirty", "dirty"))
    if isinstance(start, Unavailable):
        for name, key in (*names, ("num_changed_files", "files")):
            yield f"git.{name}", unknown(start.reason, "", at(layout.GIT, "start", key))
        return
    for name, key in names:
        yield f"git.{name}", observed(getattr(start, key), "", at(layout.GIT, "start", key))
    place = at(layout.GIT, "start", "files")
    yield "git.num_changed_files", known(start.num_changed_files, "files", place, "count")


def changed_during_run(one: FrozenSetRecord) -> tuple[str, ...]:
    """Paths of a frozen set that are not at the end what they were at the start."""
    return tuple(f.path for f in one.files if f.before_sha256 != f.after_sha256)


def different_from_ref(one: FrozenSetRecord) -> tuple[str, ...] | Unavailable:
    """Paths of a frozen set that are at the end not what they are in the declared ref."""
    if one.ref is None:
        return Unavailable("no ref is declared")
    missing = next((f.ref_sha256 for f in one.files if isinstance(f.ref_sha256, Unavailable)), None)
    if missing is not None:
        return missing
    if isinstance(one.equal_to_ref, Unavailable):
        return one.equal_to_ref
    return tuple(f.path for f in one.files if f.after_sha256 != f.ref_sha256)


def _frozen(context: Context) -> Values:
    sets = context.documents.frozen.sets
    place = at(layout.FROZEN, "sets")
    if isinstance(sets, Unavailable):
        for name in ("num_files", "num_changed_during_run", "num_different_from_ref"):
            yield f"frozen.{name}", unknown(sets.reason, "files", place, "count")
        return
    # A file may be promised in two sets; it is one file.
    files = {f.path for one in sets for f in one.files}
    changed = {path for one in sets for path in changed_during_run(one)}
    yield "frozen.num_files", known(len(files), "files", place, "count")
    yield "frozen.num_changed_during_run", known(len(changed), "files", place, "count-before-after")
    results = [different_from_ref(one) for one in sets if one.ref is not None]
    rule = "count-after-ref"
    reason = next((r.reason for r in results if isinstance(r, Unavailable)), None)
    if not results:
        reason = "no frozen set names a ref"
    yield (
        "frozen.num_different_from_ref",
        unknown(reason, "files", place, rule)
        if reason is not None
        else known(
            len({p for r in results if not isinstance(r, Unavailable) for p in r}),
            "files",
            place,
            rule,
        ),
    )
