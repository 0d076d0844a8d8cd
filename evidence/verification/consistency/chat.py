"""What a pack says of conversations: the chat template, and the turns that were read and learned.

Responsible for what the checks of text (`data`) and of lists (`taught`) ask where rows are
conversations. No template is rendered here: that the texts are what it makes of the rows, and that
the turns stand where they are said to, is not checked. Where the loss falls must follow from them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.data.chat_seen import end_place, learned
from evidence.data.chat_text import chat_spans
from evidence.data.conversations import ASSISTANT, EARLIER, SPEAKERS
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import (
    ChatRecord,
    FieldCoverage,
    SeenChat,
    SeenRecord,
    SeenRow,
    SpeakerTurns,
    TextRecord,
    Turn,
)
from evidence.records.milestone import DataSpec
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.consistency.seen import IGNORED
from evidence.verification.problem import CannotCheckError, Problem

_SAVED: Final = f"{layout.FINAL_MODEL}/chat_template.jinja"
_TEXT: Final = f"{layout.INPUTS}#/text"
_CHAT: Final = f"{layout.SEEN}#/chat"


def template_of(evidence: Evidence, text: TextRecord, spec: DataSpec) -> Problems:
    """The template that made the texts is the milestone's: its `text`, or the chat template."""
    is_chat, chat = spec.format is not None, text.chat
    why = "a chat template makes the texts exactly where rows are conversations"
    yield from differs(f"{_TEXT}/chat_template_applied", why, is_chat, text.chat_template_applied)
    if (chat is not None) != is_chat:
        yield Problem(f"{_TEXT}/chat", why)
    if chat is None:
        why = "another template than milestone and data give"
        yield from differs(f"{_TEXT}/template", why, spec.text or "", text.template)
    else:
        yield from _resolved(evidence, text, chat)


def _resolved(evidence: Evidence, text: TextRecord, chat: ChatRecord) -> Problems:
    place, model = f"{_TEXT}/chat", evidence.plan.model
    source = "tokenizer" if model.chat_template is None else "milestone"
    digest = sha256_hex(text.template.encode("utf-8"))
    facts = (
        ("source", "another source than the milestone names", source, chat.source),
        ("values", "other values than the milestone gives", model.chat_values, chat.values),
        ("template_sha256", "not the digest of the template", digest, chat.template_sha256),
        ("spans", "a template is asked for its marks exactly where it has some",
         chat_spans(text.template), chat.spans),
    )  # fmt: skip
    for key, why, expected, found in facts:
        yield from differs(f"{place}/{key}", why, expected, found)
    brought = _brought(evidence) if model.chat_template is None else model.chat_template
    if brought is not None:
        why = "another chat template than milestone or tokenizer have"
        yield from differs(f"{_TEXT}/template", why, brought, text.template)
    saved = evidence.documents.digests.get(_SAVED)
    if saved is not None:
        why = f"another chat template than {_SAVED}"
        yield from differs(f"{place}/template_sha256", why, saved, chat.template_sha256)


def _brought(evidence: Evidence) -> str | None:
    """The chat template that the tokenizer is said to bring along, the default one of several."""
    tokenizer = evidence.documents.inputs.tokenizer
    found = None if isinstance(tokenizer, Unavailable) else tokenizer.chat_template
    try:
        several = jsonio.load_document((found or "").encode("utf-8"))
    except MalformedError:
        return found
    default = several.get("default") if isinstance(several, dict) else None
    return default if isinstance(default, str) else found


def turns(evidence: Evidence, seen: SeenRecord, spec: DataSpec) -> Problems:
    """Turns are told exactly of conversations; counts lie within one another and follow from
    `learn`; each recorded row's labels are those of its turns; its turns are among the counts, and
    are the counts where every row was recorded."""
    rows = [
        (f"{layout.SEEN}#/batches/{number}/rows/{index}", row)
        for number, batch in enumerate(seen.batches)
        for index, row in enumerate(batch.rows)
    ]
    if seen.chat is None or spec.format is None:
        if (seen.chat is None) != (spec.format is None):
            yield Problem(_CHAT, "turns are told exactly where rows are conversations")
        for place, row in rows:
            if (row.turns is None) != (seen.chat is None):
                yield Problem(f"{place}/turns", "turns are told exactly of conversations")
        return
    yield from _counts(seen, seen.chat, spec, evidence.documents.inputs.text)
    known = {one.speaker for one in seen.chat.speakers}
    for place, row in rows:
        yield from _row(place, row, spec, known)
    ends = {one.id for one in seen.chat.end_tokens} | _special(evidence)
    yield from _recounted(seen, seen.chat, [row for _, row in rows], ends)


def _counts(
    seen: SeenRecord, chat: SeenChat, spec: DataSpec, text: TextRecord | Unavailable
) -> Problems:
    names = [one.speaker for one in chat.speakers]
    expected = [one.field for one in seen.coverage]
    yield from differs(f"{_CHAT}/speakers", "other speakers than coverage has", expected, names)
    ordered = [one for one in SPEAKERS if one in names]
    yield from differs(f"{_CHAT}/speakers", "speakers have one order, each once", ordered, names)
    is_proven = not isinstance(text, Unavailable) and text.chat and text.chat.spans == "prefixes"
    reached = {one.field: one for one in seen.coverage}
    for index, one in enumerate(chat.speakers):
        place, rows = f"{_CHAT}/speakers/{index}", reached.get(one.speaker)
        yield from _turns_of(place, one, seen, spec, rows)
        is_taught = spec.learn == "all" or one.speaker == ASSISTANT or not is_proven
        if one.num_learned and not is_taught:
            yield Problem(
                f"{place}/num_learned", "only the assistant is learned", 0, one.num_learned
            )
    yield from _ends_and_tools(seen, chat)


