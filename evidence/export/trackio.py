"""A store of trackio with one run: its metrics by step, and its configuration.

Responsible for the two tables that a run has in trackio's own database (version 2 of its layout,
trackio 0.24 and later), written by SQLite of the standard library; trackio adds the others when it
opens the file to write. Level, address and reasons stand in the configuration.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Final

from evidence.encoding import jsonio
from evidence.errors import UsageError
from evidence.export.facts import Account, line
from evidence.export.tracked import (
    CURVES,
    RESULTS,
    about,
    began,
    curves,
    ended,
    numbers,
    settings,
    tag_of,
    unmeasured,
)
from evidence.export.tree import Content
from evidence.records.record import Number
from evidence.records.run import ValueRecord

_LAYOUT: Final = (
    """CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,
    timestamp TEXT NOT NULL, run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL,
    log_id TEXT, space_id TEXT)""",
    "CREATE INDEX idx_metrics_run_step ON metrics(run_id, step)",
    "CREATE INDEX idx_metrics_run_timestamp ON metrics(run_id, timestamp)",
    """CREATE UNIQUE INDEX idx_metrics_log_id ON metrics(log_id) WHERE log_id IS NOT NULL""",
    """CREATE INDEX idx_metrics_pending ON metrics(space_id) WHERE space_id IS NOT NULL""",
    """CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,
    run_name TEXT NOT NULL, config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id))""",
    "CREATE INDEX idx_configs_run_name ON configs(run_name)",
    "PRAGMA user_version = 2",
)
_METRICS: Final = (
    "INSERT INTO metrics (timestamp, run_id, run_name, step, metrics) VALUES (?, ?, ?, ?, ?)"
)
_CONFIG: Final = "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)"
_RUN_ID_CHARS: Final = 32
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


def files(account: Account) -> Mapping[str, Content]:
    """The database. Raises UsageError where no number came out: a run is what has metrics."""
    rows = list(_rows(account))
    if not rows:
        raise UsageError(
            f"no number came out of {account.milestone}, and trackio shows no run without metrics",
            hint="What is known of it is in the other formats.",
        )
    run = account.root_sha256[:_RUN_ID_CHARS]
    with closing(sqlite3.connect(":memory:")) as store:
        for statement in _LAYOUT:
            store.execute(statement)
        for moment, step, told in rows:
            told_text = jsonio.dump_text(told)
            store.execute(_METRICS, (moment.isoformat(), run, account.title, step, told_text))
        config = jsonio.dump_text(_config(account))
        store.execute(_CONFIG, (run, account.title, config, began(account).isoformat()))
        store.commit()
        return {f"{project_of(account.milestone)}.db": store.serialize()}


def project_of(milestone: str) -> str:
    """The name of the project, of signs that trackio keeps in the name of a file."""
    return _NOT_IN_A_NAME.sub("_", milestone)


def _rows(account: Account) -> Iterator[tuple[datetime, int, dict[str, Number]]]:
    """Numbers that have moment and step in common are one row, as a program logs them."""
    found: dict[tuple[datetime, int], dict[str, Number]] = {}
    for curve in curves(account):
        for point in curve.points:
            row = found.setdefault((point.moment, point.step), {})
            row[f"{CURVES}/{tag_of(curve.name)}"] = point.value
    single = {
        f"{RESULTS}/{tag_of(name)}": one.value
        for name, one in numbers(account).items()
        if isinstance(one.value, int | float)
    }
    if single:
        found.setdefault((ended(account), 0), {}).update(single)
    for (moment, step), told in found.items():
        yield moment, step, told


def _config(account: Account) -> dict[str, Number | str | bool]:
    manifest = account.manifest
    found: dict[str, Number | str | bool] = {
        "_Created": began(account).isoformat(),
        "evidence.about": about(account),
        "evidence.milestone": account.milestone,
        "evidence.root_sha256": account.root_sha256,
        "evidence.status": manifest.status,
        "evidence.origin": manifest.origin,
        "evidence.stand_in": manifest.stand_in,
    }
    for name, one in settings(account).items():
        found[tag_of(name)] = _plain(one)
    for name, one in account.outcomes.items():
        found |= _said_of(name, one.level, one.address)
    for curve in curves(account):
        found |= _said_of(curve.name, curve.level, curve.address)
    for name, reason in unmeasured(account).items():
        found[f"evidence.not-measured.{tag_of(name)}"] = line(reason)
    return found


def _said_of(name: str, level: str, address: str) -> dict[str, str]:
    tag = tag_of(name)
    return {f"evidence.level.{tag}": level, f"evidence.address.{tag}": line(address)}


def _plain(one: ValueRecord) -> Number | str:
    if isinstance(one.value, int | float):
        return one.value
    return line(str(one.value))
