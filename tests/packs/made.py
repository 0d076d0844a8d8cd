"""The pack of a case, and what is typed to verify it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from packs.case import GOLDEN, Case
from packs.edits import apply

from evidence import layout
from evidence.encoding.digest import sha256_hex


def made(case: Case, folder: Path) -> Path:
    """The pack of a case."""
    pack = folder / case.base.name
    shutil.copytree(case.base, pack)
    for edit in case.edits:
        try:
            pack = apply(pack, edit)
        except PermissionError:
            pytest.skip(f"{edit['do']} needs rights that this user has not")
    return pack


def arguments(case: Case, pack: Path) -> list[str]:
    """What is typed after `evidence verify`."""
    root = sha256_hex((case.base / layout.SUMS).read_bytes())
    trust = GOLDEN / case.base.parts[-3] / "allowed_signers"
    given = {"{root}": f"sha256:{root}", "{trust}": str(trust), "{pack}": str(pack)}
    words = [str(pack), *case.args]
    for mark, value in given.items():
        words = [word.replace(mark, value) for word in words]
    return words
