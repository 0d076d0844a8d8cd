"""Two sets of predictions, matched by prompt and expected answer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from evidence.records.comparison import (
    ChangedPrediction,
    CommonScoreRecord,
    PredictionsRecord,
    PromptRecord,
)
from evidence.records.run import PredictionRow

Key: TypeAlias = tuple[str, str, int]
Scores: TypeAlias = Mapping[str, bool]


def compare_predictions(
    first: Sequence[PredictionRow], second: Sequence[PredictionRow]
) -> PredictionsRecord:
    """Outputs that changed, prompts that only the second has (gained) or only the first (lost)."""
    before, after = by_prompt(first), by_prompt(second)
    common = [key for key in before if key in after]
    return PredictionsRecord(
        num_common=len(common),
        scores=_scores([(before[key].scores, after[key].scores) for key in common]),
        changed=tuple(
            _changed(before[key], after[key])
            for key in common
            if before[key].output != after[key].output
        ),
        gained=tuple(_prompt(row) for key, row in after.items() if key not in before),
        lost=tuple(_prompt(row) for key, row in before.items() if key not in after),
    )


def _scores(pairs: Sequence[tuple[Scores, Scores]]) -> tuple[CommonScoreRecord, ...]:
    """Like with like: only these prompts were asked in both packs."""
    names = [name for name in (pairs[0][0] if pairs else {}) if _in_all(name, pairs)]
    found = []
    for name in sorted(names):
        sides = [(first[name], second[name]) for first, second in pairs]
        right = (sum(before for before, _ in sides), sum(after for _, after in sides))
        came_right, went_wrong = sides.count((False, True)), sides.count((True, False))
        found.append(CommonScoreRecord(name, right, came_right, went_wrong))
    return tuple(found)


def _in_all(name: str, pairs: Sequence[tuple[Scores, Scores]]) -> bool:
    return all(name in first and name in second for first, second in pairs)


def by_prompt(rows: Sequence[PredictionRow]) -> dict[Key, PredictionRow]:
    """Rows by what was asked; a question asked twice counts as two."""
    seen: Counter[tuple[str, str]] = Counter()
    found: dict[Key, PredictionRow] = {}
    for row in rows:
        asked = (row.prompt, row.target)
        found[(*asked, seen[asked])] = row
        seen[asked] += 1
    return found


def _changed(before: PredictionRow, after: PredictionRow) -> ChangedPrediction:
    return ChangedPrediction(
        id=after.id,
        prompt=after.prompt,
        before=before.output,
        after=after.output,
        scores_before=before.scores,
        scores_after=after.scores,
    )


def _prompt(row: PredictionRow) -> PromptRecord:
    return PromptRecord(id=row.id, prompt=row.prompt)
