"""What follows from `format`, which makes conversations of the rows of a data set. Pure.

Responsible for the settings that a set of conversations has in place of `text`, `answer` and
`loss`, and for what contradicts them in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from evidence.records.milestone import DataSpec, Milestone

ASSISTANT: Final = "assistant"
OF_TEXT: Final = ("chat_template", "chat_values")
"""Keys of a model by which conversations become text, whatever the model is."""
NO_TEXT: Final = "training data need `text`, a template of a row, or `format`, of conversations"


def has_text(spec: DataSpec) -> bool:
    """Whether it is said how a row becomes a text to train on."""
    return spec.text is not None or spec.format is not None


def with_turns(milestone: Milestone) -> Milestone:
    """The milestone with what `format` says of a data set written out: the answer is what the
    assistant says, and the chat template ends the text."""
    found = {name: _resolved(spec) for name, spec in milestone.data.items()}
    return milestone if found == milestone.data else replace(milestone, data=found)


def _resolved(spec: DataSpec) -> DataSpec:
    if spec.format is None:
        return spec
    learn = spec.learn or "assistant"
    loss = "all" if learn == "all" else "fields"
    return replace(spec, learn=learn, loss=loss, answer=(ASSISTANT,), append_eos=False)


def format_problems(pointer: str, spec: DataSpec, *, of_program: bool) -> Iterator[tuple[str, str]]:
    """Keys of a data set that do not go together with `format`, or without it. `of_program`: the
    milestone runs a program as it is, which makes its own texts."""
    if spec.format is not None and of_program:
        yield f"{pointer}/format", "is of data that become texts here: a program makes its own"
    if spec.format is None:
        if spec.learn is not None:
            yield f"{pointer}/learn", "is of conversations: say which form they have with `format`"
        return
    given = {"text": spec.text is not None, "answer": bool(spec.answer)}
    given["loss"] = spec.loss != "completion"
    for key in (key for key, is_given in given.items() if is_given):
        text = "the chat template makes the text, and `learn` says which turns carry loss"
        yield f"{pointer}/{key}", f"does not go together with format = {spec.format!r}: {text}"