def _turns_of(
    place: str, one: SpeakerTurns, seen: SeenRecord, spec: DataSpec, rows: FieldCoverage | None
) -> Problems:
    """Turns of one speaker: in so many rows at least, and all of the assistant's where no row was
    cut."""
    is_whole = one.speaker == ASSISTANT and not seen.rows_truncated
    if spec.learn == "last-assistant" and one.speaker == ASSISTANT:
        why = "the last turn of the assistant is one a row"
        yield from differs(f"{place}/num_turns", why, seen.num_rows, one.num_turns)
    if spec.learn != "last-assistant" and one.speaker == EARLIER:
        yield Problem(f"{place}/speaker", "every turn of the assistant is learned here")
    for key, found, most, in_rows in (
        ("num_read", one.num_read, one.num_turns, rows.num_rows_in_sequence if rows else 0),
        ("num_learned", one.num_learned, one.num_read, rows.num_rows_in_target if rows else 0),
    ):
        least = most if is_whole else in_rows
        if not least <= found <= most or bool(in_rows) != bool(found):
            why = "not what its rows and turns allow"
            yield Problem(f"{place}/{key}", why, f"{least} to {most}", found)


def _ends_and_tools(seen: SeenRecord, chat: SeenChat) -> Problems:
    taught = next((one.num_learned for one in chat.speakers if one.speaker == ASSISTANT), 0)
    if chat.num_ends_learned > taught or bool(chat.num_ends_learned) != bool(chat.end_tokens):
        why = "at most one end of each turn learned, by the tokens that are named"
        yield Problem(f"{_CHAT}/num_ends_learned", why, f"at most {taught}", chat.num_ends_learned)
    if chat.num_rows_with_tools > seen.num_rows or (chat.tools and not chat.num_rows_with_tools):
        why = "tools are offered in rows of the data"
        yield Problem(f"{_CHAT}/num_rows_with_tools", why, f"at most {seen.num_rows}")
    if list(chat.tools) != sorted(set(chat.tools)):
        yield Problem(f"{_CHAT}/tools", "names of tools are sorted, each once")


def _row(place: str, row: SeenRow, spec: DataSpec, known: set[str]) -> Problems:
    if row.turns is None:
        yield Problem(f"{place}/turns", "turns are told of every conversation")
        return
    previous = (0, 0)
    taught: set[int] = set()
    for index, turn in enumerate(row.turns):
        if not previous <= (turn.first, turn.end) or not turn.first < turn.end <= len(row.ids):
            why = "turns follow one another within the row"
            yield Problem(f"{place}/turns/{index}", why, f"up to {len(row.ids)}", turn.end)
        if turn.speaker not in known:
            why = "a speaker that is not counted"
            yield Problem(f"{place}/turns/{index}/speaker", why, actual=turn.speaker)
        if turn.speaker == ASSISTANT:
            taught.update(range(turn.first, min(turn.end, len(row.ids))))
        previous = (turn.first, turn.end)
    if spec.learn != "all":
        found = {index for index, label in enumerate(row.labels) if label != IGNORED}
        if found != taught:
            first = min(found ^ taught)
            why = f"the loss falls on the assistant's turns, and not so at token {first}"
            yield Problem(f"{place}/labels", why, f"{len(taught)} tokens", len(found))


def _special(evidence: Evidence) -> set[int]:
    """Ids that the sealed tokenizer calls special; none where it cannot be read."""
    try:
        document = evidence.json(layout.TOKENIZER)
    except CannotCheckError:
        return set()
    listed = document.get("added_tokens") if isinstance(document, dict) else None
    added = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {one["id"] for one in added if one.get("special") and isinstance(one.get("id"), int)}


def _recounted(seen: SeenRecord, chat: SeenChat, rows: list[SeenRow], ends: set[int]) -> Problems:
    """Counts over the recorded rows, each once, against those over all. `ends`: tokens that would
    end a turn, named as such or not."""
    distinct = {row.source_row: row for row in rows}
    read: Counter[str] = Counter()
    taught: Counter[str] = Counter()
    ended = 0
    for row in distinct.values():
        for turn in row.turns or ():
            read[turn.speaker] += 1
            taught[turn.speaker] += learned(turn, row.labels)
        ended += sum(1 for _ in _ends(row, ends))
    is_all = len(distinct) == seen.num_rows
    counted = [
        (f"speakers/{index}/{key}", number[one.speaker], getattr(one, key))
        for index, one in enumerate(chat.speakers)
        for key, number in (("num_read", read), ("num_learned", taught))
    ]
    for where, least, found in (*counted, ("num_ends_learned", ended, chat.num_ends_learned)):
        if found < least or (is_all and found != least):
            why = "not what the recorded rows show"
            yield Problem(f"{_CHAT}/{where}", why, least if is_all else f"at least {least}", found)


def _ends(row: SeenRow, ends: set[int]) -> Iterator[Turn]:
    """The assistant's turns whose end carries loss."""
    for turn in row.turns or ():
        if turn.speaker == ASSISTANT:
            place = end_place(turn, row.ids, ends, lambda at: not row.pieces[at].strip())
            if place is not None and place > 0 and row.labels[place] != IGNORED:
                yield turn
