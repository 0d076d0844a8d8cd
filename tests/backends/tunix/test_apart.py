"""The JAX path needs no PyTorch, and what both backends share needs neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import evidence.backends

ROOM = Path(evidence.backends.__file__).parent
HEAVY = {"torch", "accelerate", "jax", "jaxlib", "flax", "optax", "qwix", "tunix"}
TORCH = {"torch", "accelerate"}


def imported(path: Path) -> Iterator[str]:
    """Packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        yield from (name.partition(".")[0] for name in names)


@pytest.mark.parametrize(
    ("folder", "forbidden"), [(ROOM, HEAVY), (ROOM / "tunix", TORCH)], ids=["shared", "tunix"]
)
def test_no_module_imports_what_is_of_another_framework(folder: Path, forbidden: set[str]) -> None:
    modules = sorted(folder.glob("*.py"))
    assert len(modules) > 5
    for path in modules:
        assert forbidden.isdisjoint(imported(path)), path


def test_the_other_room_does_import_it() -> None:
    """The law above can fail."""
    assert "torch" in imported(ROOM / "transformers/loss.py")
