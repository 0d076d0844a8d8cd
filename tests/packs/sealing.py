"""Sealing again: what somebody with this project's code, or only with sha256sum, would do.

Responsible for a folder of a pack whose files were edited; the sealing is the self-test's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toy import write

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.self_test.forger import ForgedPack, NotPossibleError
from evidence.stages.registry import schema_for

_UNSEALED = (layout.SUMS, layout.SIGNATURE, layout.RENDERED_SIGNATURE)


def reseal(pack: Path, forget: list[str]) -> None:
    """Recompute results, outcome digest, journal chain, manifest, SHA256SUMS and summary.

    `forget` names what the forger forgets: results, outcome, model, milestone, snapshot.
    """
    forged = ForgedPack()
    for path, data in _files(pack).items():
        if path.startswith(f"{layout.ATTACHED}/"):
            forged.attached[path] = data
        elif _is_sealed(path):
            value = _document(path, data)
            if value is None:
                forged.files[path] = data
            else:
                forged.docs[path] = value
    if "milestone" not in forget:
        forged.journal_milestone()
    write(pack, forged.seal(forget).all_bytes())


def resum(pack: Path) -> None:
    """Sizes in the manifest and SHA256SUMS from the bytes that are there."""
    forged = ForgedPack()
    forged.files.update({path: data for path, data in _files(pack).items() if _is_sealed(path)})
    try:
        forged.docs[layout.MANIFEST] = json.loads(forged.file(layout.MANIFEST))
        sealed = forged.list_files().sealed_bytes()
    except (ValueError, TypeError, RecursionError, MalformedError, NotPossibleError):
        forged.docs.clear()  # a manifest that is no JSON any more is sealed as it is
        sealed = forged.sealed_bytes()
    lists = (layout.MANIFEST, layout.SUMS)
    write(pack, {path: sealed[path] for path in lists if path in sealed})


def _is_sealed(path: str) -> bool:
    return path not in _UNSEALED and not layout.is_rendered(path)


def _files(pack: Path) -> dict[str, bytes]:
    return {
        file.relative_to(pack).as_posix(): file.read_bytes()
        for file in sorted(pack.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def _document(path: str, data: bytes) -> Any:
    """The value of one of our own documents; None for what is sealed byte for byte."""
    if schema_for(path) is None:
        return None
    try:
        if path.endswith(".jsonl"):
            return [value for _, value in jsonio.iter_rows(data)]
        return jsonio.load_document(data)
    except MalformedError:
        return None
