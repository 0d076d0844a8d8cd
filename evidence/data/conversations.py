"""Rows that are conversations, in any of the forms that are known, as messages.

Responsible for bringing each form to `messages` (and `tools`) by fixed rules, for what is wrong
with a row, and for what of a conversation is asked and answered. How messages become text is for
the tokenizer's chat template to say (`chat_text`). Imports no ML framework.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from evidence.errors import MalformedError
from evidence.records.milestone import ConversationFormat, DataSpec

Row = dict[str, Any]
Message = dict[str, Any]

ASSISTANT: Final = "assistant"
EARLIER: Final = "earlier_assistant"
"""An assistant's turn that is read and not learned, where only the last one is."""
SPEAKERS: Final = ("system", "developer", "user", "tool", EARLIER, ASSISTANT)
"""Who may speak, in the order of tables."""
ROLES: Final = ("system", "developer", "user", "assistant", "tool")
MESSAGES: Final = "messages"
TOOLS: Final = "tools"

_SHAREGPT: Final = {
    "human": "user", "user": "user", "gpt": ASSISTANT, "assistant": ASSISTANT, "chatgpt": ASSISTANT,
    "bing": ASSISTANT, "bard": ASSISTANT, "model": ASSISTANT, "system": "system", "tool": "tool",
    "observation": "tool", "function_response": "tool", "function_call": ASSISTANT,
}  # fmt: skip
_NEEDED: Final[Mapping[ConversationFormat, str]] = {
    "messages": MESSAGES,
    "sharegpt": "conversations",
    "alpaca": "instruction",
}
"""The field by which a row shows its form."""
READ: Final[Mapping[ConversationFormat, frozenset[str]]] = {
    "messages": frozenset({MESSAGES, TOOLS}),
    "sharegpt": frozenset({"conversations", "system", TOOLS}),
    "alpaca": frozenset({"instruction", "input", "output", "system", TOOLS}),
}
"""Fields that a form reads; `messages`, and `tools` where there are some, take their place."""


def as_conversation(row: Row, form: ConversationFormat) -> Row:
    """The row with `messages` (and `tools`, where it has some) in place of what its form has; all
    other fields stay. Raises MalformedError that says what is wrong, and where in the row."""
    needed = _NEEDED[form]
    if row.get(needed) is None:
        raise MalformedError(
            f"field {needed!r} is missing, which format = {form!r} reads{_hint(row)}"
        )
    rest, messages = _READERS[form](row)
    tools = _tools(rest.pop(TOOLS, None))
    _refuse_odd(messages)
    return {**rest, MESSAGES: messages, **({TOOLS: tools} if tools else {})}


def fields_left(spec: DataSpec) -> frozenset[str]:
    """Declared fields, optional ones aside, that rows still have once they are read."""
    wanted = frozenset(field for field, kind in spec.fields.items() if not kind.endswith("?"))
    return wanted if spec.format is None else wanted - READ[spec.format]


def has_answer(row: Row) -> bool:
    """Whether a conversation ends with a text of the assistant: an output is compared with it."""
    last = row[MESSAGES][-1]
    return last["role"] == ASSISTANT and bool(last.get("content"))


def answer_of(row: Row) -> str:
    """What the assistant says last."""
    return str(row[MESSAGES][-1].get("content") or "")


def first_answer(row: Row) -> Message:
    """The assistant's first turn: text, and calls of tools."""
    found: Message = next(one for one in row[MESSAGES] if one["role"] == ASSISTANT)
    return found


def contexts(row: Row, *, evaluated: bool) -> tuple[str, ...]:
    """What stands before the assistant's turns, system prompts aside: of a row to evaluate all that
    stands before its last turn; of a training row first what stands before its first answer, then
    all before each later one, and each turn of the user by itself."""
    messages = row[MESSAGES]
    if evaluated:
        return (_said(messages[:-1]),)
    answers = [place for place, one in enumerate(messages) if one["role"] == ASSISTANT]
    alone = [str(one.get("content") or "") for one in messages if one["role"] == "user"]
    found = [*(_said(messages[:place]) for place in answers), *alone]
    return tuple(dict.fromkeys(one.strip() for one in found if one.strip())) or ("",)


def tool_names(row: Row) -> Iterator[str]:
    """Names of the tools that a row offers."""
    for tool in row.get(TOOLS, ()):
        inner = tool.get("function", tool)
        yield str(inner.get("name", "")) if isinstance(inner, dict) else ""


def speakers_in(rows: Sequence[Row], *, only_last: bool) -> tuple[str, ...]:
    """Who speaks in some row, in the order of SPEAKERS; the assistant always."""
    found = {ASSISTANT}
    for row in rows:
        roles = [one["role"] for one in row[MESSAGES]]
        found.update(roles)
        if only_last and roles.count(ASSISTANT) > 1:
            found.add(EARLIER)
    return tuple(name for name in SPEAKERS if name in found)


def _said(messages: Sequence[Message]) -> str:
    said = [one for one in messages if one["role"] not in ("system", "developer")] or messages
    return "\n".join(str(one.get("content") or "") for one in said).strip()


def _hint(row: Row) -> str:
    other = next((form for form, field in _NEEDED.items() if row.get(field) is not None), None)
    return f"; it has {_NEEDED[other]!r}, so write format = {other!r}" if other else ""


