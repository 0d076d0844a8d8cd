"""Laws on files at the edge of a rule: names, line ends, sizes, descriptors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from packs.case import GOLDEN
from toy import intact_bytes, toy, write

from evidence import layout, limits
from evidence.verification.options import VerifyOptions
from evidence.verification.reading.names import collisions
from evidence.verification.reading.sums import parse_sums
from evidence.verification.verification import verify_pack


@pytest.mark.parametrize(
    "name",
    ["con", "prn", "aux", "nul", "com1", "lpt9", "Aux.txt", "training_output/nul/x", "a/b./c", "d.",
     "SHA256SUMS", "SHA256SUMS.sig"],
)  # fmt: skip
def test_a_name_that_cannot_be_in_a_pack_must_not_be_listed(name: str) -> None:
    assert parse_sums(f"{'0' * 64}  {name}\n".encode()).problems


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("a/b/x", "A/c/y", True), ("a/x", "a/X", True), ("\u00e9/x", "e\u0301/y", True),
     ("stra\u00dfe", "STRASSE", True), ("a/b", "a/c", False), ("a-b/x", "a_b/x", False)],
)  # fmt: skip
def test_folders_are_one_and_the_same_where_case_and_form_are_lost(
    one: str, other: str, same: bool
) -> None:
    found = list(collisions([one, other]))
    assert bool(found) == same
    assert {problem.severity for problem in found} <= {"refused"}


@pytest.mark.parametrize("name", ["console", "a.con", "com10", "lpt", "a/nullx", "a/SHA256SUMS"])
def test_a_name_that_only_looks_like_one_may_be_listed(name: str) -> None:
    assert parse_sums(f"{'0' * 64}  {name}\n".encode()).problems == ()


@pytest.mark.parametrize(
    "suffix", ["txt", "md", "json", "jsonl", "toml", "patch", "jinja", "svg", "model"]
)
def test_other_line_ends_are_said_to_be_the_cause_in_every_kind_of_text(
    suffix: str, tmp_path: Path
) -> None:
    forged = toy()
    path = f"{layout.FINAL_MODEL}/extra.{suffix}"
    forged.files[path] = b"one\ntwo\n"
    files = forged.seal().all_bytes()
    pack = write(tmp_path / "M90", files | {path: b"one\r\ntwo\r\n"})
    codes = {one.code for one in verify_pack(pack).findings if one.address == path}
    assert ("line-ends" in codes) == (suffix != "model")
    assert ("size-mismatch" in codes) == (suffix == "model")


CAPS = {
    layout.SUMS: limits.MAX_SUMS_BYTES,
    layout.MANIFEST: limits.MAX_MANIFEST_BYTES,
    layout.RENDERED: limits.MAX_MANIFEST_BYTES,
    layout.SIGNATURE: limits.MAX_SIGNATURE_BYTES,
    layout.MILESTONE: limits.MAX_TOML_BYTES,
    layout.HARDWARE: limits.MAX_JSON_BYTES,
}


@pytest.mark.parametrize("path", CAPS)
def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused(
    path: str, tmp_path: Path
) -> None:
    for more, refused in ((0, False), (1, True)):
        pack = write(tmp_path / str(more) / "M90", intact_bytes())
        (pack / path).touch()
        os.truncate(pack / path, CAPS[path] + more)
        found = {(one.check, one.code, one.address) for one in verify_pack(pack).findings}
        assert (("structure", "too-large", path) in found) == refused


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors there")
@pytest.mark.parametrize("descriptors", [True, False])
def test_verify_leaves_nothing_open(
    descriptors: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "evidence.verification.reading.directory.HAS_DIRECTORY_DESCRIPTORS", descriptors
    )
    trust = GOLDEN / "v1" / "allowed_signers"
    options = VerifyOptions(allowed_signers=trust, signer="alice@example.org")
    packs = [
        GOLDEN / "v1/signed/M90",
        GOLDEN / "v1/failed/M90",
        write(tmp_path / "M90", {"a": b""}),
    ]
    for pack in packs:
        verify_pack(pack, options)
        before = num_open()
        verify_pack(pack, options)
        assert num_open() == before


def num_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
