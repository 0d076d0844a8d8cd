"""Runs on a disk that is filled to the last blocks: `unshare -rm python full_disk.py FOLDER`.

Mounts a small disk of its own, so that nothing else is touched, and prints one JSON line for each
amount of room that is left: what the run said, what verify said, and what became of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from evidence.capture import host
from evidence.errors import EvidenceError
from evidence.verification.verification import verify_pack
from tests.project import make_project

DISK_KIB = 2048
BLOCK = 4096


def attempt(folder: Path, room_kib: int, end: str) -> dict[str, object]:
    """One run with so much room on its disk; then room is made, and the run resumed or closed."""
    project = make_project(folder / f"p{room_kib}{end}")
    project.runs.mkdir()
    size = f"size={DISK_KIB}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", project.runs], check=True)
    filler = project.runs / "filler"
    filler.write_bytes(b"x" * ((DISK_KIB - room_kib) * 1024 - BLOCK))
    found: dict[str, object] = {"room_kib": room_kib, "raised": "", "message": ""}
    try:
        project.run()
    except EvidenceError as error:
        found |= {"raised": type(error).__name__, "message": error.message}
    report = verify_pack(project.pack)
    found |= {"verdict": report.verdict, "exit": report.exit_code, "happened": report.happened}
    found |= {"next": report.next_step, "begun": (project.runs / ".work/T1").is_dir()}
    filler.unlink()
    try:
        unfinished = found["verdict"] == "UNFINISHED"
        result = project.run(**{end if unfinished else "again": True})
        found["after"] = result.status
        found["errors"] = [
            one.message
            for one in verify_pack(project.pack).findings
            if one.severity in ("error", "refused")
        ]
    except EvidenceError as error:
        found["after"] = error.message
    subprocess.run(["umount", "-l", project.runs], check=True)
    return found


def main() -> None:
    """Every amount of room asked for on the command line."""
    host._cpuinfo = lambda: {"brand_raw": "test"}
    folder = Path(sys.argv[1])
    for number, room_kib in enumerate(map(int, sys.argv[2:])):
        end = ("resume", "close")[number % 2]
        print(json.dumps(attempt(folder, room_kib, end)), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("HOME", "/root")
    main()
