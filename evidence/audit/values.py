"""The value of a cell or of a `name: value` line, as claims.

Responsible for what a value says piece by piece: numbers with their units, identities, paths,
digests, dates. What the name beside it means has been found before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim, Kind
from evidence.audit.common_words import HARMLESS
from evidence.audit.meaning import Meaning, meaning_of, words_of
from evidence.audit.quantities import Quantity, quantities
from evidence.audit.spans import parts
from evidence.audit.vocabulary import (
    AGGREGATES,
    ELSEWHERE,
    ELSEWHERE_BELOW,
    IDENTITIES,
    SECTIONS,
    SHARES,
    SPLITS,
    WEAK,
)
from evidence.records.record import Record

MAX_VALUE_CHARS: Final = 2_000
MAX_NAME_CHARS: Final = 60
MAX_WORDS_CHARS: Final = 12
"""Letters beside the numbers of a cell without a name: more are a sentence."""
BY_UNIT: Final = {
    "samples_per_s": "samples_per_s",
    "steps_per_s": "steps_per_s",
    "tokens_per_s": "tokens_per_s",
    "steps": "steps",
    "epochs": "epochs",
    "rows": "rows",
    "tokens": "num_tokens",
    "parameters": "parameters",
    "s": "runtime_s",
    "files": "files",
}
SHOTS: Final = re.compile(r"\(?\b\d{1,3}[- ]shots?\b(?:,\s?)?\)?", re.IGNORECASE)
"""How many examples a prompt had: said of a score, no score."""
KEY: Final = re.compile(
    r"\b(?P<name>step|epoch|seed|iteration|iter)s?\s?[#=:]?\s?(?P<value>\d{1,9})(?![\d.]*\d|\s?%)",
    re.IGNORECASE,
)
"""A step, epoch or seed with its number: it names a value, and is none."""
_HEX: Final = re.compile(r"(?<![\w-])(?:sha256:)?([0-9a-f]{7,64})(?![\w-])")
_DATE: Final = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
PATH: Final = re.compile(
    r"(?<![\w/.:-])(?:[\w.-]+/)*[\w-][\w.-]*\.(?:jsonl?|txt|csv|tsv|log|ya?ml|toml|md|safetensors|pt|"
    r"pth|bin|ckpt|png|svg|html|npz|parquet|zip|ipynb|py|db|wandb|gguf)(?![\w/])|"
    r"(?<![\w/.:-])(?:[\w.-]+/){2,}(?![\w/])"
)
_VERSION: Final = re.compile(r"(?<![\w.])v?\d+(?:\.\d+){1,}[\w.+-]*")
_OF: Final = re.compile(r"(?<![\w.])(\d{1,9})\s?(?:/|of|out of)\s?(\d{1,9})(?![\w.])")
_ON_EVALUATION: Final = re.compile(
    r"\b(?:evaluation|validation|eval|dev|(?P<test>test)|held[- ]out) "
    r"(?:set|split|data|results?)\b",
    re.IGNORECASE,
)
_OWN_UNITS: Final = frozenset((*BY_UNIT, "bytes")) - {"s"}
"""Units that say what is counted, whatever the name is."""
_BILLION: Final = Decimal(10) ** 9
_CHANGE: Final = re.compile(
    r"\b(?:change|diff(?:erence)?|delta|improvement|reduction|gain|speed-?up|increase)\b|Δ",
    re.IGNORECASE,
)
_BRACKETS: Final = re.compile(r"\(([^()]{1,60})\)")
_UNIT_WORDS: Final = frozenset(
    (
        *("s", "sec", "secs", "seconds", "ms", "min", "minutes", "h", "hours", "gb", "mb", "gib"),
        *("mib", "pytorch", "torch", "nats", "tokens", "samples", "steps", "examples", "rows"),
    )
)
_OF_OURS: Final = frozenset(("ours", "our", "this", "us", "here", "reported", "measured", "logged"))
_COUNTED: Final = re.compile(r"^\s{0,8}[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}[.):]?\s")
"""The number of a heading."""
_JOINED: Final = re.compile(
    r"[A-Za-z]{2,20}\+[A-Za-z]{2,20}|\b(?:at|before|after) (?:the )?(?:start|beginning|end)\b",
    re.IGNORECASE,
)
"""`train+val`: two things together; `at start`: another time."""
_DECIMAL: Final = re.compile(r"[0-9]+\.[0-9]+\Z")
_EMPTY: Final = re.compile(
    r"(?:-|–|—|n/?a|none|null|tbd|todo|\?|nan|no log|unknown|"
    r"✅|✓|✔|❌|✗|yes|no|x|±|[↑↓→]|\.\.\.|…)?\Z",
    re.IGNORECASE,
)


class Named(Record):
    """A name with the place of its value, ready for claims."""

    document: str
    line: int
    column: int
    label: str
    keys: tuple[tuple[str, str], ...] = ()
    context: str = ""
    subject: str = ""
    """More words that name what it is of: a row's label, a heading."""
    is_certain: bool = True
    """False where the row may be of something else."""
    headings: tuple[str, ...] = ()
    """Those above it, the last two."""
    around: frozenset[str] = frozenset()
    """As of a claim."""
    shown: str = ""
    """The words of the name as they stand, where some were taken for a key."""
    header: str = ""
    """Of its table."""
    of_column: str = ""
    """The cell of it above the value, where there are several columns of values."""
    lead: str = ""
    """The sentence that leads to it: "the following results on the evaluation set"."""
    is_cell: bool = False
    """Whether it stands in a table, where any words beside a name are claimed of it."""
    before: str = ""
    after: str = ""
    """What stands beside the piece of the value that is looked at."""


