"""Checks on evaluation: every prediction is where it belongs and scores what it says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.run import PredictionRow
from evidence.results.context import journal_at
from evidence.results.evaluation import DEGENERATE, degenerate
from evidence.rules import scoring
from evidence.rules.patterns import NoEngineError
from evidence.rules.under_test import under_test
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.text import evaluations
from evidence.verification.consistency import registry
from evidence.verification.consistency.likelihood import likelihood_problems
from evidence.verification.consistency.likelihood_limits import limit_problems
from evidence.verification.consistency.registry import ANY, Evidence, Problems, differs
from evidence.verification.consistency.seen import named
from evidence.verification.problem import CannotCheckError, Problem, shown

check = partial(registry.check, kind=EVAL.name)


SUSPICIOUS_SHARE: Final = 0.5
"""From this share of the outputs on, empty, looping or echoing ones are a warning."""


def _rows(evidence: Evidence) -> tuple[PredictionRow, ...]:
    _ = evidence.plan
    if not evidence.documents.rows(PREDICTIONS):
        raise CannotCheckError("there are no predictions")
    return evidence.documents.rows(PREDICTIONS)


def _each(evidence: Evidence) -> Iterator[tuple[int, PredictionRow]]:
    """Rows with the numbers of their lines."""
    return enumerate(_rows(evidence), 1)


def _at(line: int, pointer: str) -> str:
    return f"{layout.PREDICTIONS}#L{line}/{pointer}"


@check("prediction-count", "as many predictions as the milestone asks for")
def prediction_count(evidence: Evidence) -> Problems:
    """min(eval.limit, rows of the evaluation set) (docs/arithmetic.md#scores); also num_rows of the
    evaluation stage's end. Exact."""
    rows, spec = _rows(evidence), evidence.plan.eval
    available = evidence.rows_of(spec.data)
    expected = available if spec.limit is None else min(spec.limit, available)
    text = "another number of predictions than milestone and data give"
    yield from differs(layout.PREDICTIONS, text, expected, len(rows))
    for event in evidence.events("stage-finished", "eval"):
        place = journal_at(event, "data", "num_rows")
        text = "another number of predictions than there are"
        yield from differs(place, text, len(rows), event.data["num_rows"])


@check("prediction-order", "predictions are the first rows of the evaluation set, each once")
def prediction_order(evidence: Evidence) -> Problems:
    """index = 0, 1, 2, … in file order; ids differ. Exact."""
    first: dict[str, int] = {}
    for line, row in _each(evidence):
        if row.index != line - 1:
            text = "predictions are in order of the evaluation set"
            yield from differs(_at(line, "index"), text, line - 1, row.index)
        other = first.setdefault(row.id, line)
        if other != line:
            yield Problem(_at(line, "id"), f"the same id as line {other}", actual=row.id)


@check("prediction-digests", "prompt, target and output have the digests given beside them")
def prediction_digests(evidence: Evidence) -> Problems:
    """SHA-256 of the UTF-8 text. Exact."""
    for line, row in _each(evidence):
        for key, said, found in (
            ("prompt", row.prompt, row.prompt_sha256),
            ("target", row.target, row.target_sha256),
            ("output", row.output, row.output_sha256),
        ):
            expected = sha256_hex(said.encode("utf-8"))
            if found != expected:
                text = f"is not the digest of this row's {key}"
                yield Problem(_at(line, f"{key}_sha256"), text, expected, found)


@check("prediction-answers", "the scored answer is what the milestone cuts out of the output")
def prediction_answers(evidence: Evidence) -> Problems:
    """scoring.extract_answer(output, eval.answer_after). Exact."""
    marker = evidence.plan.eval.answer_after
    for line, row in _each(evidence):
        expected = scoring.extract_answer(row.output, marker)
        if row.answer != expected:
            text = "is not the part of the output that is scored"
            yield Problem(_at(line, "answer"), text, expected, row.answer)


@check("prediction-scores", "every score follows from answer and target")
def prediction_scores(evidence: Evidence) -> Problems:
    """Each declared scorer of scoring.py and each pattern, recomputed; no score besides. Of
    questions with choices the one that is picked follows from the log-likelihoods as eval.choices
    normalises them, and the score from it; losses and log-likelihoods are there exactly where they
    are asked for, possible, and alike where they are of the same text. They need the model: that
    they are its own is not checked but by limits, with room: no more tokens than bytes; where the
    tokenizer surely parts prompt and text, no more than probability 1 of all choices and than
    logits.json has of any token; the loss of the probe where it is of the same rows. Else exact."""
    spec = evidence.plan.eval
    yield from limit_problems(evidence)
    for line, row in _each(evidence):
        yield from likelihood_problems(spec, row, f"{layout.PREDICTIONS}#L{line}")
        try:
            expected = scoring.scores(spec, row.output, row.answer, row.target, row.choices)
        except NoEngineError as error:
            raise CannotCheckError(error.message) from error
        if row.scores == expected:
            continue
        for name in sorted(expected.keys() | row.scores.keys()):
            found = row.scores.get(name)
            text = f"{name} gives another score for this answer and target"
            yield from differs(_at(line, f"scores/{name}"), text, expected.get(name), found)


@check(
    "scorers",
    "inputs.json names the scorers that the milestone asks for, with their versions",
    of_stages=ANY,
)
def scorers(evidence: Evidence) -> Problems:
    """The records that scoring.py gives for [eval], in order. Exact. Versions are those of the rule
    set: another one would be a way around recomputing the scores."""
    plan, found = evidence.plan, evidence.documents.inputs.scorers
    asked = () if plan.given_eval is None else scoring.records(plan.given_eval)
    place, text = f"{layout.INPUTS}#/scorers", "other scorers than the milestone asks for"
    yield from differs(place, text, [one.name for one in asked], [one.name for one in found])
    for index, (one, other) in enumerate(zip(asked, found, strict=False)):
        for key in ("kind", "version", "pattern"):
            text = f"another {key} of {shown(one.name)} than milestone and rule set give"
            yield from differs(
                f"{place}/{index}/{key}", text, getattr(one, key), getattr(other, key)
            )


@check("prediction-under-test", "what an evaluation is about stands in what the model was asked")
def prediction_under_test(evidence: Evidence) -> Problems:
    """Rows have texts under test exactly where their data set declares a field of them, and the
    texts of each stand in its prompt (rules.under_test). A warning, where they do not: the run is
    what it says, and its rate tells nothing of what was meant."""
    name = evidence.plan.eval.data
    spec = evidence.documents.milestone.data.get(name)
    field = None if spec is None else spec.under_test
    rows = [row for _, row in _each(evidence)]
    if field is None:
        for line, row in enumerate(rows, 1):
            text = "the milestone declares nothing to be under test"
            yield from differs(_at(line, "under_test"), text, (), row.under_test)
        return
    found = under_test(rows, field)
    if not found.num_rows - len(found.not_checked):
        text = "no row has what the milestone declares to be under test"
        yield Problem(layout.PREDICTIONS, text, shown(field))
    if found.absent:
        yield Problem(
            _at(found.absent[0] + 1, "prompt"),
            shown(evaluations.of_under_test(found)),
            severity="warning",
            code="not-in-prompt",
        )


@check("prediction-groups", "each prediction carries the groups that the milestone scores by")
def prediction_groups(evidence: Evidence) -> Problems:
    """Keys of groups = eval.group_by. Exact."""
    expected = sorted(evidence.plan.eval.group_by)
    for line, row in _each(evidence):
        if (found := sorted(row.groups)) != expected:
            yield from differs(_at(line, "groups"), "other groups", expected, found)


@check("prediction-lengths", "output lengths and reasons to stop are possible")
def prediction_lengths(evidence: Evidence) -> Problems:
    """num_output_tokens ≤ max_new_tokens, and = max_new_tokens where the reason is `length`; an
    output text needs tokens, a prompt text too. Exact."""
    limit = evidence.plan.eval.max_new_tokens
    for line, row in _each(evidence):
        at_length = row.finish_reason == "length"
        if row.num_output_tokens > limit or (at_length and row.num_output_tokens != limit):
            text = "not a length that an output which ended like this can have"
            expected = f"{limit}" if at_length else f"at most {limit}"
            yield Problem(_at(line, "num_output_tokens"), text, expected, row.num_output_tokens)
        if row.prompt and row.num_prompt_tokens < 1:
            yield Problem(_at(line, "num_prompt_tokens"), "text without a token")
        if row.output and row.num_output_tokens < 1:
            yield Problem(_at(line, "num_output_tokens"), "text without a token")


@check("generation", "answers were generated as the milestone asks, and end where an end is")
def generation(evidence: Evidence) -> Problems:
    """From the journal's event `generation`: max_new_tokens = eval.max_new_tokens; the end token of
    inputs.json is among those that end an answer; no answer ended where none is. Exact."""
    rows, events = _rows(evidence), evidence.events("generation", "eval")
    if not events:
        raise CannotCheckError("the worker recorded no settings of generation")
    last = events[-1]
    place = journal_at(last, "data", "settings", "max_new_tokens")
    limit = last.data["settings"].get("max_new_tokens")
    text = "another limit of new tokens than the milestone asks for"
    yield from differs(place, text, str(evidence.plan.eval.max_new_tokens), limit)
    place = journal_at(last, "data", "end_tokens")
    ends = [one["id"] for one in last.data["end_tokens"]]
    tokenizer = evidence.documents.inputs.tokenizer
    if not isinstance(tokenizer, Unavailable):
        for token in tokenizer.special_tokens:
            if token.name == "eos_token" and token.id not in ends:
                text = "the tokenizer's end token did not end an answer"
                yield Problem(place, text, f"{token.id} among them", ends)
    if not ends and any(row.finish_reason == "eos" for row in rows):
        yield Problem(place, "answers ended at an end token, and there is none", actual=ends)


@check("prediction-degenerate", "outputs differ, say something and do not run in circles")
def prediction_degenerate(evidence: Evidence) -> Problems:
    """Facts of scoring.degenerate. Warnings `degenerate-outputs` where all (of at least two)
    outputs are the same, or at least half of them are empty, loop or echo the prompt;
    `constant-field` where outputs differ, but all prompts, targets or answers are the same."""
    rows = _rows(evidence)
    facts = evidence.context.once(DEGENERATE, degenerate)
    place = f"{layout.PREDICTIONS}#L1-L{len(rows)}/output"
    every = tuple(range(len(rows)))
    remarks = [("are one and the same", every)] if facts.num_distinct == 1 < len(rows) else []
    remarks += [
        ("are empty", facts.empty),
        ("end in a loop", facts.looping),
        ("only repeat their prompt", facts.echoing),
    ]
    for what, found in remarks:
        if found and len(found) >= SUSPICIOUS_SHARE * len(rows):
            lines = named(tuple(index + 1 for index in found))
            text = f"{len(found)} of {len(rows)} outputs {what}: lines {lines}"
            yield Problem(place, text, severity="warning", code="degenerate-outputs")
    place = place.removesuffix("output")
    for field in scoring.constant_fields([_given(row) for row in rows]):
        if facts.num_distinct > 1:
            text = f"the {field} is one and the same in all {len(rows)} rows"
            yield Problem(f"{place}{field}", text, severity="warning", code="constant-field")
    words = evidence.plan.eval
    for field in scoring.constant_fields([row.groups for row in rows]):
        if len(rows) > 1 and field in words.group_by:
            text = f"the group {field!r} has one value in all rows"
            where = f"{layout.PREDICTIONS}#L1-L{len(rows)}/groups/{field}"
            yield Problem(where, text, severity="advice", code="constant-group")


def _given(row: PredictionRow) -> dict[str, str]:
    return {"prompt": row.prompt, "target": row.target, "answer": row.answer}
