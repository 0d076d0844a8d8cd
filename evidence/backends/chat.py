"""A tokenizer's chat template, applied by transformers, as the rest of the project takes it.

Responsible for which template it is, for what it is given, and for its errors. What its text says
of turns is `data.chat_text`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from evidence.data.chat_text import MAX_TEMPLATE_CHARS, Chat, Encode, Piece, chat_spans
from evidence.encoding.digest import sha256_hex
from evidence.errors import DataError, MalformedError
from evidence.records.inputs import ChatRecord
from evidence.records.milestone import ModelSpec

_DEFAULT: Final = "default"
_TODAY: Final = "strftime_now"
_NO_DAY: Final = "the chat template may not ask which day it is"
"""Stands for transformers' function of that name, and cannot be called."""
_OF_TODAY: Final = (
    "the chat template writes the day on which it is rendered (strftime_now), so no two runs would "
    'be the same: say what it shall write in [model] chat_values, such as { date_string = "26 Jul '
    '2024" }, or write the template into [model] chat_template without it'
)


def chat_of(tokenizer: Any, spec: ModelSpec, encode: Encode) -> Chat | None:
    """The chat template of the milestone, or the tokenizer's own; None where there is none."""
    text = _text(spec.chat_template or tokenizer.chat_template)
    if text is None:
        return None
    if len(text) > MAX_TEMPLATE_CHARS:
        raise DataError(f"the chat template has {len(text)} characters, past {MAX_TEMPLATE_CHARS}")
    record = ChatRecord(
        source="tokenizer" if spec.chat_template is None else "milestone",
        template_sha256=sha256_hex(text.encode("utf-8")),
        values=spec.chat_values,
        spans=chat_spans(text),
    )
    return _Applied(tokenizer, text, spec.chat_values, encode).as_chat(record)


def _text(found: str | dict[str, str] | None) -> str | None:
    """One template; of several that a tokenizer brings along by name, the default one."""
    return found.get(_DEFAULT) if isinstance(found, dict) else found


class _Applied:
    """`apply_chat_template` with one template and fixed values."""

    def __init__(self, tokenizer: Any, text: str, values: dict[str, Any], encode: Encode) -> None:
        self._tokenizer, self._text, self._encode = tokenizer, text, encode
        self._given = {_TODAY: _NO_DAY, **values, "chat_template": text}

    def as_chat(self, record: ChatRecord) -> Chat:
        return Chat(record, self._text, self._render, self._generated, self._encode)

    def _render(self, messages: Sequence[Any], tools: Sequence[Any], generation: bool) -> str:
        found = self._apply(messages, tools, tokenize=False, add_generation_prompt=generation)
        return str(found)

    def _generated(self, messages: Sequence[Any], tools: Sequence[Any]) -> tuple[Piece, ...]:
        """Runs of tokens that transformers calls the assistant's, as characters."""
        found = self._apply(
            messages,
            tools,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            tokenizer_kwargs={"return_offsets_mapping": True, "verbose": False},
        )
        pairs = zip(found["assistant_masks"], found["offset_mapping"], strict=True)
        runs = [[place for _, place in run] for one, run in groupby(pairs, lambda p: p[0]) if one]
        return tuple((run[0][0], run[-1][1]) for run in runs)

    def _apply(self, messages: Sequence[Any], tools: Sequence[Any], **how: Any) -> Any:
        try:
            return self._tokenizer.apply_chat_template(
                list(messages), tools=list(tools) or None, **how, **self._given
            )
        except Exception as error:  # whatever a template raises, the row is named
            if _TODAY in self._text and "not callable" in str(error):
                raise MalformedError(_OF_TODAY) from error
            raise MalformedError(f"the chat template refuses it: {error}") from error
