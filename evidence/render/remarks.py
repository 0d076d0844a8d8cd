"""Warnings and observations: sentences made from measured facts only.

Responsible for saying what a reader must know before believing a number. Each sentence takes its
numbers from values; what counts as an error is `verify`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GitRecord
from evidence.records.inputs import SeamRecord, TokenizerRecord
from evidence.render import ran
from evidence.render.values import Sheet
from evidence.results.context import Context
from evidence.results.evaluation import EFFECTIVE
from evidence.results.training import moved_weights, rate_unreached
from evidence.rules import scoring
from evidence.rules.movement import hardly_moved
from evidence.rules.program import num_new_files
from evidence.rules.under_test import under_test
from evidence.stages.command import COMMAND
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import SEEN, STEPS
from evidence.text import endings, evaluations, formatting, marked

REASON_CHARS: Final = 300
SHORT_COMMIT: Final = 12
NAMED_LINES: Final = 10
SEAM_CHARS: Final = 600
PROBE_CHARS: Final = 60
MOSTLY: Final = 0.5
"""From this share on it is said of outputs that most of them are so."""

_OUTPUTS: Final = {
    "looping": ("ends in a repetition loop", "end in a repetition loop"),
    "empty": ("is empty", "are empty"),
    "echoing": ("only repeats its prompt", "only repeat their prompt"),
}
"""What is said of one output, and of several, that are degenerate in such a way."""


def warnings(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """What weakens the evidence or the result, most serious first."""
    return tuple(one for _, found in _all(documents, sheet) for one in found)


def of_run(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """Of a run with stages: what is said of all of it, whichever stage."""
    return tuple(one for is_of_run, found in _all(documents, sheet) if is_of_run for one in found)


def of_stage(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """What is said of one stage, from its view."""
    found = _all(documents, sheet)
    return tuple(one for is_of_run, some in found if not is_of_run for one in some)


def _all(documents: Documents, sheet: Sheet) -> Iterator[tuple[bool, Iterator[str]]]:
    """Whether it is of the run as a whole, and what is said, most serious first."""
    yield True, _damage(documents)
    yield True, ran.program(documents)
    yield False, _targets(documents, sheet)
    yield False, _tested(documents, sheet)
    yield False, _unmoved(documents, sheet)
    yield True, _repository(documents, sheet)
    yield True, ran.untried_device(documents)
    yield True, _steadiness(sheet)
    yield False, _data(documents, sheet)
    yield False, _outputs(documents, sheet)


def _damage(documents: Documents) -> Iterator[str]:
    found = lost.damaged_in(documents.journal)
    if found is not None:
        told = marked.inline(endings.of_damage(found), SEAM_CHARS)
        yield f"The run was closed when its files were no longer as it had written them: {told}."


def _targets(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if sheet.has("train.num_target_tokens") and not sheet.number("train.num_target_tokens"):
        yield "No token carried loss: this run trained on nothing."
    seen = documents.document(SEEN)
    coverage = () if seen is None else seen.coverage
    for one in sorted(coverage, key=lambda one: not one.is_answer):
        name = marked.code(one.field)
        if not sheet.has(f"seen.{one.field}.num_rows_in_target"):
            continue
        if one.is_answer and not one.num_rows_in_target:
            yield f"The answer field {name} carries no loss in any row: the model never learns it."
        elif not one.is_answer and not one.num_rows_in_sequence:
            yield f"The field {name} of the training data never reaches the model."


def _tested(documents: Documents, sheet: Sheet) -> Iterator[str]:
    """Whether what the evaluation is about was in its prompts."""
    if sheet.number("eval.under_test.num_absent"):
        asked = documents.milestone.eval
        field = documents.milestone.data[asked.data].under_test or ""
        found = under_test(documents.rows(PREDICTIONS), field)
        yield f"{marked.inline(evaluations.of_under_test(found), SEAM_CHARS)}."


def _unmoved(documents: Documents, sheet: Sheet) -> Iterator[str]:
    """Training that changed next to nothing, with the causes that the evidence shows."""
    context = Context(documents)
    event = moved_weights(context)
    if event is not None and hardly_moved(
        event.data["weights"], beside=context.train.lora is not None
    ):
        total = sheet.n("train.num_weights_compared", "weight")
        every = sheet.number("train.weights_compared_every")
        sampled = f" compared (one in {formatting.count(int(every))})" if every > 1 else ""
        changed = sheet.n("train.num_weights_changed", "changed", "changed")
        yield f"Training hardly moved the model: of {total}{sampled} {changed}{_why(sheet)}."
    trains = context.plan is not None and context.plan.given_train is not None
    steps = documents.rows(STEPS) if trains else ()
    if steps and rate_unreached(steps, context.train):
        rate = sheet.v("train.learning_rate")
        yield f"No step used the learning rate {rate}: the warm-up is as long as the run."


def _why(sheet: Sheet) -> str:
    if not sheet.number("train.num_optimizer_steps"):
        return "; the optimizer never stepped"
    if sheet.raw("train.dtype") == "float32":
        return ""
    return f"; updates so small are rounded away in {sheet.v('train.dtype')}"


def _repository(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if sheet.raw("git.dirty") is True:
        files = sheet.n("git.num_changed_files", "file differs", "files differ")
        yield f"The working tree was dirty: {files} from the commit (see Impact)."
    versions = {one.name: one.version for one in documents.packages.imported}
    for package in documents.packages.known:
        if package.shadowed:
            ours = marked.code(f"{package.name} {versions.get(package.name, '')}")
            yield f"{ours} is imported; {marked.code(package.version)} is on the path behind it."
    for one in documents.git.inputs or ():
        if one.held_by == "nothing":
            name, why = marked.code(one.path), marked.inline(one.reason, REASON_CHARS)
            key = marked.code(one.input)
            yield f"The commit does not hold {name} ({key}): {why}. Whoever clones it lacks it."
    is_program = COMMAND.name in documents.milestone.stages
    if documents.git.changed_during_run is True and not (
        is_program and num_new_files(documents.git)
    ):
        yield f"The repository changed while the run was under way: {_change(documents.git)}."
    if isinstance(documents.git.start, Unavailable):
        reason = marked.inline(documents.git.start.reason)
        yield f"No commit names the code that ran: {reason}."


def _change(git: GitRecord) -> str:
    """What is different at the end."""
    start, end = git.start, git.end
    if isinstance(start, Unavailable) or isinstance(end, Unavailable):
        return "it cannot be read any more"
    if start.commit != end.commit:
        return f"HEAD moved from {_commit(start.commit)} to {_commit(end.commit)}"
    if start.branch != end.branch:
        return "another branch is checked out"
    changed = {one.path for one in set(start.files) ^ set(end.files)}
    if start.left_out != end.left_out:
        return "more files differ than can be named, and not the same as at the start"
    return formatting.plural(len(changed), "file was touched", "files were touched")


def _commit(commit: str) -> str:
    return marked.code(commit[:SHORT_COMMIT])


def _steadiness(sheet: Sheet) -> Iterator[str]:
    if sheet.number("run.num_clock_jumps"):
        jumps = sheet.n("run.num_clock_jumps", "time")
        yield (
            f"The wall clock jumped {jumps} against the clock that counts durations: it was set, "
            "and dates and times here are off, or the machine slept, which no duration counts."
        )
    if sheet.raw("run.threads_changed") is True:
        yield "The number of threads changed during the run; the bits of a result may depend on it."


def _data(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if sheet.number("seen.num_rows_truncated"):
        rows = sheet.n("seen.num_rows_truncated", "row")
        is_cut = "is" if sheet.number("seen.num_rows_truncated") == 1 else "are"
        yield f"{rows} of {sheet.v('seen.num_rows')} {is_cut} cut at {_length(sheet)}."
    seam = _seam(documents)
    for text in () if seam is None else seam.mismatches:
        yield f"What is fed, taught and scored do not fit: {marked.inline(text, SEAM_CHARS)}."
    if sheet.number("data.train.num_normalised_duplicate_rows"):
        name = "data.train.num_normalised_duplicate_rows"
        repeat = "repeats" if sheet.number(name) == 1 else "repeat"
        exact = _exactly(sheet, "data.train.num_duplicate_rows")
        total = sheet.n("data.train.num_rows", "training row")
        yield f"{sheet.v(name)} of {total} {repeat} an earlier one, {exact} exactly."
    if sheet.number("data.train.num_conflicting_prompts"):
        prompts = sheet.n("data.train.num_conflicting_prompts", "prompt has", "prompts have")
        yield f"In the training data {prompts} several answers that contradict one another."
    yield from _overlap(sheet)
    yield from _validated_on_questions(sheet)
    for name, one, many in _ODD_TEXT:
        if sheet.number(f"text.num_{name}"):
            yield f"{sheet.n(f'text.num_{name}', f'row {one}', f'rows {many}')}."


def _exactly(sheet: Sheet, name: str) -> str:
    """How many of those that were counted before."""
    return sheet.v(name) if sheet.number(name) else "none of them"


_ODD_TEXT: Final = (
    ("rows_without_bos", "lacks the begin token", "lack the begin token"),
    ("rows_doubled_bos", "has the begin token twice", "have the begin token twice"),
    ("rows_doubled_eos", "has the end token twice", "have the end token twice"),
    (
        "rows_not_round_trip",
        "is another text after encoding and decoding",
        "are another text after encoding and decoding",
    ),
)


def _overlap(sheet: Sheet) -> Iterator[str]:
    if "data.overlap.num_rows" not in sheet.values:
        return  # no training of ours
    if sheet.has("data.train.num_rows") and not sheet.has("data.overlap.num_rows"):
        why_not = sheet.v("data.overlap.num_rows")
        yield f"Training rows that ask what the evaluation asks: {why_not}."
    if sheet.number("data.overlap.num_rows"):
        rows = sheet.n("data.overlap.num_rows", "training row has", "training rows have")
        exact = _exactly(sheet, "data.overlap.num_exact_rows")
        yield f"{rows} a prompt that overlaps with an evaluation question, {exact} exactly."


_CHOSEN: Final = (
    ("train.early_stopping_patience", "when training ended"),
    ("train.keep_best", "which weights are the final ones"),
)


def _validated_on_questions(sheet: Sheet) -> Iterator[str]:
    """What was chosen by losses on the evaluation's own questions is no result on new ones."""
    if not sheet.number("validation.num_rows_asked"):
        return
    rows = sheet.n("validation.num_rows_asked", "validation row asks", "validation rows ask")
    chosen = [text for name, text in _CHOSEN if sheet.has(name)]
    follows = f": {' and '.join(chosen)} was decided by them" if chosen else ""
    yield f"{rows} what the evaluation asks{follows}."


