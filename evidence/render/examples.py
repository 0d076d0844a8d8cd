"""Examples shown in full: what the model saw and what it said. All of it is foreign text.

Responsible for choosing and wrapping, and for saying what carries loss; how that is shown is the
writer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Final

from evidence.data.tokens import IGNORED, num_targets
from evidence.records.choices import ChoicesRow
from evidence.records.inputs import SeenRecord, SeenRow
from evidence.records.record import Record
from evidence.records.run import PredictionRow
from evidence.text import formatting, markdown, marked
from evidence.text.escape import visible

NUM_SEEN: Final = 2
NUM_PREDICTIONS: Final = 3
WRAP_CHARS: Final = 96
MAX_CHARS: Final = 4000
CELL_CHARS: Final = 160


class SeenExample(Record):
    """One row as it entered the model."""

    caption: str
    """Where the row comes from and how much of it carries loss."""
    parts: tuple[tuple[str, str], ...]
    """Who speaks (empty: no conversation), and the decoded text with the tokens that carry
    loss. Words of a chat template belong to the turn that they lead to."""


def seen_examples(seen: SeenRecord) -> tuple[SeenExample, ...]:
    """The first rows of the first recorded batch."""
    rows = [(batch.step, row) for batch in seen.batches for row in batch.rows]
    return tuple(_example(step, row) for step, row in rows[:NUM_SEEN])


def _example(step: int, row: SeenRow) -> SeenExample:
    num_target = num_targets(row.labels)
    return SeenExample(
        caption=f"Row {formatting.count(row.source_row)} of the data (from zero), in step "
        f"{formatting.count(step)}: {formatting.plural(len(row.ids), 'token')}, "
        f"{formatting.count(num_target)} of them carry loss.",
        parts=tuple(_parts(row)),
    )


def _parts(row: SeenRow) -> Iterator[tuple[str, str]]:
    if not row.turns:
        yield "", block_of(row)
        return
    begins, rest = 0, MAX_CHARS
    for number, turn in enumerate(row.turns, 1):
        end = len(row.ids) if number == len(row.turns) else turn.end
        marked = _marked(row)[begins:end]
        if rest > 0:
            yield (
                turn.speaker.replace("_", " "),
                _block([one for part in marked for one in part], rest),
            )
        rest -= sum(map(len, marked))
        begins = end


def block_of(row: SeenRow) -> str:
    """A row: its text, with what carries loss."""
    return _block([one for part in _marked(row) for one in part], MAX_CHARS)


def _marked(row: SeenRow) -> list[list[tuple[str, bool]]]:
    """The characters of each token, and whether it carries loss: the first is never predicted."""
    pairs = enumerate(zip(row.pieces, row.labels, strict=False))
    return [
        [(char, place > 0 and label != IGNORED) for char in piece]
        for place, (piece, label) in pairs
    ]


def _block(signs: Sequence[tuple[str, bool]], max_chars: int) -> str:
    lines = [list(_parts_of(line)) for line in _wrapped(signs[:max_chars])]
    return marked.learned([*lines, *([[("…", False)]] if len(signs) > max_chars else [])])


def _wrapped(signs: Sequence[tuple[str, bool]]) -> Iterator[list[tuple[str, bool]]]:
    """Lines of at most WRAP_CHARS characters, broken at spaces; real line ends show a sign."""
    line: list[tuple[str, bool]] = []
    for char, bold in signs:
        if char == "\n":
            yield [*line, (markdown.NEWLINE, bold)]
            line = []
            continue
        line.append((char, bold))
        if len(line) >= WRAP_CHARS:
            spaces = (i for i in range(len(line) - 1, WRAP_CHARS // 2, -1) if line[i][0] == " ")
            cut = next(spaces, len(line) - 1) + 1
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line


def _parts_of(line: Sequence[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """What of a line carries loss, and what lies between."""
    for bold, signs in groupby(line, key=lambda one: one[1]):
        yield "".join(char for char, _ in signs), bold


class ScoredExample(Record):
    """One prediction as a row of a table, every cell in marks."""

    id: str
    prompt: str
    target: str
    answer: str
    output: str
    scorers: str


def predictions_shown(
    rows: Sequence[PredictionRow], scorers: Sequence[str]
) -> tuple[tuple[ScoredExample, ...], tuple[ScoredExample, ...]]:
    """The first few that some scorer calls correct, and the first few that none does."""
    good = (row for row in rows if any(row.scores.get(name) for name in scorers))
    bad = (row for row in rows if not any(row.scores.get(name) for name in scorers))
    return (
        tuple(_scored_example(row, scorers) for row in islice(good, NUM_PREDICTIONS)),
        tuple(_scored_example(row, scorers) for row in islice(bad, NUM_PREDICTIONS)),
    )


class ChosenExample(Record):
    """One question with choices as a row of a table, every cell in marks."""

    id: str
    prompt: str
    right: str
    picked: str


def choices_shown(rows: Sequence[PredictionRow]) -> tuple[ChosenExample, ...]:
    """The first few of which the right choice was picked, and the first few of which another was,
    or none."""
    asked = [(row, row.choices) for row in rows if row.choices is not None]
    good = ((row, one) for row, one in asked if one.picked == one.right)
    bad = ((row, one) for row, one in asked if one.picked != one.right)
    shown = (*islice(good, NUM_PREDICTIONS), *islice(bad, NUM_PREDICTIONS))
    return tuple(
        ChosenExample(
            id=marked.code(row.id, CELL_CHARS),
            prompt=_cell(row.prompt),
            right=_choice(one, one.right),
            picked=_choice(one, one.picked),
        )
        for row, one in shown
    )


def _choice(one: ChoicesRow, place: int | None) -> str:
    """Of a stranger's pack there may be no such place; verify says so."""
    if place is None:
        return "*(none: several are likeliest alike)*"
    return _cell(one.texts[place]) if 0 <= place < len(one.texts) else "*(there is none)*"


def _scored_example(row: PredictionRow, scorers: Sequence[str]) -> ScoredExample:
    return ScoredExample(
        id=marked.code(row.id, CELL_CHARS),
        prompt=_cell(row.prompt),
        target=_cell(row.target),
        answer=_cell(row.answer),
        output=_cell(row.output),
        scorers=", ".join(marked.inline(name) for name in scorers if row.scores.get(name)),
    )


def _cell(text: str) -> str:
    return marked.inline(text, CELL_CHARS) if visible(text).strip() else "*(empty)*"
