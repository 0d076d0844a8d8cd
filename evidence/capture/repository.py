"""The user's own repository, opened through GitPython. With `git`, the only importer of GitPython.

Responsible for asking git without running hooks or filesystem monitors, and for saying why there
is no answer. What is asked is `git`'s, `blobs`' and `hidden`'s. Never used on a stranger's pack.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evidence import layout, limits
from evidence.capture.process import TooLongError, TooSlowError, collect_output, up_to
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.text.escape import one_line

if TYPE_CHECKING:
    from git import Repo

_LEFT_OUT: Final = (layout.RUNS, ".venv", ".venv-jax")
"""Folders of the project whose changes make no tree dirty: evidence itself, and installed code."""
_ELSEWHERE: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
)
"""Variables (of a hook, say) that would have git answer for another repository or index."""
_VERSION_TIMEOUT_S: Final = 5.0
"""For git's own version, which takes milliseconds."""
_SILENCE_S: Final = 60.0
"""A git that did not answer is not asked again for so long: many questions wait for one."""
_MAX_OUTPUT_BYTES: Final = 1 << 30
_EXECUTABLE: Final = "GIT_PYTHON_GIT_EXECUTABLE"
NO_ANSWER: Final = "git did not answer within"
NO_GIT: Final = "git is not on PATH; install git to have the commit recorded"
NO_COMMIT: Final = "the repository has no commit yet"


class Repository(Record):
    """The repository around a project."""

    repo: Repo
    root: Path
    """The project, inside the working tree."""

    def run(
        self,
        *args: str,
        env: dict[str, str] | None = None,
        given: Path | None = None,
        timeout_s: float = limits.PROBE_TIMEOUT_S,
    ) -> bytes:
        """Output of a git command, fed with a file. Raises GitCommandError, also when too slow."""
        from git import GitCommandError, GitCommandNotFound

        top = str(self.repo.working_tree_dir)
        command = [
            "git", "--no-optional-locks", "-c", "core.fsmonitor=false",
            "-c", f"core.hooksPath={os.devnull}", "-c", "core.splitIndex=false", *args,
        ]  # fmt: skip
        if time.monotonic() < _asked_again_at_s.get(top, 0):
            raise GitCommandError(command, None, f"{NO_ANSWER} {timeout_s:g} s")
        own = {"LANGUAGE": "C", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(env or {})}
        try:
            with Path(given or os.devnull).open("rb") as stream:
                # Not by GitPython: its limit of time leaves what a git has started at work.
                process = subprocess.Popen(
                    command,
                    stdin=stream,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=top,
                    env={**os.environ, **own},
                    start_new_session=True,
                )
            ended = collect_output(process, timeout_s, up_to(_MAX_OUTPUT_BYTES))
        except TooSlowError as error:
            _asked_again_at_s[top] = time.monotonic() + _SILENCE_S
            raise GitCommandError(command, None, f"{NO_ANSWER} {timeout_s:g} s") from error
        except TooLongError as error:
            said = f"git printed more than {_MAX_OUTPUT_BYTES} bytes"
            raise GitCommandError(command, None, said) from error
        except FileNotFoundError as error:
            raise GitCommandNotFound(command, error) from error
        if ended.status:
            said = ended.errors.decode("utf-8", "replace")
            raise GitCommandError(command, ended.status, said)
        return ended.output

    def attempt(
        self,
        *args: str,
        env: dict[str, str] | None = None,
        given: Path | None = None,
        timeout_s: float = limits.PROBE_TIMEOUT_S,
    ) -> bytes | Unavailable:
        """Output of a git command, or what git said against it."""
        from git.exc import CommandError

        try:
            return self.run(*args, env=env, given=given, timeout_s=timeout_s)
        except CommandError as error:
            message = str(error.stderr).strip().removeprefix("stderr: ").strip("' \n")
            return Unavailable(one_line(message, limits.MAX_MESSAGE_CHARS) or "git gave no reason")

    def pathspecs(self) -> list[str]:
        """Everything but what is not ours."""
        return [":/", *(f":(top,exclude,literal){self.prefix}{name}" for name in _LEFT_OUT)]

    @property
    def prefix(self) -> str:
        """The project's folder from the top of the working tree: empty, or ending with a slash."""
        top = Path(str(self.repo.working_tree_dir)).resolve()
        inside = self.root.relative_to(top).as_posix()
        return "" if inside == "." else f"{inside}/"


