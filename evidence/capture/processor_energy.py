"""What the processors of a Linux machine have drawn, by the energy counters of their packages.

Responsible for Intel's RAPL, which AMD's processors have too, as the kernel shows it below
/sys/class/powercap. Most systems let only root read it (CVE-2020-8694): then there is a reason and
no number. A counter is of a whole package, whoever used it, and leaves out memory and the rest.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Final

from evidence.limits import most_processors_j
from evidence.records.availability import Unavailable

_ZONES: Final = Path("/sys/class/powercap")
_PACKAGE: Final = re.compile(r"intel-rapl:[0-9]{1,4}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_UJ_PER_J: Final = 1e6
_MAX_CHARS: Final = 64
NO_COUNTER: Final = Unavailable("this machine shows no energy counter of its processor (RAPL)")
FIRST: Final = Unavailable("the first sample has no interval behind it")
_OTHER_COUNTERS: Final = Unavailable("the energy counters of the processor are not those before")
_STANDS: Final = Unavailable("an energy counter of the processor stands still")
_LEAPT: Final = Unavailable("an energy counter of the processor leapt, as after a sleep")


class EnergyMeter:
    """Remembers the counters, since each only says what was drawn since some time long ago."""

    def __init__(self, zones: Path = _ZONES) -> None:
        self._zones = zones
        self._before: dict[str, int] = {}
        self._read_s = 0.0

    def since_last_j(self, *, first: bool) -> float | Unavailable:
        """Joules of all packages since the last call; `first`: nobody asks for those before."""
        found = self._counters()
        if isinstance(found, Unavailable):
            self._before = {}
            return found
        before, self._before = self._before, {name: now for name, (now, _) in found.items()}
        now_s = time.monotonic()
        since_s, self._read_s = now_s - self._read_s, now_s
        if first or not before:
            return FIRST
        if before.keys() != found.keys():
            return _OTHER_COUNTERS
        drawn_uj = 0
        for name, (now, highest) in found.items():
            passed = now - before[name]
            if passed == 0:  # an idle processor draws, too; some virtual machines show a 0 for good
                return _STANDS
            drawn_uj += passed if passed >= 0 else passed + highest
        drawn_j = drawn_uj / _UJ_PER_J
        return drawn_j if 0 <= drawn_j <= most_processors_j(since_s) else _LEAPT

    def _counters(self) -> dict[str, tuple[int, int]] | Unavailable:
        """Of each package its counter, and where it begins anew; in µJ."""
        try:
            folders = [one for one in self._zones.iterdir() if _PACKAGE.fullmatch(one.name)]
            return {
                folder.name: (
                    _number(folder / "energy_uj"),
                    _number(folder / "max_energy_range_uj"),
                )
                for folder in sorted(folders)
                if _text(folder / "name").startswith("package-")
            } or NO_COUNTER
        except PermissionError:
            return Unavailable("the energy counter of the processor (RAPL) is for root alone")
        except (OSError, ValueError):
            return NO_COUNTER


def _text(path: Path) -> str:
    with path.open(encoding="ascii") as stream:
        return stream.read(_MAX_CHARS).strip()


def _number(path: Path) -> int:
    text = _text(path)
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)
