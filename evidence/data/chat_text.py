"""The text of a conversation by a chat template, with who speaks where.

Responsible for finding the assistant's turns in the rendered text, and for proving on every row
what it says of them: by the template's generation marks, or by rendering the conversation prefix by
prefix, where the text and the tokens of each prefix must begin those of the whole. What cannot be
proven is refused. The template itself is applied by whoever holds the tokenizer (`Chat`). Imports
no ML framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from evidence.data.conversations import ASSISTANT, EARLIER, MESSAGES, TOOLS, Message, Row
from evidence.data.template_text import MarkedText, Span
from evidence.errors import DataError, MalformedError
from evidence.records.inputs import ChatRecord
from evidence.records.record import Record

MAX_TEMPLATE_CHARS: Final = 1 << 16
_OPEN, _CLOSE = "\U000f0000", "\U000f0001"
_MARKS: Final = re.compile("[\U000f0000-\U000f0fff]")
_SHOWN_CHARS: Final = 60

Encode = Callable[[str], tuple[list[int], list[tuple[int, int]]]]
"""Text → ids, nothing added at its ends, and the characters each covers."""
Piece = tuple[int, int]
"""Characters from, and up to."""


class Chat(Record):
    """A tokenizer's chat template as plain functions."""

    record: ChatRecord
    text: str
    render: Callable[[Sequence[Message], Sequence[Any], bool], str]
    """Messages, tools and whether the generation prompt follows → text. Raises MalformedError."""
    generated: Callable[[Sequence[Message], Sequence[Any]], tuple[Piece, ...]]
    """What the template marks as generated; asked only of one that marks anything."""
    encode: Encode


def needed(chat: Chat | None, name: str) -> Chat:
    """The chat template that conversations need. Raises DataError where there is none."""
    if chat is None:
        raise DataError(
            f"[data.{name}] holds conversations, and the tokenizer has no chat template: take the "
            "tokenizer of an instruction-tuned model, or write one into [model] chat_template"
        )
    return chat


def training_text(row: Row, chat: Chat, *, only_last: bool) -> MarkedText:
    """The text of a conversation. Each speaker is a field of it; the assistant's spans are whole
    turns, from behind the generation prompt to the end of turn. Raises MalformedError."""
    messages, tools = row[MESSAGES], row.get(TOOLS, ())
    text = chat.render(messages, tools, False)
    marked = chat.record.spans == "generation-marks"
    turns = _marked(row, chat, text) if marked else tuple(_proven(messages, tools, text, chat))
    _refuse_left_out(messages, tools, text, chat)
    names = [EARLIER] * (len(turns) - 1) if only_last else [ASSISTANT] * (len(turns) - 1)
    spans = [Span(name, *turn) for name, turn in zip([*names, ASSISTANT], turns, strict=True)]
    others = _others(messages, tools, text, chat, turns, generation=False)
    return MarkedText(text, tuple(sorted((*spans, *others), key=lambda one: (one.start, one.end))))


def prompt_text(row: Row, chat: Chat) -> MarkedText:
    """What evaluation feeds of a conversation: all before the assistant's last turn, and the
    generation prompt."""
    answers = [place for place, one in enumerate(row[MESSAGES]) if one["role"] == ASSISTANT]
    messages, tools = row[MESSAGES][: answers[-1]], row.get(TOOLS, ())
    if not messages:
        raise MalformedError("nothing stands before the assistant's turn")
    text = chat.render(messages, tools, True)
    return MarkedText(text, tuple(_others(messages, tools, text, chat, (), generation=True)))


def _marked(row: Row, chat: Chat, text: str) -> tuple[Piece, ...]:
    found = chat.generated(row[MESSAGES], row.get(TOOLS, ()))
    wanted = sum(one["role"] == ASSISTANT for one in row[MESSAGES])
    if len(found) != wanted:
        raise MalformedError(
            f"the chat template marks {len(found)} passages as generated ({{% generation %}}), and "
            f"the row has {wanted} turns of the assistant"
        )
    return tuple((start, min(end, len(text))) for start, end in found)


def _proven(
    messages: Sequence[Message], tools: Sequence[Any], text: str, chat: Chat
) -> Iterator[Piece]:
    """The assistant's turns, each between two prefixes of the text that are prefixes in tokens."""
    ids = chat.encode(text)[0]
    reached = 0
    for place, one in enumerate(messages):
        if one["role"] != ASSISTANT:
            continue
        cuts = []
        for part, generation in ((messages[:place], True), (messages[: place + 1], False)):
            if len(part) == len(messages):
                cuts.append(len(text))
                continue
            begins = chat.render(part, tools, generation) if part else ""
            _refuse_other(begins, text, place + 1, generation)
            begun = chat.encode(begins)[0]
            if ids[: len(begun)] != begun:
                raise MalformedError(_merged(begins, text, place + 1))
            cuts.append(len(begins))
        start, end = cuts
        if not reached <= start < end:
            raise MalformedError(f"turn {place + 1} (assistant) is no text of its own")
        reached = end
        yield start, end


