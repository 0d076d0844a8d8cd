"""Which Python a worker runs under, what is installed there, and how to install what is not.

Responsible for its name, for the variables of ours that must not reach another Python, and for the
one form in which requirements ask ours and another alike. Asking is `capture.interpreter`'s.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evidence import __version__
from evidence.capture.interpreter import NOTHING_THERE, OLDEST, Interpreter, ask
from evidence.records.availability import Unavailable
from evidence.records.capture import WorkerRecord
from evidence.records.record import Record

_OF_OURS: Final = frozenset(
    (
        "PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONUSERBASE",
        "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__",
    )
)  # fmt: skip
"""Variables that say where one Python finds its packages: another would import what was built for
this one, or not start at all."""
MAIN: Final = "evidence.worker.main"
"""The module that a worker runs."""
JAX_PYTHON: Final = ".venv-jax/bin/python"
"""What `make jax` makes, in a checkout of this project."""


class WorkerPython(Record):
    """The Python of an attempt's workers."""

    given: str | None = None
    """As the milestone names it. None: the one that runs `evidence`."""
    made_by: str = ""
    """The command that makes it, where the project has one."""
    answer: Interpreter | Unavailable | None = None
    """What it said, or why it said nothing. None: it is our own, and is asked as it is needed."""
    path: str = sys.executable

    def place(self, module: str) -> str | None:
        """Where it would find a module; None where it would not."""
        if isinstance(self.answer, Interpreter):
            return self.answer.modules.get(module)
        try:
            spec = find_spec(module)
        except ValueError:
            return None
        if spec is None:
            return None
        return spec.origin or next(iter(spec.submodule_search_locations or ()), "")

    def version(self, distribution: str) -> str | None:
        """The version of a distribution that it would import; None where it is not installed."""
        if isinstance(self.answer, Interpreter):
            return self.answer.versions.get(distribution)
        try:
            return version(distribution)
        except PackageNotFoundError:
            return None

    @property
    def record(self) -> WorkerRecord | None:
        """What a pack says of it; None where it is our own, or no worker can run under it."""
        answer = self.answer
        if self.given is None or not isinstance(answer, Interpreter) or answer.tool is None:
            return None
        packages = answer.tool.packages
        if packages is None:
            return None
        return WorkerRecord(
            schema="worker.v1",
            interpreter=self.given,
            executable=answer.executable,
            python_version=answer.version,
            python_implementation=answer.implementation,
            python_compiler=answer.compiler,
            packages=packages,
        )

    @property
    def inside(self) -> str:
        """Words to say after `is not installed`: where."""
        return "" if self.given is None else f" in {self.given}"

    def pip(self, asked: str) -> str:
        """The command that installs something there."""
        return f"{self._before}pip install {asked}"

    @property
    def _before(self) -> str:
        return "" if self.given is None else f"{shlex.quote(self.given)} -m "

    def there(self, command: str) -> str:
        """A command of `pip`, as it is to be given for this Python."""
        return f"{self._before}{command}" if command.startswith("pip ") else command


def python_of(
    given: str | None,
    modules: Collection[str],
    root: Path,
    variables: Mapping[str, str],
    instead: str | None = None,
) -> WorkerPython:
    """The Python that a milestone names, asked for modules; without a name our own.

    `instead`: the path to take for what it names.
    """
    if given is None:
        return WorkerPython()
    path = instead or path_of(given, root)
    answer = ask(path, instead or given, modules, MAIN, inherited(given, variables), root)
    return WorkerPython(given, _made_by(given, root), answer, path)


def unusable(python: WorkerPython, extra: str) -> tuple[str, str] | None:
    """Why no worker can run under it, with the way to mend that; None where one can.

    `extra`: what to install with the package: `[jax]`, or nothing.
    """
    answer, given = python.answer, python.given
    if answer is None or given is None:
        return None
    install = python.pip(f'"evidence-pack{extra}=={__version__}"')
    another = (
        f"name one that is Python {OLDEST} or newer: python3 -m venv FOLDER, then "
        f'FOLDER/bin/python -m pip install "evidence-pack{extra}=={__version__}"'
    )
    if isinstance(answer, Unavailable):
        return answer.reason, python.made_by or _made_anew(given, answer.reason, install) or another
    if answer.too_old:
        found = f"{answer.implementation} {answer.version}"
        text = f"{given} is {found}; a worker needs Python {OLDEST} or newer"
        return text, python.made_by or another
    remedy = python.made_by or install
    tool = answer.tool
    if tool is None:
        return f"evidence-pack is not installed in {given}", remedy
    if not tool.same_code:
        here = Path(__file__).parents[1]
        return (
            f"{given} has another evidence-pack ({tool.version}, {tool.folder}) than the one that "
            f"runs ({__version__}, {here})",
            remedy,
        )
    if tool.packages is None:
        return f"evidence-pack cannot be imported in {given}: {tool.trouble}", remedy
    return None


def _made_anew(given: str, reason: str, install: str) -> str:
    """How to make an environment where there is nothing yet; empty where there is something."""
    above = Path(given).parents
    if not reason.startswith(NOTHING_THERE) or len(above) < 3 or above[0].name != "bin":
        return ""
    return f"create it: python3 -m venv {shlex.quote(str(above[1]))}, then {install}"


def path_of(given: str | None, root: Path) -> str:
    """The executable that is meant; links are not followed, since the name decides about a venv."""
    if given is None:
        return sys.executable
    path = Path(given)
    if given.startswith("~"):
        with suppress(RuntimeError):  # no such user: no such file
            path = path.expanduser()
    return str(root.absolute() / path)


def inherited(given: str | None, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of the supervisor that its workers get, too."""
    if given is None:
        return dict(variables)
    return {name: value for name, value in variables.items() if name not in _OF_OURS}


def _made_by(given: str, root: Path) -> str:
    """`make jax` for the project's own environment, in a project that has it."""
    if Path(path_of(given, root)) != root.absolute() / JAX_PYTHON:
        return ""
    makefile = root / "Makefile"
    try:
        targets = makefile.read_text("utf-8") if makefile.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""
    return "make jax" if "\njax:" in targets else ""
