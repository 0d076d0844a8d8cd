"""Laws of the templates that we ship. They run outside of the sandbox, being code of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from evidence.system import resources

_LOADING = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
SHIPPED = sorted(resources.folder("templates").rglob("*.j2"))


def parsed(source: str) -> nodes.Template:
    return Environment(autoescape=True).parse(source)


def chosen_by_a_value(tree: nodes.Template) -> list[int]:
    """Lines where a value, which may be a stranger's, names what is looked up, called or shown."""
    found = [node.lineno for node in tree.find_all(nodes.Getitem)
             if not isinstance(node.arg, (nodes.Const, nodes.Slice))]  # fmt: skip
    others = (n for kind in _LOADING for n in tree.find_all(kind))
    found += [n.lineno for n in others if not isinstance(vars(n)["template"], nodes.Const)]
    return found


def names(tree: nodes.Template) -> set[str]:
    return {node.attr for node in tree.find_all(nodes.Getattr)} | {
        node.arg.value for node in tree.find_all(nodes.Getitem) if isinstance(node.arg, nodes.Const)
    }


def test_there_are_templates() -> None:
    assert len(SHIPPED) >= 4


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_value_chooses_what_a_template_looks_up(path: Path) -> None:
    tree = parsed(path.read_text("utf-8"))
    assert chosen_by_a_value(tree) == []
    assert [name for name in names(tree) if str(name).startswith("_")] == []


@pytest.mark.parametrize("source", ["{{ a[b] }}", "{% include a %}", "{{ a[b ~ 'c'] }}"])
def test_a_choice_by_a_value_is_seen(source: str) -> None:
    assert chosen_by_a_value(parsed(source)) == [1]
