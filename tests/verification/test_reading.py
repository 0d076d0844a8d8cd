"""Laws of reading a pack: threads and folders change no report, and nothing stays open."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import MODEL, intact_bytes, toy, write

from evidence.layout import FINAL_MODEL
from evidence.records.finding import Report
from evidence.verification.options import VerifyOptions
from evidence.verification.reading import digests, directory, names
from evidence.verification.verification import verify_pack


def judged(pack: Path, num_threads: int) -> Report:
    return verify_pack(pack, VerifyOptions(num_threads=num_threads))


@pytest.mark.parametrize("flipped", ["", MODEL, "training_log.txt", "metrics"])
def test_threads_change_nothing_of_a_report(
    flipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = intact_bytes()
    path = next((path for path in files if flipped and flipped in path), "")
    if path:
        files[path] = files[path][:-2] + bytes([files[path][-2] ^ 1]) + files[path][-1:]
    pack = write(tmp_path / "M90", files)
    alone = judged(pack, 0)
    monkeypatch.setattr(digests, "POOL_FROM_BYTES", 1)
    assert judged(pack, 1) == judged(pack, 5) == judged(pack, 0) == alone
    assert alone.exit_code == (1 if path else 0)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_more_folders_than_are_kept_open_are_read_and_none_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_MAX_OPEN_FOLDERS", 3)
    made = toy()
    for number in range(12):
        made.files[f"{FINAL_MODEL}/part-{number}/note.txt"] = b"%d" % number
    pack = write(tmp_path / "M90", made.seal().all_bytes())
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert judged(pack, 0).exit_code == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    (pack / f"{FINAL_MODEL}/part-11/note.txt").write_bytes(b"12")
    assert judged(pack, 0).exit_code == 1


PATHS = st.text(string.ascii_letters + "._/-0", max_size=20) | st.text(max_size=12)


@given(
    PATHS, st.sampled_from(["", ".pt", ".PKL", ".Bin", ".so", ".py.", "py", ".p\u0131ckle", "."])
)
def test_what_can_run_is_told_by_its_suffix_as_by_the_pattern(path: str, suffix: str) -> None:
    name = path + suffix
    by_pattern = re.fullmatch(names._RUNNABLE, name) is not None
    assert (names._runnable(name) is not None) is by_pattern
