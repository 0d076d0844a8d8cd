"""Laws on lies that are consistent in their hashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from forgeries import FORGERIES, Forgery, forged
from packs.addresses import astray
from packs.approved import lines, of_forgery
from toy import toy, write

from evidence.encoding.codec import encode
from evidence.self_test.forgeries import STORIES
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack

IN_WHOLE_STORIES = {check for one in STORIES for check in one.checks} | {
    "attempt-evidence", "loop-time", "telemetry-there", "special-tokens", "snapshots",
    "attempt-left", "attempt-missing", "attempt-ends", "git-inputs", "machine-limits",
}  # fmt: skip
"""By the self-test's stories (test_stories), and by each field (tests/fields)."""
ONLY_A_SIGNATURE = [forgery for forgery in FORGERIES if forgery.check is None]
CAUGHT = [forgery for forgery in FORGERIES if forgery.check is not None]


@pytest.mark.parametrize("forgery", CAUGHT, ids=lambda forgery: forgery.name)
def test_a_lie_in_consistent_hashes_is_caught_by_its_check(
    forgery: Forgery, tmp_path: Path
) -> None:
    pack = forged(forgery, tmp_path / "M90")
    report = verify_pack(pack)
    assert report.exit_code == 1, report.findings
    assert astray(report.findings, pack) == []
    assert lines(encode(report.findings), pack) == of_forgery(forgery.name)
    outcomes = {check.id: check.outcome for check in report.checks}
    assert outcomes[forgery.check] == "fail", report.findings
    for stage in ("structure", "listing", "digests", "sets", "form", "journal-chain", "records"):
        assert outcomes[stage] == "pass", (stage, report.findings)


@pytest.mark.parametrize("forgery", ONLY_A_SIGNATURE, ids=lambda forgery: forgery.name)
def test_what_only_a_signature_can_tell_is_said_to_be_of_unknown_origin(
    forgery: Forgery, tmp_path: Path
) -> None:
    true_root = verify_pack(write(tmp_path / "true" / "M90", toy().all_bytes())).root_sha256
    pack = forged(forgery, tmp_path / "forged" / "M90")
    assert verify_pack(pack).verdict == "INTACT"
    strict = verify_pack(pack, VerifyOptions(strict=True))
    assert strict.exit_code == 3
    assert any("cannot prove origin" in finding.message for finding in strict.findings)
    assert verify_pack(pack, VerifyOptions(expect=f"sha256:{true_root}")).exit_code == 1


def test_enough_lies_are_told_and_most_are_caught_by_consistency_alone() -> None:
    assert len({forgery.name for forgery in FORGERIES}) == len(FORGERIES) >= 40
    assert len(CAUGHT) >= 34 / 40 * len(FORGERIES)


def test_every_consistency_check_catches_some_lie_or_says_why_not() -> None:
    from evidence.verification.consistency.registry import registered

    warn_only = {"prediction-degenerate", "seen-truncation"}
    tested_elsewhere = {
        "data-facts", "journal-recoveries", "probe", "prose", "stage-data", "status-files",
        "threads", "training-checkpoints", "generation", "training-execution", "training-own-loss",
        "damaged-files", "set-aside", "eval-loop-time",
    }  # fmt: skip
    tested_elsewhere |= {"weights-by-tensor", "weights-known", "logits", "compile-times"}
    tested_elsewhere |= {"validation"}  # test_validation
    tested_elsewhere |= {"seen-fed"}  # test_fed
    tested_elsewhere |= {"kept-checkpoints"}  # test_kept
    tested_elsewhere |= {"adapter-base", "adapter-tensors", "adapter-settings"}  # test_adapter
    tested_elsewhere |= {"functions", "function-scores"}  # tests/running/test_functions
    tested_elsewhere |= {"commitments"}  # tests/disclose
    tested_elsewhere |= {"padding-widths"}  # test_tensors
    tested_elsewhere |= {"worker-python"}  # test_worker
    tested_elsewhere |= {"overrides"}  # test_overrides
    tested_elsewhere |= {"parents"}  # test_parents
    tested_elsewhere |= {"arms", "pairs", "ancestors", "prediction-under-test"}  # tests/comparisons
    tested_elsewhere |= {"across-stages", "stage-weights", "stage-probes"}  # tests/comparisons
    tested_elsewhere |= {"ranks", "ranks-alike", "ranks-machine"}  # tests/launch
    tested_elsewhere |= IN_WHOLE_STORIES
    tested_elsewhere |= {one.rule.id for one in registered() if one.kind == "command"}
    caught = {forgery.check for forgery in CAUGHT}
    assert {one.rule.id for one in registered()} <= caught | warn_only | tested_elsewhere
