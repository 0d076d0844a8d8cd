"""Row formats of the data sets and of the frozen archive, as bytes.

Responsible for field names, their order and encoding. What the rows say is `compose`'s and
`tasks`'s; nothing here touches a file.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from compose import Question
from corrections import Check
from tasks import Draft

DATASET = "dev-reasoning"


def training_row(index: int, category: str, draft: Draft, seed: int) -> dict[str, Any]:
    """A reasoning trace: prompt, typed steps, final answer, and where it comes from."""
    return {
        "trace_version": "1.0",
        "prompt": draft.prompt,
        "final_answer": draft.answer,
        "steps": [
            {"i": i, "type": kind, "content": text} for i, (kind, text) in enumerate(draft.steps)
        ],
        "meta": {
            "dataset": DATASET,
            "generator": "milestones/data/generate.py",
            "seed": seed,
            "category": category,
            "task_type": draft.task,
            "index": index,
        },
    }


def evaluation_row(index: int, question: Question) -> dict[str, Any]:
    """An evaluation question with its expected answer and what kind it is."""
    return {
        "id": f"eval-{index + 1:03d}",
        "prompt": question.draft.prompt,
        "expected_answer": question.draft.answer,
        "section": question.section,
        "category": question.category,
        "difficulty": question.difficulty,
    }


def stage_row(name: str, index: int, draft: Draft) -> dict[str, Any]:
    """A trace of a stage or of an arm: prompt, typed steps, final answer."""
    return {
        "id": f"{name}-{index + 1:03d}",
        "task": draft.task,
        "prompt": draft.prompt,
        "steps": [{"type": kind, "content": text} for kind, text in draft.steps],
        "final_answer": draft.answer,
    }


def check_row(index: int, check: Check, *, injected: bool) -> dict[str, Any]:
    """A question with a step that is given; where it is wrong, `error` repeats it."""
    step = check.error if injected else check.step
    row = {
        "id": f"check-{index + 1:03d}",
        "prompt": f"{check.draft.prompt}\n{step}",
        "expected_answer": check.draft.answer,
        "category": check.draft.task,
    }
    return row | {"error": step} if injected else row


def jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """One JSON object a line, UTF-8, LF."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP whose bytes depend on nothing but its content: fixed times, stored, sorted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            target.writestr(entry, files[name])
    return buffer.getvalue()
