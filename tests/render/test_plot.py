"""The loss plot: static, well-formed, deterministic."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from render.sample import NUM_STEPS, ROOT, complete_pack, sealed, steps
from render.test_markdown import HOSTILE

from evidence.records.run import StepRow
from evidence.render.plot import axis, extremes, loss_plot, nice_step, stretch_of
from evidence.render.render import LOSS_PLOT, render_pack
from evidence.stages.train import STEPS
from tests.documents import replaced

SVG = "{http://www.w3.org/2000/svg}"
STATIC = {"svg", "title", "style", "rect", "text", "line", "g", "circle", "path"}


def drawn(rows: tuple[StepRow, ...]) -> bytes:
    pack = sealed(replaced(complete_pack(), steps=rows))
    return render_pack(pack, ROOT, {})[LOSS_PLOT]


def tree(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(data)  # noqa: S314 - our own drawing


def test_it_is_static_and_loads_nothing() -> None:
    for element in tree(drawn(steps())).iter():
        assert element.tag.removeprefix(SVG) in STATIC
        assert not any(key.startswith("on") or "href" in key for key in element.attrib)
    assert b"url(" not in drawn(steps())
    assert b"@import" not in drawn(steps())


def test_every_step_is_a_point_and_every_interval_a_knot() -> None:
    circles = tree(drawn(steps())).iter(f"{SVG}circle")
    classes = [circle.get("class") for circle in circles]
    assert classes.count(None) == NUM_STEPS
    assert classes.count("knot") == 13


def test_start_and_end_are_labelled() -> None:
    texts = [element.text for element in tree(drawn(steps())).iter(f"{SVG}text")]
    assert {"4.62", "2.05", "M43: training loss", "optimizer step"} <= set(texts)


def test_all_points_lie_inside_the_card() -> None:
    for circle in tree(drawn(steps())).iter(f"{SVG}circle"):
        if circle.get("class") != "points":
            assert 64 <= float(circle.get("cx", 0)) <= 690
            assert 64 <= float(circle.get("cy", 0)) <= 320


@pytest.mark.parametrize("losses", [[1.0] * 138, [0.0] * 138, [1e-9] * 138, [5e11] * 20, [3.0]])
def test_flat_tiny_and_short_runs_are_drawn(losses: list[float]) -> None:
    assert tree(drawn(steps(losses))).tag == f"{SVG}svg"


def test_numbers_beyond_drawing_give_no_plot_and_no_crash() -> None:
    pack = sealed(replaced(complete_pack(), steps=steps([1.7e308] * 138)))
    assert LOSS_PLOT not in render_pack(pack, ROOT, {})


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_in_a_plot_is_text(text: str) -> None:
    pack = complete_pack()
    assert pack.results is not None
    drawing = loss_plot(pack.rows(STEPS), pack.results.loss_table, text, text)
    assert drawing is not None
    assert not set("<>\"'\x1b\u202e") & set(drawing["title"] + drawing["note"])


def test_a_million_steps_make_a_small_plot() -> None:
    rows = steps() * 200
    rows = tuple(replace(row, step=i) for i, row in enumerate(rows, 1))
    drawing = loss_plot(rows, (), "t", "")
    assert drawing is not None
    assert len(drawing["points"]) <= 600


def test_one_step_that_went_astray_among_many_is_drawn() -> None:
    astray = [1.0] * 20_000
    astray[7_777], astray[15_000] = 9.0, 0.25
    picture = drawn(steps(astray))
    circles = [one for one in tree(picture).iter(f"{SVG}circle") if one.get("class") is None]
    heights = sorted({float(one.get("cy", 0)) for one in circles})
    usual = 320 - (320 - 64) / 10  # of a scale from 0 to 10
    assert heights == pytest.approx([320 - 9 * 25.6, usual, 320 - 0.25 * 25.6], abs=0.1)
    texts = [one.text for one in tree(picture).iter(f"{SVG}text")]
    assert "extremes of 67 steps" in texts
    assert "loss of a step" not in texts
    assert len(picture) < 80_000


def test_extremes_are_all_rows_or_two_of_each_stretch_in_order() -> None:
    few = steps([1.0] * 600)
    assert extremes(few) == few
    rows = steps([float((7 * i) % 1000) for i in range(1801)])
    points = extremes(rows)
    assert len(points) <= 600
    assert [row.step for row in points] == sorted({row.step for row in points})
    for first in range(0, len(rows), stretch_of(rows)):
        stretch = [row.loss for row in rows[first : first + stretch_of(rows)]]
        steps_of_it = range(first + 1, first + len(stretch) + 1)
        inside = [row.loss for row in points if row.step in steps_of_it]
        assert {min(stretch), max(stretch)} == set(inside)


@pytest.mark.parametrize(("span", "step"), [(5.2, 1), (138, 20), (0.003, 0.0005), (1.0, 0.2)])
def test_ticks_are_one_two_or_five(span: float, step: float) -> None:
    assert nice_step(span, 8 if span == 138 else 6) == pytest.approx(step)


def test_an_axis_holds_its_values() -> None:
    scale = axis(0.3, 5.2, 320, 64, grow=True)
    assert scale.low <= 0.3
    assert scale.high >= 5.2
    assert scale(scale.low) == "320.0"
    assert scale(scale.high) == "64.0"
