"""C3: the order in which a run makes things safe, read from the calls that it made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from tests.faults.disk import read_calls, written
from tests.faults.runs import Case

Call = dict[str, Any]


@pytest.fixture(scope="module")
def calls(undisturbed: Case) -> list[tuple[Call, str]]:
    """Each call with the path that it is about."""
    opened: dict[int, str] = {}
    found = []
    for call in read_calls(undisturbed.root / "calls.jsonl"):
        subject = call["args"][0]
        if call["call"] == "open":
            opened[call["descriptor"]] = subject
        found.append((call, opened[subject] if isinstance(subject, int) else subject))
    return found


def places(calls: list[tuple[Call, str]], call: str, name: str) -> list[int]:
    return [i for i, (c, path) in enumerate(calls) if c["call"] == call and Path(path).name == name]


def test_every_journal_record_is_safe_before_anything_follows(
    calls: list[tuple[Call, str]],
) -> None:
    """C3: recorded first, acted second."""
    records = places(calls, "write", layout.JOURNAL)
    assert len(records) > 10
    for at in records:
        following, path = calls[at + 1]
        assert (following["call"], Path(path).name) == ("fsync", layout.JOURNAL)


def test_every_row_is_safe_before_the_checkpoint_it_led_to(calls: list[tuple[Call, str]]) -> None:
    """C3: a checkpoint is never ahead of its rows."""
    name = Path(layout.METRICS).name
    checkpoints = [
        at
        for at in places(calls, "write", layout.JOURNAL)
        if b'"event":"checkpoint"' in written(calls[at][0])
    ]
    assert len(checkpoints) == 2
    for at in checkpoints:
        last_row = max(i for i in places(calls, "write", name) if i < at)
        assert any(last_row < i < at for i in places(calls, "fsync", name))


def test_what_is_renamed_is_safe_before_and_its_new_name_after(
    calls: list[tuple[Call, str]],
) -> None:
    """C3: under a final name there is never a file that a power cut empties."""
    renames = [i for i, (c, _) in enumerate(calls) if c["call"] in ("replace", "rename")]
    assert len(renames) > 30
    for at in renames:
        source, target = calls[at][0]["args"]
        if calls[at][0]["call"] == "replace":
            synced = [i for i, (c, p) in enumerate(calls) if c["call"] == "fsync" and p == source]
            last_write = max(i for i, (c, p) in enumerate(calls[:at]) if p == source and written(c))
            assert any(last_write < i < at for i in synced), source
        above = str(Path(target).parent)
        assert ("fsync", above) in {(c["call"], p) for c, p in calls[at + 1 : at + 4]}, target


def test_nothing_of_a_pack_is_written_after_it_is_published(
    calls: list[tuple[Call, str]], undisturbed: Case
) -> None:
    """C3: one rename is the commit point, and all is safe before it."""
    pack = str(undisturbed.pack)
    published = next(i for i, (c, _) in enumerate(calls) if c["args"][1:] == [pack])
    below = [p for _, p in calls[published + 1 :] if p.startswith(pack + os.sep)]
    assert below == []
    staged = str(undisturbed.work / layout.STAGED)
    folders = {p for c, p in calls[:published] if c["call"] == "fsync" and p.startswith(staged)}
    for folder, _, _ in os.walk(pack):
        assert folder.replace(pack, staged) in folders, folder
