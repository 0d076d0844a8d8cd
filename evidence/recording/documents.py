"""The documents of a recorded program, from what was gathered when it is over.

Responsible for putting them together; looking at files is `opened` and `collected`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from evidence import limits
from evidence.data.tokens import IGNORED, num_targets
from evidence.data.told_rows import strangers
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.recording import coverage, events, tables
from evidence.recording.child import End
from evidence.recording.collected import Kept
from evidence.recording.gathering import Gathering
from evidence.recording.models import tokenizer_record
from evidence.recording.opened import OpenedFiles, reached
from evidence.records.milestone import DataSpec
from evidence.records.program import (
    DataReached,
    EarlierRun,
    NotSeen,
    ProgramBatch,
    ProgramFiles,
    ProgramRecord,
    ProgramReported,
    ProgramRow,
    ProgramSeen,
    ProgramStep,
    ReportedValue,
)
from evidence.records.record import Record
from evidence.redact.known import Secrets
from evidence.redact.search import scan
from evidence.rules.vocabulary import read_vocabulary

NO_HOOKS: Final = (
    "no process of the program told anything: it is no Python program, or was started in a way "
    "that takes no hooks (python -I, -E or -S, another PYTHONPATH)"
)
NO_PROCESS: Final = (
    "the program reported values, and no process of it had our hooks: what they cannot see is "
    "what it reports"
)
NO_STEPS: Final = "no optimizer of torch made a step in a process that our hooks were in"
MAX_BYTES: Final = limits.MAX_JSON_BYTES // 2
"""Of one document: what is cut out of its texts may be shorter than what is put there."""
HIDDEN: Final = "a row of a sampled batch"
R = TypeVar("R", ProgramFiles, ProgramReported, ProgramRecord)
Pieces = Callable[[Sequence[int]], tuple[str, ...] | None]


class Ran(Record):
    """What was run, and how it ended."""

    command: tuple[str, ...]
    executable: str
    cwd: str
    end: End
    num_output_bytes: int
    spool: Path
    num_steps: int
    earlier: tuple[EarlierRun, ...] = ()


def program_record(gathered: Gathering, ran: Ran) -> ProgramRecord:
    """program/program.json."""
    processes = gathered.processes()
    if not processes and gathered.reported:
        gathered.say("steps", NO_PROCESS)
    elif not processes:
        gathered.say("everything", NO_HOOKS)
    elif not ran.num_steps:
        gathered.say("steps", NO_STEPS)
    models = tuple(gathered.agreeing_models())
    record = ProgramRecord(
        schema="program.v1",
        command=ran.command,
        executable=ran.executable,
        cwd=ran.cwd,
        exit_status=ran.end.exit_status,
        signal=ran.end.signal,
        output_bytes=ran.num_output_bytes,
        left_running=ran.end.left_running,
        processes=processes,
        num_processes_left_out=gathered.num_processes_left_out,
        frameworks=tuple(gathered.frameworks.values()),
        libraries=tuple(gathered.libraries[name] for name in sorted(gathered.libraries)),
        models=models,
        tokenizers=tuple(
            tokenizer_record(index, told, _digest(ran.spool, told))
            for index, told in gathered.models.tokenizers
        ),
        loss_functions=tuple(gathered.loss_functions.values()),
        evaluations=tuple(gathered.evaluations),
        logged=tuple(gathered.logged),
        num_logged_left_out=gathered.num_logged_left_out,
        not_seen=tuple(gathered.not_seen),
        replaced=tuple(gathered.replaced),
        earlier=ran.earlier,
    )
    return fitted(record, "logged", "num_logged_left_out")


def files_record(gathered: Gathering, opened: OpenedFiles, kept: Kept) -> ProgramFiles:
    """program/files.json."""
    record = ProgramFiles(
        schema="program-files.v1",
        opened=opened.records,
        num_left_out=gathered.num_opened_left_out,
        collected=kept.files,
        known_results=kept.known,
    )
    return fitted(record, "opened", "num_left_out")


def reported_record(
    gathered: Gathering, earlier: tuple[ReportedValue, ...] = ()
) -> ProgramReported:
    """program/reported.json: what the starts before this one told comes first."""
    record = ProgramReported(
        schema="program-reported.v1",
        values=(*earlier, *gathered.reported),
        num_left_out=gathered.num_reported_left_out,
        refused=tuple(gathered.refused),
    )
    return fitted(record, "values", "num_left_out")


def seen_record(
    gathered: Gathering,
    opened: OpenedFiles,
    root: Path,
    declared: Mapping[str, DataSpec],
    totals: Totals,
    spool: Path,
    secrets: Secrets,
    max_rows: int = coverage.MAX_ROWS,
) -> ProgramSeen:
    """program/seen.json; of a larger data file a sample of `max_rows` rows is looked for."""
    fed, pieces = gathered.fed, _pieces(gathered, spool)
    sequences = list(fed.sequences.values())
    texts = [(pieces(ids), labels) for ids, labels in sequences]
    known = [coverage.text_of(one, labels) for one, labels in texts if one is not None]
    data, not_looked_at = (
        reached(opened.records, root, declared, known, max_rows) if known else ((), ())
    )
    eos = {one.eos_id for _, one in gathered.models.tokenizers} - {None}
    end = next(iter(eos)) if len(eos) == 1 else None
    with_end = [(ids, labels) for ids, labels in sequences if end is not None and end in ids]
    learning = [one for one in sequences if one[1] is not None]
    seen = ProgramSeen(
        schema="program-seen.v1",
        num_rows=totals.num_rows,
        num_tokens=totals.num_tokens,
        num_fed_tokens=totals.num_fed_tokens,
        num_target_tokens=totals.num_target_tokens,
        num_sequences=len(sequences),
        all_sequences=fed.num_fed is not None and not fed.why_not_all,
        why_not_all=fed.why_not_all or ("" if fed.num_fed is not None else NOT_TOLD),
        num_without_labels=len(sequences) - len(learning),
        num_without_targets=sum(not num_targets(labels or ()) for _, labels in learning),
        num_with_eos=None if end is None else len(with_end),
        num_with_eos_in_target=None
        if end is None or not learning
        else sum(_is_learned(end, ids, labels) for ids, labels in with_end),
        data=tuple(_short(one) for one in data),
        data_not_looked_at=tuple(not_looked_at if known else _unread(opened)),
        batches=tuple(_batches(gathered, pieces, secrets)),
    )
    if any(strangers(seen, end)):
        return replace(seen, all_sequences=False, why_not_all=STRANGERS)
    return seen


def _short(one: DataReached) -> DataReached:
    """A data file with names of fields that a document can hold."""
    fields = tuple(
        replace(part, field=part.field[: limits.MAX_MESSAGE_CHARS]) for part in one.fields
    )
    return replace(one, fields=fields)


STRANGERS: Final = "a recorded row is like none of them"
NOT_TOLD: Final = "its process did not come to say how many there were"


def fitted(record: R, listed: str, left_out: str) -> R:
    """The record with as much of a list as its document may hold, and what is left out counted."""
    while len(jsonio.dump_document(encode(record))) > MAX_BYTES and getattr(record, listed):
        kept = getattr(record, listed)[: len(getattr(record, listed)) // 2]
        more = len(getattr(record, listed)) - len(kept)
        record = replace(record, **{listed: kept, left_out: getattr(record, left_out) + more})
    return record


class Totals:
    """Sums over the step rows; None as soon as one row does not know."""

    def __init__(self) -> None:
        self.num_steps = 0
        self.num_rows: int | None = None
        self.num_tokens: int | None = None
        self.num_fed_tokens: int | None = None
        self.num_target_tokens: int | None = None
        self._lost: set[str] = set()

    def add(self, row: ProgramStep) -> None:
        """One more row."""
        self.num_steps += not row.skipped
        if row.shared_with is not None:
            return
        for name in ("num_rows", "num_tokens", "num_fed_tokens", "num_target_tokens"):
            more = getattr(row, name)
            if more is None:
                self._lost.add(name)
            setattr(self, name, None if name in self._lost else (getattr(self, name) or 0) + more)


def _digest(spool: Path, told: events.Tokenizer) -> str | None:
    data = _description(spool, told)
    return None if data is None else sha256_hex(data)


def _description(spool: Path, told: events.Tokenizer) -> bytes | None:
    """The tokenizer.json that a process wrote into the spool."""
    if told.file is None or Path(told.file).name != told.file:
        return None
    path = spool / told.file
    try:
        if path.is_symlink() or path.stat().st_size > 8 * limits.MAX_JSON_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _pieces(gathered: Gathering, spool: Path) -> Pieces:
    """Text of ids, by the first tokenizer that tells it."""
    for _, told in gathered.models.tokenizers:
        data = _description(spool, told)
        if data is not None and len(data) <= limits.MAX_JSON_BYTES:
            try:
                vocabulary = read_vocabulary(jsonio.load_document(data))
                return _or_none(vocabulary.pieces)
            except MalformedError:
                pass
        if told.pieces:
            table = {int(key): text for key, text in told.pieces.items() if key.isdecimal()}
            return lambda ids, table=table: tuple(table.get(one, "\ufffd") for one in ids)  # type: ignore[misc]
    return lambda ids: None


def _or_none(pieces: Callable[[Sequence[int]], tuple[str, ...]]) -> Pieces:
    def known(ids: Sequence[int]) -> tuple[str, ...] | None:
        try:
            return pieces(ids)
        except MalformedError:
            return None

    return known


def _is_learned(one: int, ids: Sequence[int], labels: Sequence[int] | None) -> bool:
    if labels is None:
        return False
    pairs = list(zip(ids, labels, strict=False))[1:]
    return any(token == one and label != IGNORED for token, label in pairs)


def _batches(gathered: Gathering, pieces: Pieces, secrets: Secrets) -> Iterator[ProgramBatch]:
    for index, batch in gathered.fed.batches:
        rows = []
        for row in batch.rows:
            text = pieces(row.ids)
            if text is not None and scan("".join(text).encode("utf-8", "replace"), secrets):
                gathered.say(HIDDEN, "its text holds what looks like a secret, so it is not shown")
                continue
            rows.append(ProgramRow(row.ids, row.labels, text))
        yield ProgramBatch(index, batch.step, batch.forward, tuple(rows))


def _unread(opened: OpenedFiles) -> tuple[NotSeen, ...]:
    why = "no text of a sequence is known to look for its rows in"
    return tuple(
        NotSeen(one.path, why, None, None)
        for one in opened.records
        if one.mode == "read" and tables.is_data(one.path)
    )[: limits.MAX_VARIABLES]
