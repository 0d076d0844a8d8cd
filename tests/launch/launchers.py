"""`evidence run` as launchers start it: once for each process, with variables that tell them apart.

Responsible for torchrun itself, and for what Slurm's srun would say: there is no Slurm here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ELSEWHERE: Final = """
import os, platform
if os.environ.get("TOLD_HOST"):
    platform.node = lambda: os.environ["TOLD_HOST"]
"""
"""What a Python that starts is made to believe: that its machine has another name."""


def evidence(*words: str) -> list[str]:
    """The command."""
    return [sys.executable, "-m", "evidence", *words]


def torchrun(folder: Path, *words: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """`torchrun -m evidence run L2` to its end."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    return subprocess.run(
        [*command, "-m", "evidence", "run", "L2", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env=_plain(),
    )


class Srun:
    """`srun evidence run L2`: each task a process of its own, on a machine of its own name."""

    def __init__(
        self, folder: Path, *words: str, tasks: int = 2, hosts: tuple[str, ...] = (), job: str = "7"
    ) -> None:
        self.tasks: list[subprocess.Popen[str]] = []
        self._hosts = folder.parent / "hosts"
        self._hosts.mkdir(exist_ok=True)
        (self._hosts / "sitecustomize.py").write_text(ELSEWHERE)
        for rank in range(tasks):
            told = {
                "SLURM_JOB_ID": job,
                "SLURM_STEP_ID": "0",
                "SLURM_NTASKS": str(tasks),
                "SLURM_STEP_NUM_TASKS": str(tasks),
                "SLURM_PROCID": str(rank),
                "SLURM_LOCALID": "0" if hosts else str(rank),
            }
            if hosts:
                told |= {"TOLD_HOST": hosts[rank], "PYTHONPATH": str(self._hosts)}
            process = subprocess.Popen(
                evidence("run", "L2", *words),
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**_plain(), **told},
            )
            self.tasks.append(process)

    def ended(self, timeout_s: float = 200) -> list[tuple[int, str]]:
        """Status and output of each task."""
        try:
            said = [task.communicate(timeout=timeout_s)[0] for task in self.tasks]
        finally:
            for task in self.tasks:
                task.kill()
        return [(task.returncode, text) for task, text in zip(self.tasks, said, strict=True)]


def wait_until(holds: Callable[[], object], timeout_s: float = 100) -> None:
    """Return once it holds."""
    until_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def _plain() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}