def claims_of(named: Named, value: str) -> Iterator[Claim]:
    """Every claim that a value makes under its name."""
    value = value[:MAX_VALUE_CHARS]
    has_shots = SHOTS.search(f"{named.subject} {named.label}") is not None
    named = _keyed(named)
    meaning = meaning_of(f"{named.subject} {named.label}".strip())
    meaning = replace(meaning, rest=meaning.rest | in_brackets(f"{named.subject} {named.label}"))
    if has_shots and meaning.is_named:
        meaning = replace(meaning, rest=meaning.rest | {"in shots"})
    on = _ON_EVALUATION.search(named.lead)
    if meaning.is_named and not meaning.split and on is not None:
        meaning = replace(meaning, split="test" if on["test"] else "eval")
    if _EMPTY.match(value.strip()):
        return
    share = _OF.search(value) if meaning.measure in SHARES else None
    if share is not None and int(share[2]):
        left = meaning_of(value[: share.start()] + " " + value[share.end() :])
        of_share = replace(meaning, rest=meaning.rest | left.rest)
        at = _beside(named, value, share.start(), share.end())
        yield _claim(at, of_share, "number", share.group(), _share(share))
        value = value[: share.start()] + " " * len(share.group()) + value[share.end() :]
    pieces = parts(value)
    label = f"{named.subject} {named.label}".strip()
    found: list[Claim] = []
    for index, (offset, piece) in enumerate(pieces):
        inner = meaning
        behind = pieces[index + 1][1] if index + 1 < len(pieces) else ""
        if behind and value[: pieces[index + 1][0]].rstrip().endswith("(") and _is_words(behind):
            inner = replace(meaning_of(f"{behind} {label}"), split=meaning.split)
        at = _beside(named, value, offset, offset + len(piece))
        for one in _of_piece(replace(at, column=named.column + offset), inner, piece):
            unit = "" if one.quantity is None else one.quantity.unit
            is_beside = index > 0 and one.quantity is not None and unit not in _OWN_UNITS
            found.append(replace(one, is_certain=False) if is_beside else one)
    yield from _unsure_of_several(found)


def _beside(named: Named, text: str, start: int, end: int) -> Named:
    """With what stands beside a part of a text."""
    return replace(named, before=named.before + text[:start], after=text[end:] + named.after)


