"""A verification report printed for people."""

from __future__ import annotations

from typing import Final

import click

from evidence.cli.say import echo, secho
from evidence.errors import ExitCode
from evidence.records.finding import Finding, Report
from evidence.text.escape import one_line, visible
from evidence.verification.consistency.commitments import ABSENT as ROWS_WITHHELD
from evidence.verification.options import NOT_OF_PACK
from evidence.verification.origin.attached import UNSIGNED_TEXT
from evidence.verification.origin.parents import CHANGED as PARENT_CHANGED

COLOURS: Final = {
    "VERIFIED": "green",
    "INTACT": "green",
    "UNFINISHED": "yellow",
    "NOT INTACT": "red",
    "REFUSED": "red",
}
VERDICT_TEXTS: Final = {
    "VERIFIED": "intact, and signed by the signer you named",
    "INTACT": "intact and consistent; who made it is not established",
    "UNFINISHED": "honest, but not a complete run",
    "NOT INTACT": "this pack is not what it says",
    "REFUSED": "not read any further, for your safety",
}
OF_PARENT: Final = "this pack is as it was sealed; a pack that it begins from is not"
"""Of a pack of which nothing else is wrong: who kept it well is not accused."""
AS_SEALED: Final = "rows are withheld, and what rests on them is not checked"
OF_DISCLOSURE: Final = "this pack is as it was sealed; the rows that were shown are not all its"
PUT_BACK: Final = (
    "Put the pack that it begins from back as it was, from a copy of it; `evidence verify` says "
    "then whether that is so."
)
IMPORTED: Final = "imported, not observed"
MAX_NAMED: Final = 3
"""Checks that were not made for one and the same reason: so many are named, `--json` has all."""
OURS: Final = (
    "A pack that does not verify right after its run is a bug of evidence-pack, unless something "
    "else wrote to its files: please report it, with the lines above. Do not publish the pack."
)
MAX_LINE_CHARS: Final = 1000
"""Of a text of a pack in one line; findings are cut already."""
MARKS: Final = {"error": "✗", "refused": "✗", "warning": "!", "advice": "·"}


def print_report(report: Report, *, quiet: bool) -> None:
    """Verdict first, then what supports it."""
    label = click.style(f"{report.verdict:<10}", fg=COLOURS[report.verdict], bold=True)
    meaning = click.style(f"{_meaning(report)}{_known(report)}", dim=True)
    echo(f"{label} {_line(report.pack)}  {meaning}{_unsigned(report)}")
    if quiet:
        return
    if report.milestone is not None:
        stand_in = " · made on a stand-in model" if report.stand_in else ""
        imported = f" · {IMPORTED}" if report.origin == "imported" else ""
        echo(f"  milestone    {_line(report.milestone)} · {report.status}{stand_in}{imported}")
    if report.happened:
        echo(f"  happened     {_line(report.happened)}")
    if report.root_sha256 is not None:
        echo(f"  root digest  sha256:{report.root_sha256}")
    if report.checks:
        _print_checks(report)
    for finding in report.findings:
        _print_finding(finding)
    if report.next_step:
        echo(f"  next         {visible(report.next_step)}")
    if report.verdict == "VERIFIED":
        echo(
            "  Verified means: intact, and the signer vouches for these bytes. It does not prove\n"
            "  that the training happened: a signer can still lie."
        )
    if report.verdict == "INTACT" and report.origin == "imported":
        echo(
            "  Intact means: no byte changed since it was imported, and every number stands in a\n"
            "  file that was found. Nothing of the run was observed. A signature says who\n"
            "  imported the files, not that the run took place."
        )
    elif report.verdict == "INTACT" and _withholds(report):
        echo(
            "  Intact means: no byte of what is here changed since sealing. Rows are withheld:\n"
            "  numbers that rest on them are as sealed, and not checked. It does not prove who\n"
            "  sealed it, nor that the training happened."
        )
    elif report.verdict == "INTACT":
        echo(
            "  Intact means: no byte changed since sealing, and every number follows from the\n"
            "  evidence. It does not prove who sealed it, nor that the training happened."
        )


