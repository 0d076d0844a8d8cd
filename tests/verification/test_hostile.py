"""Laws on bytes meant to hurt the reader: bombs, disguises, things that only look like JSON."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import CONFIG, MODEL, safetensors, toy, write

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.pack.seal import format_sums
from evidence.records.finding import Report
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.fields.rich import rich_toy


def _with(folder: Path, path: str, data: bytes) -> Path:
    """The toy with one file replaced and everything hashed anew."""
    contents = toy().contents()
    contents[path] = data
    manifest = json.loads(contents[layout.MANIFEST])
    for entry in manifest["files"]:
        if entry["path"] == path:
            entry["size_bytes"] = len(data)
    if path != layout.MANIFEST:
        contents[layout.MANIFEST] = jsonio.dump_document(manifest)
    sums = format_sums({name: sha256_hex(content) for name, content in contents.items()})
    return write(folder / "M90", {**contents, layout.SUMS: sums})


def _codes(report: Report, path: str) -> set[str]:
    return {f.code for f in report.findings if f.address.partition("#")[0] == path}


PACKAGES = toy().contents()[layout.PACKAGES]
MALFORMED: dict[str, bytes] = {
    "a key twice": PACKAGES.replace(b'"packages":', b'"packages": [], "packages":', 1),
    "NaN": PACKAGES.replace(b'"2.9.0"', b"NaN"),
    "Infinity": PACKAGES.replace(b'"2.9.0"', b"-Infinity"),
    "a number past all bounds": PACKAGES.replace(b'"2.9.0"', b"1e999"),
    "4,301 digits": PACKAGES.replace(b'"2.9.0"', b"9" * 4301),
    "a long integer": PACKAGES.replace(b'"2.9.0"', b"9" * 40),
    "UTF-16": PACKAGES.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + PACKAGES,
    "a lone surrogate": PACKAGES.replace(b'"2.9.0"', b'"\\ud800"'),
    "a NUL": PACKAGES.replace(b'"2.9.0"', b'"\0"'),
    "not UTF-8": PACKAGES.replace(b'"2.9.0"', b'"\xff"'),
    "rubbish behind": PACKAGES + b"{}",
    "nothing": b"",
    "an array": b"[]\n",
    "null": b"null\n",
    "a number for text": PACKAGES.replace(b'"2.9.0"', b"2.9"),
    "a key we do not know": PACKAGES.replace(b'"packages":', b'"extra": 1, "packages":', 1),
    "a missing key": PACKAGES.replace(b'"version": "2.9.0"', b'"versoin": "2.9.0"'),
    "other white space": PACKAGES.replace(b"  ", b"\t"),
    "escapes where none are needed": PACKAGES.replace(b"torch", b"t\\u006frch"),
    "no last line end": PACKAGES[:-1],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_strict_canonical_json_is_found(tmp_path: Path, name: str) -> None:
    assert MALFORMED[name] != PACKAGES
    report = verify_pack(_with(tmp_path, layout.PACKAGES, MALFORMED[name]))
    assert report.exit_code == 1, report.findings
    assert _codes(report, layout.PACKAGES) & {"malformed", "schema", "not-canonical"}
    assert next(c.outcome for c in report.checks if c.id == "digests") == "pass"


BOMBS: dict[str, tuple[str, bytes]] = {
    "100,000 brackets": (layout.PACKAGES, b"[" * 100_000),
    "100,000 objects inside each other": (layout.SEEN, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "fifteen megabytes of {}": (layout.SEEN, b"[" + b"{}," * 5_000_000 + b"{}]"),
    "a million commas": (layout.SEEN, b"[" + b"1," * 1_500_000 + b"1]"),
    "an open string": (layout.SEEN, b"[" * 40 + b'"\\"' * 3_000_000),
    "a line of two megabytes": (layout.METRICS, b'{"a":"' + b"x" * 2_000_000 + b'"}\n'),
    "two million lines": (layout.METRICS, b"0\n" * 2_000_000),
    "a key of 20,000 dots": (layout.MILESTONE, b"a." * 20_000 + b"a = 1\n"),
    "a milestone of 80 KB": (layout.MILESTONE, b"# " + b"x" * 80_000),
    "a deep journal": (layout.JOURNAL, b"[" * 1000 + b"]" * 1000 + b"\n"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_parsed(tmp_path: Path, name: str) -> None:
    path, data = BOMBS[name]
    pack = _with(tmp_path, path, data)
    began = time.monotonic()
    report = verify_pack(pack)
    assert time.monotonic() - began < 30  # one second on a quiet machine
    assert (report.verdict, report.exit_code) == ("REFUSED", 5), report.findings


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x85", "\x1c"])
def test_only_lf_ends_a_line(tmp_path: Path, separator: str) -> None:
    forged = toy()
    forged.docs[layout.PREDICTIONS][0]["groups"]["section"] = f"a{separator}b"
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert report.exit_code == 0, report.findings


def test_formats_and_rules_of_the_future_ask_for_an_upgrade(tmp_path: Path) -> None:
    newer = PACKAGES.replace(b"packages.v1", b"packages.v2")
    report = verify_pack(_with(tmp_path / "format", layout.PACKAGES, newer))
    assert (report.exit_code, report.findings[0].code) == (5, "newer-format")
    forged = toy()
    forged.docs[layout.MANIFEST]["ruleset"] = 2
    forged.event("run-started")["data"]["ruleset"] = 2
    report = verify_pack(write(tmp_path / "rules" / "M90", forged.seal().all_bytes()))
    assert (report.exit_code, report.findings[0].code) == (5, "newer-ruleset")
    assert "install a newer" in report.findings[0].message


def _entry(**change: Any) -> Callable[[dict[str, Any]], object]:
    return lambda header: header["model.layers.1.mlp.weight"].update(change)


def _header(length: int, text: bytes = b"") -> bytes:
    return struct.pack("<Q", length) + text


WEIGHTS: dict[str, tuple[bytes, int]] = {
    "a header of 2^63 bytes": (_header(2**63), 5),
    "a header of 100 MB": (_header(100_000_000, b"{}"), 5),
    "a header that is cut off": (_header(1000, b"{}"), 1),
    "five bytes": (b"\1\0\0\0\0", 1),
    "an empty file": (b"", 1),
    "no object": (_header(2, b"[]"), 1),
    "overlapping tensors": (safetensors(_entry(data_offsets=[1024, 1088])), 1),
    "a hole": (safetensors(_entry(data_offsets=[1090, 1154])), 1),
    "bytes behind": (safetensors() + b"\0" * 8, 1),
    "bytes missing": (safetensors()[:-8], 1),
    "a shape that overflows": (safetensors(_entry(shape=[2**40, 2**40, 2**40])), 1),
    "a negative shape": (safetensors(_entry(shape=[-4, -4])), 1),
    "an unknown dtype": (safetensors(_entry(dtype="F31")), 1),
    "true for a number": (safetensors(_entry(shape=[True, 16])), 1),
    "a key more": (safetensors(_entry(extra=1)), 1),
    "metadata that are no text": (safetensors(lambda h: h.update(__metadata__={"a": 1})), 1),
    "a name twice": (safetensors().replace(b"layers.1.mlp", b"layers.0.mlp"), 1),
    "a pickle": (b"\x80\x04\x95" + b"\0" * 100, 5),
    "a zip of torch.save": (b"PK\x03\x04" + b"\0" * 100, 5),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_not_what_their_name_says_are_never_loaded(
    tmp_path: Path, name: str
) -> None:
    data, code = WEIGHTS[name]
    forged = toy()
    forged.files[MODEL] = data
    forged.docs[layout.WITHHELD]["files"][0]["size_bytes"] = len(data)
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert report.exit_code == code, report.findings
    assert MODEL in {f.address for f in report.findings}


def test_too_many_tensors_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TENSORS", 3)
    assert verify_pack(write(tmp_path / "M90", toy().all_bytes())).exit_code == 5


@pytest.mark.parametrize("key", ["auto_map", "trust_remote_code"])
def test_a_configuration_that_runs_code_is_refused(tmp_path: Path, key: str) -> None:
    forged = toy()
    config = json.loads(forged.files[CONFIG]) | {key: {"AutoModel": "evil.Model"}}
    forged.files[CONFIG] = json.dumps(config).encode()
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert report.exit_code == 5
    assert "runs-code" in {f.code for f in report.findings}


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "x.pt", "x.pth", "x.pkl", "x.npy", "x.h5", "x.PT2", "x.py"]
)
def test_files_that_can_run_code_are_refused_listed_or_not(tmp_path: Path, name: str) -> None:
    path = f"{layout.FINAL_MODEL}/{name}"
    forged = toy()
    unlisted = write(tmp_path / "unlisted" / "M90", {**forged.all_bytes(), path: b"x"})
    forged.files[path] = b"x"
    listed = write(tmp_path / "listed" / "M90", forged.seal().all_bytes())
    for pack in (unlisted, listed):
        assert verify_pack(pack).exit_code == 5


def _evil(toy_: ForgedPack, text: str) -> None:
    toy_.docs[layout.PACKAGES]["packages"][0]["name"] = text
    toy_.docs[layout.TELEMETRY][0]["attempt"] = text


@pytest.mark.parametrize("text", ["\x1b[31mred\x07", "\u202eevil", "a\nb", "x" * 5000])
def test_foreign_text_in_a_finding_is_short_and_harmless(tmp_path: Path, text: str) -> None:
    forged = toy()
    _evil(forged, text)
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert report.exit_code == 1
    for finding in report.findings:
        for part in (finding.address, finding.message, finding.expected, finding.actual):
            assert part is None or (part.isprintable() and len(part) <= 600)


@pytest.mark.parametrize("made", [toy, rich_toy])
def test_absurd_values_break_no_check(made: Callable[[], ForgedPack], tmp_path: Path) -> None:
    forged = made()
    forged.docs[layout.INPUTS]["data"]["train"]["num_rows"] = 2**63 - 1
    for row in forged.docs[layout.METRICS]:
        row |= {"loss": 1e308, "elapsed_s": 1e300, "learning_rate": 5e-324}
    report = verify_pack(write(tmp_path / "M90", forged.seal().all_bytes()))
    assert report.exit_code == 1
    assert len(report.findings) < 400
