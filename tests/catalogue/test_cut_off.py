"""An index whose writer was killed, or is not alone, stays whole, and harms no other file."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from toy import intact_bytes, write

from evidence.catalogue import store
from evidence.catalogue.asked import Asked
from evidence.catalogue.build import update
from evidence.catalogue.journal import journal_of
from evidence.catalogue.query import find
from evidence.errors import UsageError
from tests.command import evidence

SUPER_MAGIC = bytes.fromhex("d9d505f920a163d7")
MAKES = """
import os, signal, sys
from pathlib import Path
from evidence.catalogue import store

class Cut(tuple):
    def __iter__(self):
        for number, one in enumerate(tuple.__iter__(self)):
            if number == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            yield one

store._TABLES = Cut(store._TABLES)
with store.writing(Path(sys.argv[1])):
    pass
"""
FILLS = """
import os, signal, sys
from pathlib import Path
from evidence.catalogue import store

def fill(connection):
    connection.execute("PRAGMA cache_size = 1")
    connection.executemany(
        "INSERT INTO package_sets (sha256) VALUES (?)", ((f"{n:064}",) for n in range(5000))
    )
    os.kill(os.getpid(), signal.SIGKILL)

with store.writing(Path(sys.argv[1])) as connection:
    fill(connection)
"""


def killed(program: str, *words: str) -> None:
    done = subprocess.run([sys.executable, "-c", program, *words], timeout=60)
    assert done.returncode == -signal.SIGKILL


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write(tmp_path / "runs/whole", intact_bytes())
    return tmp_path / "runs"


@pytest.fixture
def cut_off(runs: Path) -> Path:
    """An index of one pack whose next update was killed while it wrote into the file."""
    update([runs], None)
    before = (runs / store.NAME).read_bytes()
    killed(FILLS, str(runs / store.NAME))
    assert (runs / store.NAME).read_bytes() != before
    assert journal_of(runs / store.NAME).read_bytes().startswith(SUPER_MAGIC)
    return runs


def test_an_index_that_was_killed_while_it_was_made_is_made_by_the_next_one(runs: Path) -> None:
    killed(MAKES, str(runs / store.NAME))
    asked = evidence("find", str(runs))
    assert asked.exit == 2
    assert f"evidence index {runs}" in asked.err
    assert evidence("index", str(runs)).exit == 0
    assert evidence("find", str(runs)).exit == 0


def test_an_update_that_was_killed_within_a_write_keeps_what_was_read_before(cut_off: Path) -> None:
    asked = evidence("find", str(cut_off))
    assert asked.exit == 2
    assert "cut off" in asked.err
    assert f"evidence index {cut_off}" in asked.err
    done = update([cut_off], None)
    assert (done.num_packs, done.num_unchanged) == (1, 1)
    assert find(cut_off / store.NAME, Asked()).num_packs == 1
    with sqlite3.connect(cut_off / store.NAME) as connection:
        sets = connection.execute("SELECT sha256 FROM package_sets").fetchall()
    connection.close()
    assert len(sets) == 1


def test_a_journal_that_names_another_file_is_refused_and_that_file_stays(cut_off: Path) -> None:
    """SQLite deletes a file that a journal names, where that one says so of no other file."""
    victim = cut_off.parent / "victim"
    victim.write_bytes(b"mine\0")
    name = bytes(str(victim), "utf-8")
    total = sum(int.from_bytes(bytes([one]), "big", signed=True) for one in name)
    journal = journal_of(cut_off / store.NAME)
    with journal.open("ab") as file:
        file.write((0x40000000 // 4096 + 1).to_bytes(4, "big") + name)
        file.write(len(name).to_bytes(4, "big") + (total % 2**32).to_bytes(4, "big") + SUPER_MAGIC)
    before = (cut_off / store.NAME).read_bytes()
    with pytest.raises(UsageError, match="is none of an index"):
        update([cut_off], None)
    assert victim.exists()
    assert (cut_off / store.NAME).read_bytes() == before


def test_a_journal_that_is_a_link_is_refused(cut_off: Path) -> None:
    journal = journal_of(cut_off / store.NAME)
    kept = journal.rename(cut_off.parent / "kept")
    journal.symlink_to(kept)
    with pytest.raises(UsageError, match="is none of an index"):
        update([cut_off], None)
    assert kept.exists()


def test_two_that_make_an_index_at_once_make_one(runs: Path) -> None:
    failed: list[BaseException] = []

    def make() -> None:
        try:
            start.wait()
            with store.writing(path):
                pass
        except BaseException as error:
            failed.append(error)

    for attempt in range(20):
        path = runs / f"{attempt}.sqlite"
        start = threading.Barrier(4)
        threads = [threading.Thread(target=make) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert not failed, failed


def test_an_update_asks_nothing_of_the_index_for_a_write_before_it_is_alone(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = store.package_set
    refused: list[str] = []

    def while_another_comes(connection: sqlite3.Connection, packages: Any) -> int | None:
        other = sqlite3.connect(runs / store.NAME, timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            refused.append(str(error))
        finally:
            other.close()
        return original(connection, packages)

    monkeypatch.setattr(store, "package_set", while_another_comes)
    update([runs], None)
    assert refused == ["database is locked"]
