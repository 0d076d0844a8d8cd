"""Write the golden packs of this version: `make golden VERSION=v1`.

A folder of a released version is never written again: packs of every release verify for ever.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from failed import failed_toy
from toy import toy, write

from evidence.publish.signing import sign_pack

WHO = "author@example.org"
GOLDEN = Path(__file__).parent / "golden"


def main(version: str) -> None:
    """Three packs, and the trust file of a key that is thrown away."""
    folder = GOLDEN / version
    shutil.rmtree(folder, ignore_errors=True)
    complete = toy().all_bytes()
    write(folder / "complete" / "M90", complete)
    write(folder / "failed" / "M90", failed_toy().all_bytes())
    signed = write(folder / "signed" / "M90", complete)
    with tempfile.TemporaryDirectory() as made:
        key = Path(made) / "key"
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(command, check=True)
        sign_pack(signed, key)
        public = key.with_suffix(".pub").read_text("utf-8")
    (folder / "allowed_signers").write_text(f"{WHO} {public}", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
