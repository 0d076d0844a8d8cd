"""A fresh environment with the recorded interpreter and versions, for one reproduction.

Responsible for what goes into it and for saying what cannot be had. Installing runs code of the
packages that the pack names, from the index that pip is set up for: nothing for packs one does not
trust. Digests of installed files are compared by nobody here; the new pack records its own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

from evidence.errors import StoppedError, UsageError
from evidence.pack.documents import Documents
from evidence.progress import Observer
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.reproduce.code import TOOL, holds_the_tool
from evidence.reproduce.running import clear_up
from evidence.reproduce.source import project_repository, recorded_source
from evidence.reproduce.worktree import clean_worktree
from evidence.running.signals import StopRequest
from evidence.stages.eval import PREDICTIONS
from evidence.verification.verification import open_verified

BUILD_TIMEOUT_S: Final = 3600.0
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION: Final = re.compile(r"[0-9a-zA-Z]([0-9a-zA-Z.+!-]*[0-9a-zA-Z])?")
_SHOWN_LINES: Final = 4
_POLL_S: Final = 0.2
_FOREIGN: Final = frozenset(("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX"))


def reproduce_in_exact_environment(
    pack: Path,
    project: Path,
    arguments: Sequence[str],
    observer: Observer,
    stop: StopRequest,
    output: int | None = None,
) -> int:
    """Exit code of `evidence reproduce` with these arguments in an environment made for it.

    What it prints goes where our own output goes, or to the descriptor `output`.

    Raises UsageError for what cannot be installed here, StoppedError when asked to stop before the
    environment is there; from then on the reproduction inside it decides how to end.
    """
    with ExitStack() as opened:
        with stop.at_once(stop.nothing_started):
            original = open_verified(pack)
            documents = original.documents
            documents.rows(PREDICTIONS)  # refused at once, and not behind a whole run
            wanted = requirements(documents.packages.imported)
            recorded = documents.environment.python_version
            interpreter = find_interpreter(recorded, observer)
            of_workers = _of_workers(documents, arguments, observer)
            commit, patch = recorded_source(original)
            repository = project_repository(project, pack)
            clear_up(repository)
            worktree = opened.enter_context(clean_worktree(repository, commit, patch, keep=False))
        observer.message(f"building an environment of {len(wanted)} packages, this takes a while")
        python = _build(worktree.folder / "environment", interpreter, wanted, stop)
        tool = _tool(documents, worktree.root)
        _pip(python, [tool], stop)
        more: list[str] = []
        if of_workers is not None:
            base, names = of_workers
            observer.message(f"building that of the workers: {len(names)} packages")
            other = _build(worktree.folder / "environment-of-workers", base, names, stop)
            _pip(other, [tool], stop)
            more = ["--interpreter", str(other)]
        command = [str(python), "-P", "-m", "evidence", "reproduce", *more, *arguments]
        return run_forwarding(command, stop, stdout=output)


def _of_workers(
    documents: Documents, arguments: Sequence[str], observer: Observer
) -> tuple[str, list[str]] | None:
    """Interpreter and packages of the environment that workers ran in, where it was another one,
    nothing else is asked for, and the recorded attempt is run."""
    worker = documents.worker
    if worker is None or {"--interpreter", "--attempt"} & {*arguments}:
        return None
    return find_interpreter(worker.python_version, observer), requirements(
        worker.as_packages.imported
    )


def requirements(packages: Sequence[PackageRecord]) -> list[str]:
    """name==version of every recorded package but the tool. Raises UsageError for others."""
    wanted: dict[str, str] = {}
    odd: list[str] = []
    for one in packages:
        if one.name == TOOL:
            continue
        plain = _NAME.fullmatch(one.name) and _VERSION.fullmatch(one.version)
        if not plain or not isinstance(one.origin, Unavailable):
            origin = one.origin if isinstance(one.origin, str) else "no place that it names"
            odd.append(f"{one.name} {one.version} from {origin}")
        elif wanted.setdefault(one.name, one.version) != one.version:
            odd.append(f"{one.name} {one.version} beside {wanted[one.name]}")
    if odd:
        raise UsageError(
            f"no index has what this pack recorded: {'; '.join(odd)}",
            hint="Install these by hand in an environment of your own, and reproduce there "
            "without --exact-env: what differs is listed.",
        )
    return [f"{name}=={version}" for name, version in sorted(wanted.items())]


def find_interpreter(recorded: str | Unavailable, observer: Observer) -> str:
    """An interpreter of the recorded minor version. Raises UsageError where there is none."""
    if isinstance(recorded, Unavailable):
        raise UsageError(f"this pack does not know its Python: {recorded.reason}")
    minor = ".".join(recorded.split(".")[:2])
    this_version = ".".join(map(str, sys.version_info[:3]))
    if this_version == recorded:
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None and this_version.startswith(f"{minor}."):
        found = sys.executable
    if found is None:
        raise UsageError(
            f"this pack ran on Python {recorded}, and there is no python{minor} here",
            hint=f"Install it so that `python{minor}` starts it (`uv python install {recorded}` "
            "does), then try again.",
        )
    observer.message(f"the recorded interpreter was {recorded}; {found} is the nearest here")
    return found


def _tool(documents: Documents, root: Path) -> str:
    """What to install as the tool: its recorded version, or the worktree that it was run from."""
    recorded = next((one for one in documents.packages.imported if one.name == TOOL), None)
    if recorded is None:
        raise UsageError(f"this pack does not record which {TOOL} made it")
    if isinstance(recorded.origin, Unavailable):
        return f"{TOOL}=={recorded.version}"
    if holds_the_tool(root):
        return str(root)
    raise UsageError(
        f"{TOOL} was installed from {recorded.origin}, which the recorded commit does not hold",
        hint="Install that version by hand, and reproduce without --exact-env.",
    )


def _build(folder: Path, interpreter: str, wanted: Sequence[str], stop: StopRequest) -> Path:
    code, output = _quietly([interpreter, "-m", "venv", str(folder)], stop)
    if code:
        raise UsageError(f"{interpreter} cannot make an environment: {output}")
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    _pip(python, wanted, stop)
    return python


def _pip(python: Path, wanted: Sequence[str], stop: StopRequest) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-input"]
    code, output = _quietly([*command, "--disable-pip-version-check", *wanted], stop)
    if code:
        raise UsageError(
            f"the recorded versions cannot be installed here: {output}",
            hint="Builds such as 2.9.0+cu130 come from an index of their own: name it in "
            "PIP_EXTRA_INDEX_URL. Nothing was started.",
        )


def _quietly(command: Sequence[str], stop: StopRequest) -> tuple[int, str]:
    """Exit code, and the last of what was said to stderr. Raises StoppedError when asked to."""
    with tempfile.TemporaryFile() as output:
        code = run_forwarding(
            command, stop, BUILD_TIMEOUT_S, stdout=subprocess.DEVNULL, stderr=output
        )
        if stop.asked:
            raise StoppedError(
                "stopped, as asked, while the environment was built; nothing was started",
                by_sigterm=stop.by_sigterm,
            )
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return code, " / ".join(errors[-_SHOWN_LINES:]) or "it does not say why"


def run_forwarding(
    command: Sequence[str], stop: StopRequest, timeout_s: float = 0.0, **streams: Any
) -> int:
    """Exit code of a command that hears of every signal from us alone, so that none counts twice.

    `command` is an interpreter, -m and a name. Raises UsageError for one that takes longer than
    `timeout_s` (0: as long as it likes).
    """
    begun_s, forwarded = time.monotonic(), 0
    with subprocess.Popen(command, env=_clean(), start_new_session=True, **streams) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_S)
            if stop.asked > forwarded:
                forwarded = stop.asked
                # A build has nothing to finish, and where we are a job of a script, the programs
                # that we start ignore SIGINT.
                harsh = stop.by_sigterm or bool(timeout_s)
                process.send_signal(signal.SIGTERM if harsh else signal.SIGINT)
            if timeout_s and time.monotonic() - begun_s > timeout_s:
                process.kill()
                raise UsageError(f"{command[2]} did not end within {timeout_s:g} s")


def _clean() -> dict[str, str]:
    """Our variables without those that would bring in packages from elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}
