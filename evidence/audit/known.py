"""What the evidence knows: facts by what they measure, and what follows from them.

Responsible for `Known` and for stated facts becoming one: their meaning, unit, digits, and the
words that tell one from another (a folder, a task, a seed). What follows by arithmetic is
`derived`'s; whether a claim agrees is `judge`'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.audit.meaning import Meaning, meaning_of, words_of
from evidence.audit.vocabulary import IDENTITIES, NOISE, SETTINGS
from evidence.foreign import digits
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.names import LOSS, key_of
from evidence.foreign.trainings import LoggedRow, Training, is_number
from evidence.records.record import Record

MAX_TOLD: Final = 12
"""String cells of a row that are taken for names of it."""
MAX_NAME_CHARS: Final = 48
EXACT_DIGITS: Final = 12
"""A number with so many was written in full."""
_VOCABULARY: Final = "vocab"
_UNITS: Final = (
    (re.compile(r"(?:_|\b|\()(?:mib)\)?$", re.IGNORECASE), "bytes", Decimal(2) ** 20),
    (re.compile(r"(?:_|\b|\()(?:gib)\)?$", re.IGNORECASE), "bytes", Decimal(2) ** 30),
    (re.compile(r"(?:_|\b|\()gb\)?$", re.IGNORECASE), "bytes", Decimal(10) ** 9),
    (re.compile(r"(?:_|\b|\()mb\)?$", re.IGNORECASE), "bytes", Decimal(10) ** 6),
    (
        re.compile(r"(?:_|\b|\()(?:ms|millis|milliseconds)\)?$", re.IGNORECASE),
        "s",
        Decimal("0.001"),
    ),
    (re.compile(r"(?:_|\b|\()(?:min|minutes|mins)\)?$", re.IGNORECASE), "s", Decimal(60)),
    (re.compile(r"(?:_|\b|\()(?:hours|hrs|h)\)?$", re.IGNORECASE), "s", Decimal(3600)),
    (re.compile(r"bytes\)?$|^total_size$|^bytes_", re.IGNORECASE), "bytes", Decimal(1)),
    (re.compile(r"%\)?$|percent|_pct$", re.IGNORECASE), "%", Decimal(1)),
)
_GLUED: Final = re.compile(r"^[-+\d.,eE]+\s?(?P<unit>ms|s|sec|seconds|min|h|%|[KMGT]i?B|B|bytes)$")
_GLUED_FACTORS: Final = {
    "ms": ("s", Decimal("0.001")),
    "s": ("s", Decimal(1)),
    "sec": ("s", Decimal(1)),
    "seconds": ("s", Decimal(1)),
    "min": ("s", Decimal(60)),
    "h": ("s", Decimal(3600)),
    "%": ("%", Decimal(1)),
    "bytes": ("bytes", Decimal(1)),
    **{f"{k}iB": ("bytes", Decimal(2) ** (10 * n)) for n, k in enumerate("KMGT", 1)},
    **{f"{k}B": ("bytes", Decimal(10) ** (3 * n)) for n, k in enumerate("KMGT", 1)},
}
_UNIT_WORDS: Final = frozenset(
    ("ms", "s", "sec", "secs", "min", "mins", "hours", "gb", "mb", "kb", "gib", "mib", "pct")
)
_MODELS: Final = ("/config/model_args", "/model_name", "/config/model_args/pretrained")
_QUOTED: Final = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}\Z")
_OF_BYTES: Final = ("size", "memory", "memory_used")
_OF_TRAINING: Final = ("learning_rate", "grad_norm")
_GENERATION: Final = re.compile(r"(?:^|/)(?:generation|tokenizer|preprocessor)_config\.json$")
"""What a model is made for, which need not be how it was trained."""
_KEYED: Final = re.compile(r"(?<![a-z])(seed|fold|epoch|run|trial)[-_= ]?(\d{1,9})(?![\d.])", re.I)


class Known(Record):
    """One value that the evidence states, or that follows from what it states."""

    meaning: Meaning
    name: str
    """As the file has it, or what it is in words."""
    text: str
    """The value as the file has it."""
    places: tuple[Place, ...]
    value: Decimal | None = None
    """None where it is no number."""
    ulp: Decimal = Decimal(0)
    """One unit of the last digit that is known; 0 where all are."""
    unit: str = ""
    step: Decimal | None = None
    epoch: Decimal | None = None
    keys: tuple[tuple[str, str], ...] = ()
    subject: frozenset[str] = frozenset()
    """Words that tell it from others of its measure: folder, task, names in its row."""
    scope: tuple[str, ...] = ()
    """As the file has it."""
    how: str = ""
    """How it follows from the files; empty where a file states it."""
    members: tuple[Decimal, ...] = ()
    """The values that a mean or a spread is of."""
    is_over_runs: bool = False
    """Whether these are of one thing in several runs, each with a key of its own."""
    stage: str = ""
    """The stage that it is of, where the evidence is of several."""
    is_of_several: bool = False
    """Whether it follows from values that are not all of one stage."""
    is_sum: bool = False
    """Whether it is the sum of several."""
    group: frozenset[str] = frozenset()
    """Of a rate over some of the rows: the words that say which."""
    is_row: bool = False
    """Whether it is one of many that were logged."""
    is_inferred: bool = False
    """Whether its step follows from how often was logged."""


def stated(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[Known]:
    """Every fact of the files; rows of a training have the step and the split that it gives."""
    logged = _logged(trainings)
    for source in sources:
        path = subject_of_path(source.path)
        keys = keys_of(source.path)
        if source.format == "lm-eval-results":
            model = _model_of(source.facts)
            path |= frozenset(words_of(model)) - NOISE
        often = {name for name, n in Counter(one.name for one in source.facts).items() if n > 3}
        for facts in rows_of(source.facts):
            told = _told(facts) if facts[0].row is not None else frozenset()
            row_keys = keys + _keys_in(facts)
            stage = stage_of_path(source.path) or stage_in(facts)
            epoch = _epoch(facts) if facts[0].row is not None else None
            for fact in facts:
                if _VOCABULARY in fact.scope:
                    continue  # the id of a token, whatever word the token is
                if source.format == "lm-eval-results":
                    yield _of_harness(fact, path, model)
                    continue
                known = replace(known_of(fact, path | told, row_keys, epoch), stage=stage)
                row = logged.get((fact.place, fact.row))
                if row is not None:
                    known = _in_row(known, fact, row)
                elif source.format == "model-config" or _GENERATION.search(source.path):
                    rest = known.meaning.rest | {"architecture"}
                    known = replace(known, meaning=replace(known.meaning, rest=rest))
                elif fact.step is None and fact.row is not None:
                    is_row = source.format == "log" and fact.name in often
                    known = replace(known, is_row=is_row)
                yield known


def _model_of(facts: Iterable[Fact]) -> str:
    """The model that lm-eval says it evaluated; empty where it does not."""
    for fact in facts:
        if fact.place.address in _MODELS:
            text = fact.text.partition("pretrained=")[2] or fact.text
            return text.partition(",")[0]
    return ""


def _of_harness(fact: Fact, subject: frozenset[str], model: str) -> Known:
    """Of lm-eval: what is no result is of the evaluation (its date, the commit of the folder that
    it ran in), and `n-shot/gsm8k` is the n-shot of gsm8k."""
    parts = [part for part in fact.place.address.split("/") if part]
    if parts[:1] == ["results"]:
        return known_of(fact, subject, (("model", model),) if model else ())
    named = replace(fact, name=parts[0], scope=tuple(parts[1:])) if parts else fact
    known = known_of(named, subject)
    if known.meaning.measure in ("num_shots", "rows"):
        return known
    return replace(known, meaning=replace(known.meaning, rest=known.meaning.rest | {"harness"}))


def to_their_digits(knowns: Iterable[Known]) -> list[Known]:
    """With the precision of their name: `0.8` among `0.82` and `0.87` has lost a zero."""
    found = list(knowns)
    finest: dict[str, Decimal] = {}
    for one in found:
        if one.value is not None and one.ulp:
            finest[one.name] = min(one.ulp, finest.get(one.name, one.ulp))
    return [
        replace(one, ulp=finest[one.name]) if one.ulp and finest[one.name] < one.ulp else one
        for one in found
    ]


def _logged(trainings: Sequence[Training]) -> dict[tuple[Place, int | None], LoggedRow]:
    """By place and row: every value of a tag of TensorBoard stands at one place."""
    found: dict[tuple[Place, int | None], LoggedRow] = {}
    for training in trainings:
        totals = () if training.totals is None else (training.totals,)
        for row in (*training.rows, *training.endless, *training.evaluations, *totals):
            found.update(dict.fromkeys(((fact.place, fact.row) for fact in row.facts), row))
    return found


def _in_row(known: Known, fact: Fact, row: LoggedRow) -> Known:
    """A value of a row that was logged. The totals' loss is a mean, and has no step."""
    if row.is_totals:
        is_mean = known.meaning.measure == "loss"
        meaning = replace(known.meaning, split="train", aggregate="mean") if is_mean else None
        return replace(known, is_row=False, step=None, meaning=meaning or known.meaning)
    meaning = known.meaning
    if not meaning.split and (key_of(fact.name) in LOSS or meaning.measure in _OF_TRAINING):
        meaning = replace(meaning, split="train")
    step = None if row.step is None else Decimal(str(row.step))
    return replace(known, is_row=True, step=step, is_inferred=row.is_inferred, meaning=meaning)


