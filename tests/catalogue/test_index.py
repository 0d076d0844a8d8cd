"""The index over many packs: read as verify reads, read once, and never taken for a verdict."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from toy import intact_bytes, toy, write

from evidence import layout, limits
from evidence.catalogue import build, store
from evidence.catalogue.asked import Asked, value_asked
from evidence.catalogue.build import update
from evidence.catalogue.query import find
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.errors import BusyError, UsageError
from tests.command import evidence
from tests.importing.made import make_pack

HOSTILE = "x\x1b[31m' OR 1=1; DROP TABLE packs; --\u202e"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write(folder / "whole", intact_bytes())
    write(folder / "bitten", intact_bytes() | {layout.RESULTS: b"{}\n"})
    write(folder / "linked", intact_bytes())
    (folder / "linked/out").symlink_to("/etc/passwd")
    work = folder / layout.WORK / "begun" / layout.STAGED
    work.mkdir(parents=True)
    (work / layout.JOURNAL).write_bytes(b"")
    (work.parent / layout.REMEMBERED).write_bytes(b"{}")
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of packs that were read, in this process."""
    names: list[str] = []
    original = build.read_unless

    def seen(asked: tuple[Path, str]) -> Any:
        found = original(asked)
        names.extend([asked[0].name] if found is not None else [])
        return found

    monkeypatch.setattr(build, "read_unless", seen)
    return names


def plain(files: Mapping[str, bytes | None]) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if data is not None}


def names(runs: Path, **asked: Any) -> list[str]:
    return [Path(one.path).name for one in find(runs / store.NAME, Asked(**asked)).packs]


def test_a_pack_is_in_the_index_as_what_it_is_and_unread_ones_with_their_reason(runs: Path) -> None:
    done = update([runs], None)
    assert (done.num_packs, done.num_read) == (4, 4)
    states = {Path(path).name: state for path, state, _ in done.unread}
    assert states == {"bitten": "broken", "linked": "refused", "begun": "unfinished"}
    found = find(runs / store.NAME, Asked())
    assert found.num_unread == 3
    by_name = {Path(one.path).name: one for one in found.packs}
    assert layout.RESULTS in by_name["bitten"].reason
    assert "link" in by_name["linked"].reason
    whole = by_name["whole"]
    assert (whole.state, whole.status, whole.reason) == ("read", "complete", "")
    sums = (runs / "whole" / layout.SUMS).read_bytes()
    assert whole.root_sha256 == build.store.sha256_hex(sums)
    assert by_name["bitten"].milestone is None, "what a broken pack says is not repeated"


def test_each_condition_finds_the_pack_that_meets_it_and_not_the_others(runs: Path) -> None:
    update([runs], None)
    documents = {
        name: json.loads((runs / "whole" / name).read_bytes())
        for name in (layout.MANIFEST, layout.RESULTS, layout.INPUTS, layout.PACKAGES)
    }
    package = documents[layout.PACKAGES]["packages"][0]
    loss = documents[layout.RESULTS]["values"]["train.loss_end"]["value"]
    data = documents[layout.INPUTS]["data"]["train"]["sha256"]
    model = documents[layout.INPUTS]["model"]["id"]
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (
            {"packages": ((package["name"].lower(), package["version"]),)},
            {"packages": ((package["name"].lower(), "0"),)},
        ),
        ({"data": (data[:9],)}, {"data": ("0" * 9,)}),
        ({"models": (model,)}, {"models": (model + "x",)}),
        ({"status": "complete"}, {"status": "failed"}),
        (
            {"values": (value_asked(f"train.loss_end=={loss!r}"),)},
            {"values": (value_asked(f"train.loss_end!={loss!r}"),)},
        ),
        (
            {"values": (value_asked(f"train.loss_end<={loss!r}"),)},
            {"values": (value_asked(f"train.loss_end<{loss!r}"),)},
        ),
        ({"commit": documents[layout.MANIFEST]["commit"][:8]}, {"commit": "0" * 8}),
    ]
    for met, unmet in ways:
        assert names(runs, **met) == ["whole"], met
        assert names(runs, **unmet) == [], unmet


def test_what_was_not_measured_meets_no_condition_and_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "runs/whole", intact_bytes())
    update([tmp_path / "runs"], None)
    index = tmp_path / "runs" / store.NAME
    results = json.loads((tmp_path / "runs/whole" / layout.RESULTS).read_bytes())["values"]
    missing = next(name for name, one in results.items() if one["value"] is None)
    for op in ("<1", ">=1", "!=1", "==x", "!=x"):
        for name in (missing, "no.such.value"):
            found = find(index, Asked(values=(value_asked(f"{name}{op}"),)))
            assert found.num_found == 0
            assert found.num_without == {name: 1}
    ended = evidence("find", "--index", str(index), "--value", f"{missing}!=1")
    assert "not measured in 1 pack, not among these for that reason" in ended.out


