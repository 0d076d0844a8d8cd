"""What a training needs to know of the evaluation that follows it.

Responsible for a training that nothing follows, too: of that there is nothing to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import field

from evidence.data.examples import (
    EvalExample,
    ProbeText,
    probe_texts,
    questions,
    seam_record,
    token_warnings,
)
from evidence.data.facts import DataSet
from evidence.data.tokens import Coder, Example
from evidence.records.inputs import SeamRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan


class Later(Record):
    """Of the evaluation after a training; all of it empty where nothing is evaluated."""

    asked: tuple[EvalExample, ...] = ()
    data: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the data that it reads, by name."""
    seam: SeamRecord | None = None
    probed: tuple[ProbeText, ...] = ()
    """Texts whose loss is measured before and after the training: both times the same, whatever
    becomes of the file."""
    warnings: tuple[str, ...] = ()


def of_later(
    plan: AttemptPlan, root: Path, data: DataSet, coder: Coder, examples: Sequence[Example]
) -> Later:
    """What is known before the first step; `data`, `examples`: what is trained on."""
    if plan.given_eval is None:
        return Later()
    asked, sha256, _ = questions(plan, root, coder.chat)
    return Later(
        asked=asked,
        data={plan.eval.data: sha256},
        seam=seam_record(plan, data, root, coder, examples),
        probed=probe_texts(plan, data, root, coder.chat),
        warnings=token_warnings(plan, data, root, coder, examples),
    )
