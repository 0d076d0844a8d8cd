"""The processor's energy counters: differences, over the place where they begin anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import limits
from evidence.capture import processor_energy
from evidence.capture.processor_energy import FIRST, NO_COUNTER, EnergyMeter
from evidence.records.availability import Unavailable


def zone(root: Path, folder: str, name: str, energy_uj: str, highest: int = 1_000_000) -> None:
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{name}\n")
    (place / "energy_uj").write_text(f"{energy_uj}\n")
    (place / "max_energy_range_uj").write_text(f"{highest}\n")


def test_what_all_packages_drew_since_the_last_sample_is_added_up(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", "100000")
    zone(tmp_path, "intel-rapl:1", "package-1", "900000")
    zone(tmp_path, "intel-rapl:2", "psys", "1")
    zone(tmp_path, "intel-rapl:0:0", "core", "1")
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", "1")
    assert meter.since_last_j(first=True) == FIRST
    zone(tmp_path, "intel-rapl:0", "package-0", "350000")
    zone(tmp_path, "intel-rapl:1", "package-1", "150000")  # it began anew behind 1,000,000
    assert meter.since_last_j(first=False) == pytest.approx(0.5)


def test_the_first_sample_of_a_worker_says_nothing_of_the_time_before_it(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", "1")
    assert meter.since_last_j(first=False) == FIRST
    assert meter.since_last_j(first=True) == FIRST
    zone(tmp_path, "intel-rapl:0", "package-0", "500001")
    assert meter.since_last_j(first=False) == 0.5


def reason_of(found: float | Unavailable) -> str:
    assert isinstance(found, Unavailable), found
    return found.reason


def test_a_counter_that_stands_still_measures_nothing_and_is_no_0(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", "0")
    zone(tmp_path, "intel-rapl:1", "package-1", "1")
    meter.since_last_j(first=True)
    zone(tmp_path, "intel-rapl:1", "package-1", "900000")
    assert "stands still" in reason_of(meter.since_last_j(first=False))


def test_a_counter_that_a_sleep_set_back_is_not_taken_for_one_that_came_around(
    tmp_path: Path,
) -> None:
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", "2000000", 262_143_328_850)
    meter.since_last_j(first=True)
    zone(tmp_path, "intel-rapl:0", "package-0", "1000", 262_143_328_850)
    assert "leapt" in reason_of(meter.since_last_j(first=False))


@pytest.mark.parametrize("text", ["", "-1", "1e6", "0x1", "9" * 30, "ä"])
def test_a_counter_that_says_no_number_is_none(tmp_path: Path, text: str) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", text)
    assert EnergyMeter(tmp_path).since_last_j(first=True) == NO_COUNTER


def test_a_machine_without_counters_or_with_others_than_before_has_a_reason(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path / "none").since_last_j(first=True) == NO_COUNTER
    assert EnergyMeter(tmp_path).since_last_j(first=True) == NO_COUNTER
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", "5")
    meter.since_last_j(first=True)
    zone(tmp_path, "intel-rapl:1", "package-1", "5")
    found = meter.since_last_j(first=False)
    assert isinstance(found, Unavailable)
    assert "not those before" in found.reason


def test_a_counter_for_root_alone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    zone(tmp_path, "intel-rapl:0", "package-0", "5")
    monkeypatch.setattr(Path, "open", refused)
    found = EnergyMeter(tmp_path).since_last_j(first=True)
    assert isinstance(found, Unavailable)
    assert "root alone" in found.reason


def test_more_than_processors_draw_in_this_time_is_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COUNTER_APART_S", 0.0)
    monkeypatch.setattr(limits, "MAX_PROCESSORS_W", 100.0)
    now_s = [0.0]
    monkeypatch.setattr(processor_energy.time, "monotonic", lambda: now_s[0])
    meter = EnergyMeter(tmp_path)
    highest = 262_143_328_850
    zone(tmp_path, "intel-rapl:0", "package-0", "1", highest)
    meter.since_last_j(first=True)
    zone(tmp_path, "intel-rapl:0", "package-0", "200000001", highest)
    now_s[0] = 2.0
    assert meter.since_last_j(first=False) == pytest.approx(200)
    zone(tmp_path, "intel-rapl:0", "package-0", "400000001", highest)
    now_s[0] = 3.9
    assert "leapt" in reason_of(meter.since_last_j(first=False))
