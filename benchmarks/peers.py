"""The other side: openssl, model_signing and bagit, each as its own users run it.

Responsible for installing the Python ones into environments of their own (build/peers, removed by
`make clean`) and for their command lines. A peer that cannot be had is a reason, not a number.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pairs import PARALLEL, Cost, run
from scratch import files_below

PEERS = Path(__file__).parents[1] / "build/peers"
Side = Callable[[], Cost]
INSTALLED = {
    "model_signing": ("model-signing==1.1.1", "pyOpenSSL"),  # it imports OpenSSL, undeclared
    "bagit.py": ("bagit==1.9.0", "setuptools<81"),  # it imports pkg_resources
}


def openssl(folder: Path, scratch: Path, per_process: int) -> Side:
    """`openssl dgst -sha256` of every file, largest first, PARALLEL processes at a time."""
    listed = scratch / f"{folder.name}.files"
    listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in files_below(folder)))
    command = ["xargs", "-0", "-a", str(listed), f"-P{PARALLEL}", f"-n{per_process}"]
    return lambda: run([*command, "openssl", "dgst", "-sha256"])


def cat(folder: Path) -> Side:
    """Reading every file and nothing else."""
    return lambda: run(["cat", *map(str, files_below(folder))])


def model_signing(folder: Path, scratch: Path) -> Side | str:
    """`model_signing verify key` of a signature made now; or why not."""
    program = _installed("model_signing")
    if isinstance(program, str):
        return program
    private, public, signature = (str(scratch / name) for name in ("key", "key.pub", "model.sig"))
    make_key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private]
    subprocess.run(make_key, check=True)
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    with_key = ["--private_key", private, "--signature", signature, str(folder)]
    run([str(program), "sign", "key", *with_key])
    with_key = ["--public_key", public, "--signature", signature, str(folder)]
    return lambda: run([str(program), "verify", "key", *with_key])


def bagit(folder: Path, scratch: Path) -> Side | str:
    """`bagit.py --validate` of a copy of the folder made into a bag; or why not."""
    program = _installed("bagit.py")
    if isinstance(program, str):
        return program
    bag = scratch / "bag"
    shutil.copytree(folder, bag)
    processes = ["--quiet", "--processes", str(PARALLEL)]
    run([str(program), *processes, "--sha256", str(bag)])
    return lambda: run([str(program), *processes, "--validate", str(bag)])


def _installed(name: str) -> Path | str:
    home = PEERS / name.removesuffix(".py")
    program = home / "bin" / name
    try:
        if not program.exists():
            _quietly([sys.executable, "-m", "venv", str(home)])
            _quietly([str(home / "bin/pip"), "install", "--quiet", *INSTALLED[name]])
        _quietly([str(program), "--help"])
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        said = getattr(error, "stderr", None) or str(error)
        return f"{name} could not be installed: {said.strip().splitlines()[-1]}"
    return program


def _quietly(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
