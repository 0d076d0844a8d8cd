"""What a pack says of checkpoints kept beside it: agreed with, or found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lies import milestone
from toy import toy, write
from toy_kept import NOT_KEPT, STEP, kept_toy

from evidence import layout
from evidence.pack import kept
from evidence.records.inputs import FileDigest
from evidence.self_test.forger import ForgedPack
from evidence.verification.report import Report
from evidence.verification.verification import verify_pack

CHECK = "kept-checkpoints"


def judged(made: ForgedPack, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", made.seal().all_bytes()))


def outcomes(made: ForgedPack, folder: Path) -> dict[str, str]:
    return {one.id: one.outcome for one in judged(made, folder).checks}


def facts(made: ForgedPack) -> dict[str, Any]:
    (event,) = [one for one in made.docs[layout.JOURNAL] if one["event"] == kept.EVENT]
    data: dict[str, Any] = event["data"]
    return data


def test_an_honest_pack_passes_and_its_summary_names_the_checkpoint_by_its_digest(
    tmp_path: Path,
) -> None:
    made = kept_toy()
    found = outcomes(made, tmp_path)
    assert found[CHECK] == "pass"
    assert "fail" not in found.values()
    summary = (tmp_path / "M90/m90_summary.md").read_text("utf-8")
    (one,) = facts(made)["kept"]
    assert f"step-{STEP}-{one['sha256'][:12]}" in summary
    assert f"after step {NOT_KEPT} is not kept" in " ".join(summary.split())


def test_a_pack_that_asks_for_none_and_tells_of_none_is_not_asked(tmp_path: Path) -> None:
    assert CHECK not in outcomes(toy(), tmp_path)


def _first(key: str, value: Any) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        facts(made)["kept"][0][key] = value

    return lie


def _without(made: ForgedPack) -> None:
    events = made.docs[layout.JOURNAL]
    made.docs[layout.JOURNAL] = [one for one in events if one["event"] != kept.EVENT]


def _one_less(made: ForgedPack) -> None:
    del facts(made)["not_kept"][0]


def _another_not_kept(made: ForgedPack) -> None:
    facts(made)["not_kept"][0]["step"] += 1


def _twice(made: ForgedPack) -> None:
    facts(made)["kept"].append(dict(facts(made)["kept"][0]))


def _both(made: ForgedPack) -> None:
    facts(made)["not_kept"].insert(0, {"step": STEP, "reason": "It is not."})


def _never_written(made: ForgedPack) -> None:
    told = facts(made)
    told["kept"].append(dict(told["kept"][0]) | {"step": NOT_KEPT})
    told["not_kept"].clear()


@pytest.mark.parametrize(
    "lie",
    [
        _first("sha256", "0" * 64),
        _first("size_bytes", 1),
        _first("step", STEP + 1),
        _without,
        _one_less,
        _another_not_kept,
        _twice,
        _both,
        _never_written,
        milestone("keep_checkpoints = ", "# "),
    ],
)
def test_a_lie_about_what_was_kept_is_found(
    lie: Callable[[ForgedPack], None], tmp_path: Path
) -> None:
    made = kept_toy()
    lie(made)
    assert outcomes(made, tmp_path)[CHECK] == "fail"


def test_other_files_of_the_checkpoint_make_another_digest(tmp_path: Path) -> None:
    made = kept_toy()
    (event,) = [one for one in made.docs[layout.JOURNAL] if one["event"] == "checkpoint"]
    event["data"]["files"][0]["sha256"] = "2" * 64
    assert outcomes(made, tmp_path)[CHECK] == "fail"


def test_it_stands_behind_what_was_captured_at_the_end(tmp_path: Path) -> None:
    made = kept_toy()
    events = made.docs[layout.JOURNAL]
    place = next(n for n, one in enumerate(events) if one["event"] == kept.EVENT)
    events.insert(1, events.pop(place))
    assert outcomes(made, tmp_path)["journal-order"] == "fail"


def test_the_digest_is_of_every_file_in_whatever_order_they_are_named() -> None:
    files = (FileDigest("a", "1" * 64, 1), FileDigest("b", "2" * 64, 2))
    assert kept.digest_of(files) == kept.digest_of(reversed(files))
    assert kept.digest_of(files[:1]) != kept.digest_of(files)