def _seam(documents: Documents) -> SeamRecord | None:
    text = documents.inputs.text
    return None if isinstance(text, Unavailable) else text.seam


def _length(sheet: Sheet) -> str:
    return sheet.n("train.max_length", "token")


def _outputs(documents: Documents, sheet: Sheet) -> Iterator[str]:
    if not sheet.has("eval.num_examples"):
        return
    total = sheet.number("eval.num_examples")
    distinct = sheet.number("eval.num_distinct_outputs")
    if total > 1 and distinct == 1:
        yield "All outputs are alike: the model does not react to the question."
    found = [name for name in _OUTPUTS if sheet.number(f"eval.num_{name}")]
    if not found:
        return  # to look at each output again takes long
    facts = scoring.degenerate([(row.prompt, row.output) for row in documents.rows(PREDICTIONS)])
    for name in found:
        places, (one, many) = getattr(facts, name), _OUTPUTS[name]
        what = one if sheet.number(f"eval.num_{name}") == 1 else many
        yield f"{_share(sheet, f'num_{name}')} {what}{_lines(documents, places)}."


def _lines(documents: Documents, places: tuple[int, ...]) -> str:
    """Lines of predictions.jsonl, from 1; of rows that are withheld nothing."""
    stage = documents.stage
    path = marked.code(PREDICTIONS.path if stage is None else stage.path(PREDICTIONS.path))
    shown = ", ".join(formatting.count(place + 1) for place in places[:NAMED_LINES])
    more = ", … of" if len(places) > NAMED_LINES else " of"
    return f" (line{'s' * (len(places) > 1)} {shown}{more} {path})" if places else ""


