"""A milestone for data and a model that are there: looked at, guessed, and written with comments.

Responsible for guesses that a person can see and change. What a milestone may say, and whether the
guesses hold, is `preflight`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evidence.data.facts import Row, field_names
from evidence.data.read import read_rows
from evidence.encoding import jsonio
from evidence.errors import EvidenceError, UsageError
from evidence.records.milestone import DataSpec
from evidence.records.record import Record

ASKED: Final = ("question", "prompt", "instruction", "problem", "query", "input", "text")
ANSWERED: Final = (
    "answer", "solution", "response", "output", "completion", "target", "final_answer",
    "expected_answer", "label",
)  # fmt: skip
"""Names by which data sets call the two, the likeliest first."""
MAX_LENGTH: Final = 1024
MAX_NEW_TOKENS: Final = 256
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Given(Record):
    """What `evidence new` was given."""

    data: Path
    evaluation: Path | None
    model: str | None


def values_of(root: Path, given: Given) -> dict[str, str]:
    """What stands for each @NAME@ of the template. Raises UsageError where none can be guessed."""
    evaluation = given.evaluation or given.data
    rows, asked = _rows(given.data), _rows(evaluation)
    prompt, answer = _pair(rows, given.data)
    of_asked, target = _pair(asked, evaluation, prompt, answer)
    model, requires, context = _model(root, given.model)
    longest = max(len(str(row[prompt])) + len(str(row[answer])) for row in rows) + 16
    wanted = max(len(str(row[target])) for row in asked)
    train, other = _inside(root, given.data), _inside(root, evaluation)
    return {
        "MODEL": model,
        "TRAIN": _toml(train),
        "FIELDS": ", ".join(field_names(rows)),
        "ANSWER": _toml(answer),
        "ASKED": prompt,
        "ANSWERED": answer,
        "EVAL": _toml(other),
        "OVERLAPS": "" if train != other else "# The training data: give rows of their own.\n",
        "LENGTH": str(min(_round_up(longest), MAX_LENGTH, context or MAX_LENGTH)),
        "PROMPT": of_asked,
        "TARGET": _toml(target),
        "NEW_TOKENS": str(min(max(16, _round_up(wanted)), MAX_NEW_TOKENS)),
        "REQUIRES": requires,
        "NUM_ASKED": str(len(asked)),
        "FROZEN": ", ".join(map(_toml, dict.fromkeys((train, other)))),
    }


def _rows(path: Path) -> tuple[Row, ...]:
    try:
        return read_rows(path.stem, path.read_bytes(), str(path), DataSpec(path=str(path))).rows
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _pair(rows: Sequence[Row], path: Path, *preferred: str) -> tuple[str, str]:
    """The fields of question and answer: by name, else the first and last that hold text."""
    usable = [
        name
        for name in field_names(rows)
        if _PLAIN.fullmatch(name) and all(_is_text(row.get(name)) for row in rows)
    ]
    first = next((one for one in (*preferred[:1], *ASKED) if one in usable), None)
    rest = [one for one in usable if one != first]
    last = next((one for one in (*preferred[1:], *ANSWERED) if one in rest), None)
    rest = [one for one in usable if one not in (first, last, "id")]
    first = first or next(iter(rest), None)
    last = last or next((one for one in reversed(rest) if one != first), None)
    if first is None or last is None:
        raise UsageError(
            f"{path}: no two fields with text or numbers in every row, for question and answer",
            hint=f"Its fields are: {', '.join(field_names(rows))}. Write the milestone by hand: "
            "`evidence new ID` without --data explains each key.",
        )
    return first, last


def _is_text(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number or (isinstance(value, str) and value.strip() != "")


def _model(root: Path, model: str | None) -> tuple[str, str, int | None]:
    """The lines of [model], those of the attempt, and the model's context."""
    if model is None:
        lines = 'id = "google/gemma-2b"   # an example; or a folder: path = "models/mine"'
        return lines, _NEEDS_HUB, None
    folder = Path(model) if Path(model).is_absolute() else root / model
    folder = folder if folder.is_dir() else Path(model)
    if folder.is_dir():
        return _local(root, folder)
    if _HUB_ID.fullmatch(model):
        lines = f'id = {_toml(model)}\nrevision = "main"   # what it resolves to is recorded'
        return lines, _NEEDS_HUB, None
    raise UsageError(
        f"{model!r} is no folder, and no id on the hub (owner/name)",
        hint="Give a folder with config.json, tokenizer.json and *.safetensors.",
    )


_NEEDS_HUB: Final = "\n[attempt.requires]\nhub = true\n"


def _local(root: Path, folder: Path) -> tuple[str, str, int | None]:
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise UsageError(
                f"{folder} has no {name}",
                hint="Save model and tokenizer there with save_pretrained (a fast tokenizer).",
            )
    place = _toml(_inside(root, folder))
    context = _context(folder / "config.json")
    if any(folder.glob("*.safetensors")):
        return f"path = {place}", "", context
    lines = (
        f"config = {place}   # no *.safetensors there: weights are random, drawn from init_seed\n"
        f"init_seed = 42\ntokenizer = {place}"
    )
    return lines, "", context


def _context(path: Path) -> int | None:
    try:
        config: Any = jsonio.load_document(path.read_bytes())
    except (EvidenceError, OSError) as error:
        raise UsageError(f"{path} is no JSON that can be read: {error}") from error
    found = config.get("max_position_embeddings") if isinstance(config, Mapping) else None
    return found if isinstance(found, int) and found > 0 else None


def _inside(root: Path, path: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise UsageError(
            f"{path} is outside the project {root.resolve()}",
            hint="Copy it into the project, so that a commit can hold it, and name the copy.",
        ) from None


def _round_up(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _toml(text: str) -> str:
    """A basic string of TOML, which is one of JSON."""
    return json.dumps(text, ensure_ascii=False)
