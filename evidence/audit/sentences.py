"""Numbers of a sentence, each with the words that name it.

Responsible for what a number in a sentence is of: the words before it, else those after it, else
what the sentence spoke of so far; the step or epoch beside it; and whether all that is certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim, Kind
from evidence.audit.common_words import HARMLESS
from evidence.audit.meaning import Meaning, meaning_of, words_of
from evidence.audit.quantities import Quantity, quantities
from evidence.audit.spans import Lines
from evidence.audit.values import BY_UNIT, KEY, around, in_brackets, key_name
from evidence.audit.vocabulary import IDENTITIES, NAMES_OF_MEASURES, NOISE, SHARES
from evidence.records.record import Record

_CLAUSE: Final = re.compile(r"[,:;()\[\]]|\s[—–-]\s|\b(?:and|while|whereas|but|versus|vs\.?)\b")
_FROM_TO: Final = re.compile(r"\bfrom\b[^.;]{0,60}$", re.IGNORECASE)
_NUMBERED: Final = frozenset(("gpu", "model", "device", "dataset", "hardware", "cuda", "python"))
"""Names of measures that a number behind them numbers."""
_DURATIONS: Final = ("runtime_s", "step_time_s", "epoch_time_s", "num_tokens")
_NO_ULP: Final = Decimal("1e-9")
_RIGHT: Final = re.compile(
    r"\b(?:correct(?:ly)?|right|solved|accuracy|passed|exact match|answered)\b", re.IGNORECASE
)
_LASTED: Final = re.compile(
    r"\b(?:took|takes|lasted|(?:ran|trained|running) for|(?:finished|completed|done) (?:in|after))"
    r"(?: about| only| just| roughly| approximately)?\s*$",
    re.IGNORECASE,
)
_CHANGED_AFTER: Final = re.compile(
    r"\s?(?:relative |absolute )?(?:reduction|improvement|increase|decrease|drop|gain|lower|higher|"
    r"faster|slower|better|worse|less|fewer|more|speed-?up|points?|pp\b|times\b|fold)"
)
_CHANGED_BEFORE: Final = re.compile(
    r"\b(?:reduction|improvement|increase|decrease|drop|gain|reduced|improved|increased|decreased|"
    r"dropped|fell|rose|lower|higher|down|up|speed-?up) (?:of|by) (?:about |roughly |some |over )?$"
)
_COUNTS: Final = ("steps", "step", "epochs", "epoch", "rows", "files", "num_tokens", "parameters")
_RAN: Final = re.compile(
    r"\b(?:trained|evaluated|tested|training|ran|run|tuned|finished|completed|took|total)"
    r"(?: (?:for|of|after|in|with|took|on))?(?: a)?(?: total of)?\s{0,2}$",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(
    r"\[[0-9]{1,3}\]|"
    r"\b(?:fig(?:ure)?|table|section|sec|chapter|eq(?:uation)?|version|v|part|phase|stage|no|"
    r"appendix|page|rank|level|tier|issue|pr)\b[.\s#-]{1,3}\d{1,6}(?:\.\d{1,4}){0,3}(?![\d%])|"
    r"(?<![\d.,])(?:19|20)\d{2}(?![\d.,%])",
    re.IGNORECASE,
)
"""Of a figure, a version, a year: no measurement."""
_SETTING: Final = re.compile(r"\b[A-Za-z_]{1,30}=[^\s,;)]{1,30}")
"""`n=50`, `stride=64`: of a setting."""
_NAME: Final = re.compile(r"(?<![\w`/])[A-Z][\w.+-]{1,40}|(?<![\w`/])[a-z]{1,20}-?\d[\w.-]{0,20}")
_JOINING: Final = frozenset(
    (
        *("of", "is", "was", "to", "at", "a", "an", "the", "from", "reached", "reaches", "about"),
        *("approximately", "around", "only", "just", "came", "out", "ended", "up", "down", "fell"),
        *("dropped", "rose", "improved", "went", "had", "has", "for", "in", "stood", "stands"),
        *("are", "were", "be", "roughly", "nearly", "took", "takes", "equal", "equals", "as"),
        *("under", "below", "above", "over", "than", "less", "more", "least", "most", "between"),
    )
)
_NUM_BEFORE, _NUM_AFTER = 9, 5


class Sentence(Record):
    """A sentence in its page."""

    text: str
    offset: int
    """In its paragraph."""
    document: str = ""
    line: int = 1
    hedge: str = ""
    around: frozenset[str] = frozenset()
    """Words of what leads to it, and of each heading above."""
    above: tuple[frozenset[str], ...] = ()
    headings: tuple[str, ...] = ()
    """Those as they stand, and what leads to it."""


def numbers_of(sentence: Sentence, lines: Lines) -> Iterator[Claim]:
    """Every number of a sentence that claims something."""
    text = re.sub(r"`[^`\n]*`", lambda match: " " * len(match.group()), sentence.text)
    keyed = list(KEY.finditer(text))
    for match in keyed:
        text = text[: match.start()] + " " * len(match.group()) + text[match.end() :]
    whole = text
    for pattern in (_REFERENCE, _SETTING):
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    found = list(quantities(text))
    others = _others(_without(found, text)) | _qualifiers(text, found)
    carried, was_joined = Meaning(), False
    claims: list[Claim] = []
    skipped: set[str] = set()
    found = list(_with_shares(found, text))
    beside = sentence.around | around(_without(found, whole)) | _parts(found, text)
    for index, one in enumerate(found):
        before = text[found[index - 1].end if index else 0 : one.start]
        after = text[one.end : found[index + 1].start if index + 1 < len(found) else len(text)]
        own, carried_on = _named_by(before, after, carried)
        meaning = _by_unit(own, one)
        paired = _of_pair(meaning, text, found, index)
        is_named = BY_UNIT.get(one.unit, "") == one.unit != ""  # a unit may be the name
        is_named = is_named or (one.unit == "s" and _LASTED.search(before) is not None)
        is_named = is_named or one.unit == "share"
        is_joined = is_named or (not carried_on and _is_joined(before, after))
        is_joined = is_joined or (paired != meaning and paired.aggregate == "last" and was_joined)
        meaning, was_joined = paired, is_joined
        if not meaning.is_named and not one.unit and not _shows(one):
            skipped.add(one.text)
            continue
        carried = meaning if meaning.is_named else carried
        kept = meaning.rest - HARMLESS if meaning.is_named else meaning.rest
        meaning = replace(meaning, rest=kept | others | in_brackets(before[-80:]))
        at = sentence.line + text.count("\n", 0, one.start)
        claims.append(
            Claim(
                document=sentence.document,
                line=at,
                column=lines.column(at, one.text),
                kind=_kind(one, text),
                text=" ".join(sentence.text.split())[:300],
                value=one.text,
                label=" ".join(before.split()[-_NUM_BEFORE:]),
                meaning=meaning,
                quantity=one,
                keys=_keys_near(keyed, one, found, meaning),
                context=" ".join(sentence.text.split())[:300],
                is_certain=is_joined and _is_of_run(meaning, text, one),
                above=sentence.above,
                headings=sentence.headings,
                before=sentence.text[: one.start],
                after=sentence.text[one.end :],
                around=beside,
                hedge=sentence.hedge,
            )
        )
    # A number that is of nothing known may name a part: of a year, of a citation.
    yield from (replace(one, around=one.around | skipped) for one in claims)


def _qualifiers(text: str, found: list[Quantity]) -> frozenset[str]:
    """Words with a number of their own, by which a sentence is of a part: `class 3`."""
    words: set[str] = set()
    for index, one in enumerate(found):
        before = text[found[index - 1].end if index else 0 : one.start]
        if not one.unit and before.split() and not _opens(before):
            words |= {one for one in words_of(before)[-1:] if not one.endswith(("ed", "ing", "s"))}
    return frozenset(words)


def _without(found: list[Quantity], text: str) -> str:
    for one in found:
        text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text


def _parts(found: list[Quantity], text: str) -> frozenset[str]:
    """`10 % of the data`: a sentence of a part."""
    of = (one.text for one in found if one.unit == "%" and text[one.end :].startswith(" of "))
    return frozenset(f"{one} of" for one in of)


def _with_shares(found: list[Quantity], text: str) -> Iterator[Quantity]:
    """`13 of 20 questions correctly` is a share."""
    skip = False
    for index, one in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        if skip:
            skip = False
        elif following is not None and _is_share(one, following, text):
            skip = True
            shown = text[one.start : following.end]
            ratio = one.value / following.value
            yield Quantity(shown, ratio, _NO_ULP, one.start, following.end, "share")
            yield following
        else:
            yield one


def _is_share(one: Quantity, following: Quantity, text: str) -> bool:
    between = text[one.end : following.start].strip().lower()
    whole = not one.unit and one.ulp == following.ulp == 1 and 0 <= one.value <= following.value
    return bool(
        whole
        and following.value
        and between in ("of", "out of", "of the", "/")
        and _RIGHT.search(text[max(0, one.start - 60) : following.end + 60])
    )


def _others(text: str) -> frozenset[str]:
    """Names in a sentence, by which it may speak of another model or other data."""
    found: set[str] = set()
    for match in _NAME.finditer(text):
        opens = match.start() == 0 or text[: match.start()].rstrip().endswith((".", ":", "*"))
        word = match.group()
        if not opens or any(letter.isdigit() or letter.isupper() for letter in word[1:]):
            found |= set(words_of(word)) - NAMES_OF_MEASURES
    return frozenset(found)


def _is_joined(before: str, after: str) -> bool:
    """Whether a number and its name stand side by side, with nothing but a verb between."""
    words = words_of(before)[-_NUM_BEFORE:]
    while words and words[-1] in _JOINING | NOISE:
        words = words[:-1]
    named = meaning_of(" ".join(words[-3:])).is_named
    return named or meaning_of(" ".join(words_of(after)[:3])).is_named


def _is_of_run(meaning: Meaning, text: str, one: Quantity) -> bool:
    """A count in a sentence may be of anything, unless it says that so much was run."""
    if meaning.measure not in _COUNTS:
        return True
    return _RAN.search(text[: one.start]) is not None


def _shows(one: Quantity) -> bool:
    """Whether a number without unit and name is one that was measured: it has decimals."""
    return one.ulp < 1 and one.num_digits >= 2


def _kind(one: Quantity, text: str) -> Kind:
    if one.spread is not None:
        return "statistic"
    after, before = text[one.end : one.end + 30].lower(), text[: one.start].lower()
    if one.is_signed or one.unit == "x" or _CHANGED_BEFORE.search(before[-50:]):
        return "difference"
    if one.unit in ("", "%") and _CHANGED_AFTER.match(after):
        return "difference"
    return "number"


def _named_by(before: str, after: str, carried: Meaning) -> tuple[Meaning, bool]:
    """The meaning of the words around a number; whether it was carried on from before."""
    clause = _CLAUSE.split(before)[-1]
    first = meaning_of(" ".join(clause.split()[-_NUM_BEFORE:]))
    if first.is_named and first.measure not in IDENTITIES:
        return first, False
    if before.split() and not _opens(before):
        return replace(first, measure=""), False  # `class 3`, `temperature 0.7`: of that word
    following = meaning_of(" ".join(_CLAUSE.split(after)[0].split()[:_NUM_AFTER]))
    if following.is_named and following.measure not in IDENTITIES:
        return replace(following, aggregate=following.aggregate or first.aggregate), False
    wider = meaning_of(" ".join(before.split()[-_NUM_BEFORE:]))
    if wider.is_named and wider.measure not in IDENTITIES:
        return wider, False
    if carried.is_named:
        return replace(
            carried,
            aggregate=first.aggregate,
            split=first.split or carried.split,
            rest=first.rest | following.rest,
        ), True
    return replace(first, measure=""), False


def _opens(before: str) -> bool:
    """Whether a number is of no word right before it."""
    if before.rstrip().endswith((",", ":", ";", "(", "[", "—", "–", "|", "~", "≈", "=")):
        return True
    last = words_of(before)[-1:]
    if last and last[0] in _NUMBERED:
        return False
    return not last or last[0] in _JOINING | NOISE or last[0] in NAMES_OF_MEASURES


def _by_unit(meaning: Meaning, one: Quantity) -> Meaning:
    """A unit says what is counted better than the words around."""
    if one.unit == "share":
        return meaning if meaning.measure in SHARES else replace(meaning, measure="accuracy")
    key = BY_UNIT.get(one.unit)
    if key is None or (one.unit in ("s", "tokens") and meaning.measure in _DURATIONS):
        return meaning
    if one.unit == "s" and (meaning.is_named or meaning.rest):
        return replace(meaning, measure=key, rest=meaning.rest | {"of", meaning.measure})
    if meaning.measure == "throughput" or not meaning.is_named or meaning.measure != key:
        return replace(
            meaning, measure=key, aggregate="" if key != "runtime_s" else meaning.aggregate
        )
    return meaning


def _of_pair(meaning: Meaning, text: str, found: list[Quantity], index: int) -> Meaning:
    """`from 2.21 to 0.76` is the first and the last."""
    one = found[index]
    if meaning.aggregate:
        return meaning
    before = text[: one.start]
    if re.search(r"\bfrom\s+(?:\w+\s+){0,2}$", before, re.IGNORECASE):
        return replace(meaning, aggregate="first")
    if (
        index
        and re.search(r"\b(?:to|→|->)\s*(?:just\s+|about\s+|only\s+)?$", before)
        and _FROM_TO.search(text[: found[index - 1].start])
    ):
        return replace(meaning, aggregate="last")
    return meaning


def _keys_near(
    keyed: list[re.Match[str]], one: Quantity, found: list[Quantity], meaning: Meaning
) -> tuple[tuple[str, str], ...]:
    """The step or epoch that a number is of: the one that stands next to it, no other number
    between them; else the only one of the sentence, or the last before it."""
    for match in keyed:
        low, high = sorted((match.start(), one.start))
        if not any(low < other.start < high for other in found if other is not one):
            return ((key_name(match), match["value"]),)
    before = [match for match in keyed if match.start() < one.start]
    if not before or meaning.aggregate:
        return ()
    return ((key_name(before[-1]), before[-1]["value"]),)
