"""How far each field of a data file came: into a sequence, into what carries loss. Pure.

Responsible for finding the text of rows in what was fed, without knowing how a row became text. Of
a row the longest text is found first, and the others in what is left of the same sequence, so that
a short answer that also stands in the question is not taken for one that was learned. Letters are
compared without case, and any space as one. A field of which no text was found anywhere, in a file
of which no row was found, is not known to be unlearned. Templates that change the words themselves
(translation) hide a row: it then counts as not found.
"""

from __future__ import annotations

import bisect
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from evidence.data.tokens import IGNORED
from evidence.records.program import FieldReached
from evidence.records.record import Record

MAX_ROWS: Final = 2_000
"""Rows that are looked for; of a larger file a seeded sample."""
MAX_FIELDS: Final = 64
MAX_CANDIDATES: Final = 8
"""Sequences that are looked at for one row."""
PROBE_CHARS: Final = 160
"""Of a longer text its beginning is looked for: the rest may have been cut off."""
MAX_PLACES: Final = 16
"""Of one text in one sequence."""
MAX_SEARCHED_CHARS: Final = 20_000_000_000
"""Of texts that did not stand where their row does: then it is not known whether they do."""
SEED: Final = 20_261_128
LONG_CHARS: Final = 12
"""From this length on a text is found wherever it stands."""
MAX_DEPTH: Final = 20
_SPACE: Final = re.compile(r"\s+")
_MOSTLY: Final = 0.8
"""Of a text that is put together from other fields: this share of it."""
_BREAK: Final = "\x00"
ROLES: Final = ("role", "from", "speaker")
TURNS: Final = ("content", "value", "text")

Row = Mapping[str, Any]
Spans = list[tuple[int, int]]


class Text(Record):
    """A sequence as text, with the spans of it that carry loss; None where that is not known."""

    text: str
    learned: tuple[tuple[int, int], ...] | None


class Reached(Record):
    """Of one data file."""

    num_looked_at: int
    num_found: int
    fields: tuple[FieldReached, ...]


def text_of(pieces: Sequence[str], labels: Sequence[int] | None) -> Text:
    """A sequence from the text of its tokens; the label of a token says whether it carries loss.

    The first token is predicted from nothing, so that its label counts for nothing.
    """
    learned: list[tuple[int, int]] = []
    place, plain = 0, [""]
    for index, whole in enumerate(pieces):
        piece = _plain(whole, after=next((one for one in reversed(plain) if one), " "))
        plain.append(piece)
        end = place + len(piece)
        if labels is not None and index > 0 and index < len(labels) and labels[index] != IGNORED:
            if learned and learned[-1][1] == place:
                learned[-1] = (learned[-1][0], end)
            else:
                learned.append((place, end))
        place = end
    return Text("".join(plain), None if labels is None else tuple(learned))


def _plain(text: str, after: str = " ") -> str:
    """Lower case, with one space for any white space; none where one stands before."""
    plain = _SPACE.sub(" ", text.lower())
    return plain[1:] if plain.startswith(" ") and after.endswith(" ") else plain


def fields_reached(
    rows: Sequence[Row],
    sequences: Sequence[Text],
    answer: Sequence[str] = (),
    max_rows: int = MAX_ROWS,
) -> Reached:
    """Count over `rows`, or a sample of `max_rows`, how far their fields came into `sequences`."""
    chosen = _sample(rows, max_rows)
    names = _names(chosen, answer)
    constant = {
        name: len({tuple(_texts(row, name)) for row in chosen}) == 1 and len(chosen) > 1
        for name in names
    }
    shown = _Haystack(
        [
            Text(one.text.lower(), one.learned) if len(one.text.lower()) == len(one.text) else one
            for one in sequences
        ]
    )
    counts = {name: [0, 0, 0] for name in names}
    knows_targets = all(one.learned is not None for one in sequences) and bool(sequences)
    found = 0
    for row in chosen:
        parts = {
            name: texts
            for name in names
            if (texts := [plain for one in _texts(row, name) if (plain := _plain(one).strip())])
        }
        for name in parts:
            counts[name][0] += 1
        best = shown.best(parts)
        found += bool(best)
        for name in parts:
            if not best.get(name) and (elsewhere := shown.elsewhere(parts[name])) is not None:
                best[name] = best.get(name, False) or elsewhere
        for name, in_target in best.items():
            counts[name][1] += 1
            counts[name][2] += in_target
    return Reached(
        num_looked_at=len(chosen),
        num_found=found,
        fields=tuple(
            FieldReached(
                field=name,
                num_rows=counts[name][0],
                num_rows_in_sequence=counts[name][1],
                num_rows_in_target=counts[name][2]
                if knows_targets and found and (counts[name][2] or not shown.gave_up)
                else None,
                is_answer=name in answer,
                is_constant=constant[name],
            )
            for name in names
        ),
    )


