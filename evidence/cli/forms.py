"""The forms in which `verify` and `audit` answer, and how each is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast, get_args

import click

from evidence.cli.answer import ask_own
from evidence.cli.say import echo, echo_json
from evidence.errors import UsageError

if TYPE_CHECKING:
    from evidence.reporting.verdicts import Judged

Form: TypeAlias = Literal["text", "json", "sarif", "junit", "markdown"]
FORMS: Final[tuple[str, ...]] = get_args(Form)

format_option: Final = click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    callback=ask_own,
    is_eager=True,
    help="How to answer: text (default), json, sarif (2.1.0), junit (XML) or markdown.",
)


def chosen(form: str | None, **flags: bool) -> Form:
    """The form that is asked for, where flags name some too. Raises UsageError for two."""
    asked = {name for name, is_set in flags.items() if is_set} | ({form} if form else set())
    if len(asked) > 1:
        named = " and ".join(sorted(asked))
        raise UsageError(f"{named} exclude one another", hint="Give one form.")
    return cast(Form, next(iter(asked), "text"))


def print_judged(judged: Sequence[Judged], form: Form, exit_code: int) -> None:
    """In one of the forms of other programs."""
    if form == "sarif":
        from evidence.reporting.sarif import sarif

        echo_json(sarif(judged, exit_code))
    elif form == "junit":
        from evidence.reporting.junit import junit

        echo(junit(judged), nl=False)
    else:
        from evidence.reporting.job_summary import job_summary

        echo(job_summary(judged), nl=False)
