"""What was lost each time that another process resumed or closed a run, in sentences."""

from __future__ import annotations

from typing import Final

from evidence.pack.documents import OF_ANOTHER, Documents
from evidence.records.run import JournalEvent
from evidence.render.remarks import REASON_CHARS
from evidence.text import formatting, marked

SHOWN_RECOVERIES: Final = 20


def recoveries(documents: Documents) -> tuple[str, ...]:
    """What was lost each time that another process resumed the run."""
    journal = documents.journal
    last = max((one.seq for one in journal if one.event in _GOES_ON), default=-1)
    found = _found(documents)
    left_out = len(found) - SHOWN_RECOVERIES
    shown = found if left_out <= 0 else [*found[: SHOWN_RECOVERIES - 1], found[-1]]
    told = [_recovery(one, closed=one.seq > last and not _completed(documents)) for one in shown]
    if left_out > 0:
        told.insert(-1, f"and {formatting.count(left_out)} more, as `journal.jsonl` tells")
    return tuple(told)


def headline(documents: Documents) -> str:
    """How often a stage with a folder of its own was interrupted, and what of it was lost."""
    found = _found(documents)
    num_rows = sum(one.data["num_step_rows_cut"] for one in found)
    rows = formatting.plural(num_rows, "step row was", "step rows were")
    again = " and run again" if was_resumed(documents) else ""
    return f"{formatting.plural(len(found), 'interruption')}; {rows} lost{again}."


def was_resumed(documents: Documents) -> bool:
    """Whether the run went on behind an interruption, and was not only closed."""
    first = min((one.seq for one in _found(documents)), default=-1)
    went_on = any(one.event in _GOES_ON and one.seq > first for one in documents.journal)
    return went_on or _completed(documents)


def _found(documents: Documents) -> list[JournalEvent]:
    return [one for one in documents.journal if one.event == "recovered" and _is_of(documents, one)]


def _is_of(documents: Documents, event: JournalEvent) -> bool:
    """Whether it was in this stage, or right behind it, that the run ended; of a run without
    stages always."""
    if documents.stage is None:
        return True
    before = (one for one in reversed(documents.journal) if one.seq < event.seq)
    last = next((one for one in before if one.event == OF_ANOTHER or "stage" in one.data), None)
    return last is not None and last.event != OF_ANOTHER


_GOES_ON: Final = ("attempt-started", "stage-started")


def _completed(documents: Documents) -> bool:
    return bool(documents.journal) and documents.journal[-1].data.get("status") == "complete"


def _recovery(event: JournalEvent, *, closed: bool) -> str:
    data = event.data
    step, num_rows = data["from_step"], data["num_step_rows_cut"]
    if closed:
        continuation = "it was closed then"
    elif step is None:
        continuation = "it went on without any step being lost"
    elif step == 0:
        continuation = "its training began anew"
    else:
        continuation = f"it went on after step {formatting.count(step)}"
    if num_rows:
        rows = formatting.plural(num_rows, "step row")
        behind = " after that" if step else ""
        continuation += f"; {rows}{behind} were lost and run again"
    if data["num_predictions_cut"]:
        rows = formatting.plural(data["num_predictions_cut"], "prediction")
        continuation += f"; {rows} were lost and made again"
    if data.get("differences"):
        named = "; ".join(marked.inline(str(one), REASON_CHARS) for one in data["differences"])
        continuation += f"; other than at the start: {named}"
    return f"{marked.inline(str(data['reason']), REASON_CHARS)}; {continuation}."
