"""What the files say of the machine, the software and the commit: `hardware.*`, `software.*`.

Responsible for snapshots of nvidia-smi, collect_env and pip, and for lines such as `Python: 3.12`
that people write themselves. What the machine had is not what computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from evidence.foreign.facts import Fact
from evidence.foreign.names import key_of
from evidence.records.run import ValueRecord
from evidence.results.context import Named, Values
from evidence.results.imported.lookup import NOT_SAID, Lookup
from evidence.results.imported.places import made_of, not_said, value_of

MAX_GPUS: Final = 16
_MIB: Final = 1 << 20
_VERSION: Final = re.compile(r"(?<!\d)\d{1,9}(?:\.\d{1,9}){1,6}(?:[.+-]?[A-Za-z0-9]{1,40}){0,6}")
_BUILD: Final = re.compile(r"\+cu(\d+)(\d)\b")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?\S{0,6}\Z")
_SMI: Final = "nvidia-smi"
_TORCH: Final = ("pytorch", "py_torch", "pytorch_version", "py_torch_version", "torch_version")
_PYTHON: Final = re.compile(r"(?:C?Python )?(\d+\.\d+(?:\.\d+)?\S{0,10})\b")


def values(lookup: Lookup, totals: Iterable[Fact]) -> Values:
    """Every value of machine, software and commit, known or not."""
    yield from _gpus(lookup)
    yield "hardware.driver_version", _listed(lookup, "driver_version", ("nvidia_driver_version",))
    yield "hardware.driver_cuda_version", _listed(lookup, "cuda_version", ())
    yield "hardware.os", _text(lookup, ("os", "platform", "system"))
    yield "hardware.cpu.model", _text(lookup, ("cpu", "cpu_model", "model_name"))
    torch = _package(lookup, ("torch",), _TORCH)
    yield "software.torch", _version(torch)
    yield "software.cuda", _cuda(lookup, torch)
    names = ("transformers_version", "transformers")
    written = _one(lookup, ("model-config",), names)
    found = _package(lookup, ("transformers",), names)
    yield "software.transformers", _version(found if isinstance(found, Fact) else written)
    yield "software.python", _python(lookup)
    yield "git.commit", _commit(lookup)
    yield from _times(lookup, totals)


def _gpus(lookup: Lookup) -> Iterator[Named]:
    facts = [fact for source in lookup.of_format(_SMI) for fact in source.facts]
    by_scope: dict[tuple[str, ...], dict[str, Fact]] = {}
    for fact in facts:
        if fact.scope:
            by_scope.setdefault(fact.scope, {}).setdefault(fact.name, fact)
    cards = list(by_scope.values())[:MAX_GPUS]
    said = lookup.one(("gpu", "gpu_name", "gpu_type"))
    if not cards and isinstance(said, Fact) and isinstance(said.value, str):
        cards = [{"gpu_name": said}]
    listed = [next(iter(card.values())) for card in cards]
    none = not_said("no file lists GPUs", "GPUs")
    yield "hardware.num_gpus", made_of(len(cards), listed, "count", "GPUs") if cards else none
    for index, card in enumerate(cards):
        name, total = card.get("gpu_name"), card.get("memory_total_mib")
        at = f"hardware.gpu.{index}"
        yield f"{at}.name", _name(name, said)
        if total is not None and isinstance(total.value, int):
            size = made_of(total.value * _MIB, [total], "mib-to-bytes", "bytes")
            yield f"{at}.memory_bytes", size
        else:
            yield f"{at}.memory_bytes", not_said(NOT_SAID, "bytes")
        yield f"{at}.compute_capability", not_said(NOT_SAID, "")


def _name(listed: Fact | None, said: Fact | str) -> ValueRecord:
    """nvidia-smi cuts long names: a whole one that another file has is taken where it begins so."""
    if listed is None:
        return not_said(NOT_SAID, "")
    text = str(listed.value).removesuffix("...").strip()
    if str(listed.value).endswith("...") and isinstance(said, Fact):
        whole = str(said.value)
        return value_of(said if whole.startswith(text) else listed)
    return value_of(listed)


def _listed(lookup: Lookup, smi: str, names: tuple[str, ...]) -> ValueRecord:
    for source in lookup.of_format(_SMI):
        for fact in source.facts:
            if fact.name == smi:
                return _as_text(fact)
    return _version(lookup.one(names)) if names else not_said(NOT_SAID, "")


def _text(lookup: Lookup, names: tuple[str, ...]) -> ValueRecord:
    found = lookup.one(names)
    if isinstance(found, str):
        return not_said(found, "")
    return _as_text(found) if found.text.strip() else not_said(NOT_SAID, "")


def _as_text(fact: Fact, text: str = "", rule: str = "as-recorded") -> ValueRecord:
    """A version is a text, also where it reads as a number."""
    return made_of(text or fact.text, [fact], rule)


def _package(lookup: Lookup, packages: tuple[str, ...], names: tuple[str, ...]) -> Fact | str:
    for source in (*lookup.of_format("packages"), *lookup.of_format("environment")):
        for fact in source.facts:
            if fact.scope == ("package",) and fact.name.lower() in packages:
                return fact
    return lookup.one(names)


def _one(lookup: Lookup, formats: Iterable[str], names: tuple[str, ...]) -> Fact | str:
    for form in formats:
        for source in lookup.of_format(form):
            for fact in source.facts:
                if key_of(fact.name) in names:
                    return fact
    return NOT_SAID


def _version(found: Fact | str) -> ValueRecord:
    """The version in a text such as `Python 3.12.10`."""
    if isinstance(found, str):
        return not_said(found, "")
    match = _VERSION.search(found.text)
    if match is None:
        return not_said(f"{found.place} has no version", "", [found])
    is_all = match.group() == found.text.strip()
    return _as_text(found, match.group(), "as-recorded" if is_all else "version-in-text")


def _python(lookup: Lookup) -> ValueRecord:
    """PowerShell begins a warning with `python : ` too: only a version is one."""
    told = lookup.every(("python", "python_version"))
    found = [one for one in told if _PYTHON.match(one.text) and _VERSION.search(one.text)]
    versions = {match.group() for one in found if (match := _VERSION.search(one.text))}
    if len(versions) != 1:
        return not_said("the files say several" if found else NOT_SAID)
    return _version(found[0])


def _cuda(lookup: Lookup, torch: Fact | str) -> ValueRecord:
    """CUDA of the framework's build: as it names itself, or by the suffix of its version."""
    said = lookup.one(("cuda_used_to_build_pytorch", "torch_cuda", "cuda_version"))
    if isinstance(said, Fact) and _VERSION.search(said.text):
        return _version(said)
    match = _BUILD.search(torch.text) if isinstance(torch, Fact) else None
    if match is None or not isinstance(torch, Fact):
        return not_said(NOT_SAID, "")
    return _as_text(torch, f"{match[1]}.{match[2]}", "cuda-of-build")


