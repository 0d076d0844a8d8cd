"""Laws of the small parts under everything: codec, schemas, durable writes, journal, escaping."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import fields

from evidence import layout
from evidence.attempt.files import LogFile
from evidence.attempt.outcome import Limit, WorkerEnd, outcome_of
from evidence.cli.done import Done
from evidence.encoding import digest, jsonio, schema
from evidence.encoding.codec import decode, encode
from evidence.errors import DurabilityError, MalformedError
from evidence.pack import journal
from evidence.pack.seal import format_sums, staged_files
from evidence.records import capture, inputs, overrides, parents, run
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.stages.train import TRAIN
from evidence.system import durable, resources
from evidence.text.escape import one_line, visible

SCHEMAS = sorted(path.name for path in resources.folder("schemas").glob("*.schema.json"))
RECORDS: dict[str, type] = {
    "manifest.v1": run.ManifestRecord,
    "environment.v1": capture.EnvironmentRecord,
    "hardware.v1": capture.HardwareRecord,
    "git.v1": capture.GitRecord,
    "packages.v1": capture.PackagesRecord,
    "frozen.v1": capture.FrozenRecord,
    "telemetry-row.v1": capture.TelemetryRow,
    "inputs.v1": inputs.InputsRecord,
    "seen.v1": inputs.SeenRecord,
    "metrics-row.v1": run.StepRow,
    "done.v1": Done,
    "prediction-row.v1": run.PredictionRow,
    "results.v1": run.ResultsRecord,
    "outcome.v1": run.OutcomeRecord,
    "overrides.v1": overrides.OverridesRecord,
    "parents.v1": parents.ParentsRecord,
    "withheld.v1": run.WithheldRecord,
    "rendered.v1": run.RenderedRecord,
}


# schemas


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_closed_and_described(name: str) -> None:
    document = schema.load(name.removesuffix(".schema.json"))
    Draft202012Validator.check_schema(document)
    assert document["$id"] == f"urn:evidence-pack:schema:{name.removesuffix('.schema.json')}"
    for place, part in objects(document, ""):
        assert part.get("additionalProperties") is not None, f"{place} is open"
        for key, value in part["properties"].items():
            assert value.get("description") or "$ref" in value, f"{place}/{key} has no description"


def objects(part: Any, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Every object schema with properties that is not a condition on another one."""
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(part, dict):
        if part.get("type") == "object" and isinstance(part.get("properties"), dict):
            found.append((place, part))
        for key, value in part.items():
            if key not in ("if", "then", "else", "not"):
                found += objects(value, f"{place}/{key}")
    elif isinstance(part, list):
        for index, value in enumerate(part):
            found += objects(value, f"{place}/{index}")
    return found


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_a_record_has_the_fields_of_its_schema(name: str) -> None:
    document = schema.load(name)
    names = {field.name: field.required for field in fields(RECORDS[name])}
    assert set(document["properties"]) == set(names)
    needed = {one for one, required in names.items() if required}
    assert needed <= set(document["required"]) <= set(names)


def test_every_document_of_a_pack_has_a_schema() -> None:
    for name in {*layout.SCHEMA_OF.values(), layout.OUTCOME_SCHEMA}:
        assert f"{name}.schema.json" in SCHEMAS


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    problems = schema.validate("withheld.v1", {"schema": "withheld.v1", "file": []})
    assert any("'files'" in problem.message for problem in problems)


# codec


class Inner(Record):
    size_bytes: int | Unavailable


class Outer(Record):
    name: str
    inner: tuple[Inner, ...]
    table: dict[str, float]
    note: str | None = None


@given(
    st.builds(
        Outer,
        st.text(),
        st.lists(st.builds(Inner, st.integers() | st.builds(Unavailable, st.text()))).map(tuple),
        st.dictionaries(st.text(), st.floats(allow_nan=False)),
        st.none() | st.text(),
    )
)
def test_a_record_comes_back_equal(value: Outer) -> None:
    assert decode(Outer, encode(value)) == value


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"inner": {}},
        {"inner": [{"size_bytes": True}]},
        {"inner": [{"size_bytes": 1.0}]},
        {"inner": [{"size_bytes": None}]},
        {"table": {"a": "b"}},
        {"more": 1},
    ],
)
def test_what_does_not_fit_a_record_is_refused_with_its_place(change: dict[str, Any]) -> None:
    value = {"name": "n", "inner": [{"size_bytes": 1}], "table": {}} | change
    with pytest.raises(MalformedError, match="at /"):
        decode(Outer, value)


