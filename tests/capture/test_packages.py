"""What is installed is known, or it is said why not: nothing is left out in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evidence.capture.packages import capture_packages
from evidence.records.availability import Unavailable

EXHAUSTED = """
import os, resource, sys
from importlib.metadata import FastPath
from evidence.capture.packages import capture_packages
first = capture_packages()
getattr(FastPath.__new__, "cache_clear", lambda: None)()
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
found = capture_packages().packages
for one in held:
    os.close(one)
print(len(first.packages) > 10, getattr(found, "reason", found))
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution in a folder of its own, first on the path."""
    folder = tmp_path / "odd-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_without_a_file_descriptor_left_packages_are_not_known_and_not_fewer() -> None:
    """(not measured is never 0) importlib takes a folder that it cannot list for an empty one."""
    words = [sys.executable, "-c", EXHAUSTED]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True ")
    assert "Too many open files" in done.stdout


@pytest.mark.parametrize(
    ("name", "field", "absent"),
    [
        ("INSTALLER", "installer", "the distribution does not say"),
        ("direct_url.json", "origin", "installed by name from a package index"),
        ("RECORD", "record_sha256", "the distribution has no RECORD"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_called_absent(
    name: str, field: str, absent: str, installed: Path
) -> None:
    def told() -> object:
        (one,) = (one for one in capture_packages().known if one.name == "odd")
        return getattr(one, field)

    assert told() == Unavailable(absent)
    (installed / name).mkdir()
    assert told() == Unavailable(f"{name} cannot be read: Is a directory")