def known_of(
    fact: Fact,
    subject: frozenset[str] = frozenset(),
    keys: tuple[tuple[str, str], ...] = (),
    epoch: Decimal | None = None,
) -> Known:
    """A fact as it is compared."""
    meaning = meaning_of(_name_of(fact))
    if meaning.rest & _UNIT_WORDS and len(meaning.rest) > 1:
        meaning = replace(meaning, rest=meaning.rest - _UNIT_WORDS)
    if _is_quoted(fact, meaning):
        fact = replace(fact, value=float(str(fact.value)))
    number = None if _is_unset(fact, meaning) else decimal_of(fact)
    # A setting was typed, and has no more digits.
    is_typed = fact.row is None and meaning.measure in (*SETTINGS, "learning_rate")
    unit, factor = _unit(fact)
    if unit == "bytes" and meaning.measure not in _OF_BYTES:
        meaning = replace(meaning, measure="size", rest=meaning.rest | _words_of_measure(fact.name))
    scope = frozenset(word for one in fact.scope for word in words_of(one)) - NOISE
    return Known(
        meaning=meaning,
        name=fact.name,
        text=fact.text,
        places=(fact.place,),
        value=None if number is None else number * factor,
        ulp=Decimal(0) if is_typed else _ulp(fact) * factor,
        unit=unit,
        step=None if fact.step is None else Decimal(str(fact.step)),
        epoch=epoch,
        keys=keys,
        subject=subject | scope | meaning.rest,
        scope=fact.scope,
        is_row=fact.row is not None,
    )


