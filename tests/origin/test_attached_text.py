"""What is attached later: two kinds of file and no other, and nobody's until somebody signs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence.cli.verify import command
from evidence.publish.notes import attach_note
from evidence.publish.signing import sign_pack
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.origin.conftest import WHO, Signed

NOTE = "attached/notes-001.md"


def noted(signed: Signed, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("We learned more.\n")
    attach_note(signed.pack, note)


def severity_of_note(report: Report) -> list[str]:
    return [f.severity for f in report.findings if (f.code, f.address) == ("unsigned-text", NOTE)]


def test_text_that_no_signature_covers_is_a_warning_and_with_strict_an_error(
    signed: Signed, tmp_path: Path
) -> None:
    noted(signed, tmp_path)
    asked = {"allowed_signers": signed.trust, "signer": WHO}
    for options, severity, code in (
        (VerifyOptions(), "warning", 0),
        (VerifyOptions(strict=True), "error", 1),
        (VerifyOptions(**asked), "warning", 0),  # type: ignore[arg-type]
        (VerifyOptions(**asked, strict=True), "error", 1),  # type: ignore[arg-type]
    ):
        report = verify_pack(signed.pack, options)
        assert severity_of_note(report) == [severity], options
        assert report.exit_code == code, options
        outcome = next(c.outcome for c in report.checks if c.id == "summary-signature")
        assert outcome != "pass", options
    sign_pack(signed.pack, signed.key)
    report = verify_pack(signed.pack, VerifyOptions(**asked, strict=True))  # type: ignore[arg-type]
    assert (report.verdict, severity_of_note(report)) == ("VERIFIED", [])


@pytest.mark.parametrize("quiet", [True, False])
def test_the_first_lines_say_so(quiet: bool, signed: Signed, tmp_path: Path) -> None:
    noted(signed, tmp_path)
    words = [str(signed.pack), *(["--quiet"] if quiet else [])]
    first, second, *_ = CliRunner().invoke(command, words).output.splitlines()
    assert first.startswith("INTACT")
    said = f"{NOTE}: added after sealing, and no signature covers it"
    assert second.split(maxsplit=1) == ["unsigned", said]


@pytest.mark.parametrize(
    "name",
    [
        *("page.html", "picture.svg", "run.sh", "notes-001.md.html", "notes-001.markdown"),
        *("notes.md", "notes-.md", "reproduced-0123456789ab.json.md", "reproduced-XYZ.json"),
        *("NOTES-001.md", "notes-001.MD", "more/notes-001.md", "README.md", "index.js"),
    ],
)
def test_anything_else_in_attached_is_refused_unread(name: str, signed: Signed) -> None:
    path = signed.pack / "attached" / name
    path.parent.mkdir(parents=True)
    path.write_text("<script>alert(1)</script>")
    report = verify_pack(signed.pack)
    assert (report.verdict, report.exit_code) == ("REFUSED", 5)
    assert ("not-to-be-attached", f"attached/{name}") in {
        (f.code, f.address) for f in report.findings
    }
