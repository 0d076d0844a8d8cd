"""The user's own repository, opened through GitPython. With `git`, the only importer of GitPython.

Responsible for asking git without running hooks or filesystem monitors, and for saying why there
is no answer. What is asked is `git`'s, `blobs`' and `hidden`'s. Never used on a stranger's pack.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evidence import layout, limits
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.text.escape import one_line

if TYPE_CHECKING:
    from git import Repo

_LEFT_OUT: Final = (layout.RUNS, ".venv")
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
        with Path(given or os.devnull).open("rb") as stream:
            output: Any = self.repo.git.execute(
                [
                    "git", "--no-optional-locks", "-c", "core.fsmonitor=false",
                    "-c", f"core.hooksPath={os.devnull}", "-c", "core.splitIndex=false", *args,
                ],
                istream=stream,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=None if os.name == "nt" else timeout_s,
                env={"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(env or {})},
            )  # fmt: skip
        return bytes(output)

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
    if shutil.which("git") is None:
        return Unavailable(NO_GIT)
    from git import GitError, InvalidGitRepositoryError, NoSuchPathError, Repo

    try:
        repo = Repo(root, search_parent_directories=True)
        if repo.bare:
            return Unavailable("the repository is bare: it has no working tree")
        top = Path(str(repo.working_tree_dir)).resolve()
    except (InvalidGitRepositoryError, NoSuchPathError):
        return Unavailable("this is not a git repository; `git init` and commit to have one")
    except (GitError, OSError, ValueError) as error:
        return refusal(error)
    if not root.resolve().is_relative_to(top):
        return Unavailable(f"the repository's working tree is elsewhere (core.worktree): {top}")
    return Repository(repo=repo, root=root.resolve())


def refusal(error: Exception) -> Unavailable:
    """Why git gave no answer, and what helps where that is known."""
    from git import GitCommandNotFound

    if isinstance(error, GitCommandNotFound):
        return Unavailable(NO_GIT)
    message = (
        str(getattr(error, "stderr", "") or error).strip().removeprefix("stderr: ").strip("' \n")
    )
    if "dubious ownership" in message:
        return Unavailable(
            "git does not trust this repository, which another user owns; "
            "`git config --global --add safe.directory FOLDER` trusts it"
        )
    if message.startswith("Timeout"):
        return Unavailable(f"git did not answer within {limits.PROBE_TIMEOUT_S:g} s")
    return Unavailable(f"git refused: {one_line(message, limits.MAX_MESSAGE_CHARS)}")
