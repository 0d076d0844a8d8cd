"""Laws on mutants: each is one small change that compiles, the same for ever, and none is empty."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.operators import changed_tree, difference, is_real, mutants_of

CHANGES = {
    "a < b": {"a <= b", "a >= b"},
    "a == b": {"a != b"},
    "a in b": {"a not in b"},
    "a and b": {"a or b", "a", "b"},
    "not a": {"a"},
    "a + 1": {"a - 1", "a + 2"},
    "x if a else b": {"x if not a else b"},
    "[a for a in b if a]": {"[a for a in b]"},
    "sorted(a)": {"a"},
    "f('kebab-case')": {"f('kebab-case?')"},
    "f('a sentence is left alone')": set(),
    "f(True)": {"f(False)"},
    "f('utf-8')": {"f('latin-1')"},
    "f(usedforsecurity=False)": set(),
}
STATEMENTS = {
    "if a:\n    b": {"if not a:\n    b", "if a:\n    pass"},
    "raise a": {"pass"},
    "a.b = c": {"pass"},
    "a = b": set(),
    "'''A docstring.'''": set(),
    "import a": set(),
    "a: int = 1": {"a: int = 2"},
    "@dataclass(frozen=True)\nclass A:\n    pass": set(),
    "class A(Record, order=True):\n    pass": set(),
    "def f():\n    return a": {"def f():\n    return None"},
    "def g():\n    yield a": {"def g():\n    if False:\n        yield a"},
    "while a:\n    break": {"while not a:\n    break", "while a:\n    pass"},
}


def made(source: str, folder: Path) -> set[str]:
    """What becomes of a source, one mutant at a time."""
    path = folder / "m.py"
    path.write_text(source, "utf-8")
    return {ast.unparse(changed_tree(mutant)) for mutant in mutants_of("m", path)}


@pytest.mark.parametrize("source", CHANGES)
def test_an_expression_is_changed_in_each_of_its_ways(source: str, tmp_path: Path) -> None:
    # In a tuple with another expression: alone it could be removed as a statement.
    expected = {f"y = ({changed}, z)" for changed in CHANGES[source]}
    assert made(f"y = ({source}, z)", tmp_path) == expected


@pytest.mark.parametrize("source", STATEMENTS)
def test_a_statement_is_changed_in_each_of_its_ways(source: str, tmp_path: Path) -> None:
    assert made(source, tmp_path) == STATEMENTS[source]


def test_a_mutant_is_made_again_from_its_name_alone() -> None:
    path = Path(__file__).parents[2] / "evidence/encoding/digest.py"
    first, second = (mutants_of("evidence.encoding.digest", path) for _ in range(2))
    assert first == second
    assert len({mutant.name for mutant in first}) == len(first)
    for mutant in first:
        assert is_real(mutant), mutant.name
        before, after = difference(mutant).split("  ->  ")
        assert before != after


def test_a_change_keeps_its_key_wherever_its_line_comes_to_stand(tmp_path: Path) -> None:
    def keys(source: str) -> list[str]:
        (tmp_path / "m.py").write_text(source, "utf-8")
        return [mutant.key for mutant in mutants_of("m", tmp_path / "m.py")]

    twice = keys("y = (a < b, a < b)\n")
    assert len(set(twice)) == len(twice)
    assert set(twice) <= set(keys("x = [c > 1, 2]\n\ny = (a < b, a < b)\n"))
