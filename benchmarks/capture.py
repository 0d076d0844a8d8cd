"""Looking around at the start of a run: all probes against the slowest of them alone.

    python benchmarks/capture.py [--small] [--pairs N]

Each figure is the time of one call in a fresh process, imports not counted: a probe may keep what
it found. Every round runs each probe alone and then all of them, so that they share its weather.
"""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

from pairs import asked, machine, python

ROOT = Path(__file__).parents[1]
MILESTONE = ROOT / "milestones/M43.toml"
BAR_S = 0.5
PROBES = {
    "processor (py-cpuinfo)": "capture_cpu()",
    "GPUs (NVML)": "capture_gpus()",
    "nvidia-smi": "gpu_snapshot()",
    "packages": "capture_packages()",
    "repository": "capture_state(repository)",
    "patch": "capture_patch(repository)",
    "frozen paths": "[digest_set(root, spec) for spec in milestone.frozen]",
    "all of them": "observe_start(root, milestone)",
}
SIDE = """
import sys, time
from pathlib import Path
from evidence.capture.frozen import digest_set
from evidence.capture.git import capture_patch, capture_state
from evidence.capture.repository import open_repository
from evidence.capture.gpu import capture_gpus, gpu_snapshot
from evidence.capture.host import capture_cpu
from evidence.capture.packages import capture_packages
from evidence.milestone.parse import load_milestone
from evidence.running.observation import observe_start

root = Path(sys.argv[1])
milestone = load_milestone(Path(sys.argv[2]))[0]
repository = open_repository(root)
began_s = time.perf_counter()
{probe}
print(time.perf_counter() - began_s)
"""


def seconds(probe: str) -> float:
    """One call of a probe in a process of its own."""
    command = [python(), "-c", SIDE.replace("{probe}", probe), str(ROOT), str(MILESTONE)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print the table."""
    num_rounds = asked(__doc__, 7).pairs
    rounds = [{name: seconds(code) for name, code in PROBES.items()} for _ in range(num_rounds)]
    print(machine(), "", sep="\n")
    print("| probe | seconds (median) | spread |", "|---|---|---|", sep="\n")
    for name in PROBES:
        found = sorted(one[name] for one in rounds)
        print(f"| {name} | {statistics.median(found):.2f} | {found[0]:.2f} to {found[-1]:.2f} |")
    over = sorted(
        one["all of them"] - max(s for name, s in one.items() if name != "all of them")
        for one in rounds
    )
    print(
        f"\nAll of them, less the slowest: {statistics.median(over):.2f} s "
        f"({over[0]:.2f} to {over[-1]:.2f}; bar ≤ {BAR_S} s)"
    )


if __name__ == "__main__":
    main()