def _refuse_other(begins: str, text: str, turn: int, generation: bool) -> None:
    if text.startswith(begins):
        return
    upto = "the generation prompt of" if generation else "the end of"
    same = next((i for i, (a, b) in enumerate(zip(begins, text, strict=False)) if a != b), 0)
    raise MalformedError(
        f"the chat template writes the conversation up to {upto} turn {turn} otherwise than within "
        f"the whole ({begins[same : same + _SHOWN_CHARS]!r}, not "
        f"{text[same : same + _SHOWN_CHARS]!r}), so where the assistant's turn stands cannot be "
        "proven: mark it in the template with {% generation %}, or cut the conversation there"
    )


def _merged(begins: str, text: str, turn: int) -> str:
    place = len(begins)
    return (
        f"turn {turn} (assistant): a token stands across {begins[-20:]!r} and "
        f"{text[place : place + 20]!r}, so where the loss begins or ends cannot be told: take "
        "white space off the ends of the turn, or mark it in the template with {% generation %}"
    )


def _refuse_left_out(
    messages: Sequence[Message], tools: Sequence[Any], text: str, chat: Chat
) -> None:
    """What the model would never see, though the row has it."""
    if tools and chat.render(messages, (), False) == text:
        raise MalformedError("the chat template leaves out the tools that the row offers")
    for place, one in enumerate(messages):
        content = str(one.get("content") or "").strip()
        others: Message = {"tool_calls": [], "content": one.get("content") or "-"}
        if one.get("tool_calls") and _with(messages, place, others, tools, chat) == text:
            raise MalformedError(f"the chat template leaves out the tool calls of turn {place + 1}")
        if content and content not in text:
            said = {"content": f"{content} {content}"}
            if _with(messages, place, said, tools, chat) == text:
                role = one["role"]
                raise MalformedError(f"the chat template leaves out turn {place + 1} ({role})")


def _with(
    messages: Sequence[Message], place: int, other: Message, tools: Sequence[Any], chat: Chat
) -> str:
    changed = {key: value for key, value in {**messages[place], **other}.items() if value != []}
    try:
        return chat.render([*messages[:place], changed, *messages[place + 1 :]], tools, False)
    except MalformedError:
        return ""  # it depends on what was changed


def _others(
    messages: Sequence[Message],
    tools: Sequence[Any],
    text: str,
    chat: Chat,
    turns: Sequence[Piece],
    *,
    generation: bool,
) -> Iterable[Span]:
    """Where the words of all others stand: each between marks of its own that the template carries
    along; where it does not, all that stands between two turns of the assistant."""
    for one in messages:
        if _MARKS.search(str(one.get("content") or "")):
            raise MalformedError("a turn holds private-use characters U+F0000 to U+F0FFF")
    spoken = [one for one in messages if one["role"] != ASSISTANT and one.get("content")]
    wrapped = [_wrapped(one) for one in messages]
    try:
        found = chat.render(wrapped, tools, generation)
    except MalformedError:
        found = ""
    pieces = tuple(_pieces(found))
    if _MARKS.sub("", found) == text and len(pieces) == len(spoken):
        return [Span(one["role"], *piece) for one, piece in zip(spoken, pieces, strict=True)]
    return list(_between(messages, len(text), turns))


def _wrapped(one: Message) -> Message:
    content = one.get("content")
    if one["role"] == ASSISTANT or not content:
        return one
    core = content.strip()
    before, _, after = content.partition(core)
    return {**one, "content": f"{before}{_OPEN}{core}{_CLOSE}{after}"}


def _pieces(found: str) -> Iterator[Piece]:
    """Places of what stands between marks, in the text without them."""
    start = 0
    for num_marks, match in enumerate(_MARKS.finditer(found)):
        place = match.start() - num_marks
        if match.group() == _OPEN:
            start = place
        else:
            yield start, place


def _between(messages: Sequence[Message], length: int, turns: Sequence[Piece]) -> Iterator[Span]:
    number, starts = 0, [0, *(end for _, end in turns)]
    ends = [*(start for start, _ in turns), length]
    for one in messages:
        if one["role"] == ASSISTANT:
            number = min(number + 1, len(starts) - 1)
        elif one.get("content") and starts[number] < ends[number]:
            yield Span(one["role"], starts[number], ends[number])


def chat_spans(template: str) -> Literal["generation-marks", "prefixes"]:
    """How the assistant's turns are found in what a template writes."""
    return "generation-marks" if GENERATION.search(template) else "prefixes"


GENERATION: Final = re.compile(r"\{%[-+]?\s*+generation\s*+[-+]?%\}")
"""By which transformers knows a template that marks what is generated."""