def test_what_did_not_change_is_not_read_again_and_what_changed_is(
    runs: Path, read: list[str]
) -> None:
    update([runs], None)
    read.clear()
    update([runs], None)
    assert read == ["begun"], "a run that goes on changes where no pack is"
    read.clear()
    (runs / "bitten" / layout.RESULTS).write_bytes(intact_bytes()[layout.RESULTS])
    done = update([runs], None)
    assert sorted(read) == ["begun", "bitten"]
    assert done.num_unchanged == 2
    assert names(runs, state="read") == ["bitten", "whole"]
    read.clear()
    update([runs], None, anew=True)
    assert sorted(read) == ["begun", "bitten", "linked", "whole"]


def test_a_byte_that_changes_without_its_time_is_for_verify_to_find(
    runs: Path, read: list[str]
) -> None:
    """Said in the documentation: the index goes by names, sizes and times."""
    update([runs], None)
    path = runs / "whole" / layout.MILESTONE
    before = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    update([runs], None)
    assert "whole" not in read
    assert evidence("verify", str(runs / "whole")).exit == 1


def test_packs_that_are_gone_leave_the_index_and_nothing_of_theirs_stays(runs: Path) -> None:
    update([runs], None)
    shutil.rmtree(runs / "whole")
    assert update([runs], None).num_gone == 1
    assert names(runs, state="read") == []
    with sqlite3.connect(runs / store.NAME) as connection:
        for table in ("data", "models", "pack_values"):
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == []  # noqa: S608
    connection.close()


def test_an_index_of_several_folders_keeps_those_that_are_not_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "pack", intact_bytes())
    index = tmp_path / "all.sqlite"
    update([tmp_path / "a", tmp_path / "b"], index)
    shutil.rmtree(tmp_path / "a/pack")
    shutil.rmtree(tmp_path / "b/pack")
    assert update([tmp_path / "a"], index).num_gone == 1
    assert [one.path for one in find(index, Asked()).packs] == [f"{tmp_path}/b/pack"]


def test_folder_and_index_may_be_moved_together(runs: Path) -> None:
    update([runs], None)
    moved = runs.rename(runs.parent / "elsewhere")
    assert str(moved / "whole") in [one.path for one in find(moved / store.NAME, Asked()).packs]


def test_hostile_words_are_parameters_and_are_spelled_on_the_terminal(tmp_path: Path) -> None:
    forged = toy()
    forged.docs[layout.GIT]["start"]["branch"] = HOSTILE
    pack = write(tmp_path / "runs/hostile", plain(forged.seal().all_bytes()))
    update([pack.parent], None)
    for words in (("--show", "git.branch"), ("--value", f"git.branch=={HOSTILE}")):
        ended = evidence("find", str(pack.parent), *words)
        assert ended.exit == 0
        assert "1 of 1 pack in" in ended.out
        assert "\x1b" not in ended.out
        assert "\u202e" not in ended.out
        assert "DROP TABLE" in ended.out
    for option in ("--model", "--milestone", "--show", "--package"):
        ended = evidence("find", str(pack.parent), option, HOSTILE)
        assert ended.exit in (0, 2)
        assert "\x1b" not in ended.out + ended.err


def foreign_files(folder: Path) -> Iterator[Path]:
    """Files that are no index of ours, each in its own way."""
    made = folder / "made.sqlite"
    with store.writing(made):
        pass
    for name, statement in (
        ("trigger", "CREATE TRIGGER t AFTER INSERT ON packs BEGIN DELETE FROM packs; END"),
        ("view", "CREATE VIEW v AS SELECT load_extension('x')"),
        ("lacking", "DROP TABLE models"),
        ("other", "ALTER TABLE packs ADD COLUMN more TEXT"),
        ("version", "PRAGMA user_version = 99"),
        ("program", "PRAGMA application_id = 7"),
        ("wal", "PRAGMA journal_mode = WAL"),
    ):
        path = Path(shutil.copy(made, folder / f"{name}.sqlite"))
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()
        yield path
    (folder / "text.sqlite").write_bytes(b"x" * 5000)
    yield folder / "text.sqlite"
    data = bytearray(made.read_bytes())
    data[100:3000] = os.urandom(2900)
    (folder / "torn.sqlite").write_bytes(data)
    yield folder / "torn.sqlite"
    (folder / "link.sqlite").symlink_to(made)
    yield folder / "link.sqlite"
    os.mkfifo(folder / "pipe.sqlite")
    yield folder / "pipe.sqlite"


