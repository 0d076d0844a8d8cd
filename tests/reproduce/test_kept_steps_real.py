"""The real thing: a real model goes on from a kept checkpoint to the same losses and weights."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.pack import kept
from evidence.records.inputs import FileDigest
from evidence.records.run import KeptCheckpoint
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.reproduce.test_real_stand_in import (
    CHECKPOINT,
    LIMIT_S,
    NUM_STEPS,
    evidence,
    project,
)

__all__ = ["project"]
pytestmark = [pytest.mark.torch, pytest.mark.full]


@dataclass
class Hostile:
    """Makes a folder when it is unpickled."""

    path: str

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def ran_with_kept(project: Project, steps: str) -> None:
    """M43's stand-in, run with these checkpoints kept."""
    path = project.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    assert "\n[publish]\n" in text
    keep = f"\n[publish]\nkeep_checkpoints = [{steps}]\n"
    path.write_text(text.replace("\n[publish]\n", keep), "utf-8")
    project.git("commit", "-qam", "checkpoints are kept")
    first = evidence(project.root, "run", "M43", "--attempt", "stand-in")
    _, printed = first.communicate(timeout=LIMIT_S)
    assert first.returncode == 0, printed.decode()[-1500:]


def test_a_real_model_goes_on_from_a_kept_checkpoint_to_the_same_weights(project: Project) -> None:
    last = NUM_STEPS - CHECKPOINT
    ran_with_kept(project, f"{CHECKPOINT}, {last}")
    found = list((project.runs / layout.CHECKPOINTS_KEPT / "M43").iterdir())
    assert {one.name.rpartition("-")[0] for one in found} == {f"step-{CHECKPOINT}", f"step-{last}"}
    assert all((one / "optimizer.pt").is_file() for one in found)
    for begin, end, weights in (
        (CHECKPOINT, CHECKPOINT + 2, b""),
        (CHECKPOINT, 2 * CHECKPOINT, b" and the same weights"),
        (last, NUM_STEPS, b" and the same weights"),
    ):
        again = evidence(project.root, "reproduce", "runs/M43", "--steps", f"{begin}:{end}")
        said, printed = again.communicate(timeout=LIMIT_S)
        assert again.returncode == 0, (said, printed)
        count = f"{end - begin} of {NUM_STEPS} steps ({begin + 1} to {end})"
        assert f"REPLAYED  {count} to the same losses".encode() + weights + b"\n" in said
    assert b"the final model: the same" in said


def test_a_hostile_pickle_in_somebody_elses_checkpoint_runs_nothing(
    project: Project, tmp_path: Path
) -> None:
    """Its maker can name any bytes in a journal of his own: only how it is read keeps it out."""
    ran_with_kept(project, f"{CHECKPOINT}")
    (place,) = (project.runs / layout.CHECKPOINTS_KEPT / "M43").iterdir()
    sentinel = tmp_path / "it was run"
    for name in ("optimizer.pt", "rng_state.pth", "scheduler.pt"):
        theirs = tmp_path / name
        bench = Bench(project.runs / "M43", theirs)
        made = ForgedPack(bench)
        pickled = pickle.dumps(Hostile(str(sentinel)))
        event = made.event("checkpoint", step=CHECKPOINT)
        for one in event["data"]["files"]:
            if one["path"] == name:
                one |= {"sha256": sha256_hex(pickled), "size_bytes": len(pickled)}
        files = decode(tuple[FileDigest, ...], event["data"]["files"])
        size_bytes = sum(one.size_bytes for one in files)
        own = KeptCheckpoint(CHECKPOINT, kept.digest_of(files), size_bytes)
        made.event(kept.EVENT)["data"]["kept"] = [encode(own)]
        bench.put(made.seal().all_bytes())
        assert verify_pack(bench.pack).exit == 0
        there = kept.folder_of(bench.pack.parent, "M43", own)
        shutil.copytree(place, there)
        (there / name).write_bytes(pickled)
        again = evidence(
            project.root, "reproduce", str(bench.pack), "--steps", f"{CHECKPOINT}:{CHECKPOINT + 1}"
        )
        said, printed = again.communicate(timeout=LIMIT_S)
        assert again.returncode == 1, (said, printed)
        assert b"NOT REPLAYED" in said
        assert b"eights" in said + printed  # torch names weights_only
        assert not sentinel.exists()
    pickle.loads(pickled)  # noqa: S301 - that it would
    assert sentinel.exists()
