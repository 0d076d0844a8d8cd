"""Garbage collection while a framework is imported.

Responsible for the one context that an import of torch, transformers or JAX is done in; a backend
that imports a part of its own later does that in it, too.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_thrown_away() -> Iterator[None]:
    """For the import of a framework: what it makes stays until the end, so that looking for garbage
    among it is a sixth of the time it takes, then and whenever it is looked for later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
