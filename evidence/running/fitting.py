"""Names that nothing has, found in a milestone and its data before anything is run.

Responsible for fields, values in gates and narratives, refs and a warm-up that would fail or mean
nothing only after hours of training. Each problem is a pointer into the milestone, a message and a
hint; whether the file itself is well-formed is `milestone.parse`'s, and tokens are the worker's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import prose
from evidence.capture.frozen import match_paths
from evidence.capture.git import NO_REF, resolve_ref
from evidence.capture.repository import Repository, open_repository
from evidence.data.examples import fields_told
from evidence.data.facts import DataSet, field_names
from evidence.data.template_text import render_row
from evidence.errors import MalformedError
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.milestone import EvalSpec, Milestone
from evidence.records.run import AttemptPlan
from evidence.records.training import TrainSpec
from evidence.results.inputs import CHAT, TURNS
from evidence.results.no_such_value import why_none
from evidence.results.planned_names import SEEN_OF_A_FIELD, value_names
from evidence.rules.arithmetic import POLYNOMIAL_END, steps_per_epoch, total_steps, warm_up
from evidence.running.entering import read_files
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.text import templating
from evidence.text.escape import is_utf8

Sets = Mapping[str, DataSet]
Problem = tuple[str, str, str]
"""A pointer into the milestone, what is wrong there, and what to do."""

ID_FIELD: Final = "id"
"""The field that names a row where the milestone says nothing: rows need not have it."""
_MAX_NAMED: Final = 12
_GPU: Final = re.compile(r"^(hardware\.gpu\.)\d+\.")


def field_problems(milestone: Milestone, plans: Sequence[AttemptPlan], data: Sets) -> list[Problem]:
    """Fields that templates, targets, ids and groups name, and rows that do not have them."""
    found: list[Problem] = []
    for name, spec in milestone.data.items():
        if spec.text is not None:
            found += _of_template(f"/data/{name}/text", spec.text, data[name], None)
        if spec.format is None:
            found += _of_answers(f"/data/{name}/answer", spec.answer, data[name])
        if spec.under_test is not None:
            found += _of_answers(f"/data/{name}/under_test", (spec.under_test,), data[name])
    for plan in plans:
        if plan.given_eval is None:
            continue
        asked, limit = data[plan.eval.data], plan.eval.limit
        is_chat = milestone.data[plan.eval.data].format is not None
        if is_chat:
            found += _of_no_use(milestone, plan)
        else:
            place = pointer(milestone, plan, "eval", "prompt")
            found += _of_template(place, plan.eval.prompt, asked, limit)
        for key, field in _fields_of_every_row(plan.eval, is_chat=is_chat):
            found += _of_every_row(pointer(milestone, plan, "eval", key), field, asked, limit)
    return list(dict.fromkeys(found))


def pointer(milestone: Milestone, plan: AttemptPlan, table: str, key: str) -> str:
    """Where a setting of a plan stands: in its attempt, or in the milestone's own table."""
    own: Mapping[str, object] = getattr(milestone.attempts[plan.number - 1], table)
    return f"/attempt/{plan.number - 1}/{table}/{key}" if key in own else f"/{table}/{key}"


def _of_no_use(milestone: Milestone, plan: AttemptPlan) -> Iterator[Problem]:
    """Settings that an evaluation of conversations takes no notice of."""
    plain = EvalSpec()
    if plan.eval.choices is not None:
        text = f"are of rows with a prompt: [data.{plan.eval.data}] holds conversations"
        hint = "Give another data set, with a prompt template, or leave [eval.choices] out."
        yield pointer(milestone, plan, "eval", "choices"), text, hint
    for key in ("prompt", "target_field"):
        if getattr(plan.eval, key) != getattr(plain, key):
            text = f"has no use: [data.{plan.eval.data}] holds conversations"
            hint = (
                "The chat template makes the prompt, and the last turn is the target: leave it out."
            )
            yield pointer(milestone, plan, "eval", key), text, hint