def _commit(lookup: Lookup) -> ValueRecord:
    names = ("commit", "git_commit", "git_sha", "commit_sha", "git_hash", "git_commit_hash")
    found = [one for one in lookup.every(names) if _COMMIT.match(one.text.strip())]
    others = {one.text.strip() for one in found}
    if len(others) != 1:
        return not_said("the files say several" if others else NOT_SAID, "")
    return value_of(found[0])


def _times(lookup: Lookup, totals: Iterable[Fact]) -> Iterator[Named]:
    """When it ended, as the row of totals says; the day, as that or a snapshot says."""
    stamped = [one for one in totals if key_of(one.name) in ("timestamp", "time", "date")]
    ended = next((one for one in stamped if _DATE.match(one.text.strip())), None)
    snapshot = lookup.one(("date", "timestamp"))
    day = ended or (snapshot if isinstance(snapshot, Fact) else None)
    match = None if day is None else _DATE.match(day.text.strip())
    yield (
        "run.date",
        not_said(NOT_SAID, "date")
        if day is None or match is None
        else made_of(match[1], [day], "date-of-text", "date"),
    )
    in_utc = ended is not None and ended.text.endswith(("Z", "+00:00"))
    yield (
        "run.finished_utc",
        value_of(ended, "utc") if ended and in_utc else not_said(NOT_SAID, "utc"),
    )
    yield "run.started_utc", not_said(NOT_SAID, "utc")