class _Haystack:
    """All sequences in one text, so that a search is one call."""

    def __init__(self, sequences: Sequence[Text]) -> None:
        self._sequences = sequences
        self.gave_up = False
        self._all = _BREAK.join(one.text for one in sequences)
        self._starts: list[int] = []
        self._left_chars = MAX_SEARCHED_CHARS
        place = 0
        for one in sequences:
            self._starts.append(place)
            place += len(one.text) + 1

    def best(self, parts: Mapping[str, list[str]]) -> dict[str, bool]:
        """The fields of a row that a sequence holds, each with whether it carries loss: of the
        sequence that holds most of them."""
        ordered = sorted(
            ((text, name) for name, texts in parts.items() for text in texts),
            key=lambda one: (-len(one[0]), one[1]),
        )
        if not ordered:
            return {}
        best: dict[str, bool] = {}
        for index in self._holding(ordered[0][0]):
            found = _found_in(self._sequences[index], ordered)
            if (len(found), sum(found.values())) > (len(best), sum(best.values())):
                best = found
        if not best:  # the longest text may be what was left out: each field may begin
            for anchor, _ in ordered[1:4]:
                if len(anchor) < 12:
                    break
                for index in self._holding(anchor):
                    found = _found_in(self._sequences[index], ordered)
                    if len(found) > len(best):
                        best = found
        return best

    def elsewhere(self, texts: Sequence[str]) -> bool | None:
        """Whether one of a field's long texts carries loss in any sequence, whole or, where rows
        are cut into blocks, half of it and more at a sequence's edge; None where none stands."""
        if self._left_chars <= 0:
            self.gave_up = True
            return None
        self._left_chars -= 3 * len(texts) * len(self._all)
        answers = [
            bool(_found_in(self._sequences[index], [(part, "")]).get(""))
            for text in texts
            if len(text) >= LONG_CHARS
            for part, index in self._standing(text)
        ]
        return any(answers) if answers else None

    def _standing(self, text: str) -> Iterator[tuple[str, int]]:
        """Each sequence with the whole text, or with what was cut off at its end or beginning."""
        for index in self._containing(text):
            yield text, index
        if len(text) < 4 * LONG_CHARS:
            return
        half = len(text) // 2
        for index in self._containing(text[:half]):
            sequence = self._sequences[index].text
            end = sequence[sequence.rfind(text[:half]) :].rstrip()
            if text.startswith(end):
                yield end, index
        for index in self._containing(text[half:]):
            sequence = self._sequences[index].text
            begin = sequence[: sequence.find(text[half:]) + len(text) - half].lstrip()
            if text.endswith(begin):
                yield begin, index

    def _holding(self, text: str) -> Iterator[int]:
        """Sequences with all of a text; else those with its beginning, else with its end."""
        for probe in dict.fromkeys((text, text[:PROBE_CHARS], text[-PROBE_CHARS:])):
            found = list(self._containing(probe))
            if found:
                yield from found
                return

    def _containing(self, probe: str) -> Iterator[int]:
        place = -1
        for _ in range(MAX_CANDIDATES):
            place = self._all.find(probe, place + 1)
            if place < 0:
                return
            index = bisect.bisect_right(self._starts, place) - 1
            yield index
            place = self._starts[index] + len(self._sequences[index].text)


