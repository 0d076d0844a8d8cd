"""The seam: where evaluation stops feeding, and what training teaches from there on.

Responsible for holding one row's training text, the evaluation prompt, what the scorer waits for
and where the loss begins against each other, as text and as tokens. Pure. Where a mismatch is said
and what follows is the callers'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from evidence.data.template_text import MarkedText
from evidence.data.tokens import IGNORED, Coder, Example
from evidence.records.milestone import DataSpec
from evidence.records.record import Record

MAX_SHOWN: Final = 80
"""Characters of a text that a message shows."""
_Piece = tuple[int, int]


class Seam(Record):
    """Where one training text and the evaluation prompt meet. Places count characters."""

    text: str
    """The training text."""
    prompt: str
    """What evaluation feeds of the same row, or of its own first row."""
    fed: int | None
    """How much of `text` the prompt's form covers; None where the two forms do not meet."""
    blanks_differ: bool
    """The prompt ends with white space that the training text does not have at this place."""
    begins_alike: bool
    taught: tuple[_Piece, ...]
    """Where the loss falls."""
    answers: tuple[_Piece, ...]
    """Where the answer fields stand."""
    others: tuple[_Piece, ...]
    """Where all other fields stand."""

    @property
    def fed_text(self) -> str:
        """What is fed, as the training text has it; the prompt where the two do not meet."""
        if self.fed is None:
            return self.prompt
        blanks = self.prompt[len(self.prompt.rstrip()) :] if self.blanks_differ else ""
        return self.text[: self.fed] + blanks

    @property
    def gaps(self) -> tuple[_Piece, ...]:
        """Text up to the last answer that is neither fed nor taught."""
        end = max((end for _, end in self.answers), default=0)
        return tuple(_between(self.fed or 0, end, self.taught))


class Mismatch(Record):
    """One way in which what is fed, taught and waited for do not fit."""

    message: str
    gap: str = ""
    """Text that is neither fed nor taught, with which the training text goes on."""
    is_awaited: bool = False
    """What the scorer waits for is nowhere taught."""


def find_seam(text: MarkedText, prompt: MarkedText, spec: DataSpec) -> Seam:
    """The seam of a training text and a prompt, of the same row where that is possible."""
    answers = [(one.start, one.end) for one in text.spans if one.field in spec.answer]
    others = [(one.start, one.end) for one in text.spans if one.field not in spec.answer]
    fed, blanks_differ, begins_alike = _meet(text, prompt, answers, others)
    whole = (0, len(text.text))
    taught = [whole] if spec.loss == "all" else answers
    if spec.loss == "completion" and answers:
        taught = [(min(start for start, _ in answers), whole[1])]
    return Seam(
        text=text.text,
        prompt=prompt.text,
        fed=fed,
        blanks_differ=blanks_differ,
        begins_alike=begins_alike,
        taught=tuple(taught),
        answers=tuple(answers),
        others=tuple(others),
    )


def mismatches(seam: Seam, waits_for: str | None, more: Iterable[Seam]) -> Iterator[Mismatch]:
    """What does not fit. `more`: other rows, looked at only where this one lacks `waits_for`."""
    fed = seam.prompt[-MAX_SHOWN:]
    if seam.fed is None:
        yield Mismatch(
            f"evaluation feeds another form than training: it ends with {fed!r}, and the training "
            f"text begins {seam.text[:MAX_SHOWN]!r}",
        )
        return
    continuation = seam.text[seam.fed : seam.fed + MAX_SHOWN]
    if seam.blanks_differ:
        yield Mismatch(
            f"evaluation feeds {fed!r}, which ends with white space that the training text does "
            f"not have there: it goes on {continuation!r}",
        )
    if not seam.begins_alike:
        yield Mismatch(
            f"evaluation feeds a text that begins {seam.prompt[:MAX_SHOWN]!r}, and the training "
            f"text begins {seam.text[:MAX_SHOWN]!r}",
        )
    gap = next((seam.text[a:b] for a, b in seam.gaps if seam.text[a:b].strip()), "")
    if gap:
        awaited = f", and the scorer waits for {waits_for!r}" if waits_for else ""
        yield Mismatch(
            f"evaluation feeds {fed!r}, and the training text goes on {continuation!r}: "
            f"{gap!r} is neither fed nor does the loss reach it, so nothing in this run "
            f"teaches the model to write it{awaited}",
            gap if seam.text.startswith(gap, seam.fed) else "",
        )
    elif waits_for and not any(_teaches(one, waits_for) for one in chain((seam,), more)):
        has = " (the prompt has it already)" if waits_for in seam.prompt else ""
        yield Mismatch(
            f"the scorer waits for {waits_for!r} in the output, and no training text has it where "
            f"the loss falls after what is fed{has}: after {fed!r} it goes on {continuation!r}",
            is_awaited=True,
        )
    after = seam.text[max((end for _, end in seam.answers), default=len(seam.text)) :]
    if after.strip() and seam.taught and seam.taught[-1][1] < len(seam.text):
        yield Mismatch(
            f"the training text ends with {after[:MAX_SHOWN]!r}, and the loss does not reach it: "
            "the model is not taught to write it after an answer",
        )


