"""A pack of before there were reports is whole without one; where one is, its bytes are held."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.publish.summaries import render_all, rerender
from evidence.records.finding import Report
from evidence.verification.verification import verify_pack
from tests.packs.case import GOLDEN

REPORTED = ("complete", "failed")


def copied(name: str, tmp_path: Path) -> Path:
    pack = tmp_path / name / "M90"
    shutil.copytree(GOLDEN / "v1" / name / "M90", pack)
    for path in (pack, *pack.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return pack


def without_report(pack: Path) -> None:
    """As it was before there were reports."""
    (pack / layout.REPORT).unlink(missing_ok=True)
    path = pack / layout.RENDERED
    value = json.loads(path.read_bytes())
    value["files"] = [one for one in value["files"] if one["path"] != layout.REPORT]
    path.write_bytes(jsonio.dump_document(value))


def grave(report: Report) -> set[str]:
    return {one.address.partition("#")[0] for one in report.findings if one.severity == "error"}


@pytest.fixture(params=REPORTED)
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = copied(str(request.param), tmp_path)
    without_report(found)
    return found


def test_a_pack_without_a_report_is_whole_and_rendered_as_it_stands(pack: Path) -> None:
    assert grave(verify_pack(pack)) == set()
    assert render_all([pack], check=True)[0].changed == ()


def test_rendering_gives_it_one_that_verify_holds(pack: Path) -> None:
    assert rerender(pack) == [layout.REPORT, layout.RENDERED]
    assert grave(verify_pack(pack)) == set()
    assert rerender(pack) == []


def test_a_signature_is_not_taken_away_for_one(tmp_path: Path) -> None:
    pack = copied("signed", tmp_path)
    if not (pack / layout.REPORT).exists():
        assert rerender(pack) == []
    assert (pack / layout.RENDERED_SIGNATURE).is_file()
    assert grave(verify_pack(pack)) == set()


def test_a_report_that_is_listed_and_gone_is_missed(pack: Path) -> None:
    rerender(pack)
    (pack / layout.REPORT).unlink()
    assert layout.REPORT in grave(verify_pack(pack))
    assert rerender(pack) == [layout.REPORT]


def test_a_changed_report_is_found_and_made_anew_even_where_its_list_was_changed_too(
    pack: Path,
) -> None:
    rerender(pack)
    good = (pack / layout.REPORT).read_bytes()
    bad = good.replace(b"<h1>", b"<h1>Better: ", 1)
    (pack / layout.REPORT).write_bytes(bad)
    assert layout.REPORT in grave(verify_pack(pack))
    path = pack / layout.RENDERED
    path.write_bytes(_listing(path.read_bytes(), bad))
    assert layout.REPORT in grave(verify_pack(pack))
    assert set(rerender(pack)) == {layout.REPORT, layout.RENDERED}
    assert (pack / layout.REPORT).read_bytes() == good


def _listing(data: bytes, report: bytes) -> bytes:
    value = json.loads(data)
    for one in value["files"]:
        if one["path"] == layout.REPORT:
            one.update(sha256=sha256_hex(report), size_bytes=len(report))
    return jsonio.dump_document(value)


def test_a_report_that_no_list_names_is_found(pack: Path) -> None:
    (pack / layout.REPORT).write_bytes(b"<!DOCTYPE html><script>alert(1)</script>")
    assert layout.REPORT in grave(verify_pack(pack))
