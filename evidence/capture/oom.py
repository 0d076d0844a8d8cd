"""How often the kernel has killed a process for want of memory.

Responsible for one counter. It tells such a kill from any other SIGKILL, which leave the same exit
status.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

COUNTERS: Final = Path("/proc/vmstat")
"""Linux counts machine-wide, kills in a container's own memory limit included."""
_KILLS: Final = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def count_oom_kills() -> int:
    """Kills since the machine started; 0 where the system does not count them."""
    try:
        found = _KILLS.search(COUNTERS.read_text("ascii", "replace"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
