"""Verify of a pack in a bucket against verify of the same on disk, and against fetching it.

    python benchmarks/elsewhere.py [--small] [--pairs N]

The bucket is moto's, a server of S3 on this machine and in Python: what it takes for an answer is
in the figures, what a network takes is not. Fetching is s3fs's own `get` of the same files, in a
process of its own as verify is. Memory is not told: a process that is begun by this one, in which
the server runs, counts what that has. Needs s3fs and moto[server]; without them it says so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import packs
from pairs import HEADER, asked, compare, evidence, machine, python, row, run, say
from scratch import files_below, scratch

BUCKET = "bench"
FETCH = """
import sys
from s3fs import S3FileSystem
S3FileSystem().get(sys.argv[1], sys.argv[2], recursive=True)
"""


def main() -> None:
    """Print the table."""
    how = asked(__doc__, 7)
    say(machine(), "")
    lacking = [name for name in ("s3fs", "moto", "flask") if find_spec(name) is None]
    if lacking:
        say(f"not measured: {', '.join(lacking)} is not installed: pip install s3fs 'moto[server]'")
        return
    num_files, size_mib = (100, 10) if how.small else (1_000, 500)
    with scratch(4 * size_mib * packs.MIB) as folder:
        made = {
            "a small pack": (packs.pack_with_files(folder / "small", 30), []),
            f"{num_files} files": (packs.pack_with_files(folder / "files", num_files), []),
            f"{size_mib} MiB of weights, --weights": (
                packs.pack_with_weights(folder / "weights", size_mib * packs.MIB),
                ["--weights"],
            ),
            f"{size_mib} MiB of weights, left aside": (folder / "weights", []),
        }
        say(HEADER)
        with _bucket(folder):
            for name in ("small", "files", "weights"):
                _put(folder / name)
            for title, (pack, options) in made.items():
                _measure(title, pack, options, folder / "fetched", how.pairs)


def _measure(title: str, pack: Path, options: list[str], to: Path, pairs: int) -> None:
    place = f"s3://{BUCKET}/{pack.name}"
    there = [evidence(), "verify", "--quiet", place, *options]
    here = [evidence(), "verify", "--quiet", str(pack)]
    fetch = [python(), "-c", FETCH, place, str(to)]
    for name, other in (("verify on disk", here), ("s3fs get of every file", fetch)):
        measured = compare(lambda: run(there), lambda other=other: run(other), pairs)
        for figure in ("wall_s", "cpu_s"):
            say(row(f"verify s3://, {title} / {name}", measured, figure, ""))


@contextmanager
def _bucket(folder: Path) -> Iterator[None]:
    """A server of S3 for as long as the block lasts, and the environment that leads to it."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # which tells of every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
    }
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    try:
        yield
    finally:
        server.stop()


def _put(pack: Path) -> None:
    import boto3

    client = boto3.client("s3")
    for path in files_below(pack):
        client.upload_file(str(path), BUCKET, f"{pack.name}/{path.relative_to(pack).as_posix()}")


if __name__ == "__main__":
    main()
