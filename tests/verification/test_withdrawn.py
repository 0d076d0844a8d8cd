"""Laws on what a pack no longer says: a value taken back is never taken for one that was checked.

Every value of every document is replaced by "not available", one at a time, and everything that
follows from it is made to follow again, as a forger with this project's code would do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write

from evidence import layout
from evidence.records.finding import Report
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.tiers import sampled

REASON = "it was not looked for"
ONLY_SHOWN = (
    "hardware.json#/cpu/model",
    "hardware.json#/cpu/num_logical_cores",
    "hardware.json#/cpu/num_physical_cores",
    "hardware.json#/cpu/num_usable_cores",
    "hardware.json#/disk_free_bytes",
    "hardware.json#/disk_total_bytes",
    "hardware.json#/memory_bytes",
    "inputs.json#/tokenizer/sha256",
    "packages.json#/packages/0/installer",
    "packages.json#/packages/1/installer",
    "telemetry.jsonl#/0/cpu_percent",
    "telemetry.jsonl#/0/rss_bytes",
    "telemetry.jsonl#/4/cpu_percent",
    "telemetry.jsonl#/4/rss_bytes",
)
"""Values that are shown and nothing else: no check can tell them from others, or from none."""
NUM_SHARES = 5
"""`make test` takes every fifth value of each document."""
DERIVED = (layout.MANIFEST, layout.RESULTS)
"""Computed anew by whoever seals."""


def places(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Keys of every value inside; of an array the first and the last."""
    found: Any = ()
    if isinstance(value, dict):
        found = value.items()
    elif isinstance(value, list) and value:
        found = {0: value[0], len(value) - 1: value[-1]}.items()
    for key, part in found:
        if not isinstance(part, dict) or "unavailable" not in part:
            yield (*keys, key)
            yield from places(part, (*keys, key))


def withdrawn(document: str, keys: tuple[str | int, ...]) -> ForgedPack:
    forged = toy()
    target = forged.docs[document]
    for key in keys[:-1]:
        target = target[key]
    target[keys[-1]] = {"unavailable": REASON}
    return forged.seal()


def findings_of(report: Report) -> set[tuple[str, str]]:
    checks = {(check.id, check.outcome) for check in report.checks}
    return checks | {(finding.code, finding.address) for finding in report.findings}


def swept(document: str) -> dict[str, tuple[str | int, ...]]:
    """Keys of every value of a document that is taken back, by address."""
    found = {f"{document}#/{'/'.join(map(str, k))}": k for k in places(toy().docs[document])}
    if document == layout.JOURNAL:  # the chain is made anew by whoever seals
        return {a: k for a, k in found.items() if len(k) > 1 and k[1] not in ("seq", "prev")}
    return found


SWEPT = {document: swept(document) for document in sorted(toy().docs.keys() - set(DERIVED))}
SHARES = [(document, share) for document in SWEPT for share in range(NUM_SHARES)]
QUICK = [one for one in SHARES if one[1] == 0]


def test_the_sweep_is_of_every_document_and_of_every_value_that_is_only_shown() -> None:
    assert min(map(len, SWEPT.values())) > 1
    assert set(ONLY_SHOWN) <= {address for found in SWEPT.values() for address in found}


@pytest.mark.parametrize("part", sampled(SHARES, QUICK), ids=lambda part: f"{part[0]} {part[1]}")
def test_a_value_taken_back_is_noticed_or_was_only_shown(
    part: tuple[str, int], tmp_path: Path
) -> None:
    sound = findings_of(verify_pack(write(tmp_path / "sound" / "M90", toy().all_bytes())))
    document, share = part
    addresses = [*SWEPT[document]][share::NUM_SHARES]
    silent = []
    for number, address in enumerate(addresses):
        keys = SWEPT[document][address]
        pack = write(tmp_path / str(number) / "M90", withdrawn(document, keys).all_bytes())
        report = verify_pack(pack)
        codes = {finding.code for finding in report.findings}
        assert codes & {"schema", "record-invalid"} or "check-broke" not in codes, (
            document,
            keys,
            report.findings,
        )
        if report.exit_code == 0 and findings_of(report) <= sound:
            silent.append(address)
    assert sorted(silent) == sorted(set(ONLY_SHOWN) & set(addresses))
