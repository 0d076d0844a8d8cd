"""Laws of signatures: what is VERIFIED, and everything that is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from evidence import layout
from evidence.errors import DurabilityError, MalformedError, PackBrokenError, UsageError
from evidence.pack.sshsig import read_signature
from evidence.publish.notes import attach_note
from evidence.publish.signing import sign_pack
from evidence.publish.summaries import rerender
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.origin.conftest import WHO, Signed, make_key, trust_file
from tests.project import Project


def verified(signed: Signed, **options: object) -> Report:
    """The report with alice trusted."""
    asked = {"allowed_signers": signed.trust, "signer": WHO, **options}
    return verify_pack(signed.pack, VerifyOptions(**asked))  # type: ignore[arg-type]


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def raw_sign(key: Path, namespace: str, message: bytes) -> bytes:
    """A signature by ssh-keygen itself."""
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace]
    return subprocess.run(command, input=message, check=True, capture_output=True).stdout


def test_a_pack_that_the_trusted_signer_signed_is_verified(signed: Signed) -> None:
    report = verified(signed, strict=True)
    assert (report.verdict, report.exit_code) == ("VERIFIED", 0), report.findings
    outcomes = {check.id: check.outcome for check in report.checks}
    assert outcomes["signature"] == outcomes["summary-signature"] == "pass"
    assert any(WHO in f.message for f in report.findings if f.code == "signed-by")


def test_without_a_trust_file_a_signature_proves_nothing(signed: Signed) -> None:
    report = verify_pack(signed.pack)
    assert (report.verdict, report.exit_code) == ("INTACT", 0)
    assert "no trust file" in next(c.reason for c in report.checks if c.id == "signature")
    assert verify_pack(signed.pack, VerifyOptions(strict=True)).exit_code == 3


def test_signing_changes_no_other_byte(project: Project, tmp_path: Path) -> None:
    project.run()
    before = {p: p.read_bytes() for p in project.pack.rglob("*") if p.is_file()}
    around = {p.name for p in project.runs.iterdir()}
    sign_pack(project.pack, make_key(tmp_path, "k"))
    after = {p: p.read_bytes() for p in project.pack.rglob("*") if p.is_file()}
    new = {p.name for p in after.keys() - before.keys()}
    assert new == {layout.SIGNATURE, layout.RENDERED_SIGNATURE}
    assert {p: after[p] for p in before} == before
    assert {p.name for p in project.runs.iterdir()} == around


def unsigned(signed: Signed) -> None:
    (signed.pack / layout.SIGNATURE).unlink()


def by_another_key(signed: Signed) -> None:
    sign_pack(signed.pack, make_key(signed.pack.parent / "keys", "mallory"))


def in_another_namespace(signed: Signed) -> None:
    message = (signed.pack / layout.SUMS).read_bytes()
    data = raw_sign(signed.key, "evidence-summary@v1", message)
    (signed.pack / layout.SIGNATURE).write_bytes(data)


def for_files(signed: Signed) -> None:
    message = (signed.pack / layout.SUMS).read_bytes()
    (signed.pack / layout.SIGNATURE).write_bytes(raw_sign(signed.key, "file", message))


def of_another_pack(signed: Signed) -> None:
    data = raw_sign(signed.key, "evidence-pack@v1", b"0" * 64 + b"  a\n")
    (signed.pack / layout.SIGNATURE).write_bytes(data)


def of_the_summary(signed: Signed) -> None:
    shutil.copy(signed.pack / layout.RENDERED_SIGNATURE, signed.pack / layout.SIGNATURE)


def empty(signed: Signed) -> None:
    (signed.pack / layout.SIGNATURE).write_bytes(b"")


def twice(signed: Signed) -> None:
    path = signed.pack / layout.SIGNATURE
    path.write_bytes(path.read_bytes() * 2)


def with_words_around(signed: Signed) -> None:
    path = signed.pack / layout.SIGNATURE
    path.write_bytes(b"trust me\n" + path.read_bytes())


def cut_off(signed: Signed) -> None:
    path = signed.pack / layout.SIGNATURE
    path.write_bytes(path.read_bytes()[:-40])


WRONG: dict[Callable[[Signed], None], int] = {
    unsigned: 3,
    by_another_key: 1,
    in_another_namespace: 1,
    for_files: 1,
    of_another_pack: 1,
    of_the_summary: 1,
    empty: 1,
    twice: 1,
    with_words_around: 1,
    cut_off: 1,
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_what_is_not_the_signers_signature_is_never_accepted(
    change: Callable[[Signed], None], signed: Signed
) -> None:
    change(signed)
    report = verified(signed)
    assert report.exit_code == WRONG[change], report.findings
    assert report.verdict != "VERIFIED"


def test_a_signer_who_is_trusted_for_another_name_is_not_accepted(
    signed: Signed, tmp_path: Path
) -> None:
    trust = trust_file(tmp_path, bob=signed.key)
    assert verified(signed, allowed_signers=trust).exit_code == 1
    assert verified(signed, allowed_signers=trust, signer="bob@example.org").exit_code == 0
    trust.write_text("")
    assert verified(signed, allowed_signers=trust).exit_code == 1


def test_a_trust_file_can_bind_a_key_to_the_namespace(signed: Signed) -> None:
    public = signed.key.with_name("alice.pub").read_text()
    own = signed.pack.parent / "own"
    own.write_text(f'{WHO} namespaces="git" {public}')
    assert verified(signed, allowed_signers=own).exit_code == 1
    own.write_text(f'{WHO} namespaces="evidence-pack@v1,evidence-summary@v1" {public}')
    assert verified(signed, allowed_signers=own).verdict == "VERIFIED"


@pytest.mark.parametrize("inside", ["attached/signers.md", "plots/signers.svg"])
def test_a_trust_file_that_a_pack_ships_is_refused(
    inside: str, signed: Signed, tmp_path: Path
) -> None:
    shipped = signed.pack / inside
    shipped.parent.mkdir(exist_ok=True)
    shutil.copy(signed.trust, shipped)
    link = tmp_path / "link"
    link.symlink_to(shipped)
    other = tmp_path / "other" / "T1"
    shutil.copytree(signed.pack, other)
    for path in (shipped, link, other / inside):
        with pytest.raises(UsageError, match="inside a pack"):
            verified(signed, allowed_signers=path)


@pytest.mark.parametrize("name", [layout.SUMS, layout.MANIFEST])
def test_half_of_what_makes_a_pack_is_none(name: str, signed: Signed, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / name).touch()
    trust = shutil.copy(signed.trust, folder / "allowed_signers")
    assert verified(signed, allowed_signers=Path(trust)).verdict == "VERIFIED"


@pytest.mark.parametrize("who", ["", "*", "-x", "a b", "a,b", "alice@example.org\n", "!alice", '"'])
def test_a_pattern_is_no_signer(who: str, signed: Signed) -> None:
    with pytest.raises(UsageError, match="no signer's name"):
        verified(signed, signer=who)


def test_every_flip_in_a_signature_is_rejected(signed: Signed) -> None:
    """One bit of every byte; an eighth of those that still read go through verify."""
    path = signed.pack / layout.SIGNATURE
    good, random = path.read_bytes(), Random(7)
    through = 0
    for place in range(len(good)):
        flipped = bytearray(good)
        flipped[place] ^= 1 << random.randrange(8)
        try:
            read_signature(bytes(flipped))
        except MalformedError:
            continue
        through += 1
        if through % 8 == 0:  # each costs a verification
            path.write_bytes(flipped)
            assert verified(signed).exit_code == 1, place
    assert through > 100


def test_a_sealed_byte_that_changed_is_found_though_the_signature_holds(signed: Signed) -> None:
    path = signed.pack / layout.METRICS
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    report = verified(signed)
    assert (report.verdict, report.exit_code) == ("NOT INTACT", 1)
    assert "signed-by" in codes(report)


def test_a_forger_who_seals_again_has_no_signature(signed: Signed) -> None:
    manifest = signed.pack / layout.SUMS
    manifest.write_bytes(manifest.read_bytes().replace(b"0", b"1", 1))
    assert "signature-invalid" in codes(verified(signed))


def test_a_summary_rendered_again_after_a_note_is_said_to_be_unsigned(
    signed: Signed, tmp_path: Path
) -> None:
    note = tmp_path / "note.md"
    note.write_text("We learned more.\n")
    attach_note(signed.pack, note)
    report = verified(signed)
    assert (report.verdict, report.exit_code) == ("VERIFIED", 0)
    assert codes(report) >= {"summary-unsigned", "unsigned-text"}
    sign_pack(signed.pack, signed.key)
    assert not codes(verified(signed)) & {"summary-unsigned", "unsigned-text"}


def test_a_missing_summary_signature_fails_no_pack(signed: Signed) -> None:
    (signed.pack / layout.RENDERED_SIGNATURE).unlink()
    report = verified(signed)
    assert (report.verdict, report.exit_code) == ("VERIFIED", 0)
    outcomes = {check.id: check.outcome for check in report.checks}
    assert outcomes["summary-signature"] == "not_checked"


def test_rendering_the_same_bytes_keeps_the_summary_signed(signed: Signed) -> None:
    rerender(signed.pack)
    assert "summary-unsigned" not in codes(verified(signed))


def test_garbage_for_a_summary_signature_is_an_error(signed: Signed) -> None:
    (signed.pack / layout.RENDERED_SIGNATURE).write_bytes(b"signed, honestly\n")
    assert verified(signed).exit_code == 1


def test_a_huge_signature_is_refused_unread(signed: Signed) -> None:
    os.truncate(signed.pack / layout.SIGNATURE, 1 << 40)
    assert verified(signed).exit_code == 5


def test_a_broken_pack_is_not_signed(signed: Signed) -> None:
    (signed.pack / layout.SIGNATURE).unlink()
    (signed.pack / layout.METRICS).write_bytes(b"")
    with pytest.raises(PackBrokenError):
        sign_pack(signed.pack, signed.key)
    assert not (signed.pack / layout.SIGNATURE).exists()


def test_a_disk_that_fails_leaves_the_pack_as_it_was(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {p: p.read_bytes() for p in signed.pack.rglob("*") if p.is_file()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evidence.system.durable.os.fsync", full)
    with pytest.raises(DurabilityError):
        sign_pack(signed.pack, make_key(tmp_path, "other"))
    assert {p: p.read_bytes() for p in signed.pack.rglob("*") if p.is_file()} == before
    assert verified(signed).verdict == "VERIFIED"


def test_an_honest_failure_can_be_signed_and_stays_unfinished(
    project: Project, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"stage": "train", "at": 2, "do": "raise"}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    project.run()
    sign_pack(project.pack, signed.key)
    report = verified(Signed(project.pack, signed.key, signed.trust))
    assert (report.verdict, report.exit_code) == ("UNFINISHED", 4)
    assert "signed-by" in codes(report)


def test_a_trust_file_that_is_not_there_is_said_to_be_missing(
    signed: Signed, tmp_path: Path
) -> None:
    options = VerifyOptions(allowed_signers=tmp_path / "none", signer="a@example.org")
    with pytest.raises(UsageError, match="no trust file"):
        verify_pack(signed.pack, options)
