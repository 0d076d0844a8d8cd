"""Sealing again: what somebody with this project's code, or only with sha256sum, would do.

Responsible for a directory of a pack whose files were edited.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toy import Toy, write

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.pack.seal import format_sums
from evidence.stages.registry import schema_for

_UNSEALED = (layout.SUMS, layout.SIGNATURE, layout.RENDERED_SIGNATURE)


def reseal(pack: Path, forget: list[str]) -> None:
    """Recompute results, outcome digest, journal chain, manifest, SHA256SUMS and summary.

    `forget` names what the forger forgets: results, outcome, model, milestone.
    """
    toy = _loaded(pack)
    if "milestone" not in forget:
        started = toy.event("run-started")["data"]
        started["milestone_sha256"] = sha256_hex(toy.files[layout.MILESTONE])
    toy.seal(**{name: name not in forget for name in ("results", "outcome", "model")})
    write(pack, toy.all_bytes())


def resum(pack: Path) -> None:
    """Sizes in the manifest and SHA256SUMS from the bytes that are there."""
    sealed = {path: data for path, data in _sealed(pack).items() if path != layout.MANIFEST}
    try:
        manifest = json.loads((pack / layout.MANIFEST).read_bytes())
        manifest["files"] = [
            {"path": path, "size_bytes": len(data)} for path, data in sorted(sealed.items())
        ]
        (pack / layout.MANIFEST).write_bytes(jsonio.dump_document(manifest))
    except (ValueError, TypeError, FileNotFoundError):
        pass  # a manifest that is no JSON any more is sealed as it is
    sealed = _sealed(pack)
    sums = format_sums({path: sha256_hex(data) for path, data in sealed.items()})
    (pack / layout.SUMS).write_bytes(sums)


def _sealed(pack: Path) -> dict[str, bytes]:
    return {
        path: data
        for path, data in _files(pack).items()
        if path not in _UNSEALED and not layout.is_rendered(path)
    }


def _files(pack: Path) -> dict[str, bytes]:
    return {
        file.relative_to(pack).as_posix(): file.read_bytes()
        for file in sorted(pack.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def _loaded(pack: Path) -> Toy:
    toy = Toy()
    for path, data in _files(pack).items():
        if path.startswith(f"{layout.ATTACHED}/"):
            toy.attached[path] = data
        elif path not in _UNSEALED and not layout.is_rendered(path):
            value = _document(path, data)
            if value is None:
                toy.files[path] = data
            else:
                toy.docs[path] = value
    return toy


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
