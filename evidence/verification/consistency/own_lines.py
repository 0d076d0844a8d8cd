"""Checks on logs: the lines that our own backend prints say what the evidence says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.run import AttemptPlan, StepRow
from evidence.redact.marks import is_cut_from
from evidence.results.validation import num_steps_planned, validations
from evidence.rules import arithmetic
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.train import STEPS, TRAIN
from evidence.text.escape import visible
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import OUR_BACKENDS
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)

_STEP: Final = re.compile(r"step \d+/\d+  loss .*$")
_VALIDATION: Final = re.compile(r"validation after step \d+  loss .*$")
_TRAINING: Final = re.compile(r"training .{1,400} on \d+ rows$")
_SEAM: Final = (
    re.compile(r"evaluation feeds … .*; the training text goes on .*$"),
    re.compile(r"the first token that carries loss: .*$"),
    re.compile(r"the probe measures .* after … .*$"),
)
_KEY: Final = "private-key"
"""Of this kind of secret whole lines are cut; what of others is cut stays within its line."""
_EVALUATING: Final = re.compile(r"evaluating \d+ of \d+ questions with the saved model$")


@check("training-log", "the lines of our own in training_log.txt are those of the step rows")
def training_log(evidence: Evidence) -> Problems:
    """Where our own backend ran: the three lines about the seam, as inputs.json has it; `training
    MODEL on N rows`; and a line a logging interval with the mean of its losses, rate and epoch of
    its last step, written again from metrics.jsonl and compared as text; a line a validation with
    the loss of the journal. Exact, what was cut as a
    secret aside. Of a run that was resumed the lines of its last segment: before them are lines of
    steps that were made again."""
    plan = evidence.plan
    lines = list(_lines(evidence, layout.TRAINING_LOG, "train"))
    model = plan.model.called
    expected = visible(f"training {model} on {evidence.rows_of(plan.train.data)} rows")
    yield from _seam(evidence, lines)
    yield from _alike(layout.TRAINING_LOG, lines, _TRAINING, expected)
    rows = evidence.documents.rows(STEPS)
    if not rows:
        raise CannotCheckError("there are no step rows")
    last = rows[-1].segment
    may_end = plan.train.early_stopping_patience > 0
    planned = (num_steps_planned(evidence.context) if may_end else None) or len(rows)
    wanted = list(_said(plan, [row for row in rows if row.segment == last], planned))
    yield from _listed(_STEP, lines, wanted, last, "logging interval")
    told = [one.data for one in validations(evidence.context) if one.data["segment"] == last]
    wanted = [f"validation after step {one['step']}  loss {one['loss']!r}" for one in told]
    yield from _listed(_VALIDATION, lines, wanted, last, "validation")


def _listed(
    shape: re.Pattern[str],
    lines: list[tuple[int, str]],
    wanted: list[str],
    segment: int,
    of_each: str,
) -> Problems:
    """Each line of this shape, of the last segment where there were several, is the wanted one."""
    found = [(number, match[0]) for number, line in lines if (match := shape.search(line))]
    if segment > 1:
        found = found[max(0, len(found) - len(wanted)) :]
    if len(found) != len(wanted):
        text = f"not a line for each {of_each}"
        yield Problem(layout.TRAINING_LOG, text, len(wanted), len(found))
    for (number, line), expected in zip(found, wanted, strict=False):
        if not is_cut_from(expected, line):
            text = "not what the evidence says"
            yield Problem(f"{layout.TRAINING_LOG}#L{number}", text, expected, line)
            return


def _seam(evidence: Evidence, lines: list[tuple[int, str]]) -> Problems:
    """What the worker said of the seam before it trained."""
    text = evidence.documents.inputs.text
    seam = None if isinstance(text, Unavailable) else text.seam
    if seam is None and evidence.plan.given_eval is None:
        return
    if seam is None:
        yield Problem(f"{layout.INPUTS}#/text", "this backend always says where the seam is")
        return
    said = (
        f"evaluation feeds … {seam.fed!r}; the training text goes on {seam.continuation!r}",
        f"the first token that carries loss: {seam.first_target!r}",
        f"the probe measures {seam.probe_wanted!r} after … {seam.probe_given!r}",
    )
    for shape, expected in zip(_SEAM, said, strict=True):
        yield from _alike(layout.TRAINING_LOG, lines, shape, visible(expected))


def _said(plan: AttemptPlan, rows: list[StepRow], last: int) -> Iterator[str]:
    every = plan.train.log_every_steps
    for _, group in groupby(rows, key=lambda row: (row.step - 1) // every):
        inside = list(group)
        row = inside[-1]
        if row.step % every and row.step != last:
            continue  # it ended early: what came after the last interval is in no line
        mean = arithmetic.mean([one.loss for one in inside])
        yield (
            f"step {row.step}/{last}  loss {mean!r}  learning_rate {row.learning_rate!r}  "
            f"epoch {row.epoch!r}"
        )


@check(
    "eval-log",
    "the lines of our own in eval_log.txt are those of the predictions",
    of_stages=EVAL.name,
)
def eval_log(evidence: Evidence) -> Problems:
    """Where our own backend ran: `evaluating N of M questions`, with the number of predictions and
    of rows of the evaluation set. Exact, what was cut as a secret aside."""
    lines = list(_lines(evidence, layout.EVAL_LOG, "eval"))
    count = len(evidence.documents.rows(PREDICTIONS))
    available = evidence.rows_of(evidence.plan.eval.data)
    expected = f"evaluating {count} of {available} questions with the saved model"
    yield from _alike(layout.EVAL_LOG, lines, _EVALUATING, expected)


def _alike(
    path: str, lines: list[tuple[int, str]], shape: re.Pattern[str], expected: str
) -> Problems:
    found = [(number, match[0]) for number, line in lines if (match := shape.search(line))]
    if not found:
        yield Problem(path, "this line is not there", expected)
    for number, line in found:
        if not is_cut_from(expected, line):
            yield Problem(f"{path}#L{number}", "not what the evidence says", expected, line)


def _lines(evidence: Evidence, path: str, stage: str) -> Iterator[tuple[int, str]]:
    if evidence.plan.backend not in OUR_BACKENDS:
        raise CannotCheckError("what another backend prints is its own")
    data = evidence.contents.get(path)
    if data is None:
        raise CannotCheckError(f"{path} is not there, or too large")
    text = data.decode("utf-8", "replace")
    cut = {kind for event in evidence.events("redacted", stage) for kind in event.data["counts"]}
    if _KEY in cut and f"[redacted:{_KEY}]" in text:
        raise CannotCheckError(f"private keys were cut from {path}, perhaps with lines of ours")
    yield from enumerate(text.split("\n"), 1)
