"""Laws of the project as a whole: what must not grow, and what the README may claim."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from evidence.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "evidence").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SHIPPED = ("evidence", "schemas", "templates")
"""What a wheel holds."""
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def outgrown(path: Path) -> Iterator[str]:
    text, where = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
    if len(text.splitlines()) > MAX_FILE_LINES:
        yield f"{where} has {len(text.splitlines())} lines: split it by responsibility"
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield f"{where} does not open with what it is responsible for"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{node.name} in {where} has {length} lines: split it"


def test_no_file_and_no_function_outgrows_its_limit() -> None:
    assert [fault for path in CODE for fault in outgrown(path)] == []


def test_no_file_of_tests_outgrows_the_limit_either() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in TESTS}
    assert len(lengths) > 100
    assert [path for path, length in lengths.items() if length > MAX_FILE_LINES] == []


def test_heavy_packages_are_imported_in_their_own_place_only() -> None:
    homes = {
        "jsonschema": {"evidence/encoding/schema.py"},
        "jsonschema_rs": {"evidence/encoding/schema.py", "evidence/rules/patterns.py"},
        "jinja2": {"evidence/text/templating.py"},
        "pynvml": {"evidence/capture/gpu.py"},
    }
    for package, home in homes.items():
        pattern = re.compile(rf"^\s*(?:from|import) {package}\b", re.MULTILINE)
        found = {
            path.relative_to(ROOT).as_posix()
            for path in CODE
            if pattern.search(path.read_text("utf-8"))
        }
        assert found == home, package
    frameworks = {
        "torch": ("backends/transformers",),
        "transformers": ("backends/transformers", "backends/tunix", "backends"),
        "jax|jaxlib|flax|optax|qwix|tunix": ("backends/tunix",),
    }
    for package, rooms in frameworks.items():
        pattern = re.compile(rf"^\s*(?:from|import) (?:{package})\b", re.MULTILINE)
        for path in CODE:
            if pattern.search(path.read_text("utf-8")):
                room = path.parent.relative_to(ROOT / "evidence").as_posix()
                assert room in rooms, (path, package)


def test_what_ships_knows_nothing_of_the_backend_that_tests_bring() -> None:
    shipped = [path for name in SHIPPED for path in (ROOT / name).rglob("*") if path.is_file()]
    assert len(shipped) > len(CODE)
    for path in shipped:
        if "__pycache__" in path.parts:
            continue
        mentions = re.findall(r"(?i)stub", f"{path.relative_to(ROOT)} {path.read_text('utf-8')}")
        assert not mentions, f"{path}: a backend for tests belongs into tests/plug_ins"


def commands_in_readme() -> list[tuple[str, tuple[str, ...]]]:
    """(command, options) of each `evidence …` line in a code block of the README."""
    found = []
    for line in (ROOT / "README.md").read_text("utf-8").splitlines():
        match = re.match(r"(?:\.venv/bin/)?evidence (\w+)([^#]*)", line)
        if match:
            found.append((match[1], tuple(re.findall(r"--[a-z-]+", match[2]))))
    return found


def test_every_command_that_the_readme_names_is_there() -> None:
    named = commands_in_readme()
    assert {name for name, _ in named} >= {"verify", "render", "explain", "new"}
    for name, options in named:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= known, name


def test_every_command_has_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.help, name


def test_no_pack_of_a_developer_is_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    words = ["git", "ls-files", "runs"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_makefile_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## ", text, re.MULTILINE), target
