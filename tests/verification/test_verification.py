"""Laws on verify as a whole: its doors, its silence, its report."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from toy import SUMMARY, intact_bytes, toy, write

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import (
    ExitCode,
    PackBrokenError,
    UnfinishedRunError,
    UnsafePackError,
    UsageError,
)
from evidence.system import posix
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, check, registered
from evidence.verification.ledger import BAD_VALUE_ERRORS, Ledger, Rule
from evidence.verification.options import VerifyOptions
from evidence.verification.problem import Problem
from evidence.verification.reading import directory
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.report import Subject, build_report
from evidence.verification.several import verify_packs
from evidence.verification.verification import (
    SealedPack,
    VerifiedPack,
    load_sealed,
    open_pack,
    open_verified,
    verify_pack,
)
from tests.command import evidence


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path / "M90", intact_bytes())


def test_only_verify_can_build_a_verified_pack(pack: Path) -> None:
    opened = open_verified(pack)
    assert opened.documents.milestone.id == "M90"
    assert opened.root_sha256 == opened.report.root_sha256
    with pytest.raises(TypeError, match="only evidence"):
        VerifiedPack(pack, opened.documents, opened.root_sha256, opened.report, object())


def test_a_broken_pack_is_not_opened(pack: Path) -> None:
    (pack / layout.PACKAGES).write_bytes(b"{}")
    for door in (open_verified, load_sealed):
        with pytest.raises(PackBrokenError, match="more"):
            door(pack)
    grave = [one for one in verify_pack(pack).findings if one.severity == "error"]
    with pytest.raises(PackBrokenError, match=rf"\(and {len(grave) - 1} more\)"):
        open_verified(pack)
    (pack / layout.PACKAGES).unlink()
    (pack / layout.PACKAGES).symlink_to("/etc/passwd")
    for door in (open_verified, load_sealed):
        with pytest.raises(UnsafePackError, match="link"):
            door(pack)


def test_a_run_in_progress_is_not_opened(tmp_path: Path) -> None:
    write(tmp_path, {".work/M90/pack/journal.jsonl": b"", ".work/M90/remembered.json": b""})
    for door in (open_verified, load_sealed):
        with pytest.raises(PackBrokenError, match="not a finished pack"):
            door(tmp_path / "M90")


def test_what_would_become_the_pack_of_an_unfinished_run_is_called_that(tmp_path: Path) -> None:
    write(tmp_path, {".work/M90/pack/journal.jsonl": b"", ".work/M90/remembered.json": b""})
    staged = tmp_path / layout.WORK / "M90" / layout.STAGED
    report = verify_pack(staged)
    assert (report.verdict, report.exit_code, report.findings) == ("UNFINISHED", 4, ())
    assert "run M90 --resume" in (report.next_step or "")
    with pytest.raises(UnfinishedRunError):
        open_verified(staged)
    as_published = verify_pack(staged, VerifyOptions(known_as=tmp_path / "M90"))
    assert as_published.verdict == "NOT INTACT"


def test_a_pack_that_is_called_like_a_part_of_a_run_is_a_pack(tmp_path: Path) -> None:
    write(tmp_path, {"M90/pack/journal.jsonl": b"", "M90/remembered.json": b""})
    assert verify_pack(tmp_path / "M90/pack").verdict == "NOT INTACT"


def test_a_broken_summary_does_not_keep_the_evidence_from_being_loaded(pack: Path) -> None:
    (pack / SUMMARY).write_text("nonsense")
    (pack / layout.RENDERED).unlink()
    assert load_sealed(pack).documents.manifest is not None
    with pytest.raises(PackBrokenError):
        open_verified(pack)


def test_a_report_is_plain_json_and_the_same_every_time(pack: Path) -> None:
    (pack / layout.METRICS).unlink()
    (pack / "extra").write_bytes(b"")
    first = verify_pack(pack)
    assert jsonio.load_document(jsonio.dump_document(encode(first))) == encode(first)
    assert all(verify_pack(pack) == first for _ in range(10))


def test_every_check_states_its_rule_and_has_an_id_of_its_own() -> None:
    checks = registered()
    assert len(checks) >= 40
    for one in checks:
        assert len((one.run.__doc__ or "").strip()) > 30, one.rule.id
        assert one.rule.title
        assert one.rule.since == 1
    with pytest.raises(ValueError, match="two checks"):
        check("results", "again")(lambda evidence: iter(()))


SILENCE = """
    import sys
    seen = []
    BAD = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.remove",
           "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
           "os.chmod", "os.utime", "os.system", "shutil.", "ctypes.dlopen", "pickle.")
    def hook(event, arguments):
        if not armed:
            return
        if event.startswith(BAD):
            seen.append((event, arguments))
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & 0o1103:
            seen.append((event, arguments))
    armed = False
    from pathlib import Path
    from evidence.verification.verification import verify_pack
    sys.addaudithook(hook)
    armed = True
    report = verify_pack(Path(sys.argv[1]))
    armed = False
    heavy = {"torch", "transformers", "jax", "jaxlib", "flax", "optax", "tunix", "qwix", "click",
             "git", "numpy", "safetensors", "pynvml"}
    print(report.exit_code, sorted(heavy & set(sys.modules)), seen)