def _share(sheet: Sheet, name: str) -> str:
    return f"{sheet.v(f'eval.{name}')} of {sheet.n('eval.num_examples', 'output')}"


def observations(documents: Documents, sheet: Sheet) -> tuple[str, ...]:
    """What the outputs look like as a whole."""
    return tuple(_observed(documents, sheet))


def _observed(documents: Documents, sheet: Sheet) -> Iterator[str]:
    yield from _learned(documents, sheet)
    yield _ends(sheet)
    yield from _weakened(sheet)
    yield from _outputs(documents, sheet)
    total, distinct = sheet.number("eval.num_examples"), sheet.number("eval.num_distinct_outputs")
    if 1 < distinct < total:
        yield f"{_share(sheet, 'num_distinct_outputs')} are distinct."
    constant = sheet.raw("eval.constant_fields")
    if isinstance(constant, str) and constant != "none" and distinct > 1:
        yield f"The same in all predictions: {sheet.v('eval.constant_fields')}."
    if sheet.has("probe.loss_before") and sheet.has("probe.loss_after"):
        before, after = sheet.v("probe.loss_before"), sheet.v("probe.loss_after")
        examples = sheet.n("probe.num_examples", "evaluation example")
        moved = f"{before} before, {after} after training"
        yield (
            f"Mean loss on {examples} (how much the expected answer surprises the model; lower is "
            f"better): {moved}."
        )
        seam = _seam(documents)
        if seam is not None:
            wanted = marked.code(seam.probe_wanted, PROBE_CHARS)
            given = marked.code(seam.probe_given[-PROBE_CHARS:], PROBE_CHARS)
            yield f"It is measured in the form of the training text: {wanted} after … {given}."
    tokenizer = documents.inputs.tokenizer
    is_chat = any(one.format is not None for one in documents.milestone.data.values())
    brings = isinstance(tokenizer, TokenizerRecord) and tokenizer.chat_template is not None
    if brings and not is_chat:
        yield (
            "The tokenizer brings a chat template along, and neither training text nor prompts "
            "went through it."
        )


