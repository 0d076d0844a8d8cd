"""What the summary template shows besides values: header, tables, files. Texts are in marks.

Responsible for turning records into short texts in the order they appear. No sentence
of judgement is made here (`remarks`), and no number is formatted but through `formatting`.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Final

from evidence.backends import registry
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import FrozenSetRecord
from evidence.records.inputs import ModelRecord
from evidence.records.record import Record
from evidence.records.run import OutcomeRecord, ResultsRecord
from evidence.render.ranks import ranks_of_attempt
from evidence.render.values import Sheet
from evidence.results.computed import (
    PART,
    UNNAMED_CPU,
    UNNAMED_GPU,
    Computed,
    computed_on,
    present,
    surely_unused,
)
from evidence.results.run import changed_during_run, different_from_ref
from evidence.text import formatting, marked

LINE_CHARS: Final = 200
LAST_LINES: Final = 8
LISTED_FILES: Final = 10

_ACRONYMS: Final = {"jax": "JAX", "torch": "PyTorch", "cpu": "CPU", "gpu": "GPU", "cuda": "CUDA"}
_OUTCOMES: Final = {
    "requirement-not-met": "Not possible",
    "bad-data": "Refused: bad data",
    "exception": "Failed",
    "out-of-memory": "Failed: out of memory",
    "killed-by-signal": "Failed: killed",
    "timed-out": "Failed: timed out",
    "diverged": "Failed: diverged",
    "interrupted": "Interrupted",
}
_GATE_SIGNS: Final = {"met": "✅", "not-met": "❌", "skipped": "➖", "not-checked": "❓"}


class AttemptView(Record):
    """An attempt that did not complete."""

    heading: str
    backend: str
    reason: str
    missing: tuple[tuple[str, str], ...]
    """What was missing and how to get it."""
    log: str
    resolution: str
    trainings: tuple[dict[str, Any], ...]
    """Those that several processes shared."""


class GateView(Record):
    """A gate as a row."""

    sign: str
    name: str
    condition: str
    actual: str
    outcome: str
    required: bool


class PromiseView(Record):
    """A frozen set as a row."""

    name: str
    files: str
    during: str
    against: str


def meant_model(documents: Documents) -> str:
    """The model that the milestone is about."""
    spec = documents.milestone.given_model
    if spec is None:
        return ""
    return marked.inline(spec.called)


def model_name(documents: Documents) -> str:
    """The model that was trained, and what stands for what."""
    model = documents.inputs.model
    if isinstance(model, Unavailable):
        return f"not measured ({marked.inline(model.reason)})"
    name = marked.inline(model.id)
    return f"{name} (random weights)" if model.source == "random" else name


def is_random(documents: Documents) -> bool:
    """Whether training started from random weights."""
    model = documents.inputs.model
    return isinstance(model, ModelRecord) and model.source == "random"


def data_name(documents: Documents, name: str) -> str:
    """A data set by its file name or hub id."""
    spec = documents.milestone.data.get(name)
    if spec is None:
        return marked.inline(name)
    if spec.hub is not None:
        return marked.inline(spec.hub.id)
    return marked.inline(PurePosixPath(spec.path or name).stem)


def data_file(documents: Documents, name: str) -> str:
    """A data set as the file or hub id that was read."""
    spec = documents.milestone.data.get(name)
    if spec is None:
        return marked.code(name)
    if spec.hub is not None:
        return marked.code(spec.hub.id)
    return marked.code(", ".join(spec.paths) or PurePosixPath(spec.path or name).name)


def data_files(documents: Documents) -> list[tuple[str, str]]:
    """What each data set of several files was read from: a label and a cell for each file."""
    found: list[tuple[str, str]] = []
    for name, record in sorted(documents.inputs.data.items()):
        label = f"File of {marked.inline(name)}"
        for one in record.files[:LISTED_FILES]:
            found.append((label, f"{marked.code(one.path)} {marked.code(one.sha256)}"))
        if len(record.files) > LISTED_FILES:
            more = len(record.files) - LISTED_FILES
            found.append((label, f"and {more} more, in inputs.json"))
    return found


def backend_name(backend: str) -> str:
    """A backend of ours as people call it, any other by its name: the same on every machine."""
    return registry.title(backend) or marked.inline(backend)


def hardware_line(documents: Documents, sheet: Sheet) -> str:
    """What computed in one line, and of the GPUs how many were there besides."""
    computed, cards = computed_on(documents), present(documents.hardware)
    there = f"{formatting.plural(len(cards), 'GPU')} present"
    if computed.kind == "gpu":
        facts = _card(sheet, computed)
        others = [f"{there}, 1 used"] if len(cards) > 1 else []
        return f"{marked.inline(computed.name)} ({'; '.join([*facts, *others])})"
    cpu = "hardware.cpu.model"
    machine = f"{sheet.v(cpu) if sheet.has(cpu) else UNNAMED_CPU} ({_cores(sheet)}"
    if computed.kind == "other":
        nvidia = formatting.plural(len(cards), "NVIDIA GPU")
        unused = f"; {nvidia} present, none used" if cards else ""
        return f"{marked.inline(computed.name)}{unused}; the machine: {machine})"
    if computed.kind == "unknown":
        return f"{machine}; {there}, what computed is not recorded)" if cards else f"{machine})"
    return f"{machine}; {there}, none used)" if cards else f"{machine}, no GPU used)"


def _card(sheet: Sheet, computed: Computed) -> list[str]:
    if computed.listed is None:
        several = computed.name == UNNAMED_GPU and sheet.number("hardware.num_gpus") > 1
        return ["which one is not known" if several else "NVML does not show it"]
    keys = ("memory_bytes", "compute_capability")
    facts = ", ".join(sheet.v(f"hardware.gpu.{computed.listed}.{key}") for key in keys)
    return [f"a part of a card of {facts}" if PART in computed.name else facts]


def gpus(documents: Documents) -> list[tuple[str, str]]:
    """Names under which each GPU's values are; its number where there are several, its idleness."""
    computed, cards = computed_on(documents), present(documents.hardware)
    return [
        (
            f"hardware.gpu.{index}",
            (f" {index}" if len(cards) > 1 else "")
            + (" (not used)" if surely_unused(computed, card) else ""),
        )
        for index, card in enumerate(cards)
    ]