"""


@pytest.mark.parametrize("broken", [False, True])
def test_verify_writes_nothing_runs_nothing_and_calls_nobody(pack: Path, broken: bool) -> None:
    planted = {
        "sitecustomize.py": b"", "conftest.txt": b"", ".git/config": b"[core]\nfsmonitor = touch x",
    }  # fmt: skip
    if broken:
        write(pack, {name: data for name, data in planted.items() if name[-3:] != ".py"})
    before = _state(pack)
    done = subprocess.run(
        [sys.executable, "-P", "-B", "-c", textwrap.dedent(SILENCE), str(pack)],
        cwd=pack,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == f"{int(broken)} [] []", done.stdout + done.stderr
    assert done.stderr == ""
    assert _state(pack) == before


def _state(pack: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(pack)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(pack.rglob("*"))
        if path.is_file()
    }


def test_a_file_that_changes_meanwhile_never_gives_a_false_verdict(pack: Path) -> None:
    """What is said is said of the bytes that were read (T19)."""
    path, stop = pack / layout.TRAINING_LOG, threading.Event()
    good, evil = path.read_bytes(), b"traimimg\n"
    assert len(good) == len(evil)

    def flip() -> None:
        while not stop.is_set():
            path.write_bytes(evil)
            path.write_bytes(good)

    other = threading.Thread(target=flip)
    other.start()
    try:
        for _ in range(15):
            report = verify_pack(pack)
            found = {f.code for f in report.findings if f.address == layout.TRAINING_LOG}
            allowed = {"changed-while-reading", "digest-mismatch", "size-mismatch"}
            assert found <= allowed
            assert (report.exit_code == 0) == (not found)
    finally:
        stop.set()
        other.join()


def test_systems_without_directory_descriptors_are_no_less_careful(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "HAS_DIRECTORY_DESCRIPTORS", False)
    assert verify_pack(pack).exit_code == 0
    (pack / "training_output").rename(pack.parent / "elsewhere")
    (pack / "training_output").symlink_to(pack.parent / "elsewhere")
    (pack / layout.PACKAGES).unlink()
    os.mkfifo(pack / layout.PACKAGES)
    assert {f.address for f in verify_pack(pack).findings} == {"training_output", layout.PACKAGES}
    assert verify_pack(pack / layout.GIT).exit_code == 5
    with (
        SafeDirectory(pack) as root,
        pytest.raises(OSError, match="regular"),
        root.open(layout.PACKAGES),
    ):
        pass


def _places(value: Any) -> list[tuple[Any, Any]]:
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    inner = [place for _, v in pairs if isinstance(v, (dict, list)) for place in _places(v)]
    return [(value, key) for key, _ in pairs] + inner


ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**62, -(2**62), 1e308, "", "x", "\x1b[0m", [], {}, [[]], {"a": {}},
    {"unavailable": "?"}, "0" * 64, "complete", "train", 1, 5e-324,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_value_anywhere_makes_verify_fall_over(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    for number in range(25):
        forged = toy()
        path = random.choice(sorted(forged.docs))
        for _ in range(random.randrange(1, 4)):
            inside, key = random.choice(_places(forged.docs[path]))
            if random.random() < 0.2:
                del inside[key]
            else:
                inside[key] = random.choice(ODD)
        with suppress(*BAD_VALUE_ERRORS):
            forged.seal()
        try:
            files = forged.all_bytes()
        except BAD_VALUE_ERRORS:
            files = forged.sealed_bytes()
        report = verify_pack(write(tmp_path / str(number), files))
        assert report.exit_code in (0, 1, 4, 5)
        assert (report.exit_code == 1) == (report.verdict == "NOT INTACT")


@pytest.fixture
def newer_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that came with rule set 2, and that no pack of rule set 1 meets."""
    monkeypatch.setattr(registry, "_CHECKS", dict(registry._CHECKS))

    @check("toy-of-2", "a rule of the future", since=2)
    def rule(evidence: Evidence) -> Problems:
        """Fails always."""
        yield Problem(layout.GIT, "was not asked for yet")


@pytest.mark.usefixtures("newer_rule")
def test_what_the_rules_of_its_day_did_not_ask_is_advice(pack: Path) -> None:
    report = verify_pack(pack)
    (finding,) = (one for one in report.findings if one.check == "toy-of-2")
    (result,) = (one for one in report.checks if one.id == "toy-of-2")
    assert (report.exit_code, finding.severity) == (0, "advice")
    assert (result.outcome, "before this check" in result.reason) == ("not_checked", True)


