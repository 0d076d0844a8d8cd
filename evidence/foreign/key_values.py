"""Lines of `name: number` or `name=number`, the form of most programs that print their own.

Responsible for pairs of any log whose lines carry a step (`step:10/100`, `iter 10`, `Step 10 |`,
`10/100`) or none: hyperparameters, sizes, results. What is no pair is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evidence.foreign import naming, numbers, prefixes
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Place, Value
from evidence.foreign.lines import Line
from evidence.records.record import Number

MAX_SCANNED_CHARS: Final = 4_000
"""Of a line; what prints metrics prints less."""
BAR: Final = "progress bar"
"""The scope of what a progress bar shows: it is of no row, since a bar is drawn at any time."""
_STEP: Final = re.compile(
    r"(?:(?<![\w./-])(?P<word>global[ _]?step|step|iter(?:ation)?|update)\s{0,8}[:=#]?\s{0,8}\[?"
    r"|^\s{0,8}\[?)(?P<step>\d{1,12})\s{0,8}(?:/\s{0,8}(?P<total>\d{1,12}))?(?=[\s,;:|\])(]|$)",
    re.IGNORECASE,
)
_STEP_NAMES: Final = ("step", "iter", "update")
_STEPS: Final = ("step", "steps", "iter", "iteration", "global_step", "update")
_FIRSTS: Final = (*"0123456789[",)
_NO_STEP: Final = re.compile(
    r"\b(?:total|max|maximum|num|number of|warmup|warm-up|optimization|logging|save|saving|eval"
    r"|evaluation|every|per|last|best|first|from|at|to|until|end)[ _:]*\Z",
    re.IGNORECASE,
)
"""Before the word: then it is a number of steps, or another row's."""
_EPOCH: Final = re.compile(
    r"(?<![\w./-])epoch\s{0,8}[:=#]?\s{0,8}[\[(]?(?P<value>\d{1,9}(?:\.\d{1,12})?)(?:\s{0,8}/\s{0,8}\d{1,9})?"
    r"(?=[\s,;:|\])(]|$)",
    re.IGNORECASE,
)
_UNIT: Final = (
    r"(?:%|[KkMGT]?i?B|[Bb]ytes?|[num\u00b5]?s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|[KMBT]|GF"
    r"|[TGP]?FLOPs?(?:/s)?|tok(?:ens?)?(?:/(?:s(?:ec)?|step))?|(?:it|iter|samples?|steps?|ex)/s(?:ec)?"
    r"|s/it|ms/step|params|parameters|tensors|W|Hz|x)(?![\w/])"
)
_SHARE: Final = re.compile(r":?\s{0,8}\d{1,3}%\|")
"""How far a bar is, which is of nothing else."""
_DIGIT: Final = re.compile(r"\d")
_VALUE: Final = re.compile(
    rf"[:=](?P<gap>\s{{0,40}})(?P<quote>['\"]?)(?:"
    r"(?P<clock>\d{1,4}:\d{2}:\d{2}(?:\.\d{1,9})?|(?:\d{1,4}\s?h\s?)?\d{1,4}\s?m(?:in)?\s?\d{1,3}(?:\.\d{1,9})?\s?s\b)"
    r"|(?P<part>\d{1,12})\s?/\s?(?P<whole>\d{1,12})(?:\s?\(\s?(?P<percent>\d{1,3}(?:\.\d{1,9})?)\s?%\s?\))?"
    rf"|(?P<value>{numbers.NUMBER}|[-+]?[Nn][Aa][Nn]|[-+]?[Ii]nf)(?P<unit>\s?{_UNIT})?"
    rf"(?:\s?(?:\u00b1|\+/?-)\s?(?P<spread>{numbers.NUMBER})%?)?)(?P=quote)"
    r"(?=[\s,;|)\]}>\u2192]|\.(?:\s|\Z)|\Z)"
)
_SEGMENT: Final = re.compile(
    rf"\s{{0,40}}(?P<name>[A-Za-z_][\w ./@%-]{{0,40}}?)\s{{1,20}}"
    rf"(?P<value>{numbers.NUMBER}|nan|inf)(?P<unit>\s?{_UNIT})?\s{{0,20}}(?:\([^)]{{0,60}}\))?\s{{0,20}}\Z",
    re.IGNORECASE,
)
_UNNAMED: Final = re.compile(
    rf"\s{{0,40}}(?P<value>{numbers.NUMBER})\s?(?P<name>{_UNIT})"
    r"(?: [A-Za-z0-9]{1,8}){0,2}\s{0,20}\Z"
)
_BARE: Final = re.compile(
    r"(?<![\w./-])(?P<name>(?:[a-z]{1,20}[_ ])?(?:loss|perplexity|ppl|accuracy|acc|lr|bpb|f1|bleu))"
    rf"\s{{1,20}}(?P<value>{numbers.NUMBER})(?=[\s,;|)\]%]|\.(?:\s|\Z)|\Z)",
    re.IGNORECASE,
)
_BARE_NAMES: Final = ("loss", "perplexity", "ppl", "acc", "lr", "bpb", "f1", "bleu")
_BETWEEN: Final = re.compile(r"[,;|]|\s-\s")
_TEXT: Final = re.compile(
    r"\s{0,40}[-*•]?\s{0,8}(?P<name>[A-Za-z_][\w ./()-]{0,60}?)\s{0,40}[:=]\s{1,40}(?P<text>\S.*)"
)


