"""What the summary shows of what the model saw: examples, coverage, oddities, lengths.

Responsible for the names of seen.md.j2 beside the values themselves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.inputs import SeenRecord, TextRecord
from evidence.render import examples, facts
from evidence.render.completed import completed_plan
from evidence.render.packing import packing_of
from evidence.render.values import Sheet
from evidence.results.inputs import LENGTHS
from evidence.stages.train import SEEN
from evidence.text import marked


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for seen.md.j2."""
    seen = documents.document(SEEN) if sheet.has("seen.num_rows") else None
    coverage = () if seen is None else seen.coverage
    chat = None if seen is None else seen.chat
    text, plan = documents.inputs.text, completed_plan(documents, sheet)
    train = documents.milestone.train.data if plan is None else plan.train.data
    return {
        "seen_examples": () if seen is None else examples.seen_examples(seen),
        "oddities": () if seen is None else facts.oddities(documents, train, sheet),
        "answers_cut": "" if seen is None else facts.answers_cut(seen),
        "chat": chat,
        "speakers": _speakers(seen),
        "end_tokens": _named([one.text for one in chat.end_tokens] if chat else ()),
        "tools": _named(chat.tools if chat else ()),
        "template_of_chat": _template_of_chat(text),
        "special_tokens": facts.special_tokens(documents.inputs.tokenizer),
        "text_template": ""
        if isinstance(text, Unavailable)
        else marked.preformatted(text.template),
        "length_columns": ("Shortest", "Median", "90th percentile", "95th percentile", "Longest"),
        "lengths": [
            (label, [f"{name}.{key}" for key in LENGTHS])
            for label, name in (
                ("Tokens of its text", "text.length_tokens"),
                ("Characters in its fields", "data.train.length_chars"),
            )
        ],
        **packing_of(documents),
        "coverage": [
            (
                f"seen.{one.field}",
                marked.code(one.field),
                one.is_answer,
                facts.learned_sign(one, 0 if seen is None else seen.num_rows),
            )
            for one in coverage
        ],
    }


def _speakers(seen: SeenRecord | None) -> list[tuple[str, str]]:
    """Each speaker of conversations: what its values begin with, and what it is called."""
    found = () if seen is None or seen.chat is None else seen.chat.speakers
    return [(f"seen.{one.speaker}", one.speaker.replace("_", " ")) for one in found]


def _named(texts: Sequence[str]) -> str:
    return ", ".join(marked.code(one, facts.TEXT_CHARS) for one in texts)


def _template_of_chat(text: TextRecord | Unavailable) -> str:
    """Where the chat template comes from, and what it was given; empty where there is none."""
    if isinstance(text, Unavailable) or text.chat is None:
        return ""
    given = [f"{name} = {json.dumps(value)}" for name, value in sorted(text.chat.values.items())]
    values = f"; it was given {', '.join(map(marked.code, given))}" if given else ""
    brought = {"tokenizer": "brought along by the tokenizer", "milestone": "of the milestone"}
    how = {
        "generation-marks": "the template marks what the assistant says",
        "prefixes": "where the assistant speaks was proven on every row, prefix by prefix",
    }
    digest = marked.code(text.chat.template_sha256)
    return f"{brought[text.chat.source]}, SHA-256 {digest}{values}; {how[text.chat.spans]}"
