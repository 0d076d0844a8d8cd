"""Laws of exact match and F1 as SQuAD has them, and of their place in a pack."""

from __future__ import annotations

import re

import pytest

from evidence import layout
from evidence.rules.squad import f1, squad_exact, words
from evidence.verification.verification import verify_pack
from tests.project import Project


@pytest.mark.parametrize(
    ("answer", "target", "is_same", "share"),
    [
        ("The Normans!", "normans", True, 1.0),
        ("in the 10th and 11th centuries", "10th and 11th centuries", False, 8 / 9),
        ("Denmark", "Iceland", False, 0.0),
        ("", "", True, 1.0),
        ("the", "", True, 1.0),
        ("", "Rollo", False, 0.0),
        ("no no no", "no no", False, 0.8),
        ("well-known", "well known", False, 0.0),
        ("Theatre", "atre", False, 0.0),
    ],
)
def test_words_are_compared_as_the_official_script_does(
    answer: str, target: str, is_same: bool, share: float
) -> None:
    assert squad_exact(answer, target) is is_same
    assert f1(answer, target) == pytest.approx(share, abs=1e-15)
    assert f1(target, answer) == f1(answer, target)


def test_an_article_is_one_as_a_word_alone() -> None:
    assert words("A man, an ant; the theme") == ["man", "ant", "theme"]


def test_a_pack_has_both_and_verify_computes_them_again(project: Project) -> None:
    project.edit("limit = 5", 'limit = 5\nmetrics = ["squad_f1"]\nscorers = ["squad_exact"]')
    project.run()
    rows = (project.pack / layout.PREDICTIONS).read_text("utf-8").splitlines()
    assert len(rows) == 5
    values = project.read(layout.RESULTS)["values"]
    assert values["eval.squad_exact.rate"]["value"] is not None
    assert 0 <= values["eval.squad_f1"]["value"] <= 1
    said = next(project.pack.glob("*_summary.md")).read_text("utf-8")
    assert re.search(r"as SQuAD compares them, have a mean F₁ of [\d.]+", said)
    assert verify_pack(project.pack).exit_code == 0