def print_problems(report: Report) -> None:
    """What keeps a pack from being intact; nothing else."""
    for finding in report.findings:
        if finding.severity in ("error", "refused"):
            _print_finding(finding)


def print_outcome(report: Report) -> None:
    """The verdict on a pack that was just sealed, in one line; two where it is our bug."""
    counts = _counts(report)
    said = f"{counts['pass']} checks passed, {counts['fail']} failed, "
    secho(
        f"  verified     {report.verdict}: {said}{counts['not_checked']} not checked",
        fg=COLOURS[report.verdict],
    )
    if report.exit in (ExitCode.FINDINGS, ExitCode.REFUSED):
        echo(f"  next         {PUT_BACK if _is_of_parent(report) else OURS}")


def _is_of_parent(report: Report) -> bool:
    """Whether nothing is wrong but with a pack that this one begins from."""
    return _errors(report) == {PARENT_CHANGED}


def _errors(report: Report) -> set[str]:
    return {one.code for one in report.findings if one.severity == "error"}


def _withholds(report: Report) -> bool:
    """Whether rows are withheld that its numbers rest on."""
    return any(one.code == ROWS_WITHHELD for one in report.findings)


def _meaning(report: Report) -> str:
    """The verdict in words; of an imported pack, what it can be at best."""
    if _is_of_parent(report):
        return OF_PARENT
    if _errors(report) == {NOT_OF_PACK}:
        return OF_DISCLOSURE
    if report.origin != "imported" or report.verdict not in ("INTACT", "UNFINISHED"):
        withheld = f"{AS_SEALED}; " if _withholds(report) and not _errors(report) else ""
        return f"{withheld}{VERDICT_TEXTS[report.verdict]}"
    signed = any(one.id == "signature" and one.outcome == "pass" for one in report.checks)
    who = "the signer you named imported it" if signed else "who imported it is not established"
    return f"{IMPORTED}: intact; {who}"


def _unsigned(report: Report) -> str:
    """What the pack shows besides, and nobody vouches for: said before it can be believed."""
    found = [one.address for one in report.findings if one.code == UNSIGNED_TEXT]
    if not found:
        return ""
    named = ", ".join(map(_line, found[:MAX_NAMED]))
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    text = f"\n  unsigned     {named}{more}: added after sealing, and no signature covers it"
    return click.style(text, fg="yellow")


def _line(text: str) -> str:
    """Foreign text as one harmless line."""
    return one_line(text, MAX_LINE_CHARS)


def _known(report: Report) -> str:
    """How the values of the pack are known, where its evidence is what it says."""
    if not report.levels:
        return ""
    return " · values: " + ", ".join(f"{n} {level}" for level, n in report.levels.items())


def _counts(report: Report) -> dict[str, int]:
    counts = {"pass": 0, "fail": 0, "not_checked": 0}
    for check in report.checks:
        counts[check.outcome] += 1
    return counts


def _print_checks(report: Report) -> None:
    counts = _counts(report)
    ruleset = f" (ruleset {report.ruleset})" if report.ruleset is not None else ""
    echo(
        f"  checks       {counts['pass']} passed, {counts['fail']} failed, "
        f"{counts['not_checked']} not checked{ruleset}"
    )
    by_reason: dict[str, list[str]] = {}
    for check in report.checks:
        if check.outcome == "not_checked":
            by_reason.setdefault(check.reason, []).append(check.id)
    for reason, ids in by_reason.items():
        named = ", ".join(ids[:MAX_NAMED])
        more = f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else ""
        echo(f"    – not checked: {named}{more}: {_line(reason)}")


def _print_finding(finding: Finding) -> None:
    colour = "red" if finding.severity in ("error", "refused") else "yellow"
    mark = click.style(f"{MARKS[finding.severity]} {finding.severity}", fg=colour)
    echo(f"  {mark}  {finding.code}  {_line(finding.address)}")
    echo(f"      {_line(finding.message)}")
    if finding.expected is not None:
        echo(f"      expected  {_line(finding.expected)}")
    if finding.actual is not None:
        echo(f"      found     {_line(finding.actual)}")
