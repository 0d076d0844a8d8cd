"""Which files and folders a run reads, by the keys of the milestone that name them.

Responsible for the list alone; what holds each is `evidence.capture.inputs`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evidence import layout
from evidence.capture.inputs import Input
from evidence.encoding.digest import sha256_hex
from evidence.records.milestone import ModelSpec
from evidence.running.preflight import Prepared


def inputs_of(prepared: Prepared) -> tuple[Input, ...]:
    """The milestone file, the data and the models that are given by path."""
    return tuple(_inputs(prepared))


def _inputs(prepared: Prepared) -> Iterator[Input]:
    milestone = prepared.milestone
    if prepared.in_a_file:
        path = layout.milestone_file(Path(), milestone.id).as_posix()
        yield Input("milestone", path, sha256_hex(prepared.source))
    for _, record in sorted(prepared.data.items()):
        for key, file in record.sources:
            yield Input(key, file.path, file.sha256)
    for path, sha256 in prepared.functions.items():
        yield Input("eval.metric", path, sha256)
    if milestone.given_model is not None:
        yield from _folders("model", milestone.given_model)
    for one in milestone.attempts:
        if one.model is not None:
            yield from _folders(f"attempt.{one.name}.model", one.model)


def _folders(key: str, model: ModelSpec) -> Iterator[Input]:
    if model.named is not None:
        return  # of another pack, which parents.json tells of
    folders = {"path": model.path, "config": model.config, "tokenizer": model.tokenizer}
    for name, folder in folders.items():
        if folder is not None:
            yield Input(f"{key}.{name}", folder)
