"""Verify many packs in this process, and say what it did besides: `python silent.py < jobs`.

Responsible for the audit hook. It never ends, so that this is a process of its own; each job is
`[words after "evidence", paths that may be opened]`, and what comes out is what was done against
the rules, one list a job.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from evidence.cli.main import main

CHANGES = (
    "os.chmod", "os.chown", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.link",
    "os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.setxattr", "os.spawn",
    "os.symlink", "os.system", "os.truncate", "os.utime", "pickle.", "pty.", "shutil.", "socket.",
    "tempfile.", "urllib.", "webbrowser.", "ftplib.", "http.", "smtplib.", "sqlite3.", "ctypes.",
)  # fmt: skip
"""Audit events (by their beginning) of what verify must not do at all."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
OWN = tuple(
    os.path.realpath(place)
    for place in (sys.prefix, sys.base_prefix, *(Path(__file__).parents[2] / name for name in
                  ("evidence", "schemas", "templates")))
)  # fmt: skip
"""Interpreter, libraries, and what this project ships."""


class Hook:
    """Notes what breaks the rules while it is armed."""

    def __init__(self) -> None:
        self.armed = False
        self.allowed: tuple[str, ...] = ()
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event.startswith(CHANGES):
            self.seen.append(f"{event} {arguments!r}")
        elif event == "subprocess.Popen" and Path(str(arguments[0])).name != "ssh-keygen":
            self.seen.append(f"runs {arguments[0]}")
        elif event == "open":
            self._open(arguments[0], arguments[2])

    def _open(self, path: object, flags: object) -> None:
        if not isinstance(path, (str, bytes)):
            return  # a descriptor that is open already
        name = os.fsdecode(path)
        if isinstance(flags, int) and flags & WRITES:
            self.seen.append(f"opens {name} for writing")
        # A name without a slash is opened below a descriptor of the pack: the working directory
        # is another, empty one.
        elif "/" in name and not os.path.realpath(name).startswith((*OWN, *self.allowed)):
            self.seen.append(f"opens {name}")
        elif name == "..":
            self.seen.append("opens the folder above")


def run(hook: Hook, words: list[str], allowed: list[str]) -> list[str]:
    """One command; what it did against the rules."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    hook.seen, hook.allowed, sys.argv = [], tuple(map(os.path.realpath, allowed)), ["evidence"]
    sys.argv += words
    with redirect_stdout(out), redirect_stderr(err), suppress(SystemExit):
        hook.armed = True
        try:
            main()
        finally:
            hook.armed = False
    return hook.seen


def loop() -> None:
    """All jobs of standard input."""
    jobs = json.load(sys.stdin)
    hook = Hook()
    sys.addaudithook(hook)
    found = [run(hook, words, allowed) for words, allowed in jobs]
    heavy = {"torch", "transformers", "jax", "jaxlib", "flax", "optax", "tunix", "qwix", "numpy",
             "safetensors", "git", "pynvml"}  # fmt: skip
    json.dump({"found": found, "imported": sorted(heavy & set(sys.modules))}, sys.stdout)


if __name__ == "__main__":
    loop()