def _from_messages(row: Row) -> tuple[Row, list[Message]]:
    rest = {key: value for key, value in row.items() if key != MESSAGES}
    found = _turns(row, MESSAGES)
    return rest, [_message(place, one) for place, one in enumerate(found, 1)]


def _turns(row: Row, field: str) -> list[Any]:
    """The turns of a row; in a table, which holds no lists, they may be written as JSON."""
    found = row[field]
    if isinstance(found, str):
        found = _spelled(found, f"field {field!r} is a text, not a list of turns")
    if not isinstance(found, list):
        raise MalformedError(f"field {field!r} is no list of turns")
    return found


def _message(place: int, found: object) -> Message:
    """One turn without its nulls, which no template has to tell from what is not there."""
    if not isinstance(found, dict):
        raise MalformedError(f"turn {place} is {type(found).__name__}, not an object")
    message = {key: value for key, value in found.items() if value is not None}
    if message.get("role") not in ROLES:
        known = ", ".join(ROLES)
        raise MalformedError(f"turn {place}: role is {message.get('role')!r}; there are: {known}")
    if message.get("tool_calls") == []:
        del message["tool_calls"]
    if "tool_calls" in message:
        message["tool_calls"] = _calls(place, message["tool_calls"])
    return message


def _calls(place: int, found: object) -> list[Any]:
    """Calls of tools; arguments that are written as JSON become what they spell."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MalformedError(f"turn {place}: tool_calls is no list of objects")
    calls = []
    for call in found:
        inner = call.get("function")
        named = inner if isinstance(inner, dict) else call
        if not isinstance(named.get("name"), str):
            raise MalformedError(f"turn {place}: a tool call has no name")
        given = named.get("arguments")
        if isinstance(given, str):
            named = {**named, "arguments": _spelled(given, f"turn {place}: arguments of a call")}
        calls.append({**call, "function": named} if named is not call and inner else named)
    return calls


def _from_sharegpt(row: Row) -> tuple[Row, list[Message]]:
    rest = {key: value for key, value in row.items() if key not in READ["sharegpt"] - {TOOLS}}
    turns = _turns(row, "conversations")
    messages = _system(row.get("system"))
    for place, turn in enumerate(turns, 1):
        speaker = turn.get("from") if isinstance(turn, dict) else None
        if speaker not in _SHAREGPT:
            known = ", ".join(_SHAREGPT)
            raise MalformedError(f"turn {place}: from is {speaker!r}; there are: {known}")
        value = turn.get("value")
        if speaker == "function_call":
            call = _spelled(str(value), f"turn {place}: the call of a function")
            listed = call if isinstance(call, list) else [call]
            wrapped = [{"type": "function", "function": one} for one in listed]
            messages.append({"role": ASSISTANT, "tool_calls": _calls(place, wrapped)})
            continue
        messages.append(_message(place, {"role": _SHAREGPT[str(speaker)], "content": value}))
    return rest, messages


def _from_alpaca(row: Row) -> tuple[Row, list[Message]]:
    """The instruction, and behind a blank line the input where there is one."""
    own = sorted(READ["alpaca"] - {TOOLS})
    rest = {key: value for key, value in row.items() if key not in own}
    for name in own:
        if not isinstance(row.get(name, ""), str) and row.get(name) is not None:
            raise MalformedError(f"field {name!r} is {type(row[name]).__name__}, not text")
    if not row.get("output"):
        raise MalformedError("field 'output' is missing or empty, and it is what is to be learned")
    asked = "\n\n".join(part for part in (row["instruction"], row.get("input")) if part)
    turns = [{"role": "user", "content": asked}, {"role": ASSISTANT, "content": row["output"]}]
    return rest, [*_system(row.get("system")), *turns]


_READERS: Final[Mapping[ConversationFormat, Callable[[Row], tuple[Row, list[Message]]]]] = {
    "messages": _from_messages,
    "sharegpt": _from_sharegpt,
    "alpaca": _from_alpaca,
}


def _system(said: object) -> list[Message]:
    if said is None or said == "":
        return []
    if not isinstance(said, str):
        raise MalformedError(f"field 'system' is {type(said).__name__}, not text")
    return [{"role": "system", "content": said}]


def _tools(found: object) -> list[Any]:
    if isinstance(found, str):
        found = _spelled(found, f"field {TOOLS!r}") if found.strip() else []
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MalformedError(f"field {TOOLS!r} is no list of objects, one a tool")
    return found


def _spelled(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{what}: no JSON ({error})") from error


def _refuse_odd(messages: Sequence[Message]) -> None:
    """What no conversation may be that something is to be learned from."""
    for place, one in enumerate(messages, 1):
        content, role = one.get("content"), one["role"]
        if "weight" in one:
            raise MalformedError(f"turn {place} has a weight, which is not known here: see `learn`")
        if content is not None and not isinstance(content, str):
            kind = type(content).__name__
            raise MalformedError(f"turn {place} ({role}): content is {kind}, and only text is fed")
        if not content and role != "tool" and not (role == ASSISTANT and "tool_calls" in one):
            raise MalformedError(f"turn {place} ({role}) says nothing")
    if not any(one["role"] == ASSISTANT for one in messages):
        raise MalformedError("no turn is the assistant's, so nothing is to be learned")
