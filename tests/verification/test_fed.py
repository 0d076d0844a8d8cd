"""Laws on what recorded steps were fed: the rows that the seed draws, padded to their longest."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from fields.rich import rich_toy
from lies import milestone
from toy import write

from evidence import layout
from evidence.records.finding import Report
from evidence.rules.row_stream import START, add_row, end_step
from evidence.self_test.forger import ForgedPack
from evidence.verification.consistency import fed
from evidence.verification.verification import verify_pack


def judged(pack: ForgedPack, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", pack.seal().all_bytes()))


def addresses(report: Report) -> list[str]:
    return [one.address for one in report.findings if one.code == "seen-fed"]


def failed(report: Report) -> set[str]:
    return {one.id for one in report.checks if one.outcome == "fail"}


def streams_made_anew(pack: ForgedPack) -> None:
    """Each recorded step ends with the digest of its rows, and whoever names one names that."""
    steps, seen = pack.docs[layout.METRICS], pack.docs[layout.SEEN]
    for batch in seen["batches"]:
        at = batch["step"] - 1
        before = steps[at - 1]["stream"] if at else START
        rows: list[dict[str, Any]] = batch["rows"]
        fed = reduce(
            lambda stream, row: add_row(stream, row["source_row"], row["ids"], row["labels"]),
            rows,
            before,
        )
        steps[at]["stream"] = end_step(fed, batch["step"])
    seen["stream_sha256"] = steps[-1]["stream"]
    for event in pack.docs[layout.JOURNAL]:
        if event["event"] == "checkpoint":
            event["data"]["stream"] = steps[event["data"]["step"] - 1]["stream"]


def test_rows_that_another_seed_draws_are_found_however_their_digests_are_made(
    tmp_path: Path,
) -> None:
    pack = rich_toy()
    first = pack.docs[layout.SEEN]["batches"][0]["rows"]
    first.reverse()
    streams_made_anew(pack)
    report = judged(pack, tmp_path)
    assert failed(report) == {"seen-fed"}
    assert addresses(report) == [f"{layout.SEEN}#/batches/0/rows"]


def test_another_seed_than_the_rows_were_drawn_by_is_found(tmp_path: Path) -> None:
    pack = rich_toy()
    milestone("seed = 7", "seed = 8")(pack)
    report = judged(pack, tmp_path)
    assert "seen-fed" in failed(report)


def test_tokens_fed_are_the_rows_of_each_pass_times_the_longest_of_them(tmp_path: Path) -> None:
    pack = rich_toy()
    assert "seen-fed" not in failed(judged(pack, tmp_path / "true"))
    pack.docs[layout.METRICS][0]["num_fed_tokens"] -= 1
    pack.docs[layout.SEEN]["num_fed_tokens"] -= 1
    assert addresses(judged(pack, tmp_path / "lie")) == [f"{layout.SEEN}#/batches/0/rows"]


def test_an_order_of_too_many_rows_is_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fed, "MAX_DRAWN", 18)
    report = judged(rich_toy(), tmp_path)
    (found,) = [one for one in report.checks if one.id == "seen-fed"]
    assert found.outcome == "not_checked"
    assert "is not drawn anew" in found.reason
