"""A run of MLflow, as its file store holds one: metrics, parameters and tags, a file each.

Responsible for numbers that came out as metrics with their curves, for what was set as parameters,
and for level, address and reasons as tags. Its one artifact is the list of the pack's digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.export.facts import LIMITS, Account, line, words_of
from evidence.export.tree import Content, copies_of
from evidence.export.yaml_text import dump
from evidence.pack.documents import Documents
from evidence.pack.imported import Imported
from evidence.records.record import Number
from evidence.stages.stage import Stage
from evidence.stages.train import STEPS, TRAIN

STORE: Final = "mlruns"
_RUN_ID_CHARS: Final = 32
_ENDED: Final = {"complete": 3, "failed": 4}
"""FINISHED and FAILED of MLflow's RunStatus; what is not known has no end, and so is RUNNING."""
_NO_END: Final = 1
_LOCAL: Final = 4
_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\- ]{0,119}")
_SIGNS: Final = re.compile(r"[^A-Za-z0-9_.-]")
_MAX_KEY_CHARS: Final = 100
_SUFFIX_CHARS: Final = 12
_MAX_TAG_CHARS: Final = 4000
_CURVES: Final = ("loss", "learning_rate", "grad_norm")


def files(account: Account) -> Mapping[str, Content]:
    """The store, with one experiment and one run. Raises UsageError where no number came out."""
    values = _values(account)
    if not any(path.startswith("metrics/") for path in values):
        raise UsageError(
            f"no number came out of {account.milestone}, and MLflow takes no run without metrics",
            hint="What is known of it is in the other formats.",
        )
    experiment = str(int(sha256_hex(account.milestone.encode("utf-8"))[:15], 16))
    run_id = account.root_sha256[:_RUN_ID_CHARS]
    home = f"{STORE}/{experiment}"
    found: dict[str, Content] = {f"{home}/meta.yaml": _experiment(account, experiment)}
    inside: dict[str, Content] = {
        "meta.yaml": _run(account, experiment, run_id),
        f"artifacts/{layout.SUMS}": copies_of(account)[layout.SUMS],
        **values,
    }
    return found | {f"{home}/{run_id}/{path}": data for path, data in inside.items()}


def key_of(name: str) -> str:
    """The name where MLflow and every disk take it; else what of it they take, told apart."""
    if _KEY.fullmatch(name) and not name.endswith((".", " ")):
        return name
    suffix = sha256_hex(name.encode("utf-8", "surrogatepass"))[:_SUFFIX_CHARS]
    return f"{_SIGNS.sub('_', name)[:_MAX_KEY_CHARS].strip('.') or 'value'}-{suffix}"


def _experiment(account: Account, identifier: str) -> bytes:
    began = _began(account)
    told: dict[str, Any] = {
        "artifact_location": "",
        "creation_time": began,
        "experiment_id": identifier,
        "last_update_time": began,
        "lifecycle_stage": "active",
        "name": account.milestone,
    }
    return dump(told).encode("utf-8")


def _run(account: Account, experiment: str, run_id: str) -> bytes:
    status = _ENDED.get(account.manifest.status, _NO_END)
    told: dict[str, Any] = {
        "artifact_uri": "",
        "end_time": _milliseconds(account.finished_utc) if status != _NO_END else None,
        "entry_point_name": "",
        "experiment_id": experiment,
        "lifecycle_stage": "active",
        "run_id": run_id,
        "run_name": account.title,
        "source_name": "",
        "source_type": _LOCAL,
        "source_version": "",
        "start_time": _began(account),
        "status": status,
        "tags": [],
        "user_id": "",
    }
    return dump(told).encode("utf-8")


def _values(account: Account) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    when = _milliseconds(account.finished_utc or account.manifest.imported_utc) or 0
    for name, one in account.outcomes.items():
        key = key_of(name)
        found[f"tags/evidence.level.{key}"] = one.level.encode()
        found[f"tags/evidence.address.{key}"] = _tag(f"{name} at {one.address}")
        if isinstance(one.value, int | float) and one.level != "declared":
            found[f"metrics/{key}"] = _points([(when, one.value, 0)])
        else:
            found[f"params/{key}"] = _tag(words_of(one))
    for name, one in account.values.items():
        if one.value is None:
            reason = one.unavailable or "no reason is recorded"
            found[f"tags/evidence.not-measured.{key_of(name)}"] = _tag(reason)
    for name, points in _curves(account):
        found[f"metrics/{key_of(name)}"] = _points(points)
    manifest = account.manifest
    about = [f"Evidence pack {account.milestone}, sha256:{account.root_sha256}."]
    note = " ".join((*about, *account.standing, *LIMITS))
    return found | {
        "params/evidence.milestone": _tag(account.milestone),
        "tags/mlflow.runName": _tag(account.title),
        "tags/mlflow.note.content": _tag(note),
        "tags/evidence.root_sha256": account.root_sha256.encode(),
        "tags/evidence.status": manifest.status.encode(),
        "tags/evidence.origin": manifest.origin.encode(),
        "tags/evidence.stand_in": str(manifest.stand_in).lower().encode(),
    }


Point = tuple[int, Number, int]
"""Milliseconds since 1970, value, step."""


def _curves(account: Account) -> Iterator[tuple[str, list[Point]]]:
    """Of each training its loss, rate and norm by step: of a run from the rows of its steps, of an
    imported pack as its files log them."""
    if isinstance(account.documents, Imported):
        yield from _logged(account, account.documents)
        return
    for stage in account.stages:
        view = account.view(stage)
        if stage.kind is TRAIN and view is not None and account.is_complete:
            yield from _steps(stage, view)


def _steps(stage: Stage, view: Documents) -> Iterator[tuple[str, list[Point]]]:
    began = {
        event.data.get("segment"): datetime.fromisoformat(event.utc)
        for event in view.journal
        if event.event == "stage-started" and event.data.get("stage") == stage.kind.name
    }
    for curve in _CURVES:
        points = [
            (
                _of(began[row.segment] + timedelta(seconds=row.elapsed_s)),
                getattr(row, curve),
                row.step,
            )
            for row in view.rows(STEPS)
            if row.segment in began and getattr(row, curve) is not None
        ]
        if points:
            yield stage.value(f"train.by_step.{curve}"), points


def _logged(account: Account, documents: Imported) -> Iterator[tuple[str, list[Point]]]:
    when = _milliseconds(account.manifest.imported_utc) or 0
    for training in sorted({row.training for row in documents.rows}):
        for curve in _CURVES:
            points = [
                (when, getattr(row, curve), int(row.step))
                for row in documents.rows
                if row.training == training
                and getattr(row, curve) is not None
                and row.step is not None
                and row.step == int(row.step)
            ]
            if points:
                yield f"logged.{training}.{curve}", points


def _points(points: Iterable[Point]) -> bytes:
    rows = (f"{when} {jsonio.dump_text(value)} {step}\n" for when, value, step in points)
    return "".join(rows).encode("ascii")


def _tag(text: str) -> bytes:
    """One line: what ends a line would end the value."""
    flat = " ".join(line(part) for part in text.splitlines() or [""])
    return flat[:_MAX_TAG_CHARS].encode("utf-8")


def _began(account: Account) -> int | None:
    return _milliseconds(account.started_utc or account.manifest.imported_utc)


def _milliseconds(utc: str | None) -> int | None:
    return None if utc is None else _of(datetime.fromisoformat(utc))


def _of(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