def _keyed(named: Named) -> Named:
    """With the step, epoch or seed that its words name as a key."""
    shown = " ".join(one for one in (named.subject, named.label) if one)
    label, subject = (SHOTS.sub(" ", text) for text in (named.label, named.subject))
    named = replace(named, label=label, subject=subject, shown=shown)
    found = [match for text in (label, subject) for match in KEY.finditer(text)]
    if not found or named.keys:
        return named
    keys = tuple((key_name(match), match["value"]) for match in found[:1])
    label, subject = (KEY.sub(" ", text) for text in (named.label, named.subject))
    return replace(named, keys=keys, label=label, subject=subject)


def key_name(match: re.Match[str]) -> str:
    """`iteration` is a step."""
    name = match["name"].lower()
    return "step" if name.startswith("iter") else name


def around(*texts: str) -> frozenset[str]:
    """Words of what stands around a claim that are not harmless: names of other things."""
    plain = (_DATE.sub(" ", _COUNTED.sub("", text)) for text in texts)
    found = (word for text in plain for word in words_of(text))
    several = (match.group() for text in texts for match in _JOINED.finditer(text))
    return frozenset(
        (
            *(word for word in found if word not in HARMLESS and not _DECIMAL.match(word)),
            *several,
        )
    )


def in_brackets(label: str) -> frozenset[str]:
    """Brackets behind a name that hold common words only: "in total for all runs" is a part or a
    whole of something, and no name."""
    said: set[str] = set()
    for match in _BRACKETS.finditer(label):
        words = frozenset(words_of(match[1])) - _UNIT_WORDS - _OF_OURS
        is_name = meaning_of(match[1]).is_named  # `accuracy (acc)`
        if (
            words
            and not is_name
            and words <= HARMLESS
            and not words & (SPLITS.keys() | AGGREGATES.keys())
        ):
            said.add(f"({match[1]})")
    return frozenset(said)


def last_sentence(lead: str) -> str:
    """What leads to a list or table, where it does: it ends with a colon."""
    shown = lead.strip()
    return re.split(r"[.!?]\s", shown)[-1] if shown.endswith(":") else ""


def _is_words(piece: str) -> bool:
    return not any(letter.isdigit() for letter in piece) and len(piece.split()) <= 4


def _unsure_of_several(claims: list[Claim]) -> Iterator[Claim]:
    """Of several numbers under one name any may be meant: what was tried, a product, a range."""
    measured = [one.meaning.measure for one in claims if one.kind in ("number", "statistic")]
    for one in claims:
        several = measured.count(one.meaning.measure) > 1
        yield replace(one, is_certain=False) if several and one.quantity is not None else one


def hedge_in(text: str, above: str, headings: Sequence[str] = ()) -> str:
    """The first word by which a text, or what stands above it, speaks of something else than what
    was run."""
    found = (set(words_of(text)) & ELSEWHERE) | (set(words_of(above)) & ELSEWHERE_BELOW)
    found |= {"section"} if set(words_of(" ".join(headings))) & SECTIONS else set()
    found |= {"for example"} if "for example" in text.lower() or "e.g." in text else set()
    return next(iter(sorted(found)), "")


def _share(match: re.Match[str]) -> Quantity:
    ratio = Decimal(match[1]) / Decimal(match[2])
    return Quantity(match.group(), ratio, Decimal("1e-9"), match.start(), match.end())


def _of_piece(named: Named, meaning: Meaning, piece: str) -> Iterator[Claim]:
    bare = piece.strip("`*\"' ")
    digest, path, date = _HEX.search(bare), PATH.search(bare), _DATE.search(bare)
    if digest is not None and _is_digest(digest[1], meaning):
        yield _claim(named, meaning, "digest", digest[1])
    elif date is not None:
        yield _claim(named, meaning, "date", date.group())
    elif path is not None and " " not in bare:
        yield _claim(named, meaning, "file", bare)
    elif meaning.measure in IDENTITIES and not _is_measured(bare):
        yield _claim(named, meaning, "identity", bare)
    else:
        yield from _numbers(named, meaning, bare)


