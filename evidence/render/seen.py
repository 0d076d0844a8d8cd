"""What the summary shows of what the model saw: examples, coverage, oddities, lengths.

Responsible for the names of seen.md.j2 beside the values themselves.
"""

from __future__ import annotations

from typing import Any

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.render import examples, facts
from evidence.render.completed import completed_plan
from evidence.render.values import Sheet
from evidence.results.inputs import LENGTHS
from evidence.stages.train import SEEN
from evidence.text import markdown


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for seen.md.j2."""
    seen = documents.document(SEEN) if sheet.has("seen.num_rows") else None
    coverage = () if seen is None else seen.coverage
    text, plan = documents.inputs.text, completed_plan(documents, sheet)
    train = documents.milestone.train.data if plan is None else plan.train.data
    return {
        "seen_examples": () if seen is None else examples.seen_examples(seen),
        "oddities": () if seen is None else facts.oddities(documents, train, sheet),
        "answers_cut": "" if seen is None else facts.answers_cut(seen),
        "special_tokens": facts.special_tokens(documents.inputs.tokenizer),
        "text_template": ""
        if isinstance(text, Unavailable)
        else markdown.preformatted(text.template),
        "length_columns": ("Shortest", "Median", "90th percentile", "95th percentile", "Longest"),
        "lengths": [
            (label, [f"{name}.{key}" for key in LENGTHS])
            for label, name in (
                ("Tokens of its text", "text.length_tokens"),
                ("Characters in its fields", "data.train.length_chars"),
            )
        ],
        "coverage": [
            (
                f"seen.{one.field}",
                markdown.code(one.field),
                one.is_answer,
                facts.learned_sign(one, 0 if seen is None else seen.num_rows),
            )
            for one in coverage
        ],
    }