def test_a_file_that_is_no_index_of_ours_is_refused_and_never_written(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write(runs / "whole", intact_bytes())
    for path in foreign_files(tmp_path):
        before = path.read_bytes() if path.is_file() else b""
        for words in (("find", "--index", str(path)), ("index", str(runs), "--to", str(path))):
            ended = evidence(*words)
            assert ended.exit == 2, (path, ended)
            assert "index" in ended.err
        assert not path.is_file() or path.read_bytes() == before, path


def test_rows_that_no_index_of_ours_has_are_refused(runs: Path) -> None:
    update([runs], None)
    index = runs / store.NAME
    connection = sqlite3.connect(index)
    connection.execute("UPDATE packs SET status = 'VERIFIED'")
    connection.commit()
    connection.close()
    with pytest.raises(UsageError, match="a row that no index of ours has"):
        find(index, Asked())


def test_a_cell_past_its_limit_is_not_read(runs: Path) -> None:
    update([runs], None)
    with sqlite3.connect(runs / store.NAME) as connection:
        wide = "x" * (limits.MAX_INDEX_CELL_BYTES + 1)
        connection.execute("UPDATE packs SET milestone = ?", (wide,))
    connection.close()
    with pytest.raises(UsageError, match="cannot be used"):
        find(runs / store.NAME, Asked())


def test_an_index_that_takes_too_long_to_answer_is_given_up(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update([runs], None)
    monkeypatch.setattr(limits, "INDEX_QUERY_TIMEOUT_S", 0.05)
    with (
        pytest.raises(UsageError, match=r"longer than 0\.05 s"),
        store.reading(runs / store.NAME) as connection,
    ):
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        ).fetchone()


def test_asking_an_index_writes_nothing(runs: Path) -> None:
    update([runs], None)
    for path in (runs / store.NAME, runs):
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = sorted(one.name for one in runs.iterdir()), (runs / store.NAME).read_bytes()
    try:
        find(runs / store.NAME, Asked(values=(value_asked("train.loss_end<1"),)))
    finally:
        runs.chmod(0o700)
    assert (sorted(one.name for one in runs.iterdir()), (runs / store.NAME).read_bytes()) == before


def test_who_meets_another_update_is_told_that_it_is_busy(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.limits.INDEX_LOCK_TIMEOUT_S", 0.05)
    update([runs], None)
    other = sqlite3.connect(runs / store.NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BusyError):
        find(runs / store.NAME, Asked())
    with pytest.raises(BusyError):
        update([runs], None)
    other.close()


def test_an_update_that_is_cut_off_keeps_what_it_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    for number in range(4):
        write(runs / f"p{number}", intact_bytes())
    monkeypatch.setattr(build, "BATCH_PACKS", 2)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update([runs], None, tell=stop)
    found = find(runs / store.NAME, Asked())
    assert (found.num_packs, found.updated_utc) == (2, "")
    assert "never to its end" in evidence("find", str(runs)).out
    assert update([runs], None).num_unchanged == 2


def test_the_words_say_once_that_an_index_is_no_verification(runs: Path) -> None:
    update([runs], None)
    said = evidence("find", str(runs)).out
    assert said.count("no verification") == 1
    assert "sha256:" in said
    assert "could not be read" in said


def test_json_is_of_its_schema(runs: Path) -> None:
    done = evidence("index", str(runs), "--json")
    found = evidence("find", str(runs), "--value", "train.loss_end<99", "--json")
    assert schema.validate("indexed.v1", jsonio.load_document(done.out.encode())) == ()
    value = jsonio.load_document(found.out.encode())
    assert schema.validate("found.v1", value) == ()
    assert [Path(one["path"]).name for one in value["packs"]] == ["whole"]
    several = evidence("find", str(runs), str(runs), "--json")
    assert len(jsonio.load_document(several.out.encode())) == 2
    assert encode(find(runs / store.NAME, Asked()))["num_packs"] == 4


@pytest.mark.parametrize(
    "words",
    [
        ("--value", "train.loss_end"), ("--value", "<1"), ("--value", "a<b"), ("--value", "a=1"),
        ("--value", "a<nan"), ("--value", "a<1e999"), ("--value", f"a<{2**63}"),
        ("--value", "a===1"), ("--package", "torch>=2"), ("--package", "==2"),
        ("--package", "torch=="), ("--data-sha256", "abc"), ("--data-sha256", "g" * 64),
        ("--commit", "main"),
    ],
)  # fmt: skip
def test_a_condition_that_is_none_is_refused_in_a_sentence(
    words: tuple[str, str], tmp_path: Path
) -> None:
    ended = evidence("find", str(tmp_path), *words)
    assert ended.exit == 2
    assert words[0] in ended.err


def test_without_an_index_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    ended = evidence("find", str(tmp_path))
    assert ended.exit == 2
    assert "evidence index" in ended.err
    assert evidence("index", str(tmp_path / "none")).exit == 2


def test_asking_does_not_load_what_reads_packs() -> None:
    program = (
        "import sys; import evidence.cli.find; "
        "rooms = ('evidence.verification', 'evidence.pack'); "
        "sys.exit(any(name.startswith(rooms) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_whether_an_imported_pack_is_a_stand_in_is_not_known(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(make_pack(tmp_path / "made"), runs / "imported")
    update([runs], None)
    every = {Path(one.path).name: one for one in find(runs / store.NAME, Asked()).packs}
    assert every["imported"].stand_in is None
    for asked in (True, False):
        found = find(runs / store.NAME, Asked(stand_in=asked)).packs
        assert "imported" not in [Path(one.path).name for one in found]
