"""Files of a pack that are no documents: the line that each has, and a trial of it.

Responsible for logs, snapshots, the patch, notes, files of the model, and what is made of them all.
"""

from __future__ import annotations

import fnmatch
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evidence import layout
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.fields.schemas import DOCUMENTS
from tests.fields.table import FILES, TABLE

LINES: Final[dict[str, dict[str, Any]]] = tomllib.loads(TABLE.read_text("utf-8"))[FILES]
_ROW: Final = b'{"all": "is well"}\n'


def sealed_files(pack: Path) -> list[str]:
    """Paths that a pack's sealed set has, without its documents."""
    lines = (pack / layout.SUMS).read_text("utf-8").splitlines()
    paths = [line.partition("  ")[2] for line in lines]
    known = {*DOCUMENTS, layout.RESULTS, layout.MANIFEST}
    return [one for one in paths if not any(fnmatch.fnmatchcase(one, name) for name in known)]


def line_of(path: str) -> list[str]:
    """Patterns of the lines that a path has: one, if all is well."""
    return [pattern for pattern in LINES if fnmatch.fnmatchcase(path, pattern)]


def trial(pack: Path, folder: Path, path: str) -> tuple[str, set[str]]:
    """How another text in a file ends, sealed and rendered anew: the way, and the checks."""
    bench = Bench(pack, folder)
    clone = pack.parents[1] if (pack.parents[1] / ".git").is_dir() else None
    with bench.restored():
        forged = ForgedPack(bench)
        forged.replace(path, _other(path, forged.file(path)))
        bench.put(forged.seal(("snapshot",)).all_bytes())
        report = verify_pack(bench.pack)
        if report.exit_code in (1, 5):
            return "found", {one.id for one in report.checks if one.outcome == "fail"}
        if clone is not None:
            options = VerifyOptions(further=repository_checks(clone))
            report = verify_pack(bench.pack, options)
            if report.exit_code in (1, 5):
                return "repo", {one.id for one in report.checks if one.outcome == "fail"}
    return "declared", set()


def _other(path: str, data: bytes) -> bytes:
    """Other bytes of the same form."""
    if path.endswith(".json"):
        document = json.loads(data)
        return json.dumps({**document, "all": "is well"}).encode()
    if path.endswith(".safetensors"):
        return data[:-1] + bytes([data[-1] ^ 1])
    if path.endswith(".jsonl"):
        return data + _ROW
    return data + b"all is well\n"


def every_trial(pack: Path, folder: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Each file of a pack, and how it ends."""
    for number, path in enumerate(sealed_files(pack)):
        yield path, *trial(pack, folder / str(number), path)
