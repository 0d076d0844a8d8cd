"""Laws of a parent that was run again: what it says of the same checkpoint is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_parents import child_of, grave, sealed, told
from toy import toy
from toy_parent import VALUE

from evidence import layout
from evidence.verification.verification import verify_pack


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return sealed(toy(), tmp_path / "M89")


@pytest.fixture
def child(parent: Path, tmp_path: Path) -> Path:
    return sealed(child_of(parent), tmp_path / "M90")


def told_of_another(child: Path, parent: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The child says that it began from a pack of another root than the one that lies there."""
    made = child_of(parent)
    told(made)["root_sha256"] = made.docs[layout.MANIFEST]["parents"][0]["root_sha256"] = "0" * 64
    change(told(made))
    sealed(made, child)


def test_another_root_does_not_hide_that_it_is_the_same_checkpoint(
    child: Path, parent: Path
) -> None:
    told_of_another(child, parent, lambda one: None)
    report = verify_pack(child)
    assert report.exit_code == 0
    (found,) = report.findings
    assert found.message.endswith("the same checkpoint, byte for byte, and says the same of it")


def test_facts_and_values_are_compared_where_the_checkpoint_is_the_same(
    child: Path, parent: Path
) -> None:
    """Another evaluation of the same training may honestly differ: a warning names what does."""
    told_of_another(
        child,
        parent,
        lambda one: (
            one.update(outcome_sha256="1" * 64),
            one["values"][VALUE].update(value=1000.0),
        ),
    )
    report = verify_pack(child)
    assert report.exit_code == 0
    (found,) = report.findings
    assert found.message.endswith(f"and says otherwise of outcome_sha256, {VALUE}")


def test_a_value_that_the_same_outcome_cannot_have_is_found(child: Path, parent: Path) -> None:
    told_of_another(child, parent, lambda one: one["values"][VALUE].update(value=1000.0))
    report = verify_pack(child)
    assert grave(report) == {("parent-packs", layout.PARENTS)}
    assert any(VALUE in one.message for one in report.findings)


def test_of_another_checkpoint_nothing_is_compared(child: Path, parent: Path) -> None:
    told_of_another(
        child,
        parent,
        lambda one: (one["files"].pop(), one["values"][VALUE].update(value=1000.0)),
    )
    messages = [one.message for one in verify_pack(child).findings if one.code == "another-parent"]
    assert len(messages) == 1
    assert "checkpoint" not in messages[0]
