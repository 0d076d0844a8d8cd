"""What is false on a page of random evidence is found, in nine of ten cases."""

from __future__ import annotations

import random
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Final

from audit.corpus import ACCUSED
from audit.test_property import FORMATS, Run, as_log, as_state, config

from evidence.audit.audit import audit_folder

NUM_TRIED: Final = 150
MIN_FOUND: Final = 0.9
LAYOUTS: Final = (
    "# Results\n\n| Metric | Value |\n|---|---|\n| {name} | {value} |\n",
    "- {name}: {value}\n",
    "* **{name}:** {value}\n",
    "The {lower} was {value}.\n",
    "| {name} | Note |\n|---|---|\n| {value} | |\n",
)


def of_chance(chance: random.Random) -> Run:
    """A run whose losses fall."""
    count = chance.randint(3, 7)
    losses = sorted((chance.uniform(0.1, 5) for _ in range(count)), reverse=True)
    evals = sorted((chance.uniform(5.5, 9) for _ in range(count)), reverse=True)
    return Run(
        every=chance.choice((10, 25, 100)),
        losses=tuple(Decimal(f"{one:.4f}") for one in losses),
        evals=tuple(Decimal(f"{one:.4f}") for one in evals),
        runtime_s=Decimal(f"{chance.uniform(11, 9000):.3f}"),
        rate=Decimal(chance.choice(("2e-5", "3e-4", "1e-3"))),
        num_rows=chance.randint(1000, 90_000),
        batch_size=chance.choice((4, 12, 48)),
        seed=chance.randint(100, 9_999),
    )


def named(run: Run, *, has_totals: bool) -> list[tuple[str, Decimal]]:
    """What such a run is said to have reached."""
    said = [
        ("Final training loss", run.losses[-1]),
        ("Final validation loss", run.evals[-1]),
        ("Best validation loss", min(run.evals)),
        (f"Training loss at step {run.steps[1]}", run.losses[1]),
        (f"Validation loss at step {run.steps[1]}", run.evals[1]),
        ("Learning rate", run.rate),
        ("Batch size", Decimal(run.batch_size)),
        ("Seed", Decimal(run.seed)),
    ]
    if has_totals:
        said += [("Mean training loss", run.mean), ("Training time (s)", run.runtime_s),
                 ("Training samples per second", run.samples_per_s)]  # fmt: skip
    return said


def changed(value: Decimal, chance: random.Random) -> str:
    """Another value: no rounding, no unit and no per cent of the first."""
    factor = Decimal(f"{chance.choice((0.57, 0.71, 0.83, 1.21, 1.37, 1.83)):f}")
    other = value * factor
    return f"{int(other) + 1}" if value == int(value) else f"{other:.3g}"


def test_what_is_false_of_a_random_run_is_found(tmp_path: Path) -> None:
    chance, missed = random.Random(20), []
    for number in range(NUM_TRIED):
        run, form = of_chance(chance), chance.choice(FORMATS)
        name, value = chance.choice(named(run, has_totals=form in (as_log, as_state)))
        shown = changed(value, chance)
        page = chance.choice(LAYOUTS).format(name=name, lower=name.lower(), value=shown)
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            root = Path(folder) / "evidence"
            root.mkdir()
            for file, text in (form(run), ("config.yaml", config(run))):
                (root / file).write_text(text, "utf-8")
            document = Path(folder) / "page.md"
            document.write_text(page, "utf-8")
            claims = audit_folder([document], [], root).claims
        if not any(one.verdict in ACCUSED and one.evidence for one in claims):
            told = "; ".join(f"{one.verdict}: {one.message}" for one in claims)
            missed.append(f"{number} {form.__name__}: {page.strip()!r} (is {value:.4g}): {told}")
    shown = "\n".join(missed)
    assert len(missed) <= (1 - MIN_FOUND) * NUM_TRIED, f"{len(missed)} of {NUM_TRIED}:\n{shown}"