class Pairs:
    """Reads line after line; knows the section and the epoch that lines before it began."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._row = -1
        self._section: tuple[str, ...] = ()
        self._total = ""
        self._num_long = 0
        self._epoch = ""

    @property
    def notes(self) -> Iterator[str]:
        """What was left out."""
        if self._num_long:
            yield (
                f"{self._num_long} of its lines are longer than {MAX_SCANNED_CHARS} characters: of "
                "each the start is read"
            )

    def take(self, line: Line, *, is_bar: bool = False) -> Iterator[Fact]:
        """The pairs of a line, in order."""
        self._row += 1
        text = line.text
        if len(text) > MAX_SCANNED_CHARS:
            text = text[:MAX_SCANNED_CHARS]
            self._num_long += 1
        begun = naming.epoch_of(text)
        if begun is not None:
            self._epoch = begun[0]
        if not (":" in text or "=" in text or "*" in text or "loss" in text.lower()):
            self._section = ()
            return
        text, rank = prefixes.without(text)
        if "***" in text:
            self._section = naming.section(text)
        row: int | None = self._row
        scope: tuple[str, ...] = ()
        if is_bar:
            text = _SHARE.sub(" |", text)
            is_full = naming.ends_epoch(text)
            scope, row = ((), row) if is_full else ((BAR,), None)
        elif rank:
            scope, row = (f"rank {rank}",), None
        elif self._section and " = " in text:
            scope, row = self._section, None  # of a table of totals: a line each
        else:
            self._section = self._section if "***" in text else ()
        place = Place(self._file, line.number)
        found = None if is_bar else _step_of(text)
        facts = list(_of_line(text, place, row, scope, found, is_bar=is_bar))
        if is_bar and row is not None and self._epoch:
            facts.append(Fact("epoch", int(self._epoch), self._epoch, place, row))
        yield from facts
        if facts and found and found["total"] not in (None, self._total) and row is not None:
            said = self._total = found["total"]
            yield Fact(found["word"] or "step", int(said), said, place, scope=(*scope, "of"))


def _of_line(
    text: str,
    place: Place,
    row: int | None,
    scope: tuple[str, ...],
    found: re.Match[str] | None,
    *,
    is_bar: bool,
) -> Iterator[Fact]:
    step = None if found is None else int(found["step"])
    facts = list(_pairs(text, place, row, step, scope))
    if not facts or step is not None:
        facts += _unsigned(text, place, row, step, scope, {one.name for one in facts})
    epoch = None if is_bar or not facts else _EPOCH.search(text)
    if epoch is not None and not any(one.name.lower() == "epoch" for one in facts):
        said = epoch["value"]
        facts.append(Fact("epoch", numbers.read(said), said, place, row, step, scope))
    yield from facts
    whole = None if facts else _TEXT.match(text)
    if whole is not None:
        said = whole["text"].strip()[:MAX_TEXT_CHARS]
        name = whole["name"].strip()[:MAX_NAME_CHARS]
        yield Fact(name, numbers.read(said), said, place, row, step, scope)


def _pairs(
    text: str, place: Place, row: int | None, step: Number | None, scope: tuple[str, ...]
) -> Iterator[Fact]:
    """With a sign between name and value."""
    if not _DIGIT.search(text) and "n" not in text.lower():
        return  # neither a number nor NaN
    at = 0
    stage: tuple[str, ...] = ()
    for pair in _VALUE.finditer(text):
        before = text[max(at, pair.start() - MAX_NAME_CHARS) : pair.start()]
        is_tight = not pair["gap"] and not before.endswith(" ")
        name, found = naming.before(before.rstrip(), is_tight=is_tight)
        stage = (found,) if found else stage
        at = pair.end()
        if not name:
            continue
        for value, said, of in _said(pair, name):
            yield Fact(name, value, said, place, row, step, (*scope, *stage, *of))


def _said(pair: re.Match[str], name: str) -> Iterator[tuple[Value, str, tuple[str, ...]]]:
    if pair["clock"] is not None:
        said = pair["clock"]
        yield numbers.lasting(name, said) if ":" in said else numbers.seconds(said), said, ()
    elif pair["part"] is not None:
        yield int(pair["part"]), pair["part"], ()
        if name.lower() in _STEPS:
            return  # how many there are to be is said once
        yield int(pair["whole"]), pair["whole"], ("of",)
        if pair["percent"] is not None:
            yield numbers.read(pair["percent"]), f"{pair['percent']}%", ("percent",)
    else:
        yield numbers.read(pair["value"]), pair["value"] + (pair["unit"] or ""), ()
        if pair["spread"] is not None:
            yield numbers.read(pair["spread"]), pair["spread"], ("spread",)


def _unsigned(
    text: str,
    place: Place,
    row: int | None,
    step: Number | None,
    scope: tuple[str, ...],
    known: set[str],
) -> Iterator[Fact]:
    """`loss 4.2` between commas or bars, in a line that says its step; names of losses anywhere."""
    taken: set[str] = set(known)
    if step is not None:
        start = _STEP.search(text)
        rest = text[start.end() :].lstrip(" :]|,") if start is not None else ""
        for segment in _BETWEEN.split(rest)[:60]:
            pair = _SEGMENT.match(segment) or _UNNAMED.match(segment)
            if pair is not None and pair["name"].strip() not in taken:
                taken.add(pair["name"].strip())
                unit = pair.groupdict().get("unit") or ""
                said = pair["value"] + unit
                value = numbers.read(pair["value"])
                yield Fact(pair["name"].strip(), value, said, place, row, step, scope)
    lower = text.lower()
    for pair in _BARE.finditer(text) if any(one in lower for one in _BARE_NAMES) else ():
        if pair["name"] not in taken:
            taken.add(pair["name"])
            said = pair["value"]
            yield Fact(pair["name"], numbers.read(said), said, place, row, step, scope)


def _step_of(text: str) -> re.Match[str] | None:
    """The step that the line says it is of; `10/100` at its start is one too."""
    lower = text.lower()
    if not (text.lstrip()[:1] in _FIRSTS or any(one in lower for one in _STEP_NAMES)):
        return None
    for found in _STEP.finditer(text):
        if found["word"] is None:
            if found["total"] is not None:
                return found
        elif not _NO_STEP.search(text[max(0, found.start() - 20) : found.start()]):
            return found
    return None
