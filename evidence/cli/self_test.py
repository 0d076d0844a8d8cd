"""A self-test printed for people: each trial, the check that must fail, and what verify found."""

from __future__ import annotations

from typing import Final

import click

from evidence.cli.say import echo, secho
from evidence.errors import ExitCode
from evidence.self_test.self_test import SelfTest, Trial, TrialKind
from evidence.text.escape import visible

SECTIONS: Final[tuple[tuple[TrialKind, str], ...]] = (
    ("tampering", "Broken without sealing again"),
    ("forgery", "Forged and sealed consistently, with this project's own code"),
    ("signature-only", "What only a signature can tell, or a root digest known from elsewhere"),
)
MARKS: Final = {"caught": ("✓ caught", "green"), "missed": ("✗ MISSED", "red")}
EXPLAINED: Final = (
    "Nothing in the evidence contradicts these, so verify alone calls such packs INTACT. Each\n"
    "  was found with --expect sha256:…; a signature finds them too (evidence sign)."
)


def print_self_test(test: SelfTest, *, quiet: bool) -> None:
    """One table a section, then the sum of it."""
    secho(f"Self-test of verify on {visible(test.pack)}", bold=True)
    for kind, title in SECTIONS:
        trials = test.of(kind)
        tried = [trial for trial in trials if trial.outcome != "not-tried"]
        caught = sum(trial.outcome == "caught" for trial in trials)
        how = "found by their root digest" if kind == "signature-only" else "caught"
        echo(f"\n{title}: {caught} of {len(tried)} {how}")
        if kind == "signature-only":
            echo(f"  {EXPLAINED}")
        for trial in trials:
            if not quiet or trial.outcome == "missed":
                _print_trial(trial)
    good = test.exit_code == ExitCode.DONE
    text = "verify caught everything it claims to catch" if good else "verify MISSED something"
    secho(f"\n{text}", fg="green" if good else "red", bold=True)


def _print_trial(trial: Trial) -> None:
    mark, colour = MARKS.get(trial.outcome, ("– not tried", "yellow"))
    if trial.kind == "signature-only" and trial.outcome == "caught":
        mark, colour = "✓ by digest", "yellow"
    expected = f" · expected {' or '.join(trial.expected)}" if trial.expected else ""
    echo(
        f"  {click.style(f'{mark:<11}', fg=colour)} {visible(trial.id)}: {trial.what}"
        f"{expected} · {visible(trial.answer)}"
    )
