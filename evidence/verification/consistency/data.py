"""Checks on facts about the data: as rows, and as the text and tokens that were made of them.

Responsible for what the facts must satisfy among themselves. Counting them again needs the data,
which a pack does not carry: `origin.clone` does it with a clone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evidence import layout
from evidence.data.of_stages import homes_of
from evidence.records.availability import Unavailable
from evidence.records.inputs import (
    NGRAM_WORDS,
    SEAM_CHARS,
    DataRecord,
    Lengths,
    SeamRecord,
    TextRecord,
    TokenizerRecord,
)
from evidence.records.milestone import Milestone
from evidence.rules.special_tokens import begins_doubled, ends_doubled, lacks
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import SEEN, TRAIN
from evidence.verification.consistency import chat
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.consistency.seen import named, row_list
from evidence.verification.problem import CannotCheckError, Problem

_LENGTHS = ("min", "median", "p90", "p95", "max")
_OVERLAP = ("exact_rows", "normalised_rows", "ngram_rows")


@check("data-facts", "facts about the data are possible, and what is odd about them is named")
def data_facts(evidence: Evidence) -> Problems:
    """Counts equal the lists they count; row numbers rise within the data; exact duplicates and
    overlap are among the normalised ones; a conflict has two rows or more; percentiles rise; LF
    text has its own digest twice. Warnings: duplicate rows, overlap with the evaluation set,
    conflicting prompts, and where no overlap or no conflict could be looked for."""
    data = evidence.documents.inputs.data
    if not data:
        raise CannotCheckError("inputs.json has no data set")
    homes = homes_of(evidence.documents.milestone)
    for name, record in data.items():
        place = f"{layout.INPUTS}#/data/{name}"
        text = "not the number of rows listed beside it"
        listed = len(record.duplicate_rows)
        yield from differs(f"{place}/num_duplicate_rows", text, listed, record.num_duplicate_rows)
        yield from _repeated(place, record)
        spec = evidence.documents.milestone.data.get(name)
        yield from _conflicts(place, record, has_answers=spec is not None and bool(spec.answer))
        yield from _overlap(place, record, evidence, homes.get(name))
        yield from _lengths(f"{place}/length_chars", record.length_chars)
        if spec is not None and bool(spec.fields) == isinstance(
            record.num_schema_violations, Unavailable
        ):
            text = "rows are checked exactly where the milestone declares fields"
            yield Problem(f"{place}/num_schema_violations", text)
        if (record.line_ends in ("lf", "none")) != (record.sha256 == record.sha256_lf):
            text = "the two digests are equal exactly where no line ends with CRLF"
            yield Problem(f"{place}/sha256_lf", text)


def _repeated(place: str, record: DataRecord) -> Problems:
    for key in ("duplicate_rows", "normalised_duplicate_rows"):
        yield from row_list(f"{place}/{key}", getattr(record, key), record.num_rows)
    if not set(record.duplicate_rows) <= set(record.normalised_duplicate_rows):
        text = "exact duplicates are duplicates when normalised, too"
        yield Problem(f"{place}/normalised_duplicate_rows", text)
    yield from _odd(
        f"{place}/normalised_duplicate_rows",
        record.normalised_duplicate_rows,
        record.num_rows,
        f"rows repeat an earlier row ({len(record.duplicate_rows)} exactly)",
        "duplicate-rows",
    )


def _odd(place: str, rows: tuple[int, ...], num_rows: int, what: str, code: str) -> Problems:
    if rows:
        text = f"{len(rows)} of {num_rows} {what}: {named(rows)}"
        yield Problem(place, text, severity="warning", code=code)


def _conflicts(place: str, record: DataRecord, *, has_answers: bool) -> Problems:
    count, rows = record.num_conflicting_prompts, record.conflicting_rows
    if isinstance(count, Unavailable) and isinstance(rows, Unavailable):
        if has_answers:
            text = f"prompts with several answers were not looked for: {count.reason}"
            where = f"{place}/num_conflicting_prompts"
            yield Problem(where, text, severity="warning", code="conflicts-unknown")
        return
    if isinstance(count, Unavailable) or isinstance(rows, Unavailable):
        text = "prompts are compared exactly where their rows are named"
        yield Problem(f"{place}/conflicting_rows", text)
        return
    yield from row_list(f"{place}/conflicting_rows", rows, record.num_rows)
    if len(rows) < 2 * count or bool(rows) != bool(count):
        text = "a prompt with several answers is in at least two rows"
        yield Problem(f"{place}/conflicting_rows", text, f"at least {2 * count}", len(rows))
    what = f"rows have a prompt that other answers follow elsewhere ({count} such prompts)"
    yield from _odd(f"{place}/conflicting_rows", rows, record.num_rows, what, "conflicts")


def _overlap(
    place: str, record: DataRecord, evidence: Evidence, home: Milestone | None
) -> Problems:
    """`home`: the milestone that the set is described by, which says what it is held against."""
    found, asked = record.overlap, None if home is None else home.given_eval
    if asked is None:  # there is no evaluation, or no stage takes it: nothing is unknown
        return
    other = asked.data
    if isinstance(found, Unavailable):
        if record.name != other:
            text = f"its rows were not compared with the evaluation's: {found.reason}"
            yield Problem(f"{place}/overlap", text, severity="warning", code="overlap-unknown")
        return
    if record.name == other:
        text = "the evaluation set is not compared with itself"
        yield Problem(f"{place}/overlap", text)
        return
    for key in _OVERLAP:
        yield from row_list(f"{place}/overlap/{key}", getattr(found, key), record.num_rows)
    rows_asked = evidence.rows_of(other)
    yield from row_list(f"{place}/overlap/evaluation_rows", found.evaluation_rows, rows_asked)
    if not set(found.exact_rows) <= set(found.normalised_rows):
        text = "prompts that are equal are equal when normalised, too"
        yield Problem(f"{place}/overlap/normalised_rows", text)
    rows = tuple(sorted({row for key in _OVERLAP for row in getattr(found, key)}))
    if bool(rows) != bool(found.evaluation_rows):
        text = "rows of both sets overlap, or of neither"
        yield Problem(f"{place}/overlap/evaluation_rows", text)
    what = (
        f"rows ask what the evaluation asks ({len(found.exact_rows)} exactly, "
        f"{len(found.normalised_rows)} normalised, {len(found.ngram_rows)} by {NGRAM_WORDS} words "
        "in a row)"
    )
    yield from _odd(f"{place}/overlap", rows, record.num_rows, what, "evaluation-overlap")


def _lengths(place: str, found: Lengths) -> Problems:
    values = [getattr(found, key) for key in _LENGTHS]
    if values != sorted(values):
        yield Problem(place, "from shortest to longest these rise", "rising", values)


@check(
    "text-facts",
    "facts about the training text are possible, and what is odd is named",
    of_stages=TRAIN.name,
)
def text_facts(evidence: Evidence) -> Problems:
    """Data, template and number of rows as milestone and data give; of conversations the chat
    template is the milestone's or the tokenizer's, with its digest and that of the saved one (it is
    not rendered: that the texts are what it makes is not checked); percentiles rise; the longest
    row is longer than max_length exactly where rows are truncated, and by what the most truncated
    row lost; the tokenizer is known, since the text was counted in its tokens; rows without a
    begin or end token are listed exactly where tokenizer or milestone adds one, and doubled ones
    where there is one; the recorded rows have those that the lists say; what the seam waits for
    and probes is what milestone and first prediction have. Exact. Warnings: begin or end token
    doubled, begin token missing, texts that do not survive the tokenizer, a seam that does not
    fit."""
    train = need(evidence.plan.given_train, "the milestone has no training of ours")
    text = need(evidence.documents.inputs.text, "the training text is not known")
    place, num_rows = f"{layout.INPUTS}#/text", evidence.rows_of(train.data)
    facts = (
        ("data", train.data, text.data),
        ("num_rows", num_rows, text.num_rows),
    )
    for key, expected, found in facts:
        why = f"another {key} than milestone and data give"
        yield from differs(f"{place}/{key}", why, expected, found)
    yield from chat.template_of(evidence, text, evidence.plan.data[train.data])
    yield from _lengths(f"{place}/length_tokens", text.length_tokens)
    tokenizer = evidence.documents.inputs.tokenizer
    if isinstance(tokenizer, Unavailable):
        why = "the text was counted in tokens, so the tokenizer is known"
        yield Problem(f"{layout.INPUTS}#/tokenizer", why, actual=tokenizer.reason)
    else:
        yield from _listed(place, text, tokenizer, ends=evidence.plan.data[train.data].append_eos)
    for key, rows in _lists(text):
        yield from row_list(f"{place}/{key}", rows, num_rows)
    yield from _longest(place, text, evidence)
    yield from _special(place, text, evidence)
    if text.seam is not None:
        yield from _seam(f"{place}/seam", text.seam, evidence)
    for key, rows in _lists(text):
        if key in _ODD:
            yield from _odd(f"{place}/{key}", rows, num_rows, *_ODD[key])


def _seam(place: str, seam: SeamRecord, evidence: Evidence) -> Problems:
    why, asked = "the seam is of another evaluation", evidence.plan.given_eval
    if asked is None:
        yield Problem(place, "a seam with an evaluation, and there is none")
        return
    yield from differs(f"{place}/waits_for", why, asked.answer_after, seam.waits_for)
    for first in evidence.documents.rows(PREDICTIONS)[:1]:
        wanted = first.target[:SEAM_CHARS]
        yield from differs(f"{place}/probe_wanted", why, wanted, seam.probe_wanted)
        begins = seam.probe_given.startswith(first.prompt)
        if len(seam.probe_given) < SEAM_CHARS and not begins:
            yield Problem(f"{place}/probe_given", why, first.prompt, seam.probe_given)
    for index, text in enumerate(seam.mismatches):
        what, address = "what is fed, taught and scored do not fit", f"{place}/mismatches/{index}"
        yield Problem(address, what, None, text, "warning", "form-differs")


_ODD = {
    "rows_without_bos": ("rows lack the begin token that the tokenizer adds", "begin-missing"),
    "rows_doubled_bos": ("rows have the begin token more than once", "begin-doubled"),
    "rows_doubled_eos": ("rows have the end token more than once", "end-doubled"),
    "rows_not_round_trip": ("rows are other text after encoding and decoding", "no-round-trip"),
}


def _listed(place: str, text: TextRecord, tokenizer: TokenizerRecord, *, ends: bool) -> Problems:
    """Which lists there must be. A token that a text should begin with is one that there is."""
    has = {one.name for one in tokenizer.special_tokens}
    wanted = {
        "rows_without_bos": tokenizer.adds_bos,
        "rows_doubled_bos": True,
        "rows_without_eos": ends or tokenizer.adds_eos,
        "rows_doubled_eos": True,
    }
    for key, name, _ in _COUNTED:
        known = not isinstance(getattr(text, key), Unavailable)
        if known != (name in has and wanted[key]):
            why = "is added" if key.startswith("rows_without") else "exists"
            yield Problem(f"{place}/{key}", f"rows are listed exactly where such a token {why}")


def _lists(text: TextRecord) -> Iterator[tuple[str, tuple[int, ...]]]:
    for key in (*_ODD, "rows_without_eos"):
        rows = getattr(text, key)
        if not isinstance(rows, Unavailable):
            yield key, rows


def _longest(place: str, text: TextRecord, evidence: Evidence) -> Problems:
    seen, spec = evidence.documents.document(SEEN), evidence.plan.data[evidence.plan.train.data]
    if seen is None:
        return
    ends = spec.append_eos and _special_id("eos_token", evidence) is not None
    fitting, longest = evidence.plan.train.max_length + ends, text.length_tokens.max
    lost = max(seen.tokens_cut, default=0)
    if lost != max(0, longest - fitting):
        what = f"the longest row and the most truncated one, which lost {lost} tokens, do not agree"
        expected = fitting + lost if lost else f"at most {fitting}"
        yield Problem(f"{place}/length_tokens/max", what, expected, longest)


def _special_id(name: str, evidence: Evidence) -> int | None:
    tokenizer = evidence.documents.inputs.tokenizer
    if isinstance(tokenizer, Unavailable):
        return None
    return next((one.id for one in tokenizer.special_tokens if one.name == name), None)


_COUNTED: tuple[tuple[str, str, Callable[[tuple[int, ...], int], bool]], ...] = (
    ("rows_without_bos", "bos_token", lacks),
    ("rows_doubled_bos", "bos_token", begins_doubled),
    ("rows_without_eos", "eos_token", lacks),
    ("rows_doubled_eos", "eos_token", ends_doubled),
)


def _special(place: str, text: TextRecord, evidence: Evidence) -> Problems:
    """What the recorded rows show of begin and end tokens is what the lists say of them."""
    seen = evidence.documents.document(SEEN)
    recorded = {
        row.source_row: row.ids for batch in (seen.batches if seen else ()) for row in batch.rows
    }
    for key, name, wrong in _COUNTED:
        rows, token = getattr(text, key), _special_id(name, evidence)
        if isinstance(rows, Unavailable) or token is None:
            continue
        listed = set(rows)
        for row, ids in recorded.items():
            if wrong(ids, token) != (row in listed):
                why = f"row {row} is recorded in seen.json with {ids.count(token)} of them"
                yield Problem(f"{place}/{key}", f"not what the recorded rows show: {why}")
