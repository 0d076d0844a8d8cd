"""A fresh environment with the recorded interpreter and versions, for one reproduction.

Responsible for what goes into it and for saying what cannot be had. Installing runs code of the
packages that the pack names, from the index that pip is set up for: nothing for packs one does not
trust. Digests of installed files are compared by nobody here; the new pack records its own.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evidence.capture.git import open_repository
from evidence.documents import Documents
from evidence.errors import UsageError
from evidence.progress import Observer
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord
from evidence.reproduce.source import recorded_source
from evidence.reproduce.worktree import clean_worktree
from evidence.verify import open_verified

TOOL: Final = "evidence-pack"
BUILD_TIMEOUT_S: Final = 3600.0
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION: Final = re.compile(r"[0-9a-zA-Z]([0-9a-zA-Z.+!-]*[0-9a-zA-Z])?")
_SHOWN_LINES: Final = 4


def reproduce_in_exact_environment(
    pack: Path, project: Path, arguments: Sequence[str], observer: Observer
) -> int:
    """Exit code of `evidence reproduce` with these arguments in an environment made for it.

    Raises UsageError for what cannot be installed here.
    """
    original = open_verified(pack)
    documents = original.documents
    wanted = requirements(documents.packages.packages)
    interpreter = find_interpreter(documents, observer)
    commit, patch = recorded_source(original)
    repository = open_repository(project)
    if isinstance(repository, Unavailable):
        raise UsageError(f"{project}: {repository.reason}")
    with clean_worktree(repository, commit, patch, keep=False) as worktree:
        observer.message(f"building an environment of {len(wanted)} packages, this takes a while")
        python = _build(worktree.folder / "environment", interpreter, wanted)
        if tool := _tool(documents, worktree.root):
            _pip(python, [tool])
        command = [str(python), "-P", "-m", "evidence", "reproduce", *arguments]
        with subprocess.Popen(command) as process:
            return _wait(process)


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


def find_interpreter(documents: Documents, observer: Observer) -> str:
    """An interpreter of the recorded minor version. Raises UsageError where there is none."""
    recorded = documents.environment.python_version
    minor = ".".join(recorded.split(".")[:2])
    here = ".".join(map(str, sys.version_info[:3]))
    if here == recorded:
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None and here.startswith(f"{minor}."):
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
    recorded = next((one for one in documents.packages.packages if one.name == TOOL), None)
    if recorded is None:
        raise UsageError(f"this pack does not record which {TOOL} made it")
    if isinstance(recorded.origin, Unavailable):
        return f"{TOOL}=={recorded.version}"
    project = root / "pyproject.toml"
    if project.is_file() and f'name = "{TOOL}"' in project.read_text("utf-8"):
        return str(root)
    raise UsageError(
        f"{TOOL} was installed from {recorded.origin}, which the recorded commit does not hold",
        hint="Install that version by hand, and reproduce without --exact-env.",
    )


def _build(folder: Path, interpreter: str, wanted: Sequence[str]) -> Path:
    made = subprocess.run(
        [interpreter, "-m", "venv", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise UsageError(f"{interpreter} cannot make an environment: {_last(made)}")
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    _pip(python, wanted)
    return python


def _pip(python: Path, wanted: Sequence[str]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-input"]
    try:
        done = subprocess.run(
            [*command, "--disable-pip-version-check", *wanted],
            capture_output=True, text=True, check=False, timeout=BUILD_TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"pip did not end within {BUILD_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise UsageError(
            f"the recorded versions cannot be installed here: {_last(done)}",
            hint="Builds such as 2.9.0+cu130 come from an index of their own: name it in "
            "PIP_EXTRA_INDEX_URL. Nothing was started.",
        )


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return " / ".join(done.stderr.strip().splitlines()[-_SHOWN_LINES:]) or "it does not say why"


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. A Ctrl-C reaches it as well as us, and it decides how to end."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
