"""What of conversations reaches the model: turns read and learned, ends of turns, tools. Pure.

Responsible for counting over the rows of a data set, and for which token ends a turn: recorder and
verify ask alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Final

from evidence.data.conversations import (
    ASSISTANT,
    EARLIER,
    MESSAGES,
    TOOLS,
    Row,
    speakers_in,
    tool_names,
)
from evidence.data.tokens import IGNORED, Coder, Example
from evidence.records.inputs import SeenChat, SpeakerTurns, SpecialToken, Turn
from evidence.records.milestone import DataSpec

MAX_TOOLS: Final = 100
END_OF_TURN: Final = "end_of_turn"


def learned(turn: Turn, labels: Sequence[int]) -> bool:
    """Whether some token of a turn carries loss; the first of a row is never predicted."""
    return any(one != IGNORED for one in labels[max(turn.first, 1) : turn.end])


def end_place(
    turn: Turn, ids: Sequence[int], ends: Collection[int], is_blank: Callable[[int], bool]
) -> int | None:
    """Where the token stands that ends a turn: the last of its tokens that is no white space, where
    it is one of `ends`. None where the turn ends otherwise, as far as it was fed."""
    for place in range(min(turn.end, len(ids)) - 1, turn.first - 1, -1):
        if ids[place] in ends:
            return place
        if not is_blank(place):
            return None
    return None


def chat_seen(
    spec: DataSpec, rows: Sequence[Row], coder: Coder, examples: Sequence[Example]
) -> SeenChat | None:
    """What of these conversations the model gets; None where rows are none."""
    if spec.format is None:
        return None
    turns: Counter[str] = Counter()
    read: Counter[str] = Counter()
    taught: Counter[str] = Counter()
    ends: Counter[int] = Counter()
    for example in examples:
        for turn in example.turns:
            turns[turn.speaker] += 1
            read[turn.speaker] += turn.first < len(example.ids)
            taught[turn.speaker] += learned(turn, example.labels)
            if turn.speaker == ASSISTANT:
                ends.update(_taught_end(turn, example, coder))
    return SeenChat(
        speakers=tuple(
            SpeakerTurns(one, turns[one], read[one], taught[one])
            for one in speakers_in(rows, only_last=spec.learn == "last-assistant")
        ),
        end_tokens=tuple(
            SpecialToken(END_OF_TURN, coder.special[one], one) for one in sorted(ends)
        ),
        num_ends_learned=ends.total(),
        num_rows_with_tools=num_with_tools(rows),
        tools=tools_of(rows),
    )


def num_with_tools(rows: Sequence[Row]) -> int:
    """Rows that offer tools."""
    return sum(bool(row.get(TOOLS)) for row in rows)


def tools_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of the tools that rows offer, sorted; the first MAX_TOOLS."""
    named = {name for row in rows for name in tool_names(row) if name}
    return tuple(sorted(named)[:MAX_TOOLS])


def turns_in(rows: Sequence[Row], *, only_last: bool) -> Counter[str]:
    """Turns of each speaker that rows have."""
    found = Counter(one["role"] for row in rows for one in row[MESSAGES])
    if only_last:
        found[EARLIER] = found[ASSISTANT] - len(rows)
        found[ASSISTANT] = len(rows)
    return found


def _taught_end(turn: Turn, example: Example, coder: Coder) -> tuple[int, ...]:
    def is_blank(place: int) -> bool:
        return not coder.decode([example.ids[place]]).strip()

    place = end_place(turn, example.ids, coder.special, is_blank)
    carries = place is not None and place > 0 and example.labels[place] != IGNORED
    return (example.ids[place],) if place is not None and carries else ()


def turns_fed(example: Example, num_tokens: int) -> tuple[Turn, ...]:
    """The turns of a row as far as it was fed."""
    return tuple(
        Turn(one.speaker, one.first, min(one.end, num_tokens))
        for one in example.turns
        if one.first < min(one.end, num_tokens)
    )
