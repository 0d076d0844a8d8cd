"""Verdicts on names: models, GPUs, versions, optimizers, data sets.

Responsible for when two names are one (`RTX 5090` and `NVIDIA GeForce RTX 5090`), and when they
cannot be: two versions, two GPUs. Names that may be of different things contradict nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from evidence.audit.claims import Claim, Judged
from evidence.audit.known import Known
from evidence.audit.meaning import Meaning
from evidence.audit.shelf import Shelf

MAX_SHOWN: Final = 3
_VERSIONED: Final = ("driver", "cuda", "python", "torch")
_NUMBERED: Final = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,6}[\w.+-]{0,60}")
_CARD: Final = re.compile(
    r"\b(?:[abhlptv]\d{1,3}s?|gh200|gb\d{3}|mi\d{3}[a-z]?|\d{4}(?:\s?(?:ti|super))?|"
    r"tpu[ -]?v\d\w*)\b"
)
_TOKEN: Final = re.compile(r"[a-z0-9]+(?:[.+][a-z0-9]+)*")
_CU: Final = re.compile(r"\+cu(\d{2})(\d)\b")
_FAMILIES: Final = {
    "optimizer": (
        *("adamw", "adam", "adafactor", "sgd", "lion", "adagrad", "rmsprop", "muon", "lamb"),
        *("sophia", "paged_adamw", "shampoo"),
    ),
    "scheduler": (
        *("linear", "cosine", "constant", "polynomial", "inverse_sqrt", "wsd", "onecycle"),
        "exponential",
    ),
    "dtype": ("bfloat16", "float16", "float32", "int8", "int4", "float64"),
}
"""Names of a kind of which one excludes the others."""
_SAME: Final = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "half": "float16",
    "fp32": "float32",
    "full": "float32",
    "8bit": "int8",
    "4bit": "int4",
}
_VARIANTS: Final = frozenset(
    ("it", "instruct", "chat", "base", "pt", "sft", "dpo", "v2", "v3", "large", "small", "xl")
)
_BOUND: Final = re.compile(
    r"[<>≤≥]|[0-9]\+(?![a-z0-9])|\b(?:or newer|or later|or above|at least|or)\b"
)
_DONE: Final = re.compile(r"complet|success|finish|done|✅|passed", re.IGNORECASE)


def judge_identity(claim: Claim, shelf: Shelf, *, ended: Known | None) -> Judged:
    """A name under its label."""
    if claim.meaning.measure == "status":
        return _status(claim, ended)
    meaning = claim.meaning
    if meaning.measure == "version":  # of whatever else is named
        meaning = Meaning(rest=meaning.rest)
    texts = [one for one in shelf.group(meaning).all if one.text]
    if claim.meaning.measure == "cuda":
        texts += _of_builds(shelf.measure("torch").all)
    is_model = claim.meaning.measure == "model"
    agreed = next(
        (
            one
            for one in texts
            if same(claim.value, one.text) and not (is_model and _is_variant(claim.value, one.text))
        ),
        None,
    )
    if agreed is not None:
        return Judged(claim, "supported", agreed.how, "", agreed.places)
    if claim.hedge and not shelf.explains((claim.hedge,)):
        message = f"its words ({claim.hedge}) may speak of something else than this run"
        return Judged(claim, "not-checked", message)
    is_package = not meaning.is_named and _are_packages(claim, texts)
    plain = [one for one in texts if not one.meaning.rest or is_package]
    is_of_run = is_package or not claim.meaning.rest
    if is_of_run and shelf.explains_around(claim) and _excludes(claim, plain, is_package):
        return _contradicted(claim, plain, shelf)
    found = shelf.text_with(claim.value)
    if found is not None:
        message = f"stands there as {found.name}"
        return Judged(claim, "supported", message, "", found.places)
    if texts and claim.meaning.is_named:
        message = f"no file says so; under this name the evidence has {_shown(texts)}"
        return Judged(claim, "unsupported", message, "", texts[0].places)
    return Judged(claim, "unsupported", "no file says so")


def same(claimed: str, known: str) -> bool:
    """Whether two names can be of one thing: one has all words of the other."""
    one, other = _tokens(claimed), _tokens(known.rpartition("/")[2] or known)
    whole = _tokens(known)
    if not one:
        return False
    if one <= whole or one <= other:
        return True
    if other and other <= one and any(any(c.isdigit() for c in word) for word in other):
        return True
    return _same_version(claimed, known)


def _is_variant(claimed: str, known: str) -> bool:
    """Whether one is the other's variant, which is another model: `-it`, `-instruct`."""
    apart = _tokens(claimed.rpartition("/")[2]) ^ _tokens(known.rpartition("/")[2])
    return bool(apart & _VARIANTS)


def _tokens(text: str) -> frozenset[str]:
    return frozenset(_SAME.get(word, word) for word in _TOKEN.findall(text.lower()))


