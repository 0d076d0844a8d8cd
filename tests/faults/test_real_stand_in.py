"""C2, C10 with the real stand-in: PyTorch trains M43's tiny Gemma, is killed, and goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from evidence import layout
from evidence.verification.verification import verify_pack
from tests.faults.runs import REPOSITORY
from tests.project import rows

NUM_REPETITIONS = 10
NUM_STEPS = 138
LIMIT_S = 900

pytestmark = [pytest.mark.torch, pytest.mark.exhaustive]


@dataclass(frozen=True, slots=True)
class Runs:
    """A folder of packs for the project's own M43."""

    folder: Path

    @property
    def pack(self) -> Path:
        return layout.pack_dir(self.folder, "M43")

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "evidence", "run", "M43", "--runs", str(self.folder)]
        return subprocess.Popen(
            [*command, *options],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_at(self, process: subprocess.Popen[bytes], step: int) -> None:
        """SIGKILL for the supervisor once a step is on disk, or as it ends before."""
        until_s = time.monotonic() + LIMIT_S
        while process.poll() is None and self.last_step() < step:
            assert time.monotonic() < until_s
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL

    def last_step(self) -> int:
        """The last step whose row is on disk."""
        work = layout.work_dir(self.folder, "M43")
        counts = [
            path.read_bytes().count(b"\n") for path in work.glob(f"attempt-*/{layout.METRICS}")
        ]
        return max(counts, default=0)

    def digests(self) -> tuple[str, str]:
        """Of the weights and of the whole outcome."""
        sums = (self.pack / layout.SUMS).read_text("ascii")
        weights = f"{layout.FINAL_MODEL}/model.safetensors"
        line = next(line for line in sums.splitlines() if line.endswith(f"  {weights}"))
        manifest = json.loads((self.pack / layout.MANIFEST).read_bytes())
        return line.split()[0], manifest["outcome_sha256"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    runs = Runs(tmp_path_factory.mktemp("uninterrupted") / "runs")
    assert runs.start("--attempt", "stand-in").wait(LIMIT_S) == 0
    return runs.digests()


@pytest.mark.parametrize("number", range(NUM_REPETITIONS))
def test_a_real_run_killed_at_random_steps_ends_with_the_very_same_weights(
    number: int, uninterrupted: tuple[str, str], tmp_path: Path
) -> None:
    """C2, C10: every other one is killed twice; once between two checkpoints, once later."""
    random, runs = Random(number), Runs(tmp_path / "runs")
    steps = sorted(random.sample(range(1, NUM_STEPS), 1 + number % 2))
    options: tuple[str, ...] = ("--attempt", "stand-in")
    for step in steps:
        runs.kill_at(runs.start(*options), step)
        assert verify_pack(runs.pack).exit == 4
        options = ("--resume",)
    assert runs.start(*options).wait(LIMIT_S) == 0
    assert verify_pack(runs.pack).exit == 0
    assert [row["step"] for row in rows(runs.pack / layout.METRICS)] == [*range(1, NUM_STEPS + 1)]
    assert runs.digests() == uninterrupted
