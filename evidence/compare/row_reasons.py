"""Why two runs were fed other rows, or the same rows as other tokens. Pure.

Responsible for what the row streams, the data and the recorded batches allow to say of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.compare.configuration import configuration
from evidence.compare.pair import Pair
from evidence.records.comparison import ReasonKind, ReasonRecord
from evidence.records.inputs import SeenBatch, SeenRecord
from evidence.results.conditions import DATA, ROWS, TOKENIZER
from evidence.rules.differences import differences
from evidence.stages.train import SEEN
from evidence.text import formatting

SHOWN_ROWS: Final = 8
_OF_FILES: Final = (".path", ".paths", ".file_format", ".revision", ".id")
"""Ends of keys that say where rows lie: their digests tell whether they are the same."""
_OF_ROWS: Final = ("seed", "batch_size", "gradient_accumulation", "max_length", "epochs")


def row_reasons(pair: Pair) -> Iterator[ReasonRecord]:
    """Other data, another tokenizer, another text; and, where none of these is, another order."""
    yield from _data(pair)
    if pair.differs(TOKENIZER):
        text = "the tokenizers are two, so the same text is other tokens"
        yield ReasonRecord("text", text, (TOKENIZER,))
    texts = text_keys(pair)
    if texts:
        text = f"rows become texts, and texts carry loss, in another way: {', '.join(texts)}"
        yield ReasonRecord("text", text, texts)
    if pair.differs(ROWS) and pair.trajectory.first_stream_step is not None:
        yield _parted(pair, pair.trajectory.first_stream_step, texts)


def _data(pair: Pair) -> Iterator[ReasonRecord]:
    for name in pair.conditions:
        if name.startswith(DATA) and pair.differs(name):
            what = name.removeprefix(DATA)
            yield ReasonRecord("data", f"the data set {what} has other bytes", (name,))


def text_keys(pair: Pair) -> tuple[str, ...]:
    """Keys of the milestones by which rows become texts in another way."""
    both = [configuration(pair.first), configuration(pair.other)]
    sets = [{key.split(".")[1] for key in one if key.startswith("data.")} for one in both]
    shared = tuple(f"data.{name}." for name in sets[0] & sets[1])
    keys = (row.key for row in differences(both) if row.key.startswith(shared))
    return tuple(key for key in keys if not key.endswith(_OF_FILES))


def _parted(pair: Pair, step: int, texts: tuple[str, ...]) -> ReasonRecord:
    """The streams part at this step: rows in another order, other rows, or other tokens."""
    stated = [f"train.{key}" for key in _OF_ROWS if pair.differs(f"train.{key}")]
    shown = [f"{key} {' → '.join(map(str, pair.conditions[key].values))}" for key in stated]
    data = [name for name in pair.conditions if name.startswith(DATA)]
    explained = bool(texts) or pair.differs(TOKENIZER) or any(map(pair.differs, data))
    where = f"from step {formatting.count(step)} on"
    facts = (ROWS, *stated, *(data if pair.is_same(*data) else ()))
    kind, what, place = _recorded(pair, step)
    if kind == "order" and not explained and pair.is_same(*data):
        begin = f"the data are the same, and {where} the rows are fed in another order"
    elif kind == "text":
        begin = f"{where} the same rows are fed"
    elif what:
        kind, begin = "rows", f"{where} other rows are fed"
    else:
        otherwise = "or the same as other tokens, or with loss on others"
        kind, begin = "rows", f"{where} other rows are fed, {otherwise}"
    because = f"; stated: {', '.join(shown)}" if shown else _nothing_stated(pair, kind)
    return ReasonRecord(kind, f"{begin}{what}{because}", (*facts, *place))


def _nothing_stated(pair: Pair, kind: ReasonKind) -> str:
    seed = pair.conditions["train.seed"]
    if kind != "order" or seed.outcome != "same":
        return ""
    return f"; both state the seed {seed.values[0]}, so it is drawn from it in another way"


def _recorded(pair: Pair, parted: int) -> tuple[ReasonKind, str, tuple[str, ...]]:
    """Kind, words and place of what the recorded batches show at the first step that both have."""
    seen = [one.document(SEEN) for one in (pair.first, pair.other)]
    if seen[0] is None or seen[1] is None:
        return "rows", "", ()
    batches = [{one.step: one for one in found.batches} for found in seen if found is not None]
    for step in sorted(batches[0].keys() & batches[1].keys()):
        before, after = batches[0][step], batches[1][step]
        if step < parted or not _whole(before) or not _whole(after):
            continue
        rows = [[row.source_row for row in one.rows] for one in (before, after)]
        place = (f"{layout.SEEN}#/batches (step {step})",)
        both = list(zip(before.rows, after.rows, strict=False))
        other = [a.source_row for a, b in both if (a.ids, a.labels) != (b.ids, b.labels)]
        if rows[0] == rows[1] and other:
            alike = all(a.ids == b.ids for a, b in both)
            how = ", and other tokens of them carry loss" if alike else " as other tokens"
            return "text", f"{how} (row {other[0]} at step {step})", place
        if rows[0] != rows[1]:
            words = (
                f": step {step} was fed {_shown(rows[0])} in the first and "
                f"{_shown(rows[1])} in the other"
            )
            return ("order" if _evenly(seen[0]) and _evenly(seen[1]) else "rows"), words, place
    return "rows", "", ()


def _whole(batch: SeenBatch) -> bool:
    return batch.stream_before is None


def _evenly(seen: SeenRecord) -> bool:
    """Whether each row was fed as often as any other, to one: as an order of the data feeds them,
    and no choice among them, however far it got."""
    return seen.times_seen_max - seen.times_seen_min <= 1


def _shown(rows: list[int]) -> str:
    more = f" and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
    word = "row" if len(rows) == 1 else "rows"
    return f"{word} {', '.join(map(str, rows[:SHOWN_ROWS]))}{more}"