@pytest.mark.usefixtures("newer_rule")
def test_what_the_rules_of_its_day_asked_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.verification.verification.RULESET", 2)
    forged = toy()
    forged.docs[layout.MANIFEST]["ruleset"] = 2
    forged.event("run-started")["data"]["ruleset"] = 2
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert (report.exit_code, {f.code for f in report.findings}) == (1, {"toy-of-2"})


def test_a_caller_can_refuse_the_rules_of_an_older_day(pack: Path) -> None:
    assert verify_pack(pack, VerifyOptions(min_ruleset=1)).exit_code == 0
    report = verify_pack(pack, VerifyOptions(min_ruleset=2))
    (finding,) = report.findings
    assert (report.exit_code, finding.code) == (1, "older-ruleset")
    assert (finding.expected, finding.actual) == ("at least 2", "1")


def test_packs_checked_at_once_are_reported_in_their_order(pack: Path, tmp_path: Path) -> None:
    broken = write(tmp_path / "other" / "M90", {**intact_bytes(), layout.GIT: b"{}"})
    paths = [pack, broken, tmp_path / "none", pack]
    options = VerifyOptions(expect_milestone="M90", further=(registered()[0],))
    at_once = verify_packs(paths, options, 2)
    assert at_once == verify_packs(paths, options, 1)
    assert [report.exit_code for report in at_once] == [0, 1, 5, 0]


def test_where_no_process_can_be_copied_the_reports_are_the_same(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [pack, tmp_path / "none"]
    expected = verify_packs(paths, VerifyOptions(), 1)
    monkeypatch.setattr(posix, "can_copy_process", lambda: False)
    assert verify_packs(paths, VerifyOptions(), 2) == expected


def test_a_verification_in_which_nothing_was_checked_is_no_success() -> None:
    report = build_report(Subject("a pack"), Ledger())
    assert (report.verdict, report.exit_code) == ("NOT INTACT", 1)
    assert "no check passed" in report.findings[0].message
    assert (report.findings[0].check, report.findings[0].code) == ("checks", "checks")


def test_what_is_unsafe_is_unsafe_by_the_rules_of_any_day() -> None:
    ledger = Ledger()
    unsafe = Problem("x", "runs code", severity="refused", code="runs-code")
    ledger.run_as_advice(Rule("toy", "a rule of the future", since=2), [unsafe], "too old")
    (result,) = ledger.results
    assert (ledger.refused, result.outcome) == (True, "fail")


def test_a_newer_rule_that_holds_is_a_pass_on_an_older_pack() -> None:
    ledger = Ledger()
    ledger.run_as_advice(Rule("toy", "a rule of the future", since=2), [], "too old")
    assert [result.outcome for result in ledger.results] == ["pass"]


def test_what_is_no_folder_is_no_pack(tmp_path: Path) -> None:
    path = tmp_path / "M90"
    os.mkfifo(path)
    report = verify_pack(path)
    assert report.exit_code == 5
    assert "directory" in report.findings[0].message.lower()
    for door in (load_sealed, open_verified):
        with pytest.raises(UnsafePackError):
            door(path)


def test_a_pack_that_is_not_there_is_a_slip_of_the_pen_and_not_refused(tmp_path: Path) -> None:
    for door in (load_sealed, open_verified):
        with pytest.raises(UsageError, match="there is no pack"):
            door(tmp_path / "M90")
    ended = evidence("verify", str(tmp_path / "M90"))
    assert ended.exit == ExitCode.USAGE


def test_only_verify_can_build_a_sealed_pack(pack: Path) -> None:
    loaded = load_sealed(pack)
    with pytest.raises(TypeError, match="only evidence"):
        SealedPack(pack, loaded.documents, loaded.root_sha256, object())


def test_a_summary_written_while_the_pack_is_open_is_what_is_judged(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", toy().all_bytes())
    summary = pack / SUMMARY
    data = summary.read_bytes()
    summary.unlink()
    with open_pack(pack) as opened:
        summary.write_bytes(data)
        assert opened.sealed().documents.milestone.id == "M90"
        assert opened.report([SUMMARY]).verdict == "INTACT"
    with open_pack(pack) as opened:
        summary.write_bytes(b"other\n")
        assert opened.report([SUMMARY]).verdict == "NOT INTACT"


def test_a_summary_that_cannot_be_opened_again_is_said(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", toy().all_bytes())
    with open_pack(pack) as opened:
        (pack / SUMMARY).unlink()
        report = opened.report([SUMMARY])
    assert report.verdict == "REFUSED"
    assert any("No such file" in finding.message for finding in report.findings)
