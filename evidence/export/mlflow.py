"""A run of MLflow, as its file store holds one: metrics, parameters and tags, a file each.

Responsible for numbers that came out as metrics with their curves, for what was set as parameters,
and for level, address and reasons as tags. Its one artifact is the list of the pack's digests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.export.facts import Account, line, words_of
from evidence.export.tracked import (
    Point,
    about,
    began,
    curves,
    ended,
    numbers,
    settings,
    unmeasured,
)
from evidence.export.tree import Content, copies_of
from evidence.export.yaml_text import dump

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
    moment = _milliseconds(began(account))
    told: dict[str, Any] = {
        "artifact_location": "",
        "creation_time": moment,
        "experiment_id": identifier,
        "last_update_time": moment,
        "lifecycle_stage": "active",
        "name": account.milestone,
    }
    return dump(told).encode("utf-8")


def _run(account: Account, experiment: str, run_id: str) -> bytes:
    status = _ENDED.get(account.manifest.status, _NO_END)
    told: dict[str, Any] = {
        "artifact_uri": "",
        "end_time": _milliseconds(ended(account)) if _is_over(account) else None,
        "entry_point_name": "",
        "experiment_id": experiment,
        "lifecycle_stage": "active",
        "run_id": run_id,
        "run_name": account.title,
        "source_name": "",
        "source_type": _LOCAL,
        "source_version": "",
        "start_time": _milliseconds(began(account)),
        "status": status,
        "tags": [],
        "user_id": "",
    }
    return dump(told).encode("utf-8")


def _values(account: Account) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at_end = ended(account)
    for name, one in numbers(account).items():
        if isinstance(one.value, int | float):
            found |= _said_of(name, one.level, f"{name} at {one.address}")
            found[f"metrics/{key_of(name)}"] = _points((Point(at_end, 0, one.value),))
    for name, one in settings(account).items():
        found |= _said_of(name, one.level, f"{name} at {one.address}")
        found[f"params/{key_of(name)}"] = _tag(words_of(one))
    for name, reason in unmeasured(account).items():
        found[f"tags/evidence.not-measured.{key_of(name)}"] = _tag(reason)
    for curve in curves(account):
        found |= _said_of(curve.name, curve.level, f"{curve.name} at {curve.address}")
        found[f"metrics/{key_of(curve.name)}"] = _points(curve.points)
    manifest = account.manifest
    return found | {
        "params/evidence.milestone": _tag(account.milestone),
        "tags/mlflow.runName": _tag(account.title),
        "tags/mlflow.note.content": _tag(about(account)),
        "tags/evidence.root_sha256": account.root_sha256.encode(),
        "tags/evidence.status": manifest.status.encode(),
        "tags/evidence.origin": manifest.origin.encode(),
        "tags/evidence.stand_in": str(manifest.stand_in).lower().encode(),
    }


def _is_over(account: Account) -> bool:
    return account.manifest.status in _ENDED and account.finished_utc is not None


def _said_of(name: str, level: str, address: str) -> dict[str, bytes]:
    key = key_of(name)
    return {
        f"tags/evidence.level.{key}": level.encode(),
        f"tags/evidence.address.{key}": _tag(address),
    }


def _points(points: Iterable[Point]) -> bytes:
    rows = (
        f"{_milliseconds(one.moment)} {jsonio.dump_text(one.value)} {one.step}\n" for one in points
    )
    return "".join(rows).encode("ascii")


def _tag(text: str) -> bytes:
    """One line: what ends a line would end the value."""
    flat = " ".join(line(part) for part in text.splitlines() or [""])
    return flat[:_MAX_TAG_CHARS].encode("utf-8")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