def _found_in(sequence: Text, ordered: Sequence[tuple[str, str]]) -> dict[str, bool]:
    """Fields whose text the sequence holds, longest first, none in the place of another."""
    taken: Spans = []
    found: dict[str, bool] = {}
    for text, name in ordered:
        spans = list(islice(_free(sequence.text, text, taken), MAX_PLACES))
        if not spans:
            continue
        learned = sequence.learned or ()
        carrying = [span for span in spans if any(a < span[1] and span[0] < b for a, b in learned)]
        if not _is_composed(text, ordered):
            taken.append((carrying or spans)[0])
        found[name] = found.get(name, False) or bool(carrying)
    return found


def _is_composed(text: str, ordered: Sequence[tuple[str, str]]) -> bool:
    """Whether a text is put together from others of the row, as `text` from prompt and answer."""
    inside = [one for one, _ in ordered if one != text and one in text]
    return len(inside) > 1 and sum(map(len, inside)) >= _MOSTLY * len(text)


def _free(text: str, part: str, taken: Spans) -> Iterator[tuple[int, int]]:
    """Places of `part`, of a long one as far as it goes on there, that are not taken, and where a
    short one stands as a word."""
    probe = part[:PROBE_CHARS]
    place = text.find(probe)
    while place >= 0:
        end = place + len(probe)
        clash = next((one for one in taken if one[0] < end and place < one[1]), None)
        if clash is None and _stands_alone(text, place, end):
            yield place, end + _alike(text[end : place + len(part)], part[len(probe) :])
        place = text.find(probe, place + 1)


def _alike(one: str, other: str) -> int:
    """Signs from the beginning on that are the same."""
    if other.startswith(one):
        return len(one)
    return next(n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit goes on on either side: 7 is not in 74."""
    if end - start >= LONG_CHARS:
        return True
    before = start > 0 and _joins(text[start - 1], text[start])
    after = end < len(text) and _joins(text[end - 1], text[end])
    return not before and not after


def _joins(left: str, right: str) -> bool:
    """Whether two signs are of one word; of scripts that set no spaces nobody can tell."""
    wide = any(unicodedata.east_asian_width(one) in "WF" for one in (left, right))
    spaceless = any(
        "\u0e00" <= one <= "\u0fff" or "\u1000" <= one <= "\u109f" for one in (left, right)
    )
    return left.isalnum() and right.isalnum() and not wide and not spaceless


def _sample(rows: Sequence[Row], most: int) -> Sequence[Row]:
    if len(rows) <= most:
        return rows
    return random.Random(SEED).sample(list(rows), most)  # noqa: S311 - no secret: a sample


def _names(rows: Sequence[Row], answer: Sequence[str]) -> tuple[str, ...]:
    names = dict.fromkeys(answer)
    for row in rows:
        names |= dict.fromkeys(name for key in row for name in _parts(row, key))
    return tuple(names)[:MAX_FIELDS]


def _parts(row: Row, key: str) -> list[str]:
    """The field, or of a conversation one name a role."""
    roles = [role for role, _ in _turns(row[key])]
    return [f"{key}[{role}]" for role in dict.fromkeys(roles)] or [key]


def _turns(value: Any) -> list[tuple[str, str]]:
    """(role, text) of a conversation; none where it is none."""
    found = []
    for turn in value if isinstance(value, list) else ():
        if not isinstance(turn, dict):
            return []
        role = next((turn[key] for key in ROLES if isinstance(turn.get(key), str)), None)
        text = next((turn[key] for key in TURNS if isinstance(turn.get(key), str)), None)
        if role is None or text is None:
            return []
        found.append((role, text))
    return found


def _texts(row: Row, name: str) -> Iterator[str]:
    """The texts of a field that are looked for."""
    key, _, role = name.rstrip("]").partition("[")
    if role and key in row:
        yield from (text.strip() for one, text in _turns(row[key]) if one == role and text.strip())
        return
    yield from (text for text in _leaves(row.get(name)) if text)


def _leaves(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, (int, float)):
        yield f"{value:.15g}" if isinstance(value, float) else str(value)
    elif isinstance(value, list):
        for one in value[:MAX_FIELDS]:
            yield from _leaves(one, depth + 1)
    elif isinstance(value, dict):
        for one in list(value.values())[:MAX_FIELDS]:
            yield from _leaves(one, depth + 1)