def test_a_field_that_is_missing_is_refused() -> None:
    with pytest.raises(MalformedError, match="inner"):
        decode(Outer, {"name": "n", "table": {}})


# durable


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "file"
    durable.write_file(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DurabilityError, match="No space left") as caught:
        durable.write_file(path, b"new")
    assert "space" in caught.value.hint
    assert path.read_bytes() == b"old"


def test_publishing_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "staged").mkdir()
    (tmp_path / "target").mkdir()
    with pytest.raises(DurabilityError, match="never overwritten"):
        durable.publish(tmp_path / "staged", tmp_path / "target")
    assert (tmp_path / "staged").exists()


# journal


def test_a_journal_reads_back_what_was_recorded_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = journal.Journal(path)
    first.record("a", x=1)
    first.record("b", attempt="t")
    first.close()
    second = journal.Journal(path)
    second.record("c")
    second.close()
    events = [
        (one.seq, one.event, one.attempt, one.data) for one in journal.read(path.read_bytes())
    ]
    assert events == [(0, "a", None, {"x": 1}), (1, "b", "t", {}), (2, "c", None, {})]


def test_an_event_with_another_number_is_named_by_its_line() -> None:
    event = run.JournalEvent(
        seq=3, utc="", monotonic_s=0.0, event="e", attempt=None, data={}, prev=journal.GENESIS
    )
    with pytest.raises(MalformedError, match="number 3, expected 0") as caught:
        list(journal.read(jsonio.dump_row(encode(event))))
    assert caught.value.line == 1


