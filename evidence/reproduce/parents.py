"""The packs that a pack began from, inside a fresh worktree.

Responsible for linking each of them whole from the user's own project, where it has to be the very
pack that was begun from. That it verifies is asked by the run that follows.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.pack.documents import Documents
from evidence.stages.pack_init import pack_init
from evidence.system.entries import read_regular


def require_parents(root: Path, project: Path, documents: Documents) -> None:
    """Raises UsageError where one is missing, or another pack by now."""
    for one in documents.parents:
        pack = pack_init(one.init)
        if pack is None:
            continue  # verify has refused it
        found = _root_of(project / pack.pack)
        if found != one.root_sha256:
            what = "is not there" if found is None else f"is another pack by now ({found[:12]}…)"
            raise UsageError(
                f"{pack.pack}, from which this pack began, {what}",
                hint=f"Put the pack with the root digest sha256:{one.root_sha256} there.",
            )
        _link(root / pack.pack, (project / pack.pack).resolve())


def _root_of(pack: Path) -> str | None:
    try:
        return sha256_hex(read_regular(pack / layout.SUMS))
    except OSError:
        return None


def _link(target: Path, pack: Path) -> None:
    """What the commit holds of the pack lacks its weights: the worktree's own copy goes."""
    if target.is_symlink() or target.resolve() == pack:
        return
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(pack, target_is_directory=True)