def _fields_of_every_row(spec: EvalSpec, *, is_chat: bool) -> Iterator[tuple[str, str]]:
    if spec.choices is not None and not is_chat:
        yield "choices", spec.choices.field
        yield "choices", spec.choices.right
    elif not is_chat:
        yield "target_field", spec.target_field
    yield from (("group_by", field) for field in spec.group_by)
    if spec.id_field != ID_FIELD:
        yield "id_field", spec.id_field


def _of_answers(place: str, answer: Sequence[str], data: DataSet) -> Iterator[Problem]:
    names = field_names(data.rows)
    for field in answer:
        if field not in names:
            yield place, f"no row of [data.{data.name}] has {field!r}", nearest(field, names)


def _of_every_row(place: str, field: str, data: DataSet, limit: int | None) -> Iterator[Problem]:
    for index, row in enumerate(data.rows[:limit]):
        if field not in row:
            text = f"{data.place(index)}: has no {field!r}"
            yield place, text, nearest(field, tuple(row))
            return


def _of_template(place: str, source: str, data: DataSet, limit: int | None) -> Iterator[Problem]:
    template = templating.compile_text(source)
    for index, row in enumerate(data.rows[:limit]):
        try:
            render_row(template, row)
        except MalformedError as error:
            named = [name for name in templating.names_in(source) if name not in row]
            hint = nearest(named[0], tuple(row)) if named else "Mend the template, or the row."
            yield place, f"{data.place(index)}: {error.message}", hint
            return


def nearest(name: str, known: Collection[str]) -> str:
    """The known name that is meant, most likely, and the first of all."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    more = ", …" if len(known) > _MAX_NAMED else ""
    there = f"There are: {', '.join(list(known)[:_MAX_NAMED])}{more}."
    return f"Did you mean {close[0]!r}? {there}" if close else there


def value_problems(
    milestone: Milestone, sets: Mapping[str, Sets], of_parents: Collection[str] = ()
) -> Iterator[Problem]:
    """Gates and narratives on values that no run of this milestone can have. `sets`: the rows that
    each stage takes, by its name; `of_parents`: names of values of the packs that it begins from.
    """
    names = {*of_parents, *(value_names(milestone) if milestone.is_staged else ())}
    for stage in stages_of(milestone):
        own = sets[stage.name]
        for plan in plan_attempts(stage.milestone):
            names |= {stage.value(one) for one in _values_of(stage, plan, own)}
    known = sorted(names)
    for place, name in prose.values_named(milestone):
        if not _is_value(name, known, milestone):
            why = why_none(name, known, milestone)
            all_names = "All names: `evidence explain PACK` of any pack, or results.json of it."
            yield place, f"there is no value {name!r}", f"{why} {all_names}".lstrip()


def _is_value(name: str, known: Collection[str], milestone: Milestone) -> bool:
    """Whether a run may have it: values of a plug-in's stage are known by their stage alone."""
    of_stages = tuple(f"{stage}." for stage in milestone.stages)
    one_gpu = _GPU.sub(r"\g<1>0.", name)
    return one_gpu in known or (bool(of_stages) and name.startswith(of_stages))


def _values_of(stage: Stage, plan: AttemptPlan, data: Sets) -> Iterator[str]:
    names = value_names(
        replace(stage.milestone, given_train=plan.given_train, given_eval=plan.given_eval)
    )
    yield from names if not stage.is_named else ()
    both = not stage.is_named
    if plan.given_train is not None and (both or stage.kind is TRAIN):
        for field in fields_told(plan.data[plan.train.data], data[plan.train.data]):
            yield from (f"seen.{field}.{key}" for key in SEEN_OF_A_FIELD)
            if plan.data[plan.train.data].format is not None:
                yield from (f"seen.{field}.{key}" for key in TURNS)
                yield from (f"seen.{key}" for key in CHAT)
    if plan.given_eval is not None and (both or stage.kind is EVAL):
        yield from _of_groups(plan, names, data)