def open_repository(root: Path) -> Repository | Unavailable:
    """The repository that holds `root`, or why there is none."""
    for name in _ELSEWHERE:
        if name in os.environ:
            return Unavailable(f"{name} is set and points git elsewhere than the project; unset it")
    path = shutil.which("git")
    if path is None:
        return Unavailable(NO_GIT)
    useless = _why_useless(path)
    if useless is not None:
        return useless
    try:
        with _asked(path):
            from git import InvalidGitRepositoryError, NoSuchPathError, Repo
    except Exception as error:  # it asks git when it is imported, and takes offence at the answer
        return refusal(error)

    try:
        repo = Repo(root, search_parent_directories=True)
        if repo.bare:
            return Unavailable("the repository is bare: it has no working tree")
        top = Path(str(repo.working_tree_dir)).resolve()
    except (InvalidGitRepositoryError, NoSuchPathError):
        return Unavailable("this is not a git repository; `git init` and commit to have one")
    except Exception as error:  # whatever it makes of a broken repository
        return refusal(error)
    if not root.resolve().is_relative_to(top):
        return Unavailable(f"the repository's working tree is elsewhere (core.worktree): {top}")
    return Repository(repo=repo, root=root.resolve())


@contextmanager
def _asked(path: str) -> Iterator[None]:
    """Have GitPython, while it is imported, ask the git that answered; no other, and no longer."""
    before = os.environ.get(_EXECUTABLE)
    os.environ[_EXECUTABLE] = path
    try:
        yield
    finally:
        if before is None:
            del os.environ[_EXECUTABLE]
        else:
            os.environ[_EXECUTABLE] = before


_asked_again_at_s: Final[dict[str, float]] = {}
"""When a git that did not answer may be asked again, by working tree."""
_useless: Final[dict[str, tuple[float, Unavailable]]] = {}
"""Why a program named git is none, and until when that is believed, by its path."""


def _why_useless(path: str) -> Unavailable | None:
    """Why the program at `path` is no git that works; None where it is one.

    Asked before GitPython is imported, which asks without a limit. On a Mac without its tools
    there is a git that only says so; others hang, or print what no git prints.
    """
    until_s, known = _useless.get(path, (0.0, None))
    if known is not None and time.monotonic() < until_s:
        return known
    why = _version_problem(path)
    if why is None:
        return None
    found = Unavailable(f"the git on PATH does not work: {why}; `git version` must answer")
    _useless[path] = time.monotonic() + _SILENCE_S, found
    return found


def _version_problem(path: str) -> str | None:
    try:
        process = subprocess.Popen(
            [path, "version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        ended = collect_output(process, _VERSION_TIMEOUT_S, up_to(limits.MIB))
    except TooSlowError:
        return f"it did not answer within {_VERSION_TIMEOUT_S:g} s"
    except TooLongError:
        return "it prints without end"
    except OSError as error:
        return f"it cannot be started: {error.strerror}"
    said = ended.errors.decode("utf-8", "replace").strip()
    if ended.status:
        shown = f": {one_line(said, limits.MAX_MESSAGE_CHARS)}" if said else ""
        return f"it exits with {ended.status}{shown}"
    return None if ended.output.startswith(b"git version ") else "it prints what no git prints"


def refusal(error: Exception) -> Unavailable:
    """Why git gave no answer, and what helps where that is known."""
    if type(error).__name__ == "GitCommandNotFound":  # not imported: git may not let it be
        return Unavailable(NO_GIT)
    if not isinstance(error, OSError) and not type(error).__module__.startswith("git"):
        return Unavailable("git answered what cannot be read")
    message = (
        str(getattr(error, "stderr", "") or error).strip().removeprefix("stderr: ").strip("' \n")
    )
    if "dubious ownership" in message:
        return Unavailable(
            "git does not trust this repository, which another user owns; "
            "`git config --global --add safe.directory FOLDER` trusts it"
        )
    if message.startswith(NO_ANSWER):
        return Unavailable(message)
    return Unavailable(f"git refused: {one_line(message, limits.MAX_MESSAGE_CHARS)}")
