"""Another Python than ours, asked from outside: who it is, and what is installed in it.

Responsible for one question in one process that is ended when it takes too long, and for saying
why there is no answer. What is asked is in `interpreter_script`; what it means for an attempt is
said by `worker.requirements`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from evidence import limits
from evidence.capture import interpreter_script
from evidence.capture.process import TooLongError, TooSlowError, collect_output, up_to
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.records.record import Record
from evidence.text.escape import one_line

OLDEST: Final = ".".join(map(str, interpreter_script.OLDEST))
NOTHING_THERE: Final = "there is no interpreter"
_OURS: Final = Path(__file__).parents[1]


class Tool(Record):
    """The `evidence` that a worker under an interpreter would import."""

    version: str
    folder: str
    same_code: bool
    """Whether its modules are those of the `evidence` that asks."""
    packages: tuple[PackageRecord, ...] | None
    """Every installed distribution; None where it is other code, or cannot be imported."""
    trouble: str
    """Why it cannot be imported; empty where it can."""


class Interpreter(Record):
    """A Python that answered."""

    version: str
    implementation: str
    compiler: str
    executable: str
    """As it calls itself."""
    parent: int
    """The process that started it: of a worker this must be the supervisor."""
    too_old: bool
    modules: Mapping[str, str | None] = {}
    """By name, of the modules that were asked for: where they are, None where they are not."""
    versions: Mapping[str, str] = {}
    """By name of distribution, in small letters with hyphens: the version that an import finds."""
    tool: Tool | None = None


def ask(
    path: str,
    name: str,
    modules: Collection[str],
    begins_with: str,
    variables: Mapping[str, str],
    root: Path,
) -> Interpreter | Unavailable:
    """What the Python at `path` says, or in a sentence why it says nothing.

    `name` is what people call it. It imports none of `modules`, and of our own code `begins_with`,
    where it is the same code.
    """
    trouble = _no_program(Path(path), name)
    if trouble:
        return Unavailable(trouble)
    question = {
        "modules": sorted(modules),
        "begins_with": begins_with,
        "code_sha256": own_code_sha256(),
    }
    try:
        process = subprocess.Popen(
            [path, "-c", _script(), json.dumps(question)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**variables, "PYTHONSAFEPATH": "1"},  # -P, which older ones do not know
            cwd=root,
        )
        ended = collect_output(
            process, limits.INTERPRETER_TIMEOUT_S, up_to(limits.MAX_INTERPRETER_BYTES)
        )
    except TooSlowError:
        seconds = f"{limits.INTERPRETER_TIMEOUT_S:g} s"
        return Unavailable(f"{name} did not say within {seconds} which Python it is")
    except TooLongError:
        return Unavailable(f"{name} answers like no Python: it prints without end")
    except OSError as error:
        return Unavailable(f"{name} cannot be started: {error.strerror}")
    return _read(name, ended.status, ended.output, ended.errors)


@cache
def own_code_sha256() -> str:
    """Digest of the modules of the `evidence` that runs."""
    return interpreter_script.code_sha256(_OURS)


@cache
def _script() -> str:
    return Path(interpreter_script.__file__).read_text("utf-8")


def _no_program(path: Path, name: str) -> str:
    """Why there is nothing to start; empty where there may be."""
    try:
        if path.is_dir():
            return f"{name} is a folder, not an interpreter"
        if path.is_file():
            return ""
        if path.is_symlink():
            return f"{name} is a link to {path.readlink()}, which is not there"
    except OSError as error:
        return f"{name} cannot be looked at: {error.strerror}"
    return f"{NOTHING_THERE} {name}"


def _read(name: str, status: int, output: bytes, errors: bytes) -> Interpreter | Unavailable:
    """Whatever a start-up of the interpreter prints comes before: the answer is the last line."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    try:
        told: Any = json.loads(lines[-1]) if lines else None
        if status == 0 and isinstance(told, dict):
            found = decode(Interpreter, told)
            if found.parent == os.getpid():
                return found
            text = "starts Python as a process of its own: a script must end with `exec python …`"
            return Unavailable(f"{name} {text}")
    except (ValueError, MalformedError, RecursionError):
        pass
    said = errors.decode("utf-8", "replace").strip().splitlines() or lines
    last = f": {one_line(said[-1], limits.MAX_MESSAGE_CHARS)}" if said else ""
    ended = f" (exit status {status})" if status else ""
    return Unavailable(f"{name} answers like no Python {OLDEST} or newer{ended}{last}")
