"""What a user might write: `make lint` type-checks it, and `test_public` runs it.

An ignored error that is none fails the type check: each `type: ignore` here is a mistake that a
type checker must find in a user's script.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import evidence


def main(milestone: str, pack: Path) -> list[str]:
    """Run, verify and read; returns what can be said of it."""
    result = evidence.run(milestone)
    assert_type(result, evidence.RunResult)
    assert_type(result.exit_code, evidence.ExitCode)

    report = evidence.verify(pack, strict=False)
    assert_type(report, evidence.Report)
    assert_type(report.passed, bool)
    assert_type(report.findings, tuple[evidence.Finding, ...])
    assert_type(evidence.verify_all([str(pack), pack]), tuple[evidence.Report, ...])

    results = evidence.read_results(str(pack))
    assert_type(results, evidence.Results)
    printed = []
    for name, value in results.items():
        assert_type(value, evidence.Value)
        assert_type(value.value if value.measured else 0, float | int | str | bool)
        printed.append(f"{name}: {value}")
    assert_type(results["train.loss_end"].number, float)
    return [report.verdict, *printed]


def mistakes(pack: Path) -> None:
    """Never called."""
    evidence.verfy(pack)  # type: ignore[attr-defined]
    evidence.verify(pack, "sha256:0")  # type: ignore[call-arg]
    evidence.verify(pack).verdict = "INTACT"  # type: ignore[misc]
    sum([evidence.read_results(pack)["train.loss_end"]])  # type: ignore[list-item]
