"""Laws of benchmarks: what they import is there, in the programs that they start too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
OURS = ("evidence", "tests", "toy")


def programs(text: str) -> Iterator[ast.Module]:
    """A file, and each program that stands in it as a text."""
    whole = ast.parse(text)
    yield whole
    for node in ast.walk(whole):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and "\n" in text and "import " in text:
            with suppress(SyntaxError):  # prose
                yield ast.parse(text)


def wanted(program: ast.Module) -> Iterator[tuple[str, str]]:
    """Modules of this project that it imports, with the name that it takes."""
    for node in ast.walk(program):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.split(".")[0] in OURS:
                yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OURS:
                    yield alias.name, ""


def is_there(module: str, name: str) -> bool:
    try:
        found = import_module(module)
        return not name or hasattr(found, name) or find_spec(f"{module}.{name}") is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.torch
@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_of_this_project_is_there(path: Path) -> None:
    asked = {one for program in programs(path.read_text("utf-8")) for one in wanted(program)}
    gone = sorted(one for one in asked if not is_there(*one))
    assert not gone, f"{path.name} imports what is not there: {gone}"


def test_the_law_sees_programs_in_texts() -> None:
    text = 'SIDE = """\nimport sys\nfrom evidence.nowhere import nothing\n"""\n'
    asked = [one for program in programs(text) for one in wanted(program)]
    assert asked == [("evidence.nowhere", "nothing")]
    assert not is_there(*asked[0])
