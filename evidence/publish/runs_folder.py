"""The folder of packs itself: what lies beside them, and where old ones go."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.pack.commitments import salts_path
from evidence.system import posix
from evidence.system.durable import make_folder, publish, remove_left, staging_of, write_file

ATTRIBUTES: Final = (
    b"# Evidence is bytes: git must not change line ends here, nor anything else.\n"
    b"* -text -ident -filter !working-tree-encoding\n"
)
IGNORED: Final = (
    b"# Whatever the project ignores elsewhere, evidence is committed whole...\n!*\n"
    b"# ... but for work in progress, an {output} of a program, an index, and weights too large\n"
    b"# for git.\n/.work/\n/.output/\n/.index.sqlite*\n"
    + "".join(f"{pattern}\n" for pattern in layout.LEFT_OUT).encode("ascii")
)


def prepare_runs_folder(runs: Path) -> None:
    """Write the git settings that keep packs whole into runs/."""
    with posix.folder_held(runs):
        for name, content in ((".gitattributes", ATTRIBUTES), (".gitignore", IGNORED)):
            path = runs / name
            remove_left(path)
            if not path.exists():
                write_file(path, content, staging=staging_of(path))


def ignore_rows(work: Path) -> None:
    """Have git leave out the rows that the pack of this work folder withholds, wherever the pack
    lies below runs/: they must not be published with it by chance."""
    runs, name = work.parent.parent, work.name
    kept = (layout.PREDICTIONS, salts_path(layout.PREDICTIONS))
    lines = [
        f"{folder}/**/{one}\n"
        for folder in (f"/{name}", f"/{layout.ARCHIVE}/{name}-*")
        for one in (*kept, layout.LOGITS)
    ]
    path = runs / ".gitignore"
    with posix.folder_held(runs):
        remove_left(path)
        before = path.read_text("utf-8") if path.exists() else IGNORED.decode("ascii")
        missing = "".join(line for line in lines if line not in before.splitlines(keepends=True))
        if missing:
            end = "" if before.endswith("\n") or not before else "\n"
            text = f"{before}{end}# Rows that {name} withholds.\n{missing}"
            write_file(path, text.encode("utf-8"), staging=staging_of(path))


def archive_pack(pack: Path) -> Path:
    """Move a sealed pack to runs/archive/<id>-<root digest> and return its new place."""
    sums = pack / layout.SUMS
    target = pack.parent / layout.ARCHIVE / f"{pack.name}-{sha256_hex(sums.read_bytes())[:12]}"
    make_folder(target.parent)
    with posix.folder_held(pack):  # who adds a note to it at this moment ends first
        publish(pack, target)
    return target
