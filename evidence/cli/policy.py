"""The answers to a policy printed for people."""

from __future__ import annotations

from typing import Final

import click

from evidence.cli.say import echo
from evidence.records.finding import PolicyRecord
from evidence.text.escape import one_line

MARKS: Final = {
    "pass": ("✓ pass", "green"),
    "fail": ("✗ fail", "red"),
    "not_checked": ("– not checked", "yellow"),
}
_MAX_CHARS: Final = 300


def print_policy(policy: PolicyRecord, *, quiet: bool) -> None:
    """Whether it is met, and every demand; where `quiet`, those that did not pass."""
    met = sum(one.outcome == "pass" for one in policy.demands)
    title = f" {one_line(policy.title, _MAX_CHARS)!r}" if policy.title else ""
    word = click.style("met", fg="green") if policy.is_met else click.style("NOT MET", fg="red")
    echo(f"  policy{title}  {word}: {met} of {len(policy.demands)} demands")
    for one in policy.demands:
        if quiet and one.outcome == "pass":
            continue
        mark, colour = MARKS[one.outcome]
        reason = f": {one_line(one.reason, _MAX_CHARS)}" if one.reason else ""
        shown = click.style(f"{mark:13}", fg=colour)
        echo(f"    {shown} {one_line(one.id, _MAX_CHARS)}  {one.demand}{reason}")
