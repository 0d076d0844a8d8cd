"""Claims of sentences: numbers with the words that name them, quotations, "unchanged".

Responsible for paragraphs and list items. `Label: value` is read as a table's cell would be; of a
sentence, each number takes its name from the words before it, else from those after it, else from
the sentence so far.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim
from evidence.audit.meaning import Meaning
from evidence.audit.pages import Prose
from evidence.audit.sentences import Sentence, numbers_of
from evidence.audit.spans import Lines
from evidence.audit.values import KEY, Named, around, claims_of, hedge_in, last_sentence
from evidence.foreign.lines import Line
from evidence.foreign.logs import Log

MAX_CHARS: Final = 20_000
_PAIR: Final = re.compile(
    r"^\s{0,20}(?P<label>[^:=\n`\s][^:=\n`]{0,70}?(?:`[^`\n]{1,60}`)?[^:=\n]{0,20}?)\s*(?::|=|→)\s{1,20}(?P<value>\S[^\n]*)$"
)
_VERSIONED: Final = re.compile(
    r"^\s{0,20}(?P<label>[A-Za-z][\w.-]{1,40})\s{1,8}v?(?P<value>\d{1,9}\.\d{1,9}[\w.+-]{0,60})\s{0,20}$"
)
_NEXT: Final = re.compile(r"[.!?]\s+(?=[A-Z`*0-9])")
_CODE: Final = re.compile(r"`[^`\n]{0,300}`")
_PAIRED: Final = re.compile(r"\w[=:]\s?[-+]?\.?\d")
_SENTENCE: Final = re.compile(
    r"(?<!al\.)(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!cf\.)(?<=[.!?])\s+(?=[A-Z`*\"“(\d])|\n{2,}|;\s"
)
_QUOTED: Final = re.compile(r"[“\"]([^“”\"\n]{20,600})[”\"]")
_UNCHANGED: Final = re.compile(
    r"\b(?:unchanged|untouched|not (?:been )?(?:modified|changed|touched)|byte[- ]for[- ]byte|"
    r"bit[- ](?:identical|exact)|"
    r"no \w+ (?:was|were|has been|have been) (?:modified|changed|touched)|"
    r"no (?:code|configuration|config) changes?)\b",
    re.IGNORECASE,
)


def of_prose(prose: Prose, document: str, lines: Lines) -> Iterator[Claim]:
    """Every claim of a paragraph or item."""
    text = prose.text[:MAX_CHARS]
    if len(prose.text) > MAX_CHARS:
        lines.left_out.append(f"of a paragraph in line {prose.line} only the beginning is read")
    context = " › ".join((*prose.headings, prose.lead))[:1_000]
    if prose.is_quoted and len(text.split()) >= 4:
        yield _quotation(document, prose.line, 1, text, context)
        return
    for number, shown in enumerate(text.split("\n")):
        line = prose.line + number
        pair = _PAIR.match(shown) or _VERSIONED.match(shown)
        if pair is not None and _is_label(pair["label"], pair["value"]):
            column = lines.column(line, pair["value"])
            label = pair["label"].strip("*_ ")
            named = Named(document, line, column, label, (), context, lead=prose.lead[-200:])
            named = replace(named, headings=prose.headings[-2:])
            value, behind = _one_sentence(pair["value"])
            yield from claims_of(named, value)
            for code in re.finditer(r"`([^`\n]{2,300})`", value):
                yield from _printed(code[1], named, line, lines)
            text = _blanked(text, number, behind)
    for sentence in _sentences(text):
        yield from _of_sentence(sentence, prose, document, lines, context)


def _printed(code: str, beside: Named, line: int, lines: Lines) -> Iterator[Claim]:
    """A code span that quotes a line of a log claims what that line says; the words beside it may
    name which."""
    if not _PAIRED.search(code):
        return
    more = beside.around | around(beside.label)
    for fact in Log([Line(line, code)], beside.document).facts():
        keys = () if fact.step is None else (("step", str(fact.step)),)
        named = replace(
            beside,
            line=line,
            column=lines.column(line, fact.text),
            label=fact.name,
            keys=keys,
            subject=" ".join(fact.scope),
            around=more,
        )
        if fact.value != fact.step:
            yield from claims_of(named, fact.text)


def _is_label(label: str, value: str) -> bool:
    """`Epoch 2: train loss 0.6, val loss 0.7` has its names in what follows."""
    words = label.split()
    if KEY.search(label) and not KEY.sub("", label).strip(" ()*_-") and "loss" in value.lower():
        return False
    return 0 < len(words) <= 8 and not re.search(r"[.!?]\s", label)


def _one_sentence(value: str) -> tuple[str, str]:
    """A value ends with its sentence; what follows is prose."""
    end = _NEXT.search(value)
    return (value, "") if end is None else (value[: end.start() + 1], value[end.end() :])


def _blanked(text: str, number: int, behind: str) -> str:
    """A line without what was read already; the others stay where they are."""
    shown = text.split("\n")
    shown[number] = behind
    return "\n".join(shown)


def _sentences(text: str) -> Iterator[Sentence]:
    start = 0
    for match in _SENTENCE.finditer(text):
        yield Sentence(text[start : match.start()], start)
        start = match.end()
    yield Sentence(text[start:], start)


def _of_sentence(
    sentence: Sentence, prose: Prose, document: str, lines: Lines, context: str
) -> Iterator[Claim]:
    text = sentence.text
    line = prose.line + prose.text.count("\n", 0, sentence.offset)
    shown_above = " ".join((prose.lead, *prose.headings[-2:]))
    hedge = hedge_in(text, shown_above, prose.headings[-2:])
    for quoted in _QUOTED.finditer(text):
        if len(quoted[1].split()) >= 4:
            at = line + text.count("\n", 0, quoted.start())
            yield _quotation(document, at, lines.column(at, quoted[1]), quoted[1], context)
    if _UNCHANGED.search(text):
        yield _unchanged(document, line, lines, text, context)
    for code in re.finditer(r"`([^`\n]{2,300})`", text):
        at = line + text.count("\n", 0, code.start())
        named = Named(document, at, lines.column(at, code[1]), "", (), text[:300])
        yield from (one for one in claims_of(named, code.group()) if one.kind in ("file", "digest"))
        named = replace(named, headings=prose.headings[-2:], lead=prose.lead)
        named = replace(named, around=around(_CODE.sub(" ", text)))
        yield from _printed(code[1], named, at, lines)
    lead = around(last_sentence(prose.lead))
    above = tuple(around(one) for one in prose.headings[-2:])
    said = (*prose.headings[-2:], last_sentence(prose.lead))
    placed = Sentence(text, sentence.offset, document, line, hedge, lead, above, said)
    yield from numbers_of(placed, lines)


def _quotation(document: str, line: int, column: int, text: str, context: str) -> Claim:
    shown = " ".join(text.split())
    return Claim(document, line, column, "quotation", shown, shown, "", Meaning(), context=context)


def _unchanged(document: str, line: int, lines: Lines, text: str, context: str) -> Claim:
    found = _UNCHANGED.search(text)
    at = line + text.count("\n", 0, 0 if found is None else found.start())
    word = "" if found is None else found.group()
    shown = " ".join(text.split())[:300]
    column = lines.column(at, word)
    return Claim(document, at, column, "unchanged", shown, word, "", Meaning(), context=context)
