"""A pack with 20,000 files of 4 KiB: verify against openssl and bagit.

python benchmarks/files.py [--small] [--pairs N]
"""

from __future__ import annotations

import packs
import peers
from pairs import HEADER, PARALLEL, asked, compare, evidence, machine, row, run, say
from scratch import scratch


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 9)
    num_files = 1_000 if how.small else 20_000
    with scratch(3 * num_files * 4096) as folder:
        pack = packs.pack_with_files(folder / "M90", num_files)
        say(machine(), "", HEADER)
        for name, other, bar in (
            (f"openssl -P{PARALLEL}", peers.openssl(pack, folder, num_files // PARALLEL), "≤ 2"),
            ("bagit validate", peers.bagit(pack, folder), "≤ 0.25"),
        ):
            title = f"verify {num_files} files / {name}"
            if isinstance(other, str):
                say(f"| {title} | not measured: {other} | | | | | {bar} |")
                continue
            measured = compare(
                lambda: run([evidence(), "verify", "--quiet", str(pack)]), other, how.pairs
            )
            say(row(title, measured, "wall_s", bar))


if __name__ == "__main__":
    main()
