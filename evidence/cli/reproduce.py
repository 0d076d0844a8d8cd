"""`evidence reproduce`: a pack in, a second pack and a verdict out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evidence.cli.answer import as_shown, current, json_option, tell
from evidence.cli.progress import observer
from evidence.cli.report import print_outcome, print_problems
from evidence.cli.say import echo, secho
from evidence.cli.steps import replay_steps
from evidence.cli.streams import heard
from evidence.records.reproduction import TIERS, TierName
from evidence.reproduce.exact import reproduce_in_exact_environment
from evidence.reproduce.reproduce import ReproduceOptions, ReproduceResult, reproduce
from evidence.results.seed_test import MAX_SEEDS, MIN_SEEDS
from evidence.running.signals import StopRequest
from evidence.text.escape import visible

_STDERR: Final = 2
_BY_DEFAULT: Final[dict[TierName, str]] = {
    "bitwise": " (the default: the environments are equal in all that computes)",
    "other-framework": " (the default: the attempts are of two frameworks)",
    "numerically-close": " (the default: the environments differ; --tier bitwise asks for more)",
}


@click.command()
@click.argument("pack", type=click.Path(path_type=Path))
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="The closeness asked for (default: bitwise where the environments are equal, else "
    "numerically-close; of two frameworks other-framework).",
)
@click.option(
    "--attempt",
    metavar="NAME",
    help="Run another attempt of the same milestone, from the same model: one in another framework "
    "is held to the tier other-framework.",
)
@click.option(
    "--repo",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The project whose repository has the commit (default: the current folder); its runs/ "
    "gets the new pack.",
)
@click.option(
    "--seeds",
    "num_seeds",
    type=click.IntRange(MIN_SEEDS, MAX_SEEDS),
    metavar="N",
    help=f"Run it {MIN_SEEDS} to {MAX_SEEDS} times more, each with another seed, and test whether "
    "PACK is one of them.",
)
@click.option(
    "--exact-env",
    is_flag=True,
    help="In a fresh environment with the recorded versions. Installs what PACK names: for packs "
    "you trust.",
)
@click.option(
    "--interpreter",
    metavar="PYTHON",
    help="Run the workers under this Python instead of the one that the attempt names.",
)
@click.option(
    "--steps",
    metavar="FROM:TO",
    help="Only some steps of the training, held against the record row by row. 1:3 is the first "
    "three; 100:103 the three after the checkpoint that was kept of step 100. Quick; attaches "
    "nothing.",
)
@click.option("--keep", is_flag=True, help="Leave the worktree in place, to look at it.")
@click.option(
    "--trust-command",
    is_flag=True,
    help="Run a recorded program whose command stands in PACK alone.",
)
@json_option
def command(
    pack: Path,
    tier: TierName | None,
    repo: Path,
    num_seeds: int | None,
    exact_env: bool,
    keep: bool,
    trust_command: bool,
    attempt: str | None,
    interpreter: str | None,
    steps: str | None,
) -> None:
    """Run PACK again from its own commit and patch, and say how close it came.

    Exit 0: the tier asked for is reached. 1: it is not, or PACK does not verify. 2: something it
    needs is missing; nothing was started and nothing is left behind.
    """
    if steps is not None:
        if tier or num_seeds or exact_env or keep or trust_command or attempt or interpreter:
            raise click.UsageError("--steps goes with --repo alone")
        replay_steps(pack, repo.resolve(), steps)
    if exact_env:
        given = [*(["--tier", tier] if tier else []), *(["--keep"] if keep else [])]
        given += ["--trust-command"] if trust_command else []
        given += ["--seeds", str(num_seeds)] if num_seeds else []
        given += ["--attempt", attempt] if attempt else []
        given += ["--interpreter", str(Path(interpreter).absolute())] if interpreter else []
        given += ["--repo", str(repo.resolve()), str(pack.resolve())]
        with StopRequest() as stop:
            output = _STDERR if current().is_collecting else None
            code = reproduce_in_exact_environment(
                pack, repo.resolve(), given, observer(), stop, output
            )
        raise click.exceptions.Exit(code)
    options = ReproduceOptions(
        project=repo.resolve(),
        tier=tier,
        keep=keep,
        num_seeds=num_seeds or 0,
        trust_command=trust_command,
        attempt=attempt,
        interpreter=interpreter,
    )
    with StopRequest() as stop:
        result = reproduce(pack, options, observer(), stop)
    tell(
        status=result.record.verdict,
        verdict=result.report.verdict,
        pack=as_shown(pack),
        root_sha256=result.record.original.root_sha256,
        written=tuple(map(as_shown, (result.pack, *result.others, result.attached))),
    )
    with heard(f"reproduced as {_shown(result.pack)}, attached as {_shown(result.attached)}"):
        _report(pack, result, chosen=tier is not None)
    if result.exit_code:
        raise click.exceptions.Exit(int(result.exit_code))


def _report(pack: Path, result: ReproduceResult, *, chosen: bool) -> None:
    record = result.record
    for tier in record.tiers:
        mark = click.style("✓", fg="green") if tier.reached else click.style("–", fg="yellow")
        echo(f"  {mark} {tier.name:<24} {visible(tier.reason)}")
    if result.asked not in {tier.name for tier in record.tiers}:
        echo(f"  – {result.asked:<24} both ran in one framework")
    if record.causes:
        echo("why it is not bitwise, the likeliest first:")
    for number, cause in enumerate(record.causes, 1):
        echo(f"  {number}. {visible(cause.explanation)}")
    print_problems(result.report)
    echo("")
    closest = record.verdict if record.verdict == "bitwise" else result.asked
    outcome = f"REPRODUCED {closest}" if result.reached else f"NOT REPRODUCED {result.asked}"
    colour = "green" if result.reached else "red"
    secho(f"{outcome}  {visible(pack.as_posix())}", fg=colour, bold=True)
    echo(f"  asked for    {result.asked}{'' if chosen else _BY_DEFAULT[result.asked]}")
    reached = ", ".join(tier.name for tier in record.tiers if tier.reached)
    echo(f"  reached      {reached or 'no tier: the outcome is another one'}")
    echo(f"  its own pack {_shown(result.pack)}")
    echo(f"  attached as  {_shown(result.attached)}")
    print_outcome(result.report)
    if result.worktree is not None:
        echo(f"  worktree     {result.worktree}  (git worktree remove --force, when done)")
    packs = " ".join(_shown(one) for one in (pack, result.pack, *result.others))
    echo(f"  check it     evidence verify {packs}")


def _shown(path: Path) -> str:
    """As one would type it from here."""
    cwd = Path.cwd()
    return (path.relative_to(cwd) if path.is_relative_to(cwd) else path).as_posix()
