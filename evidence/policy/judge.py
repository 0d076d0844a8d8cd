"""Packs verified, and then held against a policy.

Responsible for what an unmet demand comes to: the pack is what it says and is not what was asked
for, which is exit code 3. What is not checked is not met.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from evidence.errors import EvidenceError, ExitCode
from evidence.policy.demands import Case, answers
from evidence.policy.policy import PolicyFile
from evidence.records.finding import PolicyRecord, Report, ReportUnderPolicy
from evidence.system import processes
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import SealedPack, open_pack

BROKEN: Final = "the pack is not what it says, so nothing that it says answers this"
UNFINISHED: Final = "the run is not finished: there is no pack yet"


def judge_packs(
    paths: Sequence[Path], options: VerifyOptions, asked: PolicyFile, num_jobs: int = 0
) -> list[Report]:
    """A report for each path, as `verify_packs` gives, with the answers to each demand.

    Raises UsageError as `verify_pack` does, and for a trust file that cannot be used.
    """
    num_jobs = num_jobs or processes.worthwhile(len(paths))
    work = partial(judge_pack, options=options, asked=asked, now=datetime.now(UTC))
    return processes.each(work, paths, num_jobs)


def judge_pack(
    path: Path, options: VerifyOptions, asked: PolicyFile, now: datetime
) -> ReportUnderPolicy:
    """One report with its answers."""
    sealed: SealedPack | None = None
    with open_pack(path, options) as opened:
        report = opened.report()
        if report.exit not in (ExitCode.FINDINGS, ExitCode.REFUSED):
            try:
                sealed = opened.sealed()
            except EvidenceError:
                sealed = None
    case = None if sealed is None else Case(sealed, report, asked, now)
    broken = report.exit in (ExitCode.FINDINGS, ExitCode.REFUSED)
    demands = answers(asked, case, BROKEN if broken else UNFINISHED)
    policy = PolicyRecord(asked.policy.title, asked.sha256, demands)
    fields = {name: getattr(report, name) for name in Report.__struct_fields__}
    if report.exit is ExitCode.DONE and not policy.is_met:
        fields["exit_code"] = int(ExitCode.ORIGIN)
    return ReportUnderPolicy(**fields, policy=policy)
