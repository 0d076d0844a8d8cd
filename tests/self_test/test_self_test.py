"""Laws of the self-test: it catches what verify claims, tells the rest, and touches nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from evidence import layout
from evidence.cli.verify import command
from evidence.errors import ExitCode, PackBrokenError
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.self_test.forgeries import FORGERIES
from evidence.self_test.programs import PROGRAM_FORGERIES
from evidence.self_test.self_test import SelfTest, self_test
from evidence.self_test.tamperings import tamperings
from evidence.stages.registry import schema_for
from evidence.verification.consistency.registry import registered
from evidence.verification.verification import verify_pack
from tests.project import JAX, Project, make_project
from tests.shared import made_once

NOT_IN_THIS_PACK = {
    "choice", "torch", "gpu", "stream-between", "gpu-build", "no-framework", "unlisted-framework",
    "interop-threads", "eval-in-no-time", "training-log-line", "eval-log-line",
    "seam", "reports-left-out", "log-cut-away", "vocabulary", "page-in-a-line",
    "adapter-base", "adapter-layer", "adapter-rank",
    "tensor-moved", "weights-start", "logits", "prompt-tokens", "programs", "jax", "interpreter",
}  # fmt: skip
"""What a stub in a small project lacks: a framework, the lines and times of our own backend, and a
step that was not recorded."""


def make_pack(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        project = make_project(folder / "project")
        jax = f'{JAX}\n[[attempt]]\nname = "stub"'
        project.edit('[[attempt]]\nname = "stub"', jax)
        project.run()
    return project.pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed pack with a failed attempt, a gate and a promise."""
    return made_once(tmp_path_factory, "to-be-forged", make_pack)


@pytest.fixture(scope="module")
def result(pack: Path, tmp_path_factory: pytest.TempPathFactory) -> SelfTest:
    def test(_: Path) -> SelfTest:
        before = snapshot(pack)
        done = self_test(pack)
        assert snapshot(pack) == before
        return done

    return made_once(tmp_path_factory, "self-test", test)


def snapshot(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_all_that_verify_claims_to_catch_is_caught(result: SelfTest) -> None:
    missed = [trial for trial in result.trials if trial.outcome == "missed"]
    assert missed == []
    assert result.exit_code == ExitCode.DONE


def test_almost_nothing_is_left_untried(result: SelfTest) -> None:
    untried = {trial.id for trial in result.trials if trial.outcome == "not-tried"}
    assert untried <= NOT_IN_THIS_PACK


def test_what_only_a_signature_can_tell_is_told_apart_and_found_by_its_digest(
    result: SelfTest,
) -> None:
    trials = [one for one in result.of("signature-only") if one.outcome != "not-tried"]
    assert len(trials) >= 8
    assert {trial.outcome for trial in trials} == {"caught"}
    assert {trial.answer for trial in trials} == {"INTACT without --expect"}


def test_every_file_is_flipped_and_broken_in_one_more_way(pack: Path, result: SelfTest) -> None:
    names = {p.relative_to(pack).as_posix() for p in pack.rglob("*") if p.is_file()}
    broken = [trial.id.partition(":")[2] for trial in result.of("tampering")]
    assert all(broken.count(name) == 2 for name in names)


def test_there_are_forty_forgeries_and_each_id_is_one(result: SelfTest) -> None:
    ids = [trial.id for trial in result.trials]
    assert len(ids) == len(set(ids))
    assert len([one for one in FORGERIES if one.checks]) >= 40


def test_every_consistency_check_that_can_fail_is_tried() -> None:
    warn_only = {"prediction-degenerate", "seen-truncation"}
    needs_another_pack = {"journal-recoveries", "status-files", "stage-data", "probe", "threads"}
    needs_another_pack |= {"damaged-files", "generation", "training-execution", "training-own-loss"}
    needs_another_pack |= {"attempt-evidence", "telemetry-there", "special-tokens", "loop-time"}
    needs_another_pack |= {"eval-loop-time", "set-aside"}
    needs_another_pack |= {"snapshots", "attempt-left"}  # each field of each document: tests/fields
    warn_only |= {"program-taught"}  # an error too, where the milestone declares: tests/recording
    needs_another_pack |= {"attempt-missing", "attempt-ends", "git-inputs", "machine-limits"}
    needs_another_pack |= {"worker-python", "ranks", "ranks-alike", "ranks-machine"}  # tests/launch
    needs_another_pack |= {"arms", "pairs", "ancestors"}  # tests/comparisons
    needs_another_pack |= {"telemetry-stages"}  # a stage of minutes; tests/verification
    needs_another_pack |= {"across-stages", "stage-weights", "stage-probes"}  # tests/comparisons
    needs_another_pack |= {"prediction-under-test", "validation"}
    needs_another_pack |= {"kept-checkpoints"}  # tests/verification/test_kept
    needs_another_pack |= {"functions", "function-scores"}  # tests/running/test_functions
    needs_another_pack |= {"commitments"}  # tests/disclose
    tried = {check for one in (*FORGERIES, *PROGRAM_FORGERIES) for check in one.checks}
    assert {one.rule.id for one in registered()} <= tried | warn_only | needs_another_pack


def test_the_bench_is_mended_after_each_trial(pack: Path, tmp_path: Path) -> None:
    bench = Bench(pack, tmp_path)
    before = {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()}
    for one in list(tamperings(bench))[::4]:
        with bench.restored():
            one.apply(bench)
        assert {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()} == before, one.id
    assert verify_pack(bench.pack).exit_code == 0


def test_sealing_again_without_a_lie_gives_the_very_same_pack(pack: Path, tmp_path: Path) -> None:
    """So whatever verify says to a forgery, it says to the lie and not to clumsy sealing."""
    bench = Bench(pack, tmp_path)
    before = {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()}
    sealed = ForgedPack(bench)
    for path in bench.digests:
        if schema_for(path) is not None:
            sealed.doc(path)
    bench.put(sealed.seal().all_bytes())
    assert {p: p.read_bytes() for p in bench.pack.rglob("*") if p.is_file()} == before


def test_a_verify_that_sees_nothing_is_found_out(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = verify_pack(pack)
    monkeypatch.setattr("evidence.self_test.self_test.verify_pack", lambda *_: report)
    blind = self_test(pack)
    assert blind.exit_code == ExitCode.FINDINGS
    assert {trial.outcome for trial in blind.trials} <= {"missed", "not-tried"}


def test_a_broken_pack_shows_nothing_by_being_broken(pack: Path, tmp_path: Path) -> None:
    broken = tmp_path / "T1"
    shutil.copytree(pack, broken)
    (broken / layout.METRICS).write_bytes(b"")
    with pytest.raises(PackBrokenError, match="not intact"):
        self_test(broken)


def test_a_failed_pack_can_be_tested_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    order = {"stage": "train", "at": 4, "do": "raise"}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    project.run()
    done = self_test(project.pack)
    assert [trial for trial in done.trials if trial.outcome == "missed"] == []


def test_the_command_prints_a_table_and_ends_in_zero(
    pack: Path, result: SelfTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.self_test.self_test.self_test", lambda _: result)
    done = CliRunner().invoke(command, ["--self-test", str(pack)])
    assert done.exit_code == 0, done.output
    assert "What only a signature can tell" in done.output
    assert "verify caught everything it claims to catch" in done.output
    assert "\x1b" not in done.output
