"""Rows as the model was fed them: without padding, with labels in their places. Pure.

Responsible for turning nested lists (ids, mask, labels or the loss function's targets) into rows,
whatever the convention of the program: labels aligned with the ids, as transformers has them, or
already moved by one, as plain loops have them. Labels come out aligned with the ids.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional

IGNORED = -100

Ids = List[int]


class Row(NamedTuple):
    """One row of a batch, unpadded. A label says what is to be predicted AT its own place."""

    ids: Ids
    labels: Optional[Ids]
    num_restarts: int
    """How often positions begin anew: the sequences that are packed into the row, less one."""
    num_never_fed: int = 0
    """1 where the last token is known as a target only."""


class Fed(NamedTuple):
    """What one forward pass was given, as nested lists."""

    ids: Any
    mask: Any
    labels: Any
    positions: Any
    targets: Optional[Ids]
    """What the loss function was given, flat."""
    ignored: int
    pad_id: Optional[int]


def rows_of(fed: Fed) -> list[Row]:
    """The rows of the batch."""
    ids = _as_rows(fed.ids)
    mask = _same_shape(_as_rows(fed.mask), ids)
    positions = _same_shape(_as_rows(fed.positions), ids)
    labels, ignored = _same_shape(_as_rows(fed.labels), ids), IGNORED
    if labels is None and fed.targets is not None:
        labels, ignored = _by_targets(ids, fed.targets), fed.ignored
    return [
        _row(
            row,
            None if labels is None else _with_ignored(labels[index], ignored),
            None if mask is None else mask[index],
            None if positions is None else positions[index],
            fed.pad_id,
        )
        for index, row in enumerate(ids)
    ]


def num_targets(labels: Ids) -> int:
    """Tokens that carry loss, by aligned labels: the first is never predicted."""
    return len(labels) - 1 - labels[1:].count(IGNORED) if labels else 0


def _as_rows(value: Any) -> Any:
    """A batch of rows; a lone row is a batch of one."""
    if isinstance(value, list) and value and not isinstance(value[0], list):
        return [value]
    return value


def _same_shape(values: Any, ids: Any) -> Any:
    if not isinstance(values, list) or len(values) != len(ids):
        return None
    for row, of in zip(values, ids):
        if not isinstance(row, list) or len(row) != len(of) or (row and isinstance(row[0], list)):
            return None
    return values


def _by_targets(ids: list[Ids], targets: Ids) -> list[Ids] | None:
    """The loss function's targets, cut into rows. Of rows less one token, the first has none."""
    if not ids or any(len(row) != len(ids[0]) for row in ids):
        return None
    width = len(ids[0])
    if len(targets) == len(ids) * width:
        return [targets[start : start + width] for start in range(0, len(targets), width)]
    if width > 1 and len(targets) == len(ids) * (width - 1):
        rows = range(0, len(targets), width - 1)
        return [[IGNORED, *targets[start : start + width - 1]] for start in rows]
    return None


def _with_ignored(labels: Ids, ignored: int) -> Ids:
    """Labels in which what is ignored is -100, whatever the program's own number is."""
    if ignored == IGNORED or ignored not in labels:
        return labels
    return [IGNORED if label == ignored else label for label in labels]


def _row(
    ids: Ids, labels: Ids | None, mask: Ids | None, positions: Ids | None, pad_id: int | None
) -> Row:
    num_fed = len(ids)
    if labels is not None and labels != ids and _are_moved(ids, labels):
        ids, labels, mask = _moved_back(ids, labels, mask)
    num_never_fed = len(ids) - num_fed
    restarts = 0 if positions is None else max(0, positions.count(0) - 1)
    if mask is not None and 0 in mask:
        kept = [place for place, here in enumerate(mask) if here]
        ids = [ids[place] for place in kept]
        labels = None if labels is None else [labels[place] for place in kept]
    elif mask is None and pad_id is not None and not num_never_fed:
        ids, labels = _without_padding(ids, labels, pad_id)
    return Row(ids, labels, restarts if mask is None or 0 not in mask else 0, num_never_fed)


def _are_moved(ids: Ids, labels: Ids) -> bool:
    """Whether each label is the token after its place, and not the one in it."""
    if IGNORED not in labels:  # the common case, in few calls
        return len(ids) > 1 and labels != ids and labels[:-1] == ids[1:]
    pairs = [place for place, label in enumerate(labels) if label != IGNORED]
    if not pairs or all(labels[place] == ids[place] for place in pairs):
        return False
    inner = [place for place in pairs if place + 1 < len(ids)]
    return bool(inner) and all(labels[place] == ids[place + 1] for place in inner)


def _moved_back(ids: Ids, labels: Ids, mask: Ids | None) -> tuple[Ids, Ids, Ids | None]:
    """Aligned with the ids; the last label is a token of the row that was never an input."""
    aligned = [IGNORED, *labels]
    if labels[-1] == IGNORED:
        return ids, aligned[:-1], mask
    return [*ids, labels[-1]], aligned, None if mask is None else [*mask, 1]


def _without_padding(ids: Ids, labels: Ids | None, pad_id: int) -> tuple[Ids, Ids | None]:
    """Less the padding at the end, as far as no label is on it."""
    end = len(ids)
    while end and ids[end - 1] == pad_id and (labels is None or labels[end - 1] == IGNORED):
        end -= 1
    return ids[:end], None if labels is None else labels[:end]
