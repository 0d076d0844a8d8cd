"""The ledger of one verification: every check with its outcome, every finding.

Responsible for running checks so that none can stop the others, and for the caps on how much
one check may say. What the whole amounts to is decided by `report`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import islice
from typing import Final

from msgspec.structs import replace

from evidence.errors import EvidenceError, RowsWithheldError, UnsafePackError
from evidence.records.finding import CheckResult, Finding
from evidence.records.record import Record
from evidence.verification.problem import CannotCheckError, Problem, gravity, shown, to_finding

MAX_FINDINGS: Final = 25
"""Findings that one check lists; how many more there are is one further finding."""

_COUNTED: Final = 1_000
"""Further findings are counted up to here."""

# What a check can raise on a stranger's records when their values are bad (an overflow, a
# division by zero, a missing key, a number too large for its bytes). It counts as a failure of
# the pack, never as a pass.
BAD_VALUE_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    EvidenceError,
)


class Rule(Record):
    """One rule of verify: its id, what it checks, and the rule set that brought it."""

    id: str
    title: str
    since: int = 1


class Ledger:
    """Collects outcomes and findings in the order in which checks run."""

    def __init__(self) -> None:
        self._results: dict[str, CheckResult] = {}
        self._findings: list[Finding] = []

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Every check so far."""
        return tuple(self._results.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding so far, in the order found."""
        return tuple(self._findings)

    @property
    def refused(self) -> bool:
        """Whether reading on would be unsafe."""
        return any(finding.severity == "refused" for finding in self._findings)

    @property
    def failed(self) -> bool:
        """Whether anything found makes the pack other than what it says."""
        return any(finding.severity in ("error", "refused") for finding in self._findings)

    def has_error_about(self, path: str) -> bool:
        """Whether the ledger has an error or refusal about this file already."""
        return any(
            finding.address.partition("#")[0] == path and finding.severity in ("error", "refused")
            for finding in self._findings
        )

    def run_check(self, rule: Rule, problems: Iterable[Problem]) -> None:
        """Run one check and enter its rule; a rule without an error among them passes.

        `problems` may be a generator that raises: CannotCheckError means not checked.
        """
        found: list[Finding] = []
        reason = ""
        try:
            stream = iter(problems)
            found.extend(to_finding(rule.id, problem) for problem in islice(stream, MAX_FINDINGS))
            found.extend(_rest(rule, stream))
        except CannotCheckError as error:
            reason = shown(str(error))
        except RowsWithheldError as error:
            reason = shown(error.message)
        except UnsafePackError as error:
            found.append(
                to_finding(
                    rule.id,
                    Problem(error.address, error.message, severity="refused", code=error.code),
                )
            )
        except BAD_VALUE_ERRORS as error:
            found.append(to_finding(rule.id, _bad_value_problem(error)))
        self._enter(rule, found, reason)

    def run_as_advice(self, rule: Rule, problems: Iterable[Problem], reason: str) -> None:
        """Enter a rule that the pack did not know: what it says is advice, and it never fails.

        It passes where nothing was found, and is not checked, for this reason, where something was.
        """
        trial = Ledger()
        trial.run_check(rule, problems)
        (result,) = trial.results
        if trial.refused or not trial.findings:  # unsafe is unsafe, whatever the rules of its day
            self._results[rule.id] = result
            self._findings.extend(trial.findings)
            return
        self._results[rule.id] = replace(result, outcome="not_checked", reason=reason)
        self._findings.extend(replace(found, severity="advice") for found in trial.findings)

    def skip(self, rule: Rule, reason: str) -> None:
        """Enter a rule that could not be checked."""
        self._enter(rule, [], reason)

    def _enter(self, rule: Rule, found: list[Finding], reason: str) -> None:
        failed = any(finding.severity in ("error", "refused") for finding in found)
        outcome = "fail" if failed else ("not_checked" if reason else "pass")
        self._findings.extend(found)
        self._results[rule.id] = CheckResult(
            id=rule.id,
            outcome=outcome,  # type: ignore[arg-type]  # one of the three literals above
            title=rule.title,
            reason=reason if outcome == "not_checked" else "",
        )


def _rest(rule: Rule, stream: Iterable[Problem]) -> list[Finding]:
    remaining = list(islice(stream, _COUNTED))
    if not remaining:
        return []
    gravest = min(remaining, key=lambda problem: gravity(problem.severity))
    number = f"{_COUNTED} or more" if len(remaining) == _COUNTED else str(len(remaining))
    text = f"and {number} further findings of this check"
    return [to_finding(rule.id, Problem(gravest.address, text, severity=gravest.severity))]


def _bad_value_problem(error: Exception) -> Problem:
    return Problem(
        "manifest.json",
        f"the values in this pack are so odd that the check broke on them: "
        f"{type(error).__name__}: {shown(str(error))}",
        code="check-broke",
    )