def _is_quoted(fact: Fact, meaning: Meaning) -> bool:
    """A number that a file has as a text: `"941.275"`."""
    is_measured = meaning.is_named and meaning.measure not in IDENTITIES
    return is_measured and isinstance(fact.value, str) and _QUOTED.match(fact.value) is not None


def _is_unset(fact: Fact, meaning: Meaning) -> bool:
    """-1 and 0 are how frameworks write that a setting is not used."""
    if meaning.measure not in (*SETTINGS, "steps", "epochs"):
        return False
    return fact.row is None and fact.value in (-1, 0)


def _words_of_measure(name: str) -> frozenset[str]:
    """Of a size all words of its name tell it from others."""
    return frozenset(words_of(name)) - NOISE - {"size", "bytes"}


def decimal_of(fact: Fact) -> Decimal | None:
    """Its value by the digits that are written."""
    shown = digits.shown(fact)
    return None if shown is None else shown.value


@lru_cache(maxsize=4096)
def subject_of_path(path: str) -> frozenset[str]:
    """Words of a path by which files of several runs are told apart; endings and numbers of
    uniqueness are none."""
    pure = PurePosixPath(path)
    words: list[str] = []
    for part in (*pure.parts[:-1], pure.stem):
        words += words_of(part)
    return frozenset(words) - NOISE


