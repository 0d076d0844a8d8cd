"""A true page accuses nobody, whatever its evidence, phrasing, digits, order, units and layout."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final

import pytest
from audit.corpus import ACCUSED
from hypothesis import given, note, settings
from hypothesis import strategies as st

from evidence.audit.audit import audit_folder
from evidence.records.record import Record

ROUNDINGS: Final = (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_DOWN)
OF_OTHERS: Final = (
    "The paper reports a loss of 1.91.", "See Table 3 for the loss and Section 4.2 for its rate.",
    "Wren-2 7B has a loss of 0.07 on this task [12].", "For class 3 the loss is 0.021.",
    "Rossi et al. (2023) reach a loss of 0.93 in 40 steps.", "Our earlier model had a loss of 9.9.",
    "If the loss exceeds 25, training stops.", "With temperature 0.7 the loss is 11.82.",
    "Each epoch takes about 24 seconds on a laptop.", "Loading the model takes 31.2 s.",
    "After quantization to 4 bits the loss is 12.4.", "A loss of 0.01 would mean that it copies.",
    "The learning rate was swept over 7e-6, 3e-5 and 7e-4.", "Version 2.1 has a lower loss.",
    "On a subset of 100 rows the loss is 10.2.", "Top-5 accuracy is 0.97.", "Cost: about $12.",
)  # fmt: skip
"""Sentences of a page that speak of something else than its run."""
SECTIONS: Final = (
    "## Baseline (from the paper)\n\n| Metric | Value |\n|---|---|\n| Train loss | 11.3 |\n",
    "## Previous version\n\n- Final train loss: 12.5\n- Training time: 3 days\n",
    "## Acceptance criteria\n\n- Final train loss: at most 0.001\n- Validation loss: < 0.001\n",
    "## Ablations\n\n| Layers | Train loss |\n|---|---|\n| 6 | 13.1 |\n| 24 | 12.2 |\n",
    "| Learning rate | Train loss |\n|---|---|\n| 7e-6 | 14.1 |\n| 7e-4 | 15.2 |\n",
    "| Model | Train loss |\n|---|---|\n| Wren-2 7B | 16.1 |\n| Robin | 17.2 |\n",
)


class Run(Record):
    """What was run, exactly."""

    every: int
    losses: tuple[Decimal, ...]
    evals: tuple[Decimal, ...]
    """After each logged step, or none."""
    runtime_s: Decimal
    rate: Decimal
    num_rows: int
    batch_size: int
    seed: int

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(self.every * number for number in range(1, len(self.losses) + 1))

    @property
    def mean(self) -> Decimal:
        return sum(self.losses, Decimal(0)) / len(self.losses)

    @property
    def samples_per_s(self) -> Decimal:
        return self.num_rows / self.runtime_s


def _decimals(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    count = draw(st.integers(2, 7))
    losses = st.lists(_decimals("0.0500", "9.5000", 4), min_size=count, max_size=count)
    return Run(
        every=draw(st.sampled_from((1, 5, 10, 25, 100))),
        losses=tuple(draw(losses)),
        evals=tuple(draw(losses)) if draw(st.booleans()) else (),
        runtime_s=draw(_decimals("11.000", "9000.000", 3)),
        rate=draw(st.sampled_from([Decimal(one) for one in ("2e-5", "3e-4", "1e-3", "0.05")])),
        num_rows=draw(st.integers(20, 90_000)),
        batch_size=draw(st.sampled_from((1, 2, 8, 48))),
        seed=draw(st.integers(0, 99_999)),
    )


@st.composite
def among(draw: st.DrawFn, page: str) -> str:
    """A page with some sentences and sections that are not of the run."""
    said = draw(st.lists(st.sampled_from(OF_OTHERS), max_size=3))
    sections = draw(st.lists(st.sampled_from(SECTIONS), max_size=1))
    return "\n".join((*(f"{one}\n" for one in said), page, *sections))


def config(run: Run) -> str:
    """Settings, as a recipe has them."""
    return (f"learning_rate: {run.rate}\nper_device_train_batch_size: {run.batch_size}\n"
            f"logging_steps: {run.every}\nseed: {run.seed}\n")  # fmt: skip


def as_log(run: Run) -> tuple[str, str]:
    lines = []
    for index, (step, loss) in enumerate(zip(run.steps, run.losses, strict=True)):
        epoch = f"'epoch': {step / run.steps[-1]:.2f}"
        lines.append(f"{{'loss': {loss}, 'learning_rate': {run.rate / 2}, {epoch}}}")
        if run.evals:
            lines.append(f"{{'eval_loss': {run.evals[index]}, 'eval_runtime': 1.5, {epoch}}}")
    lines.append(f"{{'train_runtime': {run.runtime_s}, 'train_samples_per_second': "
                 f"{run.samples_per_s:.3f}, 'train_loss': {run.mean:.12f}, "
                 f"'epoch': 1.0}}")  # fmt: skip
    return "train.log", "\n".join(lines) + "\n"


def as_state(run: Run) -> tuple[str, str]:
    history: list[dict[str, float]] = []
    for index, (step, loss) in enumerate(zip(run.steps, run.losses, strict=True)):
        history.append({"step": step, "loss": float(loss), "epoch": step / run.steps[-1]})
        if run.evals:
            history.append({"step": step, "eval_loss": float(run.evals[index])})
    history.append({"step": run.steps[-1], "train_runtime": float(run.runtime_s), "epoch": 1.0,
                    "train_loss": float(run.mean), "train_samples_per_second":
                    float(run.samples_per_s)})  # fmt: skip
    state = {"log_history": history, "max_steps": run.steps[-1], "global_step": run.steps[-1]}
    return "trainer_state.json", json.dumps(state)


def as_lines(run: Run) -> tuple[str, str]:
    rows = []
    for index, (step, loss) in enumerate(zip(run.steps, run.losses, strict=True)):
        rows.append(f'{{"step": {step}, "train_loss": {loss}}}')
        if run.evals:
            rows.append(f'{{"step": {step}, "val_loss": {run.evals[index]}}}')
    return "metrics.jsonl", "\n".join(rows) + "\n"


def as_csv(run: Run) -> tuple[str, str]:
    rows = ["step,train_loss,val_loss"]
    for index, (step, loss) in enumerate(zip(run.steps, run.losses, strict=True)):
        rows.append(f"{step},{loss},{run.evals[index] if run.evals else ''}")
    return "metrics.csv", "\n".join(rows) + "\n"


def as_pairs(run: Run) -> tuple[str, str]:
    rows = []
    for index, (step, loss) in enumerate(zip(run.steps, run.losses, strict=True)):
        val = f" val_loss:{run.evals[index]}" if run.evals else ""
        rows.append(f"step:{step}/{run.steps[-1]} train_loss:{loss}{val}")
    return "log.txt", "\n".join(rows) + "\n"


FORMATS: Final = (as_log, as_state, as_lines, as_csv, as_pairs)


@st.composite
def shown(draw: st.DrawFn, value: Decimal, places: int = 4) -> str:
    """A value with some of its digits, rounded or cut."""
    kept = Decimal(1).scaleb(-draw(st.integers(min(2, places), places)))
    return f"{value.quantize(kept, draw(st.sampled_from(ROUNDINGS))):f}"


@st.composite
def durations(draw: st.DrawFn, seconds: Decimal) -> str:
    """In seconds, minutes, hours, or by the clock."""
    whole = int(seconds.quantize(Decimal(1), ROUND_HALF_EVEN))
    return draw(st.sampled_from((
        f"{draw(shown(seconds, 3))} s", f"{draw(shown(seconds, 2))} seconds",
        f"{draw(shown(seconds / 60, 2))} minutes", f"{draw(shown(seconds / 60, 2))} min",
        f"{whole // 60} min {whole % 60} s",
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}",
    )))  # fmt: skip


@st.composite
def named(draw: st.DrawFn, run: Run) -> list[tuple[str, str]]:
    """Names with true values, some of them, in some order."""
    at = draw(st.integers(0, len(run.losses) - 1))
    said = [
        ("First training loss", draw(shown(run.losses[0]))),
        ("Final train loss", draw(shown(run.losses[-1]))),
        ("Final training loss", draw(shown(run.losses[-1]))),
        ("Mean train loss", draw(shown(run.mean))),
        ("Lowest training loss", draw(shown(min(run.losses)))),
        ("Train loss", draw(shown(run.losses[-1]))),
        (f"Train loss at step {run.steps[at]}", draw(shown(run.losses[at]))),
        ("Learning rate", draw(st.sampled_from((f"{run.rate:e}", f"{run.rate:f}")))),
        ("Batch size", str(run.batch_size)),
        ("Seed", str(run.seed)),
        ("Training time", draw(durations(run.runtime_s))),
        ("Total time", draw(durations(run.runtime_s * 2))),
        ("Time per step", f"{draw(shown(run.runtime_s / run.steps[-1], 3))} s"),
        ("Samples per second", draw(shown(run.samples_per_s, 3))),
        ("Steps", str(run.steps[-1])),
        ("Training rows", f"{run.num_rows:,}"),
    ]
    if run.evals:
        said += [
            ("Final validation loss", draw(shown(run.evals[-1]))),
            ("Best eval loss", draw(shown(min(run.evals)))),
            (f"Val loss at step {run.steps[at]}", draw(shown(run.evals[at]))),
            ("Validation loss", draw(shown(run.evals[-1]))),
        ]
    return draw(st.lists(st.sampled_from(said), min_size=1, max_size=8))


@st.composite
def pages(draw: st.DrawFn, run: Run) -> str:
    """A page in one of the usual layouts."""
    said = draw(named(run))
    match draw(st.sampled_from(("table", "bullets", "bold", "prose", "across", "steps"))):
        case "table":
            rows = "".join(f"| {name} | {value} |\n" for name, value in said)
            return f"# Results\n\n| Metric | Value |\n|---|---|\n{rows}"
        case "bullets":
            return "".join(f"- {name}: {value}\n" for name, value in said)
        case "bold":
            return "".join(f"* **{name}:** {value}\n" for name, value in said)
        case "across":
            names, values = (" | ".join(part) for part in zip(*said, strict=True))
            return f"| {names} |\n|{'---|' * len(said)}\n| {values} |\n"
        case "steps":
            return draw(curve(run))
        case _:
            return draw(prose(run, said))


@st.composite
def curve(draw: st.DrawFn, run: Run) -> str:
    """A table of steps, of all or of some."""
    kept = draw(st.sets(st.integers(0, len(run.losses) - 1), min_size=1))
    head = "| Step | Training loss |" + (" Validation loss |" if run.evals else "")
    rows = [head, "|---|---|" + ("---|" if run.evals else "")]
    for at in sorted(kept):
        val = f" {draw(shown(run.evals[at]))} |" if run.evals else ""
        rows.append(f"| {run.steps[at]} | {draw(shown(run.losses[at]))} |{val}")
    return "\n".join(rows) + "\n"


@st.composite
def prose(draw: st.DrawFn, run: Run, said: list[tuple[str, str]]) -> str:
    """Sentences in several turns of phrase."""
    forms = ("The {name} was {value}.", "We measured a {name} of {value}.",
             "{value} is the {name}.", "It reached {value} ({name}).",
             "After training, the {name} stood at {value}.")  # fmt: skip
    first, last = draw(shown(run.losses[0])), draw(shown(run.losses[-1]))
    sentences = [
        draw(st.sampled_from(forms)).format(name=name[0].lower() + name[1:], value=value)
        for name, value in said
    ]
    sentences.append(f"The training loss went from {first} to {last} over {run.steps[-1]} steps.")
    return " ".join(draw(st.permutations(sentences))) + "\n"


def accused(page: str, files: Iterable[tuple[str, str]]) -> list[str]:
    """What an audit of the page has against it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "evidence"
        root.mkdir()
        for name, text in files:
            (root / name).write_text(text, "utf-8")
        document = Path(folder) / "page.md"
        document.write_text(page, "utf-8")
        audit = audit_folder([document], [], root)
    return [
        f"{one.line}: {one.verdict}: {one.text}: {one.message}"
        for one in audit.claims
        if one.verdict in ACCUSED
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_true_page_of_random_evidence_accuses_nobody(data: st.DataObject) -> None:
    run = data.draw(runs())
    page = data.draw(among(data.draw(pages(run))))
    form = data.draw(st.sampled_from(FORMATS))
    files = [form(run), ("config.yaml", config(run))]
    for name, text in (*files, ("page.md", page)):
        note(f"{name}:\n{text}")
    assert accused(page, files) == []


@pytest.mark.parametrize(
    ("shown", "is_accused"), [("0.01", False), ("0.02", False), ("0.03", True), ("0.018", True)]
)
def test_a_value_that_the_page_cut_and_the_log_rounded_is_no_lie(
    shown: str, is_accused: bool
) -> None:
    """21 rows in 1050.001 s are 0.01999998 a second: 0.01 where cut, 0.020 in the log."""
    loss = Decimal("0.0500")
    run = Run(1, (loss, loss), (), Decimal("1050.001"), Decimal("2e-5"), 21, 1, 0)
    page = f"| Metric | Value |\n|---|---|\n| Samples per second | {shown} |\n"
    assert bool(accused(page, [as_log(run), ("config.yaml", config(run))])) == is_accused