def _weakened(sheet: Sheet) -> Iterator[str]:
    """What a reader must know to read a score, on the side of data and form."""
    if sheet.number("eval.num_several_markers"):
        share = _share(sheet, "num_several_markers")
        yield f"{share} have the marker more than once: what stands after the last one is scored."
    examples = sheet.n("eval.num_examples", "example")
    if sheet.number("eval.num_empty_targets"):
        empty = sheet.v("eval.num_empty_targets")
        yield f"In {empty} of {examples} the expected answer is empty: to say nothing is right."
    if sheet.has(EFFECTIVE):
        yield (
            f"Several of the {examples} ask the same question: they are not independent, so the "
            f"intervals are those of {sheet.v(EFFECTIVE)} questions."
        )


def _learned(documents: Documents, sheet: Sheet) -> Iterator[str]:
    """Whether the outputs look like the training data, and whether they are right."""
    marker, total = _marker(documents), sheet.number("eval.num_examples")
    shaped, looping = sheet.number("eval.num_with_marker"), sheet.number("eval.num_looping")
    rule = _best_rule(documents, sheet)
    if marker is not None and sheet.has("eval.num_with_marker"):
        share = _share(sheet, "num_with_marker")
        form = f"the form of an answer ({marked.code(marker)})"
        if shaped:
            yield f"{share} {'takes' if shaped == 1 else 'take'} {form}."
        else:
            yield f"No output has the marker {marked.code(marker)}, so no answer could be read."
    if rule is None or sheet.number(f"eval.{rule}.high") >= MOSTLY:
        return
    alike = shaped >= MOSTLY * total or looping >= MOSTLY * total
    if alike:
        correct = f"{sheet.v(f'eval.{rule}.num_correct')} of {sheet.v('eval.num_examples')}"
        low, high = sheet.v(f"eval.{rule}.low"), sheet.v(f"eval.{rule}.high")
        habit = "take the trained form" if shaped >= looping else "repeat themselves"
        yield (
            f"**The outputs show pattern learning rather than answers:** most of them {habit}, yet "
            f"even the most generous rule ({marked.inline(rule)}) calls only {correct} right "
            f"(true rate: {low} to {high})."
        )


def _best_rule(documents: Documents, sheet: Sheet) -> str | None:
    """The scorer that calls most answers correct."""
    names = [
        one.name
        for one in documents.inputs.scorers
        if one.kind == "rule" and sheet.has(f"eval.{one.name}.rate")
    ]
    names.reverse()  # of rules that call equally many correct, the last is the most lenient
    return max(names, key=lambda name: sheet.number(f"eval.{name}.rate"), default=None)


def _ends(sheet: Sheet) -> str:
    at_length, total = sheet.number("eval.num_at_length"), sheet.number("eval.num_examples")
    if at_length == 0:
        return "No output stops at the length limit: all end by themselves."
    if at_length == total:
        return "All outputs stop at the length limit; none ends by itself."
    return f"{_share(sheet, 'num_at_length')} stop at the length limit, the others by themselves."


def _marker(documents: Documents) -> str | None:
    spec = documents.milestone.given_eval
    return None if spec is None else spec.answer_after
