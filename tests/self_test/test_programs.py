"""Every lie about a recorded program that verify claims to find is found, in one of two packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.self_test.bench import Bench
from evidence.self_test.forger import NotPossibleError
from evidence.self_test.forgeries import Forgery
from evidence.self_test.programs import PROGRAM_FORGERIES, is_recorded
from evidence.verification.verification import verify_pack
from tests.fields.packs import PACKS
from tests.packs.case import GOLDEN
from tests.recording.programs import PYTHON, make_repository, record
from tests.shared import made_once

NAMES = ("recorded", "recorded-resumed")


def silent(folder: Path) -> Path:
    """The pack of a program that tells nothing."""
    return record(make_repository(folder / "project"), [PYTHON, "-I", "-c", "print(1)"]).pack


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    made = [made_once(tmp_path_factory, f"fields-{name}", PACKS[name]) for name in NAMES]
    return [*made, made_once(tmp_path_factory, "silent-program", silent)]


@pytest.mark.parametrize("lie", PROGRAM_FORGERIES, ids=lambda lie: lie.id)
def test_a_lie_is_found_by_one_of_its_checks(
    lie: Forgery, packs: list[Path], tmp_path: Path
) -> None:
    tried = 0
    for number, pack in enumerate(packs):
        bench = Bench(pack, tmp_path / str(number))
        try:
            lie.apply(bench)
        except NotPossibleError:
            continue
        tried += 1
        report = verify_pack(bench.pack)
        failed = {one.id for one in report.checks if one.outcome == "fail"}
        asked = {one.id for one in report.checks if one.outcome != "not_checked"}
        assert failed & set(lie.checks) or not asked & set(lie.checks), (pack, report.findings)
    assert tried


def test_there_are_forty_and_no_other_pack_is_asked_for_them(tmp_path: Path) -> None:
    assert len(PROGRAM_FORGERIES) >= 39
    assert len({one.id for one in PROGRAM_FORGERIES}) == len(PROGRAM_FORGERIES)
    assert not is_recorded(Bench(GOLDEN / "v1" / "complete" / "M90", tmp_path))