def bridge(seam: Seam, waits_for: str | None) -> str:
    """What stands between a prompt and its answer in the form of the training text."""
    if waits_for is not None:
        return _marked_bridge(seam, waits_for)
    if seam.fed is None:
        return ""
    starts = [start for start, _ in seam.answers if start >= seam.fed]
    if not starts or any(seam.fed <= start < min(starts) for start, _ in seam.others):
        return ""
    return seam.text[seam.fed : min(starts)]


def token_mismatches(
    text: str, prompt: str, example: Example, coder: Coder, max_length: int
) -> Iterator[Mismatch]:
    """What does not fit in tokens, of a training text and the part of it that is fed."""
    whole, given = coder.encode(text)[0], coder.encode(prompt)[0]
    met = _common(whole, given)
    if met < len(given):
        yield Mismatch(
            f"what is fed becomes other tokens than the training text has there: fed "
            f"{_shown(given[met:], coder)}, trained on {_shown(whole[met : met + 4], coder)} "
            f"(after {prompt[-MAX_SHOWN:]!r}); such a blank, mark or end token at the seam was "
            "never seen in training",
        )
        return
    first = next((i for i, one in enumerate(example.labels) if one != IGNORED), None)
    if first is not None and len(given) < first < max_length:
        yield Mismatch(
            f"the tokens {_shown(whole[len(given) : first], coder)} stand between what is fed "
            f"({prompt[-MAX_SHOWN:]!r}) and the first token that carries loss "
            f"({_shown(whole[first : first + 1], coder)}): they are neither fed nor taught",
        )


def _meet(
    text: MarkedText, prompt: MarkedText, answers: Sequence[_Piece], others: Sequence[_Piece]
) -> tuple[int | None, bool, bool]:
    """How far the prompt reaches into the text, whether blanks differ, and the beginnings not."""
    given = prompt.text
    for form, differs in ((given, False), (given.rstrip(), True)):
        if text.text.startswith(form):
            return len(form), differs, True
    first = min((start for start, _ in answers), default=len(text.text))
    start = max((end for _, end in others if end <= first), default=0)
    last = max((one.end for one in prompt.spans), default=0)
    heads = [one.text[: min((s.start for s in one.spans), default=0)] for one in (text, prompt)]
    tail = given[last:]
    for form, differs in ((tail, False), (tail.rstrip(), True)):
        if prompt.spans and text.text.startswith(form, start):
            return start + len(form), differs, heads[0].strip() == heads[1].strip()
    return None, False, True


def _between(start: int, end: int, taught: Iterable[_Piece]) -> Iterator[_Piece]:
    for first, last in sorted(taught):
        if start < min(first, end):
            yield start, min(first, end)
        start = max(start, last)


def _teaches(seam: Seam, marker: str) -> bool:
    place = seam.text.find(marker, seam.fed or 0)
    while place >= 0:
        end = place + len(marker)
        if any(a <= place and end <= b for a, b in seam.taught):
            return True
        place = seam.text.find(marker, place + 1)
    return False


def _marked_bridge(seam: Seam, marker: str) -> str:
    """The marker with what leads to it, where no field does, and the blanks that follow it."""
    for start, _ in seam.answers:
        place = seam.text.rfind(marker, 0, start)
        blanks = seam.text[place + len(marker) : start]
        if place < 0 or blanks.strip():
            continue
        leads = seam.text[seam.fed : place] if seam.fed is not None and seam.fed <= place else ""
        fields = (*seam.answers, *seam.others)
        crossed = any((seam.fed or 0) <= begin < place for begin, _ in fields)
        return f"{'' if crossed else leads}{marker}{blanks}"
    return f"{marker} "


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def _shown(ids: Sequence[int], coder: Coder) -> str:
    named = ", ".join(f"{coder.decode([one])!r} ({one})" for one in ids[:4])
    return f"[{named}{', …' if len(ids) > 4 else ''}]"
