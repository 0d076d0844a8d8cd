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

from evidence.data.conversations import MESSAGES, answer_of, as_conversation
from evidence.data.facts import Row, field_names
from evidence.data.read import read_rows
from evidence.encoding import jsonio
from evidence.errors import EvidenceError, UsageError
from evidence.milestone.not_built import PREFERENCES
from evidence.records.milestone import ConversationFormat, DataSpec
from evidence.records.record import Record
from evidence.running.preferences import are_preferences
from evidence.worker.model_folders import (
    RECORD_IT,
    TAKE_ANOTHER,
    has_chat_template,
    sequence_types,
    why_not_causal,
)

ASKED: Final = ("question", "prompt", "instruction", "problem", "query", "input", "text")
ANSWERED: Final = (
    "answer", "solution", "response", "output", "completion", "target", "final_answer",
    "expected_answer", "label",
)  # fmt: skip
"""Names by which data sets call the two, the likeliest first."""
_ALPACA: Final = frozenset({"instruction", "input", "output"})
MAX_LENGTH: Final = 1024
MAX_NEW_TOKENS: Final = 256
_BY_HAND: Final = "Write the milestone by hand: `evidence new ID` without --data explains the keys."
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
    if are_preferences(rows):
        raise UsageError(f"{given.data}: {PREFERENCES}", hint=_BY_HAND)
    taught = _taught(rows, given.data)
    fed = _fed(asked, evaluation, *taught.fields)
    model, requires, context = _model(root, given.model)
    if (not taught.fields or fed.of_data) and _lacks_template(root, given.model):
        model += _TEMPLATE
    train, other = _inside(root, given.data), _inside(root, evaluation)
    return {
        "MODEL": model,
        "TRAIN": _toml(train),
        "FIELDS": ", ".join(field_names(rows)),
        "TAUGHT": taught.lines,
        "EVAL": _toml(other),
        "FORMAT": fed.of_data,
        "OVERLAPS": "" if train != other else "# The training data: give rows of their own.\n",
        "LENGTH": str(min(_round_up(taught.num_chars), MAX_LENGTH, context or MAX_LENGTH)),
        "FED": fed.lines,
        "NEW_TOKENS": str(min(max(16, _round_up(fed.num_chars)), MAX_NEW_TOKENS)),
        "REQUIRES": requires,
        "NUM_ASKED": str(len(asked)),
        "FROZEN": ", ".join(map(_toml, dict.fromkeys((train, other)))),
    }


class _Guess(Record):
    """Lines of a table, and what they are of."""

    lines: str
    num_chars: int
    """Of the longest text."""
    fields: tuple[str, ...] = ()
    of_data: str = ""


_TAUGHT: Final = """\
answer = [@]     # guessed: what the model must learn
loss = "completion"     # from the first answer field to the end; or "fields", or "all"
text = "{{ @ }}\\nAnswer:\\n{{ @ }}"   # guessed: Jinja, over the fields of a row
# (a line end before the answer: many tokenizers make one token of a blank and the word after it)
# The text goes to the tokenizer as it stands: a chat template is not applied. Write turn markers
# into text and prompt alike where the model expects them."""
_TALKED: Final = """\
format = @   # found: rows are conversations; the tokenizer's chat template makes the text
learn = "assistant"     # which turns carry loss; or "last-assistant", or "all"\
"""
_TEMPLATE: Final = """
# Its tokenizer has no chat template, which conversations need. Guessed: a plain one, without tools.
chat_template = '''
{%- for m in messages %}{{ m.role }}:
{{ m.content or "" }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}assistant:
{% endif %}'''"""
_FED: Final = """\
prompt = "{{ @ }}\\nAnswer:\\n"   # what is fed: the text above, up to where the loss begins
target_field = @       # guessed"""
_TALKED_TO: Final = "# fed: all before the last turn, which is the expected answer"


def _taught(rows: Sequence[Row], path: Path) -> _Guess:
    form = _form(rows)
    if form is not None:
        talks = [as_conversation(row, form)[MESSAGES] for row in rows]
        longest = max(sum(len(str(one.get("content"))) + 32 for one in talk) for talk in talks)
        return _Guess(_filled(_TALKED, _toml(form)), longest)
    prompt, answer = _pair(rows, path)
    longest = max(len(str(row[prompt])) + len(str(row[answer])) for row in rows) + 16
    return _Guess(_filled(_TAUGHT, _toml(answer), prompt, answer), longest, (prompt, answer))


