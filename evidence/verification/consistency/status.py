"""Checks on status: what a pack of its status must have, may lack, and says in plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import Final

from evidence import layout
from evidence.pack.commitments import tells_of_rows
from evidence.records.availability import Unavailable
from evidence.stages.registry import is_document
from evidence.stages.stage import stages_of
from evidence.text.escape import acts_at, visible
from evidence.verification.consistency.registry import Evidence, Problems, check, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

_SMI_SAYS: Final = "Driver Version:"
SHOWN_NAME_CHARS: Final = 20
"""nvidia-smi cuts the names of GPUs to fit its table."""


@check("status-files", "a complete pack has every file, a failed one claims no results")
def status_files(evidence: Evidence) -> Problems:
    """status complete: every file that its stages owe (stages/), and of training at least one
    safetensors file, are sealed. status failed: none of the completed attempt's documents.
    Exact."""
    manifest = need(evidence.documents.manifest, "there is no manifest")
    sealed, stages = evidence.documents.digests, stages_of(evidence.documents.milestone)
    if manifest.status == "complete":
        for stage in stages:
            for path in stage.needed_when_complete:
                if path not in sealed:
                    yield Problem(path, "a complete pack has this file", code="missing")
            folder = stage.kind.weights_folder
            yield from _weights(stage.path(folder) if folder else "", sealed)
        if layout.TELEMETRY not in sealed:
            yield Problem(layout.TELEMETRY, "a complete pack has this file", code="missing")
        names_model = evidence.documents.milestone.given_model is not None
        if names_model and isinstance(evidence.documents.inputs.model, Unavailable):
            yield Problem(f"{layout.INPUTS}#/model", "a complete pack knows its model")
    else:
        for stage in stages:
            for path in map(stage.path, stage.kind.results_paths):
                if path in sealed:
                    text = "a failed pack has no results of an attempt at its top"
                    yield Problem(path, text)


def _weights(folder: str, sealed: Mapping[str, str]) -> Problems:
    inside = (path for path in sealed if path.startswith(f"{folder}/"))
    if folder and not any(path.endswith(".safetensors") for path in inside):
        yield Problem(folder, "a complete pack has weights", code="missing")


@check("withheld-files", "only weights, and what the milestone allows, are withheld")
def withheld_files(evidence: Evidence) -> Problems:
    """Each path of withheld.json is sealed, matches a pattern of [publish] or is one of weights
    (*.safetensors), has the manifest's size, is no document that verify needs, and is named once.
    Exact. Absent ones are named as advice. Rows that the milestone withholds may be absent, and
    what tells of single ones: `commitments` says what that means."""
    publish = evidence.documents.milestone.publish
    patterns = (*publish.withhold, *layout.LEFT_OUT)
    may_be = [re.compile(translate(pattern)) for pattern in patterns]
    sizes, digests = evidence.documents.sizes, evidence.documents.digests
    named: set[str] = set()
    for index, entry in enumerate(evidence.documents.withheld.files):
        place = f"{layout.WITHHELD}#/files/{index}"
        if entry.path in named:
            yield Problem(f"{place}/path", "is named a second time", actual=entry.path)
            continue
        named.add(entry.path)
        if entry.path not in digests:
            yield Problem(f"{place}/path", "names a file that is not sealed", actual=entry.path)
            continue
        of_rows = tells_of_rows(entry.path, publish)
        if (is_document(entry.path) and not of_rows) or entry.path in layout.NEEDED_ALWAYS:
            yield Problem(f"{place}/path", "evidence cannot be withheld", actual=entry.path)
        if not of_rows and not any(one.match(entry.path) for one in may_be):
            text = "is no weights, and withheld by no pattern of [publish]"
            yield Problem(f"{place}/path", text, " or ".join(patterns), entry.path)
        text = "another size than the manifest states"
        yield from differs(f"{place}/size_bytes", text, sizes.get(entry.path), entry.size_bytes)
        if entry.path not in evidence.present:
            text = f"is withheld from this copy ({shown(entry.reason)}); its digest stays"
            yield Problem(entry.path, text, severity="advice", code="withheld")


@check("log-text", "logs and snapshots are plain text without acting characters")
def log_text(evidence: Evidence) -> Problems:
    """UTF-8, LF line ends, no control, escape or bidirectional characters (escape.py). Exact."""
    logs = [path for path in evidence.contents if path.endswith(".txt")]
    if not logs:
        raise CannotCheckError("there is no log")
    for path in sorted(logs):
        try:
            text = evidence.contents[path].decode("utf-8")
        except UnicodeDecodeError as error:
            yield Problem(path, f"not UTF-8 at byte {error.start}")
            continue
        acting = acts_at(text)
        if acting is not None:
            line = text.count("\n", 0, acting) + 1
            yield Problem(f"{path}#L{line}", "holds characters that act instead of showing")


@check("snapshots", "nvidia-smi's report shows the cards that the documents describe")
def snapshots(evidence: Evidence) -> Problems:
    """Every GPU name of hardware.json occurs in gpu_snapshot.txt where nvidia-smi answered (its
    table cuts names: the first 20 characters count), and the driver's version. Literal search. A
    warning where it shows a driver and hardware.json has none. env_snapshot.txt is `machine`'s."""
    hardware = evidence.documents.hardware
    text = evidence.contents.get(layout.GPU_SNAPSHOT, b"").decode("utf-8", "replace")
    if "NVIDIA-SMI" not in text:
        return
    if isinstance(hardware.gpus, Unavailable) and _SMI_SAYS in text:
        what = f"nvidia-smi shows a driver, and NVML found none: {shown(hardware.gpus.reason)}"
        place = f"{layout.HARDWARE}#/gpus"
        yield Problem(place, what, severity="warning", code="gpu-not-compared")
    wanted: list[tuple[str, object]] = [
        (f"{layout.HARDWARE}#/driver_version", hardware.driver_version)
    ]
    if not isinstance(hardware.gpus, Unavailable):
        for index, gpu in enumerate(hardware.gpus):
            name = gpu.name if isinstance(gpu.name, Unavailable) else gpu.name[:SHOWN_NAME_CHARS]
            wanted.append((f"{layout.HARDWARE}#/gpus/{index}/name", name))
    for place, fact in wanted:
        if not isinstance(fact, Unavailable) and visible(str(fact)) not in text:
            yield Problem(place, f"is not what {layout.GPU_SNAPSHOT} shows", actual=str(fact))
