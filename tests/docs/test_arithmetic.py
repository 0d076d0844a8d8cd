"""docs/arithmetic.md says what the code computes: its example, its constants, every value."""

from __future__ import annotations

import ast
import importlib
import json
from fnmatch import fnmatchcase
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import Struct
from msgspec.structs import astuple

from evidence import layout
from evidence.results.imported.findings import RULES as FINDINGS
from evidence.results.rules import RULES
from evidence.rules import arithmetic, scoring
from tests.docs.pages import ROOT, codes, page, section, table
from tests.importing.made import imported

TEXT: Final = page("arithmetic.md")
EXAMPLE: Final = [
    (codes(call)[0], codes(value)[0]) for call, value in table(section(TEXT, "A worked example"))
]
FORMULAS: Final = {
    name: function
    for name, function in getmembers(arithmetic, isfunction)
    if function.__module__ == arithmetic.__name__ and not name.startswith("_")
} | {"wilson": scoring.wilson}
PACKS: Final = ROOT / "tests/packs/golden/v1"


def computed(call: str) -> Any:
    """What a call of the example gives, with intervals as pairs."""
    tree = ast.parse(call, mode="eval").body
    assert isinstance(tree, ast.Call)
    assert isinstance(tree.func, ast.Name)
    found = FORMULAS[tree.func.id](*map(ast.literal_eval, tree.args))
    if isinstance(found, tuple):
        return tuple(astuple(one) if isinstance(one, Struct) else one for one in found)
    return found


@pytest.mark.parametrize(("call", "value"), EXAMPLE)
def test_the_example_is_what_the_code_computes(call: str, value: str) -> None:
    found, stated = computed(call), ast.literal_eval(value)
    whole = isinstance(found, tuple) and isinstance(found[0], tuple)
    assert found == (stated if whole else pytest.approx(stated, rel=1e-15, abs=0))


def test_every_formula_is_in_the_example_and_in_a_table() -> None:
    assert {call.partition("(")[0] for call, _ in EXAMPLE} == set(FORMULAS)
    above = TEXT.partition("## A worked example")[0]
    assert [name for name in FORMULAS if f"`{name}`" not in above] == []


@pytest.mark.parametrize(("where", "value"), table(section(TEXT, "Constants")))
def test_constants_have_the_values_that_the_page_gives(where: str, value: str) -> None:
    module, _, name = codes(where)[0].rpartition(".")
    assert getattr(importlib.import_module(module), name) == ast.literal_eval(value)


def rows(heading: str = "Every value of results.json") -> list[tuple[list[str], str, list[str]]]:
    """Names, unit and rules of each row of a table of values."""
    found = [row for row in table(section(TEXT, heading)) if len(row) == 3]
    return [(codes(names), "" if unit == "–" else unit, codes(rules))
            for names, unit, rules in found]  # fmt: skip


@pytest.mark.parametrize("pack", ["complete", "failed"])
def test_every_value_of_a_pack_is_on_the_page_with_its_unit_and_rule(pack: str) -> None:
    document = json.loads((PACKS / pack / "M90" / layout.RESULTS).read_text("utf-8"))
    for name, value in document["values"].items():
        matching = [row for row in rows() if any(fnmatchcase(name, one) for one in row[0])]
        assert matching, f"{name} is not in docs/arithmetic.md"
        for names, unit, rules in matching:
            assert value["unit"] == unit, (name, names)
            assert value["value"] is None or value["rule"] in rules, (name, names)


def test_every_rule_is_used_by_the_page_and_no_other() -> None:
    every = [*rows(), *rows("Values of an imported pack")]
    assert {rule for _, _, rules in every for rule in rules} == {*RULES, "default"}


def test_every_value_of_an_imported_pack_is_on_the_page(tmp_path: Path) -> None:
    results = imported(tmp_path).results
    for name, value in results.values.items():
        matching = [row for row in rows("Values of an imported pack")
                    if any(fnmatchcase(name, one) for one in row[0])]  # fmt: skip
        assert len(matching) == 1, name
        assert value.unit == matching[0][1], name
        assert value.value is None or value.rule in matching[0][2], name


def test_every_finding_is_on_the_page() -> None:
    found = [codes(row[0])[0] for row in table(section(TEXT, "Values of an imported pack"))
             if len(row) == 2]  # fmt: skip
    assert found == list(FINDINGS)