@lru_cache(maxsize=4096)
def keys_of(text: str) -> tuple[tuple[str, str], ...]:
    """`seed_3` in a path is a key."""
    found = _KEYED.findall(text)
    return tuple(
        (name.lower(), str(int(value))) for name, value in found if name.lower() != "epoch"
    )


def stage_of_path(path: str) -> str:
    """`stages/A/seen.json` is of stage A, wherever its pack lies."""
    parts = path.split("/")
    at = parts.index(layout.STAGES) + 1 if layout.STAGES in parts[:-2] else 0
    return parts[at] if at else ""


def stage_in(facts: tuple[Fact, ...]) -> str:
    """Rows of all stages together say which they are of."""
    said = (one for one in facts if one.row is not None and one.name in ("stage", "data.stage"))
    return next((one.text for one in said), "")


def rows_of(facts: Iterable[Fact]) -> Iterator[tuple[Fact, ...]]:
    """Facts of one record together; a fact of none by itself."""
    row: list[Fact] = []
    for fact in facts:
        same = row and fact.row is not None and fact.row == row[0].row
        if row and not (same and fact.place.line == row[0].place.line):
            yield tuple(row)
            row = []
        row.append(fact)
    if row:
        yield tuple(row)


def _told(facts: tuple[Fact, ...]) -> frozenset[str]:
    """Words of the short texts in a row: what it is a row of."""
    words: list[str] = []
    texts = (one.value for one in facts if isinstance(one.value, str))
    for count, text in enumerate(texts):
        if count < MAX_TOLD and len(text) <= MAX_NAME_CHARS:
            words += words_of(text)
    return frozenset(words) - NOISE


def _keys_in(facts: tuple[Fact, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (one.name.lower(), str(one.value))
        for one in facts
        if one.row is not None and one.name.lower() in ("seed", "fold", "trial")
    )


def _epoch(facts: tuple[Fact, ...]) -> Decimal | None:
    for one in facts:
        if meaning_of(_name_of(one)).measure == "epoch" and is_number(one):
            return decimal_of(one)
    return None


def _name_of(fact: Fact) -> str:
    """The last parts of a path that say something: `results.acc` is `acc`, `0` is nothing."""
    parts = fact.name.split(".")
    last = parts[-1]
    if last.isdigit() and len(parts) > 1:
        return fact.name
    return last if meaning_of(last).is_named or len(parts) == 1 else ".".join(parts[-2:])


def _unit(fact: Fact) -> tuple[str, Decimal]:
    glued = _GLUED.match(fact.text.strip())
    if glued is not None and glued["unit"] in _GLUED_FACTORS:
        return _GLUED_FACTORS[glued["unit"]]
    for pattern, unit, factor in _UNITS:
        if pattern.search(fact.name):
            return unit, factor
    return "", Decimal(1)


def _ulp(fact: Fact) -> Decimal:
    """What the last digit that is written stands for; 0 for one that is written in full."""
    shown = digits.shown(fact)
    if shown is None or len(shown.value.as_tuple().digits) >= EXACT_DIGITS:
        return Decimal(0)
    return 2 * shown.half
