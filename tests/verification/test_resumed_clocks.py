"""Laws of the clocks of a run that was killed and went on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.fields.packs import PACKS
from tests.shared import made_once


@pytest.fixture
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, "fields-resumed", PACKS["resumed"])
    return made


def of_segment(segment: int, seconds: float) -> Callable[[ForgedPack], None]:
    """Steps of a segment that ended so much later, all of them."""

    def edit(pack: ForgedPack) -> None:
        for row in pack.rows(layout.METRICS):
            if row["segment"] == segment:
                row["elapsed_s"] += seconds

    return edit


def samples(*seconds: float) -> Callable[[ForgedPack], None]:
    """As many samples of the last stage as there are numbers, at these times."""

    def edit(pack: ForgedPack) -> None:
        rows = pack.rows(layout.TELEMETRY)
        rows[:] = [{**rows[-1], "elapsed_s": one} for one in seconds]

    return edit


def judged(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> dict[str, str]:
    bench = Bench(pack, folder)
    forged = ForgedPack(bench)
    edit(forged)
    bench.put(forged.seal().all_bytes())
    report = verify_pack(bench.pack)
    warned = {one.check: "warned" for one in report.findings if one.severity == "warning"}
    return {**warned, **{one.id: one.outcome for one in report.checks if one.outcome == "fail"}}


@pytest.mark.parametrize("segment", [1, 2])
def test_no_step_ends_behind_the_checkpoint_of_it(
    segment: int, resumed: Path, tmp_path: Path
) -> None:
    assert judged(resumed, tmp_path / "a", lambda _: None) == {}
    found = judged(resumed, tmp_path / "b", of_segment(segment, 50.0))
    assert found["step-times"] == "fail"


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        ((0.1, 0.2), None),
        ((0.1, 30.0, 0.2), None),  # the process that was killed worked on behind its last event
        ((0.1, 0.3, 0.2, 0.1), "fail"),
        ((0.3, 0.2, 30.0), "fail"),
        ((0.1, 30.0), "warned"),
    ],
)
def test_samples_go_back_once_for_each_time_that_a_run_went_on(
    seconds: tuple[float, ...], wanted: str | None, resumed: Path, tmp_path: Path
) -> None:
    found = judged(resumed, tmp_path, samples(*seconds))
    assert found.get("telemetry") == wanted
