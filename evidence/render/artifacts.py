"""The table of files in a pack: what each is for, how large it is, its digest.

Folders of many files (the final model, the attempts that failed) are one row each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from evidence import layout
from evidence.encoding.digest import combine
from evidence.pack.commitments import salts_path
from evidence.pack.documents import Documents
from evidence.records.record import Record
from evidence.stages.stage import stages_of
from evidence.text import formatting, marked

_SHORT: Final = 12
_SNAPSHOTS: Final = {
    layout.ENV_SNAPSHOT: "Versions of Python, framework and CUDA",
    layout.GPU_SNAPSHOT: "nvidia-smi output",
}
_RESULTS: Final = {layout.RESULTS: "Every number of this summary, with its address"}
_FACTS: Final = {
    layout.INPUTS: "Data, model and tokenizer with their digests",
    layout.MILESTONE: "The exact file that ran",
    layout.OVERRIDES: "Settings of the command line, in the place of what the file says",
    layout.PARENTS: "Packs that the run begins from, as they were verified",
    layout.NOTES: "The author's notes known when it ran",
    layout.JOURNAL: "Hash-chained events of the run",
    layout.ENVIRONMENT: "Interpreter, framework, variables",
    layout.HARDWARE: "Processor, memory, GPUs",
    layout.GIT: "Commit and state of the repository",
    layout.PATCH: "What differed from the commit",
    layout.PACKAGES: "Installed distributions",
    layout.WORKER: "Python of the workers, with the distributions installed there",
    layout.FROZEN: "What was promised not to change",
    layout.TELEMETRY: "Memory and accelerator samples",
    layout.WITHHELD: "What may be absent from a published copy",
    layout.COMMITMENTS: "What the pack commits to of rows that are withheld",
    salts_path(layout.PREDICTIONS): "Salts of those rows, one a row",
    layout.MANIFEST: "What the pack claims to be",
}
_MODEL: Final = f"{layout.FINAL_MODEL}/"
_INPUTS: Final = "Data, model and tokenizer of the stage with their digests"


class Artifact(Record):
    """One row: a file, or a folder as a whole."""

    path: str
    description: str
    size: str
    digest: str


def _described(documents: Documents) -> dict[str, str]:
    """What each file is, in the order in which a reader wants them."""
    stages = stages_of(documents.milestone)
    grown = {
        stage.path(path): text for stage in stages for path, text in stage.kind.described.items()
    }
    reported = {
        stage.path(one.path): one.described for stage in stages for one in stage.kind.documents
    }
    inputs = {stage.path(layout.INPUTS): _INPUTS for stage in stages if stage.is_named}
    return {**_SNAPSHOTS, **grown, **_RESULTS, **reported, **inputs, **_FACTS}


def artifacts(documents: Documents) -> tuple[Artifact, ...]:
    """Files of the sealed set in the order a reader wants them, then all others."""
    paths = sorted(documents.digests)
    described = _described(documents)
    order = list(described)
    models = tuple(stage.path(_MODEL) for stage in stages_of(documents.milestone))
    folder_of = {path: _folder(path, models) for path in paths}
    inside: dict[str, list[str]] = {}
    for path in paths:
        inside.setdefault(folder_of[path], []).append(path)
    single = inside.pop("", [])
    single.sort(key=lambda path: (order.index(path) if path in order else len(order), path))
    reasons = {one.path: one.reason for one in documents.withheld.files}
    rows = [(path, _file(documents, path, described, reasons)) for path in single]
    rows += [
        (folder, _whole(documents, folder, tuple(inside[folder]), reasons))
        for folder in sorted(inside)
    ]
    rows.sort(key=lambda row: _place(row[0], order))
    return tuple(artifact for _, artifact in rows)


def _place(path: str, order: list[str]) -> tuple[int, str]:
    if path.endswith(_MODEL):
        rows = path.removesuffix(_MODEL) + layout.METRICS
        return (order.index(rows) if rows in order else len(order)), ""
    return (order.index(path) if path in order else len(order)), path


def _folder(path: str, models: Sequence[str]) -> str:
    for prefix in models:
        if path.startswith(prefix):
            return prefix
    if path.startswith(f"{layout.ATTEMPTS}/") and path.count("/") > 1:
        return path[: path.index("/", len(layout.ATTEMPTS) + 1) + 1]
    return ""


def _description(path: str, described: Mapping[str, str]) -> str:
    aside = path.startswith(f"{layout.DAMAGED}/")
    return "Set aside when the run was closed, unread" if aside else described.get(path, "")


def _file(
    documents: Documents, path: str, described: Mapping[str, str], reasons: Mapping[str, str]
) -> Artifact:
    return Artifact(
        path=marked.code(path),
        description=_begun(_description(path, described) + _withheld((path,), reasons)),
        size=_size(documents, (path,)),
        digest=marked.code(documents.digests[path][:_SHORT]),
    )


def _whole(
    documents: Documents, folder: str, inside: tuple[str, ...], reasons: Mapping[str, str]
) -> Artifact:
    digest = combine((path, documents.digests[path]) for path in inside)
    described = "Evidence of an attempt that did not complete"
    if folder.endswith(_MODEL) and not folder.startswith(f"{layout.ATTEMPTS}/"):
        described = "Saved model checkpoint"
        if folder.removesuffix(_MODEL) + layout.ADAPTER_CONFIG in inside:
            described = "Saved adapter, and the configuration of its model"
    files = formatting.plural(len(inside), "file")
    return Artifact(
        path=marked.code(folder),
        description=f"{described} ({files}){_withheld(inside, reasons)}",
        size=_size(documents, inside),
        digest=f"{marked.code(digest[:_SHORT])} *(all)*",
    )


def _size(documents: Documents, paths: tuple[str, ...]) -> str:
    shown = formatting.size(sum(documents.sizes.get(path, 0) for path in paths))
    return shown.replace(" ", "\u00a0")  # a narrow column would break between number and unit


def _begun(description: str) -> str:
    """A file that nothing describes may be withheld all the same."""
    rest = description.removeprefix("; ")
    return description if rest == description else rest[:1].upper() + rest[1:]


def _withheld(paths: tuple[str, ...], reasons: Mapping[str, str]) -> str:
    return "".join(_reasons({reasons[path] for path in paths if path in reasons}))


def _reasons(reasons: set[str]) -> Iterator[str]:
    for reason in sorted(reasons):
        yield f"; may be absent from a published copy: {marked.inline(reason)}"
