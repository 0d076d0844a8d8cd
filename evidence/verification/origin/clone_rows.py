"""What a run asked and taught, held against the rows of the verifier's clone.

Responsible for predictions (prompt, target, id, groups), for the text of recorded rows and where
their loss begins, and for the digests at the refs of promises. Whether the clone has the bytes of
the data is `clone_inputs`'s: without them nothing is said here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from evidence import layout, limits
from evidence.capture.blobs import digests_at
from evidence.capture.git import tree_of
from evidence.capture.patterns import matches
from evidence.capture.repository import Repository
from evidence.data.chat_seen import num_with_tools, tools_of, turns_in
from evidence.data.conversations import ASSISTANT
from evidence.data.examples import question_of
from evidence.data.facts import DataSet, Row
from evidence.data.template_text import MarkedText, render_row
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRecord, SeenRow
from evidence.records.milestone import DataSpec
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.kind import Kind
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import SEEN, TRAIN
from evidence.text.templating import Template
from evidence.verification.consistency.registry import Evidence, of_each_stage
from evidence.verification.consistency.seen import IGNORED
from evidence.verification.ledger import Rule
from evidence.verification.origin.clone_data import ClonedData, cloned_data, compiled
from evidence.verification.origin.recorded import COMMIT_ID
from evidence.verification.problem import CannotCheckError, Problem, shown

EVALUATION: Final = Rule("repo-evaluation", "predictions ask what the rows of the data ask")
ROWS: Final = Rule("repo-rows", "recorded rows are texts of the data, taught from their answers on")
REFS: Final = Rule("repo-refs", "the clone has, at each promise's ref, the digests in frozen.json")


def evaluation(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """id, prompt, target and groups of each prediction, made again from the row of its index: of
    each stage those that it asked. Prompts of conversations are left: no chat template is rendered
    here."""
    views = _views(evidence, EVAL)
    if not any(view.documents.rows(PREDICTIONS) for _, view in views):
        raise CannotCheckError("there are no predictions")
    with cloned_data(found, evidence) as data:
        yield from _of_each(views, partial(_asked, data))


def rows_taught(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """The pieces of a recorded row, its special tokens aside, are the template over its row, or
    begin it where it was truncated; with loss on `completion` its first label is the token in which
    the first answer begins. White space aside. Rows that do not survive the tokenizer are left. In
    how many rows a field is read and taught: as many as have text of it, and text of it where the
    loss falls; truncated rows may lack it. Of each training stage, in the rows it takes."""
    views = _views(evidence, TRAIN)
    if all(view.documents.document(SEEN) is None for _, view in views):
        raise CannotCheckError("no rows were recorded")
    with cloned_data(found, evidence) as data:
        yield from _of_each(views, partial(_taught, data))


def _views(evidence: Evidence, kind: Kind) -> list[tuple[Stage | None, Evidence]]:
    """Each stage of a kind with its evidence; a pack without such stages as one, of no stage."""
    if not evidence.documents.milestone.is_staged:
        return [(None, evidence)]
    stages = stages_of(evidence.documents.milestone)
    return [(stage, evidence.within(stage)) for stage in stages if stage.kind is kind]


def _of_each(
    views: list[tuple[Stage | None, Evidence]], run: Callable[[Evidence], Iterator[Problem]]
) -> Iterator[Problem]:
    named = [(stage, view) for stage, view in views if stage is not None]
    if named:
        yield from of_each_stage(run, named)
    else:
        yield from run(views[0][1])


def _asked(data: ClonedData, evidence: Evidence) -> Iterator[Problem]:
    predictions = evidence.documents.rows(PREDICTIONS)
    if not predictions:
        raise CannotCheckError("there are no predictions")
    spec = evidence.plan.eval
    of_data = evidence.plan.data[spec.data]
    rows = data.of_trusted(spec.data, of_data)
    is_chat = of_data.format is not None
    prompt_of = _not_made if is_chat else partial(render_row, compiled(spec.prompt, rows))
    keys = ("id", "target", "groups", "under_test", *(() if is_chat else ("prompt",)))
    for line, one in enumerate(predictions, 1):
        place = f"{layout.PREDICTIONS}#L{line}"
        if not 0 <= one.index < len(rows.rows):
            yield Problem(f"{place}/index", "the data have no such row", actual=one.index)
            continue
        row = rows.rows[one.index]
        try:
            asked = question_of(spec, prompt_of, one.index, row, of_data)
        except (MalformedError, LookupError) as error:
            raise CannotCheckError(f"row {one.index} cannot be asked: {error}") from error
        if one.choices is not None:
            told = (one.choices.texts, one.choices.right)
            if told != (asked.choices, asked.right):
                text = f"not the choices that row {one.index} of {shown(spec.data)} gives"
                yield Problem(f"{place}/choices", text, _short((asked.choices, asked.right)))
        for key in keys:
            expected, actual = getattr(asked, key), getattr(one, key)
            if expected != actual:
                text = f"not what row {one.index} of {shown(spec.data)} gives"
                yield Problem(f"{place}/{key}", text, _short(expected), _short(actual))


def _turns(seen: SeenRecord, spec: DataSpec, rows: Sequence[Row]) -> Iterator[Problem]:
    """Turns of each speaker and tools, counted again: the assistant's exactly, of others at most so
    many as there are (a template may write nothing of one)."""
    if seen.chat is None:
        return
    counted = turns_in(rows, only_last=spec.learn == "last-assistant")
    text, place = "not what the rows of the data have", f"{layout.SEEN}#/chat"
    for index, one in enumerate(seen.chat.speakers):
        most = counted[one.speaker]
        if one.num_turns > most or (one.speaker == ASSISTANT and one.num_turns < most):
            yield Problem(f"{place}/speakers/{index}/num_turns", text, most, one.num_turns)
    facts = (
        ("num_rows_with_tools", num_with_tools(rows), seen.chat.num_rows_with_tools),
        ("tools", tools_of(rows), seen.chat.tools),
    )
    for key, expected, found in facts:
        if expected != found:
            yield Problem(f"{place}/{key}", text, _short(expected), _short(found))


def _not_made(_: Row) -> MarkedText:
    return MarkedText("", ())


def _taught(data: ClonedData, evidence: Evidence) -> Iterator[Problem]:
    seen = evidence.documents.document(SEEN)
    tokenizer, text = evidence.documents.inputs.tokenizer, evidence.documents.inputs.text
    if seen is None:
        raise CannotCheckError("no rows were recorded")
    if isinstance(tokenizer, Unavailable):
        raise CannotCheckError(f"the tokenizer is not known: {shown(tokenizer.reason)}")
    if isinstance(text, Unavailable):
        raise CannotCheckError(f"the texts of the data are not known: {shown(text.reason)}")
    train = evidence.plan.train
    spec = evidence.plan.data[train.data]
    if spec.format is not None:
        yield from _turns(seen, spec, data.of_trusted(train.data, spec).rows)
        raise CannotCheckError("a chat template made the texts, and none is rendered here")
    special = {one.id for one in tokenizer.special_tokens}
    words = [one.text for one in tokenizer.special_tokens]
    odd, cut = set(text.rows_not_round_trip), set(seen.rows_truncated)
    rows = data.of_trusted(train.data, spec)
    template = compiled(spec.text or "", rows)
    marked_of = partial(_marked, data, spec.text or "", template, rows)
    for number, batch in enumerate(seen.batches):
        for index, row in enumerate(batch.rows):
            if row.source_row in odd or not 0 <= row.source_row < len(rows.rows):
                continue
            marked = marked_of(row.source_row)
            if any(word in marked.text for word in words):
                continue
            place = f"{layout.SEEN}#/batches/{number}/rows/{index}"
            pieces = ["" if one in special else piece
                      for one, piece in zip(row.ids, row.pieces, strict=False)]  # fmt: skip
            yield from _same_text(place, pieces, marked, truncated=row.source_row in cut)
            if spec.loss == "completion":
                yield from _begins(place, row, pieces, marked, spec.answer)
    if len(rows.rows) <= limits.MAX_ROWS_LISTED:
        texts = [marked_of(index) for index in range(len(rows.rows))]
        yield from _coverage(seen, spec, texts, num_odd=len(odd | cut))


def _marked(
    data: ClonedData, source: str, template: Template, rows: DataSet, index: int
) -> MarkedText:
    return data.text(source, template, rows.rows[index], index)


def _coverage(
    seen: SeenRecord, spec: DataSpec, texts: list[MarkedText], num_odd: int
) -> Iterator[Problem]:
    """What is read and taught of each field, within what the rows have of it."""
    read: Counter[str] = Counter()
    taught: Counter[str] = Counter()
    surely: Counter[str] = Counter()
    for marked in texts:
        spans = [span for span in marked.spans if span.end > span.start]
        starts = [span.start for span in marked.spans if span.field in spec.answer]
        begins = 0 if spec.loss == "all" else min(starts, default=len(marked.text) + 1)
        read.update({span.field for span in spans})
        taught.update({span.field for span in spans if span.end >= begins})
        surely.update({one.field for one in spans if marked.text[one.start : one.end].strip()})
    for index, one in enumerate(seen.coverage):
        place = f"{layout.SEEN}#/coverage/{index}"
        most = {"num_rows_in_sequence": read[one.field], "num_rows_in_target": taught[one.field]}
        for key, limit in most.items():
            if getattr(one, key) > limit:
                text = "more rows than have text of this field there"
                yield Problem(f"{place}/{key}", text, f"at most {limit}", getattr(one, key))
        least = surely[one.field] - num_odd
        keys = ("num_rows_in_sequence", *(("num_rows_in_target",) if one.is_answer else ()))
        for key in keys:
            if getattr(one, key) < least:
                text = "fewer rows than have text of this field, truncated ones aside"
                yield Problem(f"{place}/{key}", text, f"at least {least}", getattr(one, key))


def _same_text(
    place: str, pieces: list[str], marked: MarkedText, *, truncated: bool
) -> Iterator[Problem]:
    read, whole = _plain("".join(pieces)), _plain(marked.text)
    if read != whole and not (truncated and whole.startswith(read)):
        text = "not the text that the template makes of this row of the data"
        yield Problem(f"{place}/pieces", text, _short(marked.text), _short("".join(pieces)))


def _begins(
    place: str, row: SeenRow, pieces: list[str], marked: MarkedText, answer: tuple[str, ...]
) -> Iterator[Problem]:
    """The first label stands where the first answer does."""
    starts = [span.start for span in marked.spans if span.field in answer and span.end > span.start]
    first = next((i for i, label in enumerate(row.labels) if label != IGNORED), None)
    if first is None or not starts or first >= len(pieces):
        return
    wanted = len(_plain(marked.text[: min(starts)]))
    before = len(_plain("".join(pieces[:first])))
    # A special token shows no text: what carries loss begins with the first piece that does.
    shows = next((i for i in range(first, len(pieces)) if pieces[i]), None)
    behind = before if shows is None else len(_plain("".join(pieces[: shows + 1])))
    if not before <= wanted <= behind:
        text = "the loss begins at another token than the answer"
        given = f"after {before} characters, white space aside"
        yield Problem(f"{place}/labels", text, f"after {wanted}", given)


def refs(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """ref_sha256 of each file of a promise = its digest at ref_commit in the clone."""
    sets = evidence.documents.frozen.known
    unknown = []
    compared = False
    for number, (one, spec) in enumerate(
        zip(sets, evidence.documents.milestone.frozen, strict=False)
    ):
        if isinstance(one.ref_commit, Unavailable):
            continue
        if not COMMIT_ID.fullmatch(one.ref_commit) or tree_of(found, one.ref_commit) is None:
            unknown.append(f"{shown(one.name)}: the clone has no commit {one.ref_commit[:12]}")
            continue
        paths = {file.path for file in one.files}
        wanted = partial(_is_wanted, paths, spec.paths)
        known = digests_at(found, one.ref_commit, wanted)
        if isinstance(known, Unavailable):
            unknown.append(f"{shown(one.name)}: {known.reason}")
            continue
        compared = True
        for index, file in enumerate(one.files):
            expected = known.get(file.path)
            if expected != file.ref_sha256 and (expected is not None or not _submodules(found)):
                place = f"{layout.FROZEN}#/sets/{number}/files/{index}/ref_sha256"
                yield Problem(place, "another digest than at the ref", expected, file.ref_sha256)
        for path in sorted(known.keys() - paths):
            place = f"{layout.FROZEN}#/sets/{number}/files"
            yield Problem(place, "the ref has a file of this promise more", path)
    if unknown or not compared:
        raise CannotCheckError("; ".join(unknown) or "no promise was compared with a ref")


def _is_wanted(present: set[str], patterns: tuple[str, ...], path: str) -> bool:
    return path in present or any(matches(pattern, path) for pattern in patterns)


def _submodules(found: Repository) -> bool:
    return not isinstance(found.attempt("config", "-f", ".gitmodules", "--list"), Unavailable)


def _plain(text: str) -> str:
    return "".join(text.split())


def _short(value: object) -> str:
    return shown(value if isinstance(value, str) else repr(value))
