"""What a tried program fed its model, in lines for a terminal. All of its text is foreign.

Responsible for the words; every number is counted from the records of the trial. What is foreign is
spelled here, since the signs around what carries loss are ours.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from evidence.adopting.copied import Copy
from evidence.adopting.trial import Tried
from evidence.records.program import DataReached, FieldReached
from evidence.render.program import examples
from evidence.text import formatting, marked
from evidence.text.escape import visible

LEARNED: Final = ("⟦", "⟧")
"""Around what carries loss: a terminal without colours, and a file, show it too."""
MAX_DATA: Final = 10
MAX_LEFT_OUT: Final = 3
MAX_NOT_SEEN: Final = 8
NEVER_READ: Final = "never read"
NEVER_LEARNED: Final = "read, never learned"
NOT_KNOWN: Final = "not known"
PROVES_NOT: Final = (
    "What this does not prove: that the model learns anything, or that later steps are fed like "
    "these. The hooks ran in the program's own process, which can lie to them; nothing was sealed."
)
CANNOT_SEE: Final = (
    "Seen are optimizer steps of PyTorch in Python processes; not seen: other frameworks, and "
    "Python that takes no hooks (-I, -E, -S)."
)


def ending(tried: Tried) -> str:
    """How the trial ended, in a sentence."""
    name, took = visible(shlex.join(tried.command)), f"{formatting.fixed(tried.runtime_s, 1)} s"
    steps = formatting.plural(tried.num_steps, "optimizer step")
    if tried.outcome == "stepped":
        how = "and was ended there" if tried.is_held else "and was ended later, by force"
        return f"{name} made {steps} in {took} {how}."
    if tried.outcome == "too-long":
        return f"{name} made {steps} in {took} and was ended: that was the time it was given."
    if tried.outcome == "stopped":
        return f"{name} was ended after {took} and {steps}, as asked."
    status = f"status {tried.exit_status}" if tried.signal is None else f"signal {tried.signal}"
    return f"{name} ended by itself after {took} with {status}; it made {steps}."


def where(copy: Copy | None) -> Iterator[str]:
    """Where it will run, and what is not there."""
    if copy is None:
        yield "It runs in the repository itself: what it writes stays."
        return
    files = formatting.plural(copy.num_files, "file")
    yield (
        f"It runs in a copy of the repository ({files}, {formatting.size(copy.size_bytes)}), which "
        "is removed. What it does elsewhere (absolute paths, the network) is real."
    )
    if copy.left_out:
        names = ", ".join(map(visible, copy.left_out[:MAX_LEFT_OUT]))
        more = len(copy.left_out) - MAX_LEFT_OUT
        others = f" and {formatting.count(more)} more" if more > 0 else ""
        yield f"Too large to be copied, and not there: {names}{others} (--in-place has them)."


def what_the_model_saw(tried: Tried) -> Iterator[str]:
    """The table: what was fed, how far each field of the data came, and two texts."""
    seen = tried.seen
    rows, tokens, targets = seen.num_rows, seen.num_tokens, seen.num_target_tokens
    yield f"  rows fed            {_count(rows)}"
    yield f"  tokens fed          {_count(tokens)} (without padding)"
    yield f"  tokens with loss    {_count(targets)}"
    yield f"  end token learned   {_end(tried)}"
    for data in seen.data[:MAX_DATA]:
        yield ""
        yield from _table(data)
    for lack in seen.data_not_looked_at[:MAX_DATA]:
        yield f"  {visible(lack.what)}: not looked at: {visible(lack.why)}"
    shown = examples(seen)
    if shown:
        yield ""
        yield f"  Texts as the model got them; it learns to write what is in {''.join(LEARNED)}:"
    for example in shown:
        yield f"  {example.caption}"
        for _, block in example.parts:
            yield from (f"    {line}" for line in text_of(block).split("\n"))


def parts_of(block: str) -> Iterator[tuple[str, bool]]:
    """The parts of a text as a model got it, and whether each carries loss; no part has several
    lines, and a line end of ours is a part of its own."""
    found = marked.MARK.fullmatch(block)
    text = "" if found is None else marked.read(found).text
    for number, line in enumerate(text.split("\n")):
        if number:
            yield "\n", False
        for place, part in enumerate(marked.TURN.split(line)[::2]):
            if part:
                yield part, bool(place % 2)


def text_of(block: str) -> str:
    """A text as a model got it, with signs around what carries loss."""
    return "".join(
        f"{LEARNED[0]}{_spelled(part)}{LEARNED[1]}" if carries_loss else _spelled(part)
        for part, carries_loss in parts_of(block)
    )


def _spelled(part: str) -> str:
    for sign in LEARNED:
        part = part.replace(sign, f"\\u{ord(sign):04x}")
    return part


def conclusions(tried: Tried) -> Iterator[str]:
    """What a reader should not overlook, where it is so; never a verdict. What is read and not
    learned is most often meant so, and stands in the table alone."""
    for data in tried.seen.data:
        names = [visible(one.field) for one in data.fields if note(one) == NEVER_READ]
        if data.num_rows_found and names:
            yield f"Never read in these steps: {', '.join(names)} of {visible(data.path)}."


def unseen(tried: Tried) -> tuple[str, ...]:
    """What was not seen, and why, a sentence each."""
    found = [f"{one.what}: {one.why}" for one in tried.program.not_seen]
    return tuple(visible(one) for one in dict.fromkeys(found))[:MAX_NOT_SEEN]


def note(one: FieldReached) -> str:
    """What stands beside a field of a file of which some rows were fed."""
    if not one.num_rows:
        return ""
    if not one.num_rows_in_sequence:
        return NEVER_READ
    return NEVER_LEARNED if one.num_rows_in_target == 0 else ""


def _end(tried: Tried) -> str:
    seen = tried.seen
    if seen.num_with_eos_in_target is None:
        return f"{NOT_KNOWN} (one tokenizer with an end token, and labels, would tell)"
    learned = formatting.count(seen.num_with_eos_in_target)
    return f"in {learned} of {formatting.plural(seen.num_sequences, 'distinct sequence')}"


def _table(data: DataReached) -> Iterator[str]:
    rows = formatting.plural(data.num_rows, "row")
    if data.num_rows_looked_at != data.num_rows:
        rows = f"{formatting.count(data.num_rows_looked_at)} of {rows}, by chance"
    found = formatting.count(data.num_rows_found)
    yield f"  {visible(data.path)}: {rows}; text of {found} was fed in these steps"
    if not data.num_rows_found:
        return
    lines = [
        (
            visible(one.field),
            formatting.count(one.num_rows_in_sequence),
            _count(one.num_rows_in_target),
            note(one),
        )
        for one in data.fields
    ]
    yield from _aligned([("field", "rows read", "rows learned", ""), *lines])


def _aligned(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *rest = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield f"    {'   '.join([first, *rest])}".rstrip()


def _count(value: int | None) -> str:
    return NOT_KNOWN if value is None else formatting.count(value)
