"""What no document of a pack could hold, refused before the first step.

Responsible for what the surroundings of a run bring along: variables, packages, and whatever else
the probes found. Data, promises and models are preflight's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import distributions
from typing import Final

from evidence import limits
from evidence.capture.variables import is_recorded
from evidence.encoding import jsonio
from evidence.errors import MalformedError, UsageError
from evidence.running.workspace import Workspace

JSON: Final = ".json"


class NotHoldableError(UsageError):
    """What was found before the first step fits into no pack."""


@contextmanager
def nothing_left(space: Workspace) -> Iterator[None]:
    """A run that is refused for this leaves no folder: there is nothing to go on with."""
    try:
        yield
    except NotHoldableError:
        space.remove()
        raise


def refuse_too_much_around() -> None:
    """Raise UsageError for more variables or packages than their documents name."""
    num_variables = sum(map(is_recorded, os.environ))
    if num_variables > limits.MAX_VARIABLES:
        raise UsageError(
            f"the environment has {num_variables} variables such as OMP_…, MKL_… that are "
            f"recorded, and environment.json names {limits.MAX_VARIABLES}; nothing was started",
            hint="Unset those that nothing reads.",
        )
    num_packages = sum(1 for _ in distributions())
    if num_packages > limits.MAX_PACKAGES:
        raise UsageError(
            f"{num_packages} packages are installed for this interpreter, and packages.json "
            f"names {limits.MAX_PACKAGES}; nothing was started",
            hint="Run in an environment of its own: python -m venv .venv",
        )


def refuse_unreadable(documents: Mapping[str, bytes]) -> None:
    """Raise UsageError for a document that verify would refuse: the run could never be sealed."""
    for name, data in documents.items():
        if not name.endswith(JSON):
            continue
        try:
            jsonio.load_document(data)
        except MalformedError as error:
            raise NotHoldableError(
                f"what was found here fits into no pack: {name}: {error.message}; no step was made",
                hint="Take away what makes it so large (long names, packages, variables, changed "
                "files), then run again.",
            ) from error
