"""Laws of a replay from a kept checkpoint: it begins there, and opens only what was recorded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evidence import layout
from evidence.cli.reproduce import command
from evidence.cli.steps import told
from evidence.errors import ExitCode, UsageError
from evidence.progress import Silent
from evidence.reproduce.kept import LOADED
from evidence.reproduce.steps import Replay, replay
from evidence.running.signals import StopRequest
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.reproduce.rerun import state

KEPT = 4


@pytest.fixture
def kept(project: Project) -> Project:
    """A run that kept the checkpoint of its fourth step."""
    asks(project, f"[{KEPT}]")
    assert project.run().exit_code is ExitCode.DONE
    return project


def asks(project: Project, steps: str) -> None:
    """The milestone wants checkpoints kept, and is committed so."""
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 2")
    project.edit("[narrative]", f"[publish]\nkeep_checkpoints = {steps}\n\n[narrative]")
    project.git("commit", "-qam", "checkpoints are kept")


def folder(project: Project, step: int = KEPT) -> Path:
    (found,) = (project.runs / layout.CHECKPOINTS_KEPT / "T1").glob(f"step-{step}-*")
    return found


def replayed(project: Project, begin: int, last: int, pack: Path | None = None) -> Replay:
    with StopRequest() as stop:
        return replay(pack or project.pack, project.root.resolve(), (begin, last), Silent(), stop)


def total(project: Project) -> int:
    return len((project.pack / layout.METRICS).read_bytes().splitlines())


def test_steps_behind_a_kept_checkpoint_come_out_the_same_and_nothing_is_left(
    kept: Project, temporary: Path
) -> None:
    before = state(kept, temporary)
    found = replayed(kept, KEPT, KEPT + 3)
    assert (found.closeness, found.num_steps, found.largest_difference) == ("same", 3, 0.0)
    assert (found.begins_after, found.last) == (KEPT, KEPT + 3)
    after = state(kept, temporary)
    assert {key for key in before if before[key] != after[key]} <= {"administration"}


def forged(project: Project, place: Path, edit: Callable[[ForgedPack], object]) -> Path:
    bench = Bench(project.pack, place / "runs")
    made = ForgedPack(bench)
    edit(made)
    bench.put(made.seal().all_bytes())
    assert verify_pack(bench.pack).exit == 0
    return bench.pack


def test_a_forged_loss_behind_the_checkpoint_is_found_and_one_before_it_is_not(
    kept: Project, tmp_path: Path
) -> None:
    def lie(step: int) -> Callable[[ForgedPack], None]:
        def edit(pack: ForgedPack) -> None:
            pack.rows(layout.METRICS)[step - 1]["loss"] *= 1.01

        return edit

    pack = forged(kept, tmp_path / "a", lie(KEPT + 2))
    assert f"the loss of step {KEPT + 2} is another" in replayed(kept, KEPT, KEPT + 3, pack).reason
    pack = forged(kept, tmp_path / "b", lie(KEPT - 2))
    assert replayed(kept, KEPT, KEPT + 3, pack).closeness == "same"


def test_the_steps_to_the_last_one_end_with_the_final_model(kept: Project) -> None:
    found = replayed(kept, KEPT, total(kept))
    assert (found.closeness, found.weights_step, found.same_weights) == ("same", total(kept), True)
    assert found.num_after == 0
    lines = [line for line, _ in told(found)]
    assert lines[0].endswith("to the same losses and the same weights")
    assert "the final model: the same" in "".join(lines)


def test_the_first_steps_need_no_checkpoint_and_take_none(kept: Project) -> None:
    shutil.rmtree(kept.runs / layout.CHECKPOINTS_KEPT)
    assert replayed(kept, 0, 3).begins_after == 0


def test_a_checkpoint_of_other_bytes_is_never_opened(kept: Project, tmp_path: Path) -> None:
    (path,) = folder(kept).iterdir()
    whole = path.read_bytes()
    edited = whole.replace(b"1", b"2", 1)
    for data in (whole + b" ", edited):
        path.write_bytes(data)
        with pytest.raises(UsageError, match="is not the one that the journal names") as caught:
            replayed(kept, KEPT, KEPT + 1)
        assert "not opened" in caught.value.hint
    path.unlink()
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(whole)
    path.symlink_to(elsewhere)
    with pytest.raises(UsageError):
        replayed(kept, KEPT, KEPT + 1)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UsageError):
        replayed(kept, KEPT, KEPT + 1)


def test_what_is_not_there_any_more_is_said_with_where_it_belongs(
    kept: Project, temporary: Path
) -> None:
    place = folder(kept)
    shutil.rmtree(place)
    before = state(kept, temporary)
    with pytest.raises(UsageError, match="is not here: there is no") as caught:
        replayed(kept, KEPT, KEPT + 1)
    assert place.name in str(caught.value)
    assert "Put the folder there" in caught.value.hint
    after = state(kept, temporary)
    assert {key for key in before if before[key] != after[key]} <= {"administration"}


def test_a_step_of_which_none_was_kept_is_refused_with_those_that_were(kept: Project) -> None:
    with pytest.raises(UsageError, match="no checkpoint after step 2 was kept") as caught:
        replayed(kept, 2, 7)
    assert f"--steps 1:7, --steps {KEPT}:7" in caught.value.hint


def test_a_pack_in_the_archive_finds_its_own_checkpoint(kept: Project) -> None:
    kept.edit("seed = 7", "seed = 8")
    kept.git("commit", "-qam", "another seed")
    kept.run(again=True)
    (old,) = (kept.runs / layout.ARCHIVE).iterdir()
    assert len(list((kept.runs / layout.CHECKPOINTS_KEPT / "T1").iterdir())) == 2
    assert replayed(kept, KEPT, KEPT + 2, old).closeness == "same"
    assert replayed(kept, KEPT, KEPT + 2).closeness == "same"


def test_a_pack_and_its_checkpoint_may_lie_elsewhere(kept: Project, tmp_path: Path) -> None:
    there = tmp_path / "theirs"
    there.mkdir()
    shutil.move(kept.pack, there / "T1")
    shutil.move(kept.runs / layout.CHECKPOINTS_KEPT, there / layout.CHECKPOINTS_KEPT)
    assert replayed(kept, KEPT, KEPT + 2, there / "T1").closeness == "same"


def test_other_rounding_behind_a_checkpoint_begins_as_small_as_behind_the_base(
    kept: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "shift", "by": 1e-7}))
    assert replayed(kept, KEPT, KEPT + 3).closeness == "rounding"
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "shift", "by": 1e-4}))
    assert replayed(kept, KEPT, KEPT + 3).closeness == "otherwise"


def test_a_whole_reproduction_keeps_none_of_its_own_and_says_so(kept: Project) -> None:
    from tests.reproduce.rerun import rerun

    made = rerun(kept).pack
    events = [json.loads(line) for line in (made / layout.JOURNAL).read_bytes().splitlines()]
    (event,) = [one for one in events if one["event"] == "checkpoints-kept"]
    assert event["data"]["kept"] == []
    assert "makes another one anew" in event["data"]["not_kept"][0]["reason"]
    assert len(list((kept.runs / layout.CHECKPOINTS_KEPT).glob("*/*"))) == 1


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Replay("same", 3, 20, 0.0, "", None, False, 10, 7), "3 of 20 steps (11 to 13) to the"),
        (Replay("otherwise", 0, 20, 0.0, "it died", None, False, 10, 7), "0 of 20 steps: it died"),
    ],
)
def test_what_it_begins_from_is_said_with_what_it_does_not_prove(found: Any, said: str) -> None:
    lines = [line for line, _ in told(found)]
    assert said in lines[0]
    assert "begun from   the checkpoint after step 10" in lines[1]
    assert "that the first 10 steps led to this checkpoint" in lines[-2]
    assert "anything of the 7 later steps" in lines[-1]


def test_the_command_says_it(kept: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept.root)
    done = CliRunner().invoke(command, ["runs/T1", "--steps", f"{KEPT}:{KEPT + 2}"])
    assert done.exit_code == 0, done.output
    assert (
        f"REPLAYED  2 of {total(kept)} steps ({KEPT + 1} to {KEPT + 2}) to the same" in done.output
    )


def test_no_pickle_is_taken_along_but_those_that_are_read_as_tensors() -> None:
    assert {name for name in LOADED if not name.startswith("*")} == {
        *("optimizer.pt", "scheduler.pt", "rng_state.pth", "best_weights.pt")
    }
