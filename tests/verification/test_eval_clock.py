"""How long an evaluation took, against the journal's clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from lies import milestone
from toy import toy, write

from evidence import layout
from evidence.verification.verification import verify_pack


def said(folder: Path, passed_s: float, runtime_s: float, utc: str = "") -> set[tuple[str, str]]:
    """Of the toy whose evaluation ended so late, and says that it took so long."""
    made = toy()
    events = made.docs[layout.JOURNAL]
    finished = made.event("stage-finished", stage="eval")
    begun = made.event("stage-started", stage="eval")
    later_s = begun["monotonic_s"] + 0.2 + passed_s - finished["monotonic_s"]
    for event in events[events.index(finished) :]:
        event["monotonic_s"] += later_s
    finished["data"] |= {"runtime_s": runtime_s, "duration_s": 0.2 + passed_s}
    finished["utc"] = utc or finished["utc"]
    made.event("attempt-finished", number=2)["data"]["duration_s"] += later_s
    pack = write(folder / "M90", made.seal().all_bytes())
    return {(one.check, one.severity) for one in verify_pack(pack).findings if "time" in one.check}


@pytest.mark.parametrize(
    ("passed_s", "runtime_s", "severity"),
    [
        (0.7, 0.4, None),
        (25.0, 2.5, None),  # ten times as fast, and within what a worker takes to end
        (400.0, 390.0, None),
        (400.0, 40.0, "warning"),
        (4000.0, 10.0, "error"),
    ],
)
def test_an_evaluation_takes_about_what_the_journal_leaves_it(
    passed_s: float, runtime_s: float, severity: str | None, tmp_path: Path
) -> None:
    wanted = set() if severity is None else {("eval-loop-time", severity)}
    assert said(tmp_path, passed_s, runtime_s) == wanted


def test_a_wall_clock_that_shows_no_day_denies_no_pause(tmp_path: Path) -> None:
    found = said(tmp_path, 4000.0, 10.0, utc="2026-01-99T00:00:00.000000Z")
    assert ("eval-loop-time", "warning") in found


def test_answers_without_a_token_took_time_too(tmp_path: Path) -> None:
    """The model was asked for each of them, and ended it at once."""
    made = toy()
    milestone('backend = "stub"', 'backend = "transformers"')(made)
    for row in made.rows(layout.PREDICTIONS):
        row |= {"num_output_tokens": 0, "finish_reason": "eos"}
    made.event("stage-finished", stage="eval")["data"]["runtime_s"] = 1e-9
    pack = write(tmp_path / "M90", made.seal().all_bytes())
    assert "eval-time" in {one.check for one in verify_pack(pack).findings}
