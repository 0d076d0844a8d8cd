"""The order of findings: the gravest first, then as the checks run, which is written down.

Moving a check to another module must not move what a reader, or an approved list of findings, sees
first: the order of checks is that of `order_of_checks.txt`.
"""

from __future__ import annotations

from pathlib import Path

from toy import toy, write

from evidence import layout
from evidence.verification.consistency.every_check import every_check
from evidence.verification.verification import verify_pack

WRITTEN = (Path(__file__).parent / "order_of_checks.txt").read_text("utf-8").split()


def test_checks_run_in_the_order_that_is_written_down() -> None:
    """Whoever adds a check says where its findings stand; whoever moves code changes nothing."""
    known = [one.rule.id for one in every_check() if one.rule.id in WRITTEN]
    assert known == WRITTEN
    ours = {one.rule.id for one in every_check() if one.run.__module__.startswith("evidence.")}
    assert ours == set(WRITTEN)


def test_findings_stand_in_the_order_of_their_checks(tmp_path: Path) -> None:
    made = toy()
    for row in made.docs[layout.METRICS]:
        row["epoch"] += 1.0
        row["num_rows"] += 1
    made.docs[layout.PREDICTIONS][0]["index"] = 3
    made.docs[layout.TELEMETRY][0]["attempt"] = "another"
    findings = verify_pack(write(tmp_path / "M90", made.seal().all_bytes())).findings
    places = [WRITTEN.index(one.check) for one in findings if one.check in WRITTEN]
    assert len(set(places)) > 3
    assert places == sorted(places)
