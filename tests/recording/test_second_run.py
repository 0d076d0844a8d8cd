"""A recorded program beside its second run: what is compared, reproduced, and refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evidence.compare.compare import compare_packs
from evidence.compare.page import comparison_markdown
from evidence.errors import UsageError
from evidence.progress import Silent
from evidence.publish.index import update_index
from evidence.reproduce.reproduce import ReproduceOptions, ReproduceResult, reproduce
from evidence.running.signals import StopRequest
from evidence.self_test.self_test import self_test
from evidence.verification.verification import open_verified
from tests.recording.programs import PYTHON, Recorded, make_repository, program, record

SOURCE = """
process()
for n in range(1, 9):
    step(n, float(open("scale.txt").read()) / n)
    time.sleep(0.001 * (os.getpid() % 7))
tell("end", how="exit", steps=8)
tell("reported", what="metric", name="bleu", value=30.5)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    root = make_repository(tmp_path_factory.mktemp("second") / "project")
    name = program(root, SOURCE)[1]
    (root / "scale.txt").write_text("1.0", encoding="utf-8")
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("add", "-A"), ("commit", "-qm", "program")):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return record(root, [PYTHON, "-I", name])


def again(recorded: Recorded, **options: bool | int) -> ReproduceResult:
    asked = ReproduceOptions(project=recorded.root, **options)  # type: ignore[arg-type]
    with StopRequest() as stop:
        return reproduce(recorded.pack, asked, Silent(), stop)


def test_a_command_that_no_commit_has_is_run_only_for_who_trusts_it(recorded: Recorded) -> None:
    with pytest.raises(UsageError, match=r"train\.py") as refused:
        again(recorded)
    assert "--trust-command" in refused.value.hint
    with pytest.raises(UsageError, match="no seed"):
        again(recorded, num_seeds=3)


def test_a_program_is_run_again_from_its_commit_and_said_to_be_equal(recorded: Recorded) -> None:
    (recorded.root / "scale.txt").write_text("7.0", encoding="utf-8")  # not the commit's
    made = again(recorded, trust_command=True)
    assert (made.reached, made.record.verdict) == (True, "bitwise"), made.record.tiers
    assert made.exit_code == 0
    shutil.rmtree(made.pack)


def test_two_runs_of_one_program_are_compared_by_their_steps(recorded: Recorded) -> None:
    (recorded.root / "scale.txt").write_text("1.5", encoding="utf-8")
    other = record(recorded.root, [PYTHON, "-I", "train.py"], name="R2")
    packs = [open_verified(one.pack) for one in (recorded, other)]
    found = compare_packs(packs)
    path = found.pairs[0].trajectory
    assert (path.num_common_steps, path.first_loss_step, path.rows_are_known) == (8, 1, False)
    rows = {one.name: [value.value for value in one.values] for one in found.measures}
    assert rows["program.loss_last"] == [1 / 8, 1.5 / 8]
    assert rows["reported.bleu"] == [30.5, 30.5]
    page = comparison_markdown(found, "")
    assert "same rows" not in page
    assert "no optimizer step" not in page


def test_the_index_has_steps_and_loss_of_a_program(recorded: Recorded) -> None:
    update_index(recorded.pack.parent)
    page = (recorded.pack.parent / "README.md").read_text("utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| [R1](R1/")]
    assert "| 8 | 0.12 (last step)" in row


def test_the_self_test_tries_recorded_packs_that_completed_or_not(
    recorded: Recorded, tmp_path: Path
) -> None:
    root = make_repository(tmp_path / "project")
    failed = record(root, [PYTHON, "-I", program(root, "process()\nstep(1)\nsys.exit(3)\n")[1]])
    for one in (recorded, failed):
        tried = self_test(one.pack)
        assert [trial for trial in tried.trials if trial.outcome == "missed"] == []
        assert tried.exit_code == 0
