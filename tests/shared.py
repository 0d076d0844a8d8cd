"""What many tests only look at is made once, however many processes run the tests.

Responsible for who makes it. A folder lasts as long as the temporary folders of the session do.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What `make` gives, which writes into the folder that it is told. Only the first test
    process that asks calls it; the others wait, and get an equal value."""
    session = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    folder = session / "made-once" / name
    folder.mkdir(parents=True, exist_ok=True)
    value = folder.with_suffix(".pickle")
    with FileLock(folder.with_suffix(".lock")):
        if not value.exists():
            value.write_bytes(pickle.dumps(make(folder)))
    made: T = pickle.loads(value.read_bytes())  # noqa: S301 - written by this session
    return made