def _is_digest(text: str, meaning: Meaning) -> bool:
    named = meaning.measure in ("commit", "sha256", "revision")
    return len(text) >= 32 or (named and any(letter.isdigit() for letter in text))


def _is_measured(piece: str) -> bool:
    """Whether a piece is a number with a unit: of a GPU its memory, of data its rows."""
    found = list(quantities(piece))
    return len(found) == 1 and bool(found[0].unit) and _rest(piece, found) < 3


def _rest(piece: str, found: list[Quantity]) -> int:
    """Letters that belong to no quantity."""
    inside = sum(sum(c.isalpha() for c in piece[one.start : one.end]) for one in found)
    return sum(letter.isalpha() for letter in piece) - inside


def _numbers(named: Named, meaning: Meaning, piece: str) -> Iterator[Claim]:
    found = list(quantities(piece))
    if not found:
        is_name = meaning.is_named or _VERSION.search(piece) or named.is_cell
        says = any(letter.isalpha() for letter in piece) or _VERSION.search(piece)
        if says and is_name and len(piece) <= MAX_NAME_CHARS:
            yield _claim(named, meaning, "identity", piece)
        return
    if not meaning.is_named and _rest(piece, found) > MAX_WORDS_CHARS:
        return  # a sentence in a cell
    for one in map(partial(_in_bytes, meaning), found):
        inner = meaning
        beside = piece[: one.start] + " " + piece[one.end :]
        own = meaning_of(beside) if _rest(piece, found) else Meaning()
        is_open = not meaning.is_named and not (one.unit == "s" and meaning.rest)
        if one.unit in BY_UNIT and (one.unit not in ("s", "tokens") or is_open):
            inner = replace(meaning, measure=BY_UNIT[one.unit], rest=meaning.rest | own.rest)
        elif one.unit == "s" and meaning.is_named and not meaning.measure.endswith("_s"):
            inner = replace(meaning, measure="runtime_s", rest=meaning.rest | {"beside"})
        elif one.unit == "bytes" and meaning.measure not in ("memory", "memory_used", "size"):
            inner = replace(meaning, measure="memory" if meaning.measure == "gpu" else "size")
        elif own.is_named and own.measure not in IDENTITIES | WEAK:
            inner = replace(own, rest=own.rest | meaning.rest)
        elif own.rest:
            inner = replace(meaning, rest=meaning.rest | own.rest)
        place = _beside(named, piece, one.start, one.end)
        place = replace(place, column=named.column + one.start)
        kind: Kind = "statistic" if one.spread is not None else "number"
        kind = "difference" if named.is_cell and _CHANGE.search(named.label) else kind
        yield _claim(place, inner, kind, one.text, one)


def _in_bytes(meaning: Meaning, one: Quantity) -> Quantity:
    """`425 B` is bytes beside a size, and billions elsewhere."""
    if one.unit or meaning.measure != "size" or not re.search(r"[0-9]\s?B$", one.text):
        return one
    return replace(one, value=one.value / _BILLION, ulp=one.ulp / _BILLION, unit="bytes")


def _claim(
    named: Named, meaning: Meaning, kind: Kind, value: str, quantity: Quantity | None = None
) -> Claim:
    above = " ".join((named.lead, *named.headings, named.header))
    hedge = hedge_in(f"{named.label} {named.subject}", above, named.headings)
    label = " ".join(one for one in (named.subject, named.label) if one)
    return Claim(
        document=named.document,
        line=named.line,
        column=named.column,
        kind=kind,
        text=f"{named.shown or label}: {value}" if label else value,
        value=value,
        label=label,
        meaning=meaning,
        quantity=quantity,
        keys=named.keys,
        context=named.context,
        is_certain=named.is_certain,
        above=tuple(around(one) for one in named.headings),
        headings=(*named.headings, last_sentence(named.lead)),
        subject=named.subject,
        header=named.of_column,
        before=named.before if named.of_column or named.subject else f"{label}: {named.before}",
        after=named.after,
        around=named.around | around(last_sentence(named.lead)),
        hedge=hedge,
    )