def _cores(sheet: Sheet) -> str:
    for kind in ("usable", "logical"):
        if sheet.has(f"hardware.cpu.num_{kind}_cores"):
            return sheet.n(f"hardware.cpu.num_{kind}_cores", f"{kind} core")
    return "number of cores not measured"


def attempts(documents: Documents) -> tuple[AttemptView, ...]:
    """The attempts that did not complete, in order."""
    return tuple(
        _attempt(one, ranks_of_attempt(documents.journal, one.name)) for one in documents.outcomes
    )


def _attempt(one: OutcomeRecord, trainings: tuple[dict[str, Any], ...]) -> AttemptView:
    remedies = (*one.remedies, *("" for _ in one.missing))
    return AttemptView(
        heading=f"{_title(one.name)} Attempt ({_OUTCOMES.get(one.outcome, 'Failed')})",
        backend=backend_name(one.backend),
        reason=marked.inline(one.reason, LINE_CHARS * 2),
        missing=tuple(
            (marked.inline(what), marked.inline(how))
            for what, how in zip(one.missing, remedies, strict=False)
        ),
        log=marked.preformatted("\n".join(one.last_lines[-LAST_LINES:])) if one.last_lines else "",
        resolution=marked.inline(one.resolution),
        trainings=trainings,
    )


def _title(name: str) -> str:
    known = _ACRONYMS.get(name.lower())
    return known or marked.inline(name[:1].upper() + name[1:])


def gates(results: ResultsRecord) -> tuple[GateView, ...]:
    """Gates as they came out."""
    return tuple(
        GateView(
            sign=_GATE_SIGNS[gate.outcome],
            name=marked.inline(gate.name),
            condition=marked.code(f"{gate.metric} {gate.op} {_plain(gate.limit)}", LINE_CHARS),
            actual=marked.inline(_plain(gate.actual), LINE_CHARS),
            outcome=gate.outcome.replace("-", " ")
            + (f" ({marked.inline(gate.reason, LINE_CHARS)})" if gate.reason else ""),
            required=gate.required,
        )
        for gate in results.gates
    )


def _plain(value: float | int | str | bool | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else formatting.significant(value)


def promises(documents: Documents) -> tuple[PromiseView, ...]:
    """What the milestone promised not to touch, and what became of it."""
    return tuple(_promise(one) for one in documents.frozen.known)


def _promise(one: FrozenSetRecord) -> PromiseView:
    different = different_from_ref(one)
    if one.ref is None:
        against = "–"
    elif isinstance(different, Unavailable):
        against = f"❓ not compared ({marked.inline(different.reason, LINE_CHARS)})"
    else:
        against = _verdict(one, different, "equal", f"differ from {marked.code(one.ref)}")
    watched = " *(only watched)*" if one.policy == "record" else ""
    return PromiseView(
        name=f"{marked.inline(one.name)}{watched}",
        files=formatting.count(len(one.files)),
        during=_verdict(one, changed_during_run(one), "unchanged", "changed"),
        against=against,
    )


def _verdict(one: FrozenSetRecord, paths: tuple[str, ...], good: str, bad: str) -> str:
    if not paths:
        return f"✅ {good}"
    sign = "❌" if one.policy == "fail" else "⚠️"
    return f"{sign} {formatting.count(len(paths))} {bad}: {listed(paths)}"


def listed(paths: tuple[str, ...]) -> str:
    """The first few paths, and how many more there are."""
    named = ", ".join(marked.code(path, LINE_CHARS) for path in paths[:LISTED_FILES])
    more = len(paths) - LISTED_FILES
    return f"{named} and {formatting.count(more)} more" if more > 0 else named


def asked_attempt(documents: Documents) -> str:
    """The one attempt that was asked for, where others were passed over for it; else empty."""
    asked = documents.journal[0].data.get("only_attempt") if documents.journal else None
    return "" if asked is None else marked.code(str(asked))


def frozen_paths_unchanged(documents: Documents, *policies: str) -> bool:
    """Whether nothing in the frozen sets with one of these policies changed or differs."""
    return all(
        not changed_during_run(one) and (one.ref is None or different_from_ref(one) == ())
        for one in documents.frozen.known
        if one.policy in policies
    )


def allowed(documents: Documents) -> str:
    """The author's reasons why what looks like a secret is none."""
    reasons = [one.reason for one in documents.milestone.secrets.allow]
    for event in documents.journal:
        if event.event == "recovered":
            reasons += [str(one["reason"]) for one in event.data["allowed"]]
    return "; ".join(marked.inline(reason, LINE_CHARS) for reason in reasons)


def changed_files(documents: Documents) -> tuple[tuple[str, str], ...]:
    """Files of a dirty tree, with what is different about each."""
    start = documents.git.start
    if isinstance(start, Unavailable):
        return ()
    return tuple((marked.code(f.path, LINE_CHARS), f.state) for f in start.files[:LISTED_FILES])
