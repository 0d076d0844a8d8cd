"""What verify has to say: findings, check results, reports."""

from typing import Literal, NoReturn

from msgspec import field

from evidence.errors import ExitCode
from evidence.records.record import Record

Severity = Literal["error", "warning", "advice", "refused"]
CheckOutcome = Literal["pass", "fail", "not_checked"]
Verdict = Literal["VERIFIED", "INTACT", "NOT INTACT", "UNFINISHED", "REFUSED"]

PackState = Literal["read", "broken", "refused", "unfinished"]
"""What reading a pack came to; `read`: its sealed files are whole and are documents. No verdict."""


class Finding(Record):
    """One thing verify has to say. `check` is the id of the check that found it."""

    check: str
    code: str
    severity: Severity
    address: str
    message: str
    expected: str | None = None
    actual: str | None = None


class CheckResult(Record):
    """One rule of verify as it came out; `reason` is set when it was not checked."""

    id: str
    outcome: CheckOutcome
    title: str
    reason: str = ""


class Report(Record):
    """All that one verification says of one pack."""

    schema: Literal["report.v1"]
    pack: str
    verdict: Verdict
    exit_code: int
    milestone: str | None
    status: str | None
    stand_in: bool | None
    root_sha256: str | None
    ruleset: int | None
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    happened: str = ""
    """What happened to a run that failed, is unfinished, or has an open gate; one line."""
    next_step: str = ""
    levels: dict[str, int] = field(default_factory=dict)
    """How many measured values of results.json are known at which level, best first."""
    origin: str | None = None
    """`imported` where nothing of the run was observed; None where the manifest is not read."""

    @property
    def exit(self) -> ExitCode:
        """The exit status this report stands for."""
        return ExitCode(self.exit_code)

    @property
    def passed(self) -> bool:
        """Whether the pack is intact, and all that was asked about its origin holds."""
        return self.exit is ExitCode.DONE

    def __bool__(self) -> NoReturn:
        """Refused: every report would be true, that of a broken pack too."""
        raise TypeError("a report is neither true nor false: ask .passed or .verdict")


class DemandRecord(Record):
    """One demand of a policy, and how it was answered."""

    id: str
    demand: str
    outcome: CheckOutcome
    reason: str
    """Why it failed or was not checked; empty where it passed."""


class PolicyRecord(Record):
    """A policy, as it was applied to one pack."""

    title: str
    sha256: str
    """Digest of the policy file."""
    demands: tuple[DemandRecord, ...]

    @property
    def is_met(self) -> bool:
        """Whether every demand passed; one that was not checked has not."""
        return all(one.outcome == "pass" for one in self.demands)


class ReportUnderPolicy(Report, kw_only=True):
    """A report with what a policy of the caller demands of the pack."""

    policy: PolicyRecord
