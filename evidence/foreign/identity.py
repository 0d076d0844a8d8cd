"""Who and what the files are of: model, commit, GPU, versions, seed, program, parameters.

Responsible for values that files lying together give under one name. A shortened commit, a name
that a tool cut and a local path are no other thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign.facts import Fact, Source
from evidence.foreign.finding import Finding, are_together, cut, note, said, warning
from evidence.foreign.names import key_of

_HEX: Final = re.compile(r"[0-9a-f]{7,64}\Z")
_MODEL: Final = re.compile(r"[\w.-]{1,80}/[\w.-]{1,96}\Z")
_LOCAL: Final = re.compile(r"output|checkpoint|final|runs?\b|models?/|\.\.?/", re.IGNORECASE)
_SEED_IN_NAME: Final = re.compile(r"seed[-_]?(\d{1,9})(?!\d)", re.IGNORECASE)
_CUT: Final = re.compile(r"\s?(?:\.\.\.|\u2026)\Z")
_CARD: Final = re.compile(
    r"\b(?:[rg]tx\s?(?:a?\d{3,4})(?:\s?ti)?|[ahblvpt]\d{2,3}s?|l4|t4|mi\d{2,3}x?|g[bh]\d{3}|tpu\s?v\d)\b"
)
_OF_THE_RUN: Final = frozenset({"args", "config", "training", "train", "hyperparameters", "params"})
"""Scopes under which a seed is that of the run."""


def _model(fact: Fact) -> str:
    text = str(fact.value).split(" (")[0].strip()
    return text.lower() if _MODEL.match(text) and not _LOCAL.search(text) else ""


def _commit(fact: Fact) -> str:
    text = fact.text.strip().lower()
    return text if _HEX.match(text) and not text.isdigit() else ""


def _gpu(fact: Fact) -> str:
    """The model of a card; nothing where no model is named, or a tool cut it off."""
    text = _CUT.sub("", fact.text.lower()) if isinstance(fact.value, str) else ""
    return " ".join(sorted({one.replace(" ", "") for one in _CARD.findall(text)}))


def _seed(fact: Fact) -> str:
    if fact.scope and fact.scope[-1].lower() not in _OF_THE_RUN:
        return ""
    return fact.text if isinstance(fact.value, int) and not isinstance(fact.value, bool) else ""


def _version(fact: Fact) -> str:
    text = fact.text.strip().split("+")[0]
    return text if re.match(r"\d+\.\d", text) else ""


def _same_text(one: str, other: str) -> bool:
    return one == other


def _same_commit(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


_THINGS: Final[
    tuple[tuple[str, tuple[str, ...], Callable[[Fact], str], Callable[[str, str], bool]], ...]
] = (
    ("model", ("model_id", "model_name_or_path", "base_model", "base_model_name_or_path"),
     _model, _same_text),
    ("commit", ("commit", "git_commit", "git_sha", "git_hash", "commit_hash"),
     _commit, _same_commit),
    ("gpu", ("gpu", "gpu_name", "gpu_type", "device_name", "gpu_0"), _gpu, _same_text),
    ("seed", ("seed", "random_seed", "train_seed"), _seed, _same_text),
    ("torch", ("torch", "pytorch", "pytorch_version", "torch_version"), _version, _same_text),
)  # fmt: skip
_SOFT: Final = {
    "commit": "an evaluation may have its own",
    "seed": "an evaluation or the data may have its own",
    "torch": "a list of packages may be of another environment",
    "model": "an adapter or another stage may have its own",
    "gpu": "a stage may have run elsewhere",
}


def findings(sources: Sequence[Source]) -> Iterator[Finding]:
    """Of each thing at most one finding."""
    read = [one for one in sources if one.is_read and one.format != "source"]
    for thing, keys, value_of, is_same in _THINGS:
        told = [one for source in read if (one := _only(source, keys, value_of)) is not None]
        found = _first_apart(told, value_of, is_same)
        if found is not None:
            left, right = found
            text = f"two values of {thing}: {said(left)} and {said(right)}; {_SOFT[thing]}"
            places = (left.place, right.place)
            make = warning if thing in ("model", "gpu") else note
            yield make(f"two-{thing}s", text, places)
    yield from _seeds_in_names(read)
    yield from _programs(sources)
    yield from _parameters(read)


def _only(source: Source, keys: tuple[str, ...], value_of: Callable[[Fact], str]) -> Fact | None:
    """What a file says once, or always alike; a file of several runs says nothing."""
    found = [
        fact
        for fact in source.facts
        if fact.row is None or source.format in ("log", "environment", "nvidia-smi")
        if key_of(fact.name) in keys and value_of(fact)
    ]
    values = {value_of(fact) for fact in found}
    return found[0] if len(values) == 1 else None


def _first_apart(
    told: list[Fact], value_of: Callable[[Fact], str], is_same: Callable[[str, str], bool]
) -> tuple[Fact, Fact] | None:
    for left, right in combinations(told, 2):
        together = are_together(left.place.file, right.place.file)
        if (
            together
            and not _is_log_beside(left, right)
            and not is_same(value_of(left), value_of(right))
        ):
            return left, right
    return None


def _is_log_beside(left: Fact, right: Fact) -> bool:
    """Two files of one folder with the same ending are two runs, or two stages, by intent."""
    one, other = PurePosixPath(left.place.file), PurePosixPath(right.place.file)
    return one.parent == other.parent and one.suffix == other.suffix


def _seeds_in_names(sources: Sequence[Source]) -> Iterator[Finding]:
    for source in sources:
        named = _SEED_IN_NAME.search(PurePosixPath(source.path).name)
        fact = _only(source, ("seed",), _seed)
        if named is not None and fact is not None and int(named[1]) != fact.value:
            text = f"the name of {source.path} says seed {named[1]}, its text seed {said(fact)}"
            yield warning("seed-of-another-name", text, (fact.place,))


def _programs(sources: Sequence[Source]) -> Iterator[Finding]:
    """A log says how large its program was; the program lies beside it."""
    programs = [one for one in sources if one.format == "source" and one.path.endswith(".py")]
    for source in sources:
        for fact in source.facts if source.format == "log" else ():
            if key_of(fact.name) not in ("code_size", "code_size_bytes"):
                continue
            beside = [
                one
                for one in programs
                if PurePosixPath(one.path).parent == PurePosixPath(source.path).parent
            ]
            if len(beside) == 1 and isinstance(fact.value, int):
                yield from _program(fact, beside[0])


def _program(fact: Fact, program: Source) -> Iterator[Finding]:
    size, num_lines = program.size_bytes, program.num_lines or 0
    if fact.value == size:
        return
    places = (fact.place,)
    if isinstance(fact.value, int) and abs(fact.value - size) == num_lines > 0:
        text = (
            f"the program was {fact.value} bytes, {program.path} has {size}: as many as its lines "
            "apart, so it may be the same text with other line ends"
        )
    else:
        text = (
            f"the program was {fact.value} bytes, {program.path} has {size}: another version of "
            "it, or other files are counted too"
        )
    yield note("code-size", text, places)


def _parameters(sources: Sequence[Source]) -> Iterator[Finding]:
    """The header of weights and their index count the same numbers."""
    headers = [
        fact
        for source in sources
        if source.format == "safetensors"
        for fact in source.facts
        if fact.name == "num_parameters" and not fact.scope
    ]
    for source in sources:
        if source.format != "safetensors-index":
            continue
        total = next((one for one in source.facts if one.name == "total_parameters"), None)
        folder = PurePosixPath(source.path).parent
        own = [one for one in headers if PurePosixPath(one.place.file).parent == folder]
        if total is None or not own or not all(isinstance(one.value, int) for one in own):
            continue
        counted = sum(one.value for one in own if isinstance(one.value, int))
        if counted != total.value:
            text = f"the index has {cut(total.text)} parameters, the weights beside it {counted}"
            yield warning("parameter-count", text, (total.place, *(one.place for one in own)))
