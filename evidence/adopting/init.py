"""An existing repository made ready for evidence, without a question and without loss.

Responsible for the plan (which files are missing, what is to be added to those that are there) and
for writing it. A file that is there is never written: the lines for it are shown.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal, TypeAlias

from evidence import __version__
from evidence.adopting.candidates import Candidate, candidates_in, text_of
from evidence.errors import UsageError
from evidence.milestone.recorded import TITLE, Recording, written
from evidence.publish.runs_folder import ATTRIBUTES, IGNORED
from evidence.records.record import Record
from evidence.system.durable import write_file

ID: Final = "M1"
WORKFLOW: Final = ".github/workflows/evidence.yml"
HOOKS: Final = ".pre-commit-config.yaml"
_OURS: Final = "evidence"
"""A word that stands in each file that has been made ready already."""
_IGNORES_RUNS: Final = re.compile(r"^/?runs/?(?:\*{1,2})?[ \t]*$", re.MULTILINE)
_UNIGNORES_RUNS: Final = re.compile(r"^!/?runs/?[ \t]*$", re.MULTILINE)
_READY: Final = {
    "runs/.gitattributes": (re.compile(r"^\*[ \t](?:.*[ \t])?-text\b", re.MULTILINE), "at its end"),
    "runs/.gitignore": (re.compile(r"^/?\.work\b", re.MULTILINE), "at its end"),
    WORKFLOW: (
        re.compile(r"evidence(?:-pack@|[ \t]+verify\b)"),
        "it verifies no pack; a job of it, or a workflow of another name",
    ),
}
"""What stands in a file that has been made ready; else, where lines go."""
State: TypeAlias = Literal["new", "there", "add"]

_MILESTONE_HEAD: Final = (
    "# What `evidence run {id}` runs: a program as it is, under hooks that change no number.\n"
    "# Put its arguments into `run`. `evidence keys` prints what else may stand here.\n"
)
_WORKFLOW: Final = """\
# Checks the packs of this repository. Runs nothing of a pack, nor of the repository.
name: evidence
on: [push, pull_request]
permissions:
  contents: read
jobs:
  verify:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
        with:
          python-version: "3.12"
      - run: |
          python -I -m pip install "evidence-pack=={version}"
          if [ -n "$(ls -d runs/*/ 2> /dev/null)" ]; then
            python -I -m evidence verify --format markdown runs >> "$GITHUB_STEP_SUMMARY" || true
            python -I -m evidence verify runs
          fi
"""
_HOOKS_HEAD: Final = "repos:\n"
_HOOKS: Final = """\
  - repo: local
    hooks:
      - id: evidence-verify
        name: evidence packs are what they say
        entry: evidence verify --quiet runs
        language: python
        additional_dependencies: ["evidence-pack=={version}"]
        files: ^runs/[^/]+/
        pass_filenames: false
      - id: evidence-audit
        name: marked numbers are those of their packs
        entry: evidence audit --markers
        language: python
        additional_dependencies: ["evidence-pack=={version}"]
        files: \\.(md|markdown|qmd|rmd|html?)$
        require_serial: true
"""


class Part(Record):
    """One file of the plan. `new`: to be written; `there`: nothing to do; `add`: by hand."""

    path: str
    state: State
    text: str
    """Its content, or the lines to add."""
    why: str = ""


class Plan(Record):
    """What a repository lacks."""

    root: Path
    parts: tuple[Part, ...]
    candidates: tuple[Candidate, ...]
    milestones: tuple[str, ...]
    """Those that are there already: none is written then."""


def plan_of(root: Path) -> Plan:
    """Look at a repository; nothing is written. Raises UsageError for what is no folder."""
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}")
    _refuse_other_places(root)
    folder = root / "milestones"
    milestones = tuple(sorted(one.stem for one in folder.glob("*.toml")))
    candidates = candidates_in(root)
    parts = [
        *([] if milestones or not candidates else [_milestone(root, candidates[0])]),
        _missing(root, "runs/.gitattributes", ATTRIBUTES.decode("ascii")),
        _missing(root, "runs/.gitignore", IGNORED.decode("ascii")),
        *_ignore_lines(root),
        _missing(root, WORKFLOW, _WORKFLOW.replace("{version}", __version__)),
        _hooks(root),
    ]
    return Plan(root, tuple(parts), candidates, milestones)


def _refuse_other_places(root: Path) -> None:
    """Where git, GitHub and pre-commit would not look for what is written."""
    if (root / ".git").exists():
        return
    if all((root / name).exists() for name in ("HEAD", "objects", "refs")):
        hint = "Clone it, and make the clone ready."
        raise UsageError(f"{root} is a bare repository, which has no files", hint=hint)
    above = next((one for one in root.resolve().parents if (one / ".git").exists()), None)
    if above is not None:
        text = f"{root} lies in the repository {above}, and workflows and hooks are its top's"
        raise UsageError(text, hint=f"Make that ready: cd {above}; evidence init")


def write_plan(plan: Plan) -> None:
    """Write what is new. Raises UsageError where a file came meanwhile."""
    for part in plan.parts:
        if part.state == "new":
            path = plan.root / part.path
            if os.path.lexists(path):
                raise UsageError(f"{path} came meanwhile, and is left as it is")
            write_file(path, part.text.encode("utf-8"))


def _milestone(root: Path, candidate: Candidate) -> Part:
    text = written(Recording(id=ID, command=candidate.command)).decode("utf-8")
    text = text.replace(TITLE, "The training of this repository", 1)
    return _missing(root, f"milestones/{ID}.toml", _MILESTONE_HEAD.replace("{id}", ID) + text)


def _missing(root: Path, path: str, text: str) -> Part:
    if not os.path.lexists(root / path):
        return _new(root, path, text)
    ready, why = _READY.get(path, (None, ""))
    if ready is None or ready.search(text_of(root / path, follow=True)):
        return Part(path, "there", "")
    return Part(path, "add", text, why)


def _new(root: Path, path: str, text: str) -> Part:
    """To be written, unless a link leads out of the repository or a file is in the way."""
    for folder in list(Path(path).parents)[-2::-1]:
        if (root / folder).is_symlink():
            return Part(
                path, "add", text, f"{folder.as_posix()} is a link, which may lead elsewhere"
            )
        if os.path.lexists(root / folder) and not (root / folder).is_dir():
            return Part(path, "add", text, f"{folder.as_posix()} is no folder")
    return Part(path, "new", text)


def _ignore_lines(root: Path) -> list[Part]:
    """A project that ignores runs/ would commit no pack."""
    text = text_of(root / ".gitignore", follow=True)
    if not _IGNORES_RUNS.search(text) or _UNIGNORES_RUNS.search(text):
        return []
    why = "it ignores runs/, and packs lie there"
    return [Part(".gitignore", "add", "!/runs/\n", why)]


def _hooks(root: Path) -> Part:
    entry = _HOOKS.replace("{version}", __version__)
    if not os.path.lexists(root / HOOKS):
        return Part(HOOKS, "new", _HOOKS_HEAD + entry)
    if f"id: {_OURS}-" in text_of(root / HOOKS, follow=True):
        return Part(HOOKS, "there", "")
    return Part(HOOKS, "add", entry, "below its `repos:`")