def _same_version(claimed: str, known: str) -> bool:
    ours, theirs = _NUMBERED.search(claimed), _NUMBERED.search(known)
    if ours is None or theirs is None:
        return False
    short, long = sorted((ours.group().lower(), theirs.group().lower()), key=len)
    return long == short or (long.startswith(short) and long[len(short)] in ".+-")


def _of_builds(torches: Iterable[Known]) -> list[Known]:
    """The CUDA that a build of torch is for stands in its version: `+cu128`."""
    found = []
    for one in torches:
        match = _CU.search(one.text)
        if match is not None:
            text = f"{match[1]}.{match[2]}"
            found.append(Known(one.meaning, one.name, text, one.places, how=f"from {one.text}"))
    return found


def _are_packages(claim: Claim, texts: Sequence[Known]) -> bool:
    """Whether the name is that of a package whose version a file pins."""
    name = claim.label.lower().replace("version", "").strip().replace("_", "-")
    return bool(texts) and all(
        "package" in one.subject and one.name.lower().replace("_", "-") == name for one in texts
    )


def _excludes(claim: Claim, texts: Sequence[Known], is_package: bool) -> bool:
    """Whether every name that the evidence has is another one for certain."""
    measure = claim.meaning.measure
    if not texts:
        return False
    if measure == "cuda" and not _is_beyond(claim, texts):
        return False
    if measure in _VERSIONED or is_package:
        if _BOUND.search(claim.text):
            return False  # what is required, not what was there
        theirs = [one for one in texts if _NUMBERED.search(one.text)]
        return bool(_NUMBERED.fullmatch(claim.value.strip("v "))) and bool(theirs)
    if measure == "gpu":
        ours, cards = _card(claim.value), [_card(one.text) for one in texts]
        return bool(ours) and all(cards) and all(ours.isdisjoint(one) for one in cards)
    if measure in _FAMILIES:
        own, known = _family(measure, claim.value), [_family(measure, one.text) for one in texts]
        return bool(own) and all(known) and not any(_may_be(own, one) for one in known)
    return measure == "model" and _is_another_model(claim.value, texts)


def _is_beyond(claim: Claim, texts: Sequence[Known]) -> bool:
    """A driver names the newest CUDA that it can; a toolkit may be older. What torch was built for
    is one version."""
    built = [one for one in texts if one.how]
    if built and "torch" in claim.label.lower():
        return True
    known = [found for one in texts if (found := _parts_of(one.text))]
    ours = _parts_of(claim.value)
    return bool(known and ours) and ours > max(known)


def _parts_of(text: str) -> tuple[int, ...]:
    found = _NUMBERED.search(text)
    parts = found.group().split(".")[:2] if found is not None else []
    return tuple(int(part) for part in parts if part.isdigit())


def _card(text: str) -> frozenset[str]:
    return frozenset(word.replace(" ", "") for word in _CARD.findall(text.lower()))


def _family(measure: str, text: str) -> str:
    words = _tokens(text.replace("_", " "))
    found = [name for name in _FAMILIES[measure] if name in words]
    return found[0] if len(found) == 1 else ""


def _may_be(one: str, other: str) -> bool:
    """Whether two names of a family may mean one: Trainer calls its AdamW Adam."""
    return one == other or {one, other} <= {"adam", "adamw"}


def _is_another_model(claimed: str, texts: Sequence[Known]) -> bool:
    """Only of models that are named by owner and name, the same family on both sides."""
    shape = re.compile(r"[\w.-]+/[\w.-]+\Z")
    theirs = [one.text for one in texts if shape.match(one.text)]
    if not shape.match(claimed) or not theirs or len(theirs) != len(texts):
        return False
    family = re.split(r"[-_.\d]", claimed.rpartition("/")[2].lower())[0]
    return all(family and family in one.lower() for one in theirs)


def _contradicted(claim: Claim, texts: Sequence[Known], shelf: Shelf) -> Judged:
    shown = _shown(texts)
    other = shelf.identity_with(claim.value, but=claim.meaning.measure)
    places = tuple(place for one in texts[:MAX_SHOWN] for place in one.places[:1])
    if other is not None:
        message = (
            f"{claim.value} is there as {other.name}; under this name the evidence has {shown}"
        )
        return Judged(claim, "mislabelled", message, shown, (*other.places, *places))
    return Judged(claim, "contradicted", f"the evidence has {shown}", shown, places)


def _status(claim: Claim, ended: Known | None) -> Judged:
    if ended is not None and _DONE.search(claim.value):
        message = "the log of the training goes on to its last row, of the whole run"
        return Judged(claim, "supported", message, "", ended.places)
    return Judged(claim, "unsupported", "no file says how the run ended")


def _shown(texts: Sequence[Known]) -> str:
    found = list(dict.fromkeys(one.text for one in texts))
    more = "" if len(found) <= MAX_SHOWN else f" and {len(found) - MAX_SHOWN} more"
    return ", ".join(found[:MAX_SHOWN]) + more