def test_sums_are_in_order_of_their_names() -> None:
    digests = {"b": "1" * 64, "a": "2" * 64, "a/b": "0" * 64}
    assert [line[66:] for line in format_sums(digests).decode().splitlines()] == ["a", "a/b", "b"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors there")
def test_a_journal_that_is_closed_holds_no_file(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with journal.Journal(tmp_path / "journal.jsonl") as writer:
        writer.record("a")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_journal_goes_by_the_clock_that_it_is_given(tmp_path: Path) -> None:
    stopped = journal.Clock(utc=lambda: "2026-01-01T00:00:00.000000Z")
    with journal.Journal(tmp_path / "journal.jsonl", stopped) as writer:
        writer.record("a")
    assert b'"2026-01-01T00:00:00.000000Z"' in (tmp_path / "journal.jsonl").read_bytes()


def test_a_digest_of_several_files_does_not_depend_on_their_order() -> None:
    pairs = [("b", "1" * 64), ("a", "2" * 64), ("a/b", "0" * 64)]
    assert digest.combine(pairs) == digest.combine(reversed(pairs))
    assert digest.combine([("\u4e2d.txt", "1" * 64)]) != digest.combine([("?.txt", "1" * 64)])
    assert digest.combine(pairs) != digest.combine([("b", "2" * 64), ("a", "1" * 64), pairs[2]])


@pytest.mark.parametrize("edit", ["swap", "drop", "change"])
def test_a_journal_that_was_edited_is_found(edit: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    writer = journal.Journal(path)
    for number in range(4):
        writer.record("e", number=number)
    writer.close()
    lines = path.read_bytes().splitlines(keepends=True)
    match edit:
        case "swap":
            lines[1], lines[2] = lines[2], lines[1]
        case "drop":
            del lines[1]
        case _:
            lines[1] = lines[1].replace(b'"number":1', b'"number":7')
    with pytest.raises(MalformedError):
        list(journal.read(b"".join(lines)))


# escaping


@given(st.text(st.characters()))
def test_visible_text_has_no_acting_character_and_is_stable(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert all(c >= " " or c in "\n\t" for c in shown)
    assert "\n" not in one_line(text, 50)
    assert len(one_line(text, 50)) <= 50
    whole = one_line(text, len(shown) * 2)
    for limit in (1, 2, 7, 50):
        cut = whole if len(whole) <= limit else whole[: limit - 1] + "…"
        assert one_line(text, limit) == cut


@pytest.mark.parametrize("acting", ["\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\u2028", "\ufeff"])
def test_an_acting_character_is_spelled_out(acting: str) -> None:
    assert acting not in visible(f"a{acting}b")


# logs


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_log_is_the_same_however_its_output_arrives(size: int, tmp_path: Path) -> None:
    raw = "a\r\nb ü\x1b[31m\r50%\r100%\nlast".encode() + b"\xff"
    log = LogFile(tmp_path / "log")
    for start in range(0, len(raw), size):
        log.feed(raw[start : start + size])
    log.close()
    text = (tmp_path / "log").read_text("utf-8")
    assert text == "a\nb ü\\x1b[31m\n50%\n100%\nlast\ufffd\n"


# outcomes


def worker_end(**changes: Any) -> WorkerEnd:
    values: dict[str, Any] = {
        "kind": TRAIN,
        "done": False,
        "failure": None,
        "exit_status": 0,
        "stopped": False,
        "limit": None,
    }
    return WorkerEnd(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"done": True}, "completed"),
        ({"done": True, "exit_status": 1}, "exception"),
        ({"done": True, "exit_status": -9}, "killed-by-signal"),
        ({}, "exception"),
        ({"exit_status": -11}, "killed-by-signal"),
        ({"failure": ("out-of-memory", "x"), "exit_status": 1}, "out-of-memory"),
        ({"failure": ("diverged", "x"), "exit_status": 1}, "diverged"),
        ({"failure": ("unheard of", "x"), "exit_status": 1}, "exception"),
        ({"done": True, "failure": ("exception", "x")}, "exception"),
        ({"stopped": True, "exit_status": 3}, "interrupted"),
        ({"limit": Limit("attempt", 5.0), "exit_status": -9}, "timed-out"),
        ({"limit": Limit("silence", 5.0), "exit_status": None}, "timed-out"),
        ({"exit_status": -9, "num_oom_kills": 1}, "out-of-memory"),
        ({"exit_status": -11, "num_oom_kills": 1}, "killed-by-signal"),
    ],
)
def test_only_a_worker_that_said_done_and_left_well_has_completed(
    changes: dict[str, Any], outcome: str
) -> None:
    assert outcome_of(worker_end(**changes))[0] == outcome


# sealing


def test_sha256sum_reads_what_we_write(tmp_path: Path) -> None:
    from evidence.encoding.digest import sha256_hex

    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b.txt").write_bytes(b"two")
    sums = format_sums({"b.txt": sha256_hex(b"two"), "a": sha256_hex(b"one")})
    (tmp_path / "SHA256SUMS").write_bytes(sums)
    command = ["sha256sum", "-c", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_a_link_is_never_staged(tmp_path: Path) -> None:
    from evidence.errors import EvidenceError

    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(EvidenceError, match="not a regular file"):
        staged_files(tmp_path)


# imports


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["verify", "/nowhere"], ["render"]]
)
def test_light_commands_import_no_ml_framework(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, json\n"
        "from evidence.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('MODULES', json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    modules = json.loads(done.stdout.split("MODULES ")[1])
    heavy = {"torch", "transformers", "numpy", "git", "cpuinfo", "pynvml", "huggingface_hub"}
    assert not heavy & set(modules)
    if arguments[0].startswith("--"):
        assert not {"jinja2", "jsonschema", "orjson"} & set(modules)


@given(st.binary())
def test_line_ends_are_changed_and_nothing_else(data: bytes) -> None:
    plain = digest.with_lf(data)
    assert plain.split(b"\n") == data.replace(b"\r\n", b"\n").split(b"\n")
    assert digest.with_crlf(plain).count(b"\r\n") == plain.count(b"\n")
    assert digest.with_lf(b"a\r\nb\rc\n") == b"a\nb\rc\n"
    assert digest.with_crlf(b"a\r\nb\rc\n") == b"a\r\nb\rc\r\n"
