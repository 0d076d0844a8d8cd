"""The author's words before a run: no measurement in them is without support.

Responsible for refusing unsupported numbers in a milestone and its notes before anything starts,
when only what the milestone itself fixes can support them. Notes after a run are `publish.notes`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evidence import prose
from evidence.encoding.codec import encode
from evidence.errors import MilestoneError
from evidence.milestone.parse import line_of
from evidence.milestone.plan import plan_attempts
from evidence.prose.literals import shown
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.rules import arithmetic
from evidence.stages.stage import stages_of

Data = Mapping[str, DataRecord]


def refuse_unsupported_measurements(
    path: Path,
    source: bytes,
    milestone: Milestone,
    data: Data,
    of_stages: Mapping[str, Data],
    notes: tuple[Path, str],
    origins: Mapping[str, str],
) -> None:
    """Raise MilestoneError for a measurement in the words that no plan supports or declares.

    `origins`: by its pointer, the option of the command line that a text comes from.
    """
    known = prose.known_numbers({}, encode(milestone), list(_planned(milestone, data, of_stages)))
    declared = milestone.narrative.literals
    for pointer, text in prose.author_texts(milestone):
        for unsupported in prose.unsupported_literals(text, known, declared):
            if not unsupported.reason:
                line = _line(source, pointer, unsupported.literal)
                key = pointer.strip("/").replace("/", ".")
                raise _refusal(origins.get(pointer, f"{path}:{line}: {key}"), unsupported)
    for unsupported in prose.unsupported_literals(notes[1], known, declared):
        if not unsupported.reason:
            raise _refusal(f"{notes[0]}:{unsupported.literal.line}", unsupported)


def _refusal(where: str, unsupported: prose.UnsupportedLiteral) -> MilestoneError:
    shown_number = shown(unsupported.literal)
    name = unsupported.name or "train.loss_end"
    return MilestoneError(
        f"{where}: {shown_number} is a measurement typed by hand: no evidence can support it yet",
        hint=f"Name the value instead, as in {{{{ {name} }}}}, or say why it stands there:\n"
        f'  [narrative.literals]\n  "{shown_number}" = "the reason"',
    )


def _planned(milestone: Milestone, data: Data, of_stages: Mapping[str, Data]) -> Iterator[float]:
    """Counts that follow from milestone and data before anything runs."""
    for record in data.values():
        yield record.num_rows
    for stage in stages_of(milestone):
        for plan in plan_attempts(stage.milestone):
            taught = stage.milestone.data  # an evaluation alone has no training data
            if plan.given_train is not None and plan.train.data in taught:
                yield _num_steps(plan, of_stages.get(stage.name, data))


def _num_steps(plan: AttemptPlan, data: Data) -> int:
    spec = plan.train
    rows = data[spec.data].num_rows
    each = arithmetic.steps_per_epoch(rows, spec.batch_size, spec.gradient_accumulation)
    return arithmetic.total_steps(spec.epochs, each, spec.max_steps)


def _line(source: bytes, pointer: str, literal: prose.Literal) -> int:
    """Line of the literal in the file: from its key on, the first line that has its number."""
    first = line_of(source, pointer)
    lines = source.decode("utf-8").split("\n")
    number = literal.text.split()[0]
    after = range(first, len(lines) + 1)
    return next((line for line in after if number in lines[line - 1]), first)
