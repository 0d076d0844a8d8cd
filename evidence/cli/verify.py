"""`evidence verify`: packs in, reports out, one exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from msgspec.structs import replace

from evidence.api.verify import with_origin
from evidence.cli.answer import own_json_option
from evidence.cli.forms import Form, chosen, format_option, print_judged
from evidence.cli.policy import print_policy
from evidence.cli.report import print_report
from evidence.cli.say import echo_records
from evidence.errors import UsageError, gravest
from evidence.records.finding import Report, ReportUnderPolicy
from evidence.stores.address import is_address
from evidence.verification.named import expand, refuse_empty
from evidence.verification.options import VerifyOptions
from evidence.verification.several import verify_packs

if TYPE_CHECKING:
    from evidence.stores.fetch import Fetched


@click.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...", type=click.Path())
@own_json_option("Print the whole report as JSON.")
@format_option
@click.option("--quiet", "-q", is_flag=True, help="Only the verdict of each pack.")
@click.option("--expect", metavar="sha256:…", help="The root digest that the pack must have.")
@click.option("--expect-milestone", metavar="ID", help="The milestone it must be.")
@click.option("--expect-commit", metavar="SHA", help="The commit it must have run from.")
@click.option(
    "--min-ruleset", type=click.IntRange(1), metavar="N", help="The oldest rules allowed."
)
@click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own trust file (ssh-keygen's ALLOWED SIGNERS). Never one that came with a pack.",
)
@click.option("--signer", metavar="WHO", help="Who must have signed, as your trust file has it.")
@click.option(
    "--repo",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Your clone of the project: check commit, patch, milestone and data against it.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What you demand of packs (docs/policy.md). Never one that came with a pack.",
)
@click.option(
    "--disclosed",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rows that were shown to you of a pack that withholds them (docs/disclosure.md).",
)
@click.option("--strict", is_flag=True, help="Exit 3 unless its origin is established.")
@click.option(
    "--self-test",
    "test_self",
    is_flag=True,
    help="Break a temporary copy of the pack in every way claimed to be caught, and show it.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=None,
    metavar="N",
    help="Packs to check at once; else one for each processor, where there are many packs.",
)
@click.option("--weights", is_flag=True, help="Of a pack in a store: fetch withheld files too.")
@click.option("--require-all", is_flag=True, help="Withheld files count as missing.")
def command(
    packs: tuple[str, ...],
    as_json: bool,
    form: str | None,
    quiet: bool,
    expect: str | None,
    expect_milestone: str | None,
    expect_commit: str | None,
    min_ruleset: int | None,
    allowed_signers: Path | None,
    signer: str | None,
    repo: Path | None,
    policy: Path | None,
    disclosed: Path | None,
    strict: bool,
    test_self: bool,
    require_all: bool,
    weights: bool,
    jobs: int | None,
) -> None:
    """Check packs, or every pack below a folder such as runs/.

    Safe on a stranger's pack: reads files only, runs nothing of it, loads no model, opens no
    socket, writes nothing. Programs that run: ssh-keygen for --signer, git in DIR for --repo.
    A pack in a store (s3://bucket/pack, hf:owner/name/pack@revision) is fetched into a temporary
    folder first, which does open sockets, and is then checked there like any other.
    Exit 0: intact, and what was asked of it holds. 1: not what it says. 3: its origin was asked
    for and is not established, or the policy is not met. 4: honest but unfinished. 5: refused as
    unsafe.

    With --self-test, exit 0 when verify caught every way in which the copy was broken.
    """
    if (allowed_signers is None) != (signer is None):
        raise click.UsageError("--allowed-signers FILE and --signer WHO go together")
    said_as = chosen(form, json=as_json)
    with ExitStack() as stack:
        paths, copies = _at_hand(packs, stack, weights=weights)
        refuse_empty(paths)
        if test_self:
            _self_test(paths, copies, said_as, quiet=quiet)
        options = VerifyOptions(
            expect=expect,
            expect_milestone=expect_milestone,
            expect_commit=expect_commit,
            min_ruleset=min_ruleset,
            strict=strict,
            require_all=require_all,
            beside=tuple(expand(paths)),
        )
        asked = _shown(disclosed, with_origin(options, allowed_signers, signer, repo))
        found = zip(options.beside, _reports(asked, policy, jobs or 0), strict=True)
        reports = [copies[path].told(one) if path in copies else one for path, one in found]
    raise click.exceptions.Exit(_say(reports, said_as, quiet=quiet))


def _shown(disclosed: Path | None, options: VerifyOptions) -> VerifyOptions:
    """The options, with rows that were shown of the one pack."""
    if disclosed is None:
        return options
    if len(options.beside) != 1:
        raise click.UsageError("--disclosed goes with one pack: the one that it shows rows of")
    from evidence.verification.origin.disclosed import disclosed_rows  # when asked for

    return replace(options, disclosed=disclosed_rows(disclosed))


def _say(reports: list[Report], form: Form, *, quiet: bool) -> int:
    """Print them; returns their exit code."""
    code = int(gravest(one.exit for one in reports))
    if form == "json":
        echo_records(reports)
    elif form == "text":
        for report in reports:
            print_report(report, quiet=quiet)
            if isinstance(report, ReportUnderPolicy):
                print_policy(report.policy, quiet=quiet)
    else:
        from evidence.reporting.verdicts import of_report  # what audit says is known there, too

        print_judged([of_report(one) for one in reports], form, code)
    return code


def _reports(options: VerifyOptions, policy: Path | None, num_jobs: int) -> list[Report]:
    if policy is None:
        return verify_packs(options.beside, options, num_jobs)
    # Imported when asked for only: verify itself stays quick.
    from evidence.policy.judge import judge_packs
    from evidence.policy.policy import load_policy

    return judge_packs(options.beside, options, load_policy(policy), num_jobs)


def _at_hand(
    packs: tuple[str, ...], stack: ExitStack, *, weights: bool
) -> tuple[tuple[Path, ...], dict[Path, Fetched]]:
    """The packs as paths; what lies in a store is fetched, and the copy gone with the stack."""
    if all(os.path.lexists(one) or not is_address(one) for one in packs):
        if weights:
            raise click.UsageError("--weights goes with a pack in a store: s3://…, hf:owner/name")
        return tuple(map(Path, packs)), {}
    from evidence.stores.fetch import fetched  # what opens sockets: when asked for

    paths, copies = [], {}
    for one in packs:
        path = Path(one)
        if is_address(one) and not os.path.lexists(one):
            copy = stack.enter_context(fetched(one, weights=weights))
            path = copy.path
            copies[path] = copy
        paths.append(path)
    return tuple(paths), copies


def _self_test(
    packs: tuple[Path, ...], copies: Mapping[Path, Fetched], form: Form, *, quiet: bool
) -> NoReturn:
    if copies:
        raise click.UsageError("--self-test takes packs on this disk")
    if form not in ("text", "json"):
        raise UsageError("a self-test is said as text or JSON", hint="Leave --format out.")
    # Imported when asked for only: verify itself stays quick.
    from evidence.cli.self_test import print_self_test
    from evidence.self_test.self_test import self_test

    tests = [self_test(path) for path in expand(packs)]
    if form == "json":
        echo_records(tests)
    else:
        for one in tests:
            print_self_test(one, quiet=quiet)
    raise click.exceptions.Exit(int(gravest(one.exit_code for one in tests)))