def _of_groups(plan: AttemptPlan, names: Sequence[str], data: Sets) -> Iterator[str]:
    scores = [
        name.removeprefix("eval.")
        for name in names
        if name.startswith(tuple(f"eval.{one}." for one in plan.eval.all_scorers))
        and not name.endswith(".version")
    ]
    rows = data[plan.eval.data].rows[: plan.eval.limit]
    for field in plan.eval.group_by:
        for value in dict.fromkeys(str(row.get(field)) for row in rows):
            for key in ("num_examples", *scores):
                yield f"eval.by.{field}.{value}.{key}"


def ref_problems(root: Path, milestone: Milestone) -> Iterator[Problem]:
    """Refs of promises that the repository does not have."""
    found = open_repository(root)
    for index, spec in enumerate(milestone.frozen):
        if spec.ref is None or isinstance(found, Unavailable):
            continue
        commit = resolve_ref(found, spec.ref)
        if isinstance(commit, Unavailable) and commit.reason.startswith(NO_REF):
            known = _refs(found)
            hint = nearest(spec.ref, known) if known else "There is no commit yet: make one."
            yield f"/frozen/{index}/ref", commit.reason, f"{hint} Or leave out `ref`."


def path_problems(
    root: Path, milestone: Milestone, plans: Sequence[AttemptPlan]
) -> Iterator[Problem]:
    """Files whose names no document can hold, since they are no UTF-8."""
    for index, spec in enumerate(milestone.frozen):
        for path in match_paths(root, spec.paths):
            if not is_utf8(path):
                hint = "Rename the file, or write a narrower pattern."
                yield f"/frozen/{index}/paths", f"the name of {path} is no UTF-8", hint
    for plan in plans:
        own = milestone.attempts[plan.number - 1].model
        table = "/model" if own is None else f"/attempt/{plan.number - 1}/model"
        for path in read_files(root, plan):
            if not is_utf8(path):
                hint = "Rename the file, or take it out of the folder."
                yield table, f"the name of {path} is no UTF-8", hint


def warm_up_problems(milestone: Milestone, plan: AttemptPlan, data: Sets) -> Iterator[Problem]:
    """A warm-up that the run ends in: the learning rate would never be reached. And what the
    framework fails with: a polynomial that has no steps to fall in, or nothing to fall from."""
    spec = plan.given_train
    if spec is None or spec.data not in data:
        return
    each = steps_per_epoch(len(data[spec.data].rows), spec.batch_size, spec.gradient_accumulation)
    num_steps = total_steps(spec.epochs, each, spec.max_steps)
    warmup = warm_up(num_steps, spec.warmup_steps, spec.warmup_ratio)
    is_polynomial = spec.schedule == "polynomial"
    if warmup > num_steps or (is_polynomial and warmup == num_steps):
        text = f"warms up for {warmup} of {num_steps} optimizer steps"
        place = pointer(milestone, plan, "train", _stated(spec))
        yield place, text, "The learning rate is never reached. Warm up for fewer steps."
    if is_polynomial and spec.learning_rate <= POLYNOMIAL_END:
        text = f"polynomial falls to {POLYNOMIAL_END:g}, which is not below {spec.learning_rate!r}"
        place = pointer(milestone, plan, "train", "schedule")
        yield place, text, "Take a higher learning_rate, or another schedule."


def _stated(spec: TrainSpec) -> str:
    """The key that says how long the warm-up is."""
    return "warmup_steps" if spec.warmup_steps else "warmup_ratio"


def rows_named(record: DataRecord) -> Iterator[tuple[int, ...]]:
    """Every list of rows that inputs.json has of a data set."""
    yield record.duplicate_rows
    yield record.normalised_duplicate_rows
    if not isinstance(record.conflicting_rows, Unavailable):
        yield record.conflicting_rows
    if not isinstance(record.overlap, Unavailable):
        overlap = record.overlap
        yield from (overlap.exact_rows, overlap.normalised_rows, overlap.ngram_rows)
        yield overlap.evaluation_rows


def _refs(found: Repository) -> tuple[str, ...]:
    """Names of branches and tags, HEAD before them; none where there is no commit."""
    listed = found.attempt("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    names = () if isinstance(listed, Unavailable) else listed.decode("utf-8", "replace").split()
    return ("HEAD", *names) if names else ()