def _fed(rows: Sequence[Row], path: Path, *taught: str) -> _Guess:
    form = _form(rows)
    if form is not None:
        wanted = max(len(answer_of(as_conversation(row, form))) for row in rows)
        return _Guess(_TALKED_TO, wanted, of_data=f"format = {_toml(form)}\n")
    prompt, target = _pair(rows, path, *taught)
    wanted = max(len(str(row[target])) for row in rows)
    return _Guess(_filled(_FED, prompt, _toml(target)), wanted)


def _filled(text: str, *values: str) -> str:
    """The text with a value for each @, in order."""
    first, *rest = text.split("@")
    return first + "".join(f"{value}{part}" for value, part in zip(values, rest, strict=True))


def _form(rows: Sequence[Row]) -> ConversationFormat | None:
    """The form of conversations, where every row is one."""
    forms: tuple[tuple[ConversationFormat, str], ...] = (
        ("messages", MESSAGES),
        ("sharegpt", "conversations"),
    )
    for form, field in forms:
        if all(isinstance(row.get(field), list) for row in rows):
            return form
    # a text of two fields would leave out what the instruction is about
    return "alpaca" if all(row.keys() >= _ALPACA for row in rows) else None


def _rows(path: Path) -> Sequence[Row]:
    try:
        raw, spec = path.read_bytes(), DataSpec(path=str(path))
        rows = read_rows(path.stem, raw, str(path), spec).rows
        form = _form(rows)
        if form is not None:  # read again as what they are: what is wrong with one has its line
            read_rows(path.stem, raw, str(path), DataSpec(path=str(path), format=form))
        return rows
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
            hint=f"Its fields are: {', '.join(field_names(rows))}. {_BY_HAND}",
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
    folder = _folder(root, model)
    if folder is not None:
        return _local(root, folder)
    if _HUB_ID.fullmatch(model):
        lines = f'id = {_toml(model)}\nrevision = "main"   # what it resolves to is recorded'
        return lines, _NEEDS_HUB, None
    raise UsageError(
        f"{model!r} is no folder, and no id on the hub (owner/name)",
        hint="Give a folder with config.json, tokenizer.json and *.safetensors.",
    )


def _folder(root: Path, model: str) -> Path | None:
    """The folder that a model is; None where it is none here."""
    return next((one for one in (root / model, Path(model)) if one.is_dir()), None)


def _lacks_template(root: Path, model: str | None) -> bool:
    """Whether a tokenizer that is here has no chat template; of the hub's that is not known."""
    folder = None if model is None else _folder(root, model)
    return folder is not None and not has_chat_template(folder)


_NEEDS_HUB: Final = "\n[attempt.requires]\nhub = true\n"


def _local(root: Path, folder: Path) -> tuple[str, str, int | None]:
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise UsageError(
                f"{folder} has no {name}",
                hint="Save model and tokenizer there with save_pretrained (a fast tokenizer).",
            )
    config = _config(folder / "config.json")
    if reason := why_not_causal(config, frozenset(), sequence_types()):
        raise UsageError(f"{folder}: {reason}", hint=f"{TAKE_ANOTHER} {RECORD_IT}")
    place = _toml(_inside(root, folder))
    context = _context(config)
    if any(folder.glob("*.safetensors")):
        return f"path = {place}", "", context
    lines = (
        f"config = {place}   # no *.safetensors there: weights are random, drawn from init_seed\n"
        f"init_seed = 42\ntokenizer = {place}"
    )
    return lines, "", context


def _config(path: Path) -> Mapping[str, Any]:
    try:
        found: Any = jsonio.load_document(path.read_bytes())
    except (EvidenceError, OSError) as error:
        raise UsageError(f"{path} is no JSON that can be read: {error}") from error
    return found if isinstance(found, Mapping) else {}


def _context(config: Mapping[str, Any]) -> int | None:
    found = config.get("max_position_embeddings")
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
