"""The check on checkpoints that are kept beside a pack: what it says of them, they were written."""

from __future__ import annotations

from evidence import layout
from evidence.pack import kept, lost
from evidence.records.run import JournalEvent, KeptCheckpoint
from evidence.results.context import journal_at
from evidence.verification.consistency.registry import Evidence, Problems, check, differs
from evidence.verification.problem import CannotCheckError, Problem


def _asks_or_tells(evidence: Evidence) -> bool:
    asked = evidence.documents.milestone.publish.keep_checkpoints
    return bool(asked) or kept.event_in(evidence.documents.journal) is not None


@check("kept-checkpoints", "the checkpoints kept are those asked for", asked=_asks_or_tells)
def kept_checkpoints(evidence: Evidence) -> Problems:
    """One `checkpoints-kept` a run, of the steps in publish.keep_checkpoints, each once, as kept or
    as not kept, ascending. One that was kept has a `checkpoint` event in the completed attempt, of
    whose files digest and size are computed again; without such an attempt none is kept. Exact.
    Whether one still lies beside the pack is no fact of the pack: `evidence reproduce` looks."""
    documents = evidence.documents
    told = [one for one in documents.journal if one.event == kept.EVENT]
    if not told and lost.damaged_in(documents.journal) is not None:
        raise CannotCheckError("the run was closed with damage: what was kept was not counted")
    if len(told) != 1:
        yield Problem(layout.JOURNAL, f"{kept.EVENT} happens once in such a run", 1, len(told))
        return
    (event,) = told
    asked = sorted(documents.milestone.publish.keep_checkpoints)
    own, others = kept.kept_in(told), kept.lost_in(told)
    for key, steps in (
        ("kept", [one.step for one in own]),
        ("not_kept", [one.step for one in others]),
    ):
        text = "steps that the milestone asks for, ascending"
        place = journal_at(event, "data", key)
        yield from differs(place, text, [step for step in asked if step in steps], steps)
    text = "the steps that the milestone asks for, each kept or not"
    found = sorted([*(one.step for one in own), *(one.step for one in others)])
    yield from differs(journal_at(event, "data"), text, asked, found)
    yield from _as_written(evidence, event, own)


def _as_written(
    evidence: Evidence, event: JournalEvent, own: tuple[KeptCheckpoint, ...]
) -> Problems:
    plan = evidence.context.plan
    events = evidence.documents.journal
    saved = {} if plan is None else kept.saved_after(events, plan.name)
    for number, one in enumerate(own):
        place = journal_at(event, "data", "kept", str(number))
        if one.step not in saved:
            text = "the attempt that completed wrote no checkpoint after this step"
            yield Problem(f"{place}/step", text, sorted(saved), one.step)
            continue
        files = kept.files_of(saved[one.step])
        text = "another digest than the files have that were written"
        yield from differs(f"{place}/sha256", text, kept.digest_of(files), one.sha256)
        size_bytes = sum(each.size_bytes for each in files)
        yield from differs(f"{place}/size_bytes", "another size", size_bytes, one.size_bytes)
