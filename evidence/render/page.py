"""Everything the summary template may use, under the names it uses.

Responsible for gathering: texts are put in marks and numbers formatted by the modules they come
from. The order of sections and all fixed words are the template's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError
from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.availability import Unavailable
from evidence.records.milestone import NarrativeSpec
from evidence.records.run import ResultsRecord
from evidence.render import (
    artifacts,
    comparisons,
    narrative,
    parents_table,
    recoveries,
    remarks,
    seed_table,
    settings,
    stage_table,
    view,
    withheld,
)
from evidence.render.completed import completed_plan
from evidence.render.energy import energy
from evidence.render.kept import kept_checkpoints
from evidence.render.values import Sheet
from evidence.results.computed import computed_on
from evidence.stages.kind import resolve
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.text import endings, formatting, marked

if TYPE_CHECKING:
    from evidence.records.reproduction import ReproductionRecord

MAX_GATES_NAMED: Final = 5
"""In the line of the status; all of them stand in the table of gates."""
_VERDICTS: Final = {
    "bitwise": "reproduced bitwise",
    "other-framework": "reproduced in another framework, from the same data and start,",
    "same-stream": "run again with the same rows, but losses beyond the tolerance,",
    "numerically-close": "reproduced numerically close",
    "statistically-consistent": "run again with a loss within what other seeds give",
    "different": "run again with another outcome",
}


def page(
    documents: Documents,
    results: ResultsRecord,
    sheet: Sheet,
    root_sha256: str,
    attached: Mapping[str, bytes],
) -> dict[str, Any]:
    """Names and values for summary.md.j2."""
    return {
        "v": sheet.v,
        "n": sheet.n,
        "has": sheet.has,
        "number": sheet.number,
        "level": sheet.level,
        **_identity(documents, sheet),
        **withheld.view(documents),
        **_author(documents.milestone.narrative, sheet),
        "notes": marked.words(documents.notes),
        "unsupported_measurements": narrative.unsupported_measurements(documents),
        "attached": _attached(attached),
        "warnings": _warnings(documents, sheet),
        "allowed": view.allowed(documents),
        "recoveries": recoveries.recoveries(documents),
        "recovered": "",
        "was_resumed": recoveries.was_resumed(documents),
        "damaged": lost.damaged_in(documents.journal) is not None,
        "gpus": view.gpus(documents),
        "gpu_may_be_used": computed_on(documents).kind != "cpu",
        "energy": energy(documents, sheet),
        "attempts": view.attempts(documents),
        "asked_attempt": view.asked_attempt(documents),
        **_sections(documents, sheet),
        "artifacts": artifacts.artifacts(documents),
        "kept_checkpoints": kept_checkpoints(documents),
        "promises": view.promises(documents),
        "failing_policies_unchanged": view.frozen_paths_unchanged(documents, "fail"),
        "all_policies_unchanged": view.frozen_paths_unchanged(documents, "fail", "record"),
        "repository_changed": documents.git.changed_during_run is True,
        "changed_files": view.changed_files(documents),
        **_gates(results),
        **_provenance(documents, root_sha256),
        "reproductions": _reproductions(attached, root_sha256),
    }


def _warnings(documents: Documents, sheet: Sheet) -> list[str]:
    """What cannot be compared, what is to be said of the run, then of its stages by their names,
    together where it is the same. What an evaluation shares with the training before it is said of
    that."""
    found = [*comparisons.warnings(documents)]
    if not documents.milestone.is_staged:
        return [*found, *remarks.warnings(documents, sheet)]
    said: dict[str, dict[str, str]] = {}
    named: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for stage, seen in views(documents):
        own = Sheet({} if seen.results is None else seen.results.values, stage.name)
        # Numbers of two stages have two addresses, and are read as one sentence all the same.
        said[stage.name] = {marked.VALUE.sub("", one): one for one in remarks.of_stage(seen, own)}
        known = {} if stage.kind is TRAIN else said.get(stage.parent, {})
        for key, one in said[stage.name].items():
            if key not in known:
                named.setdefault(key, []).append(stage.name)
                texts.setdefault(key, one)
    found += remarks.of_run(documents, sheet)
    named_by = comparisons.stages_named
    return [*found, *(f"{named_by(names)}: {texts[key]}" for key, names in named.items())]


def _sections(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """The names that the sections of the kinds of stage use."""
    found: dict[str, Any] = {}
    for stage in stages_of(documents.milestone):
        for section in () if stage.is_named else stage.kind.sections:
            found |= resolve(section.view)(documents, sheet)
    return found


def stage_page(seen: Documents, stage: Stage, sheet: Sheet) -> dict[str, Any]:
    """The names that the sections of one stage use, from its view."""
    found: dict[str, Any] = {
        "v": sheet.v,
        "n": sheet.n,
        "has": sheet.has,
        "number": sheet.number,
        "level": sheet.level,
        "recoveries": recoveries.recoveries(seen),
        "recovered": recoveries.headline(seen),
        "was_resumed": recoveries.was_resumed(seen),
        "train_data": view.data_name(seen, seen.milestone.train.data),
        "eval_file": view.data_file(seen, seen.milestone.eval.data),
        "model": view.model_name(seen),
    }
    for section in stage.kind.sections:
        found |= resolve(section.view)(seen, sheet)
    return found


def _identity(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    milestone, plan = documents.milestone, completed_plan(documents, sheet)
    alone = not milestone.is_staged  # else each stage says it of itself
    train, asked = (milestone.given_train, milestone.given_eval) if alone else (None, None)
    return {
        "id": marked.inline(milestone.id),
        "folder": milestone.id,
        "title": marked.inline(milestone.title),
        "objective": marked.words(milestone.objective),
        "complete": plan is not None,
        "stand_in": sheet.raw("run.stand_in") is True,
        "random_weights": view.is_random(documents),
        "meant_model": view.meant_model(documents),
        "model": view.model_name(documents),
        "train_data": "" if train is None else view.data_name(documents, train.data),
        "eval_file": "" if asked is None else view.data_file(documents, asked.data),
        "data_files": view.data_files(documents),
        "trains": train is not None,
        "evaluates": asked is not None,
        "trains_or_evaluates": train is not None or asked is not None or not milestone.stages,
        "staged": milestone.is_staged,
        "explained": _explained(documents),
        **stage_table.view(documents, sheet),
        **comparisons.view(documents, sheet),
        **parents_table.view(documents),
        "seed_groups": seed_table.view(documents, sheet),
        "backend": "" if plan is None else view.backend_name(plan.backend),
        "hardware": view.hardware_line(documents, sheet),
        "overrides": settings.shown(documents),
        "summary_name": marked.code(f"{milestone.id.lower()}_summary.md"),
    }


def _explained(documents: Documents) -> str:
    """A value that this pack has, to show how to ask where it comes from."""
    trained = [one for one in stages_of(documents.milestone) if one.kind is TRAIN]
    if trained:
        return trained[0].value("train.loss_end")
    if documents.milestone.given_eval is not None and not documents.milestone.is_staged:
        return "eval.num_examples"
    return "run.status" if documents.milestone.is_staged else "program.loss_last"


def _author(words: NarrativeSpec, sheet: Sheet) -> dict[str, Any]:
    keys = ("summary", "observations", "impact", "conclusion", "next_steps")
    return {
        "words": {key: narrative.filled(getattr(words, key), sheet) for key in keys},
        "quote": narrative.filled(words.quote, sheet, quoted=True),
        "lessons": [
            narrative.filled(lesson, sheet, item=number)
            for number, lesson in enumerate(words.lessons, 1)
        ],
    }


def _attached(attached: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [
        (marked.code(path), marked.words(data.decode("utf-8", "replace")))
        for path, data in sorted(attached.items())
        if path.endswith(".md")
    ]


def _reproductions(attached: Mapping[str, bytes], root_sha256: str) -> list[dict[str, str]]:
    """Attached reproductions of this very pack. Of others verify complains."""
    found = []
    for path, data in sorted(attached.items()):
        record = _reproduction(data) if layout.REPRODUCTION.fullmatch(path) else None
        if record is not None and record.original.root_sha256 == root_sha256:
            found.append(
                {
                    "path": marked.code(path),
                    "verdict": _words(record),
                    "date": marked.inline(record.finished_utc[:10]),
                    "machine": marked.inline(record.machine, 120),
                    "pack": marked.code(record.reproduction.root_sha256[:12]),
                    "cause": marked.inline(record.causes[0].explanation, 300)
                    if record.causes
                    else "",
                }
            )
    return found


def _words(record: ReproductionRecord) -> str:
    """The same rows say nothing about losses: whether these came close is said as well."""
    close = any(tier.name == "numerically-close" and tier.reached for tier in record.tiers)
    if record.verdict == "same-stream" and close:
        return f"{_VERDICTS['numerically-close']}, with the same rows,"
    return _VERDICTS[record.verdict]


def _reproduction(data: bytes) -> ReproductionRecord | None:
    from evidence.records.reproduction import ReproductionRecord  # few packs have one attached

    try:
        return decode(ReproductionRecord, jsonio.load_document(data))
    except MalformedError:
        return None


def _gates(results: ResultsRecord) -> dict[str, Any]:
    shown = view.gates(results)
    parted = endings.by_openness(results.gates)
    counted = [
        f"{formatting.plural(len(some), 'required gate is', 'required gates are')} {what}"
        for what, some in parted
    ]
    num_skipped = sum(gate.outcome == "skipped" for gate in results.gates)
    return {
        "gates": shown,
        "open_gates": " and ".join(counted),
        "open_names": _named([gate.name for _, some in parted for gate in some]),
        "skipped_gates": formatting.plural(num_skipped, "gate") if num_skipped else "",
    }


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_GATES_NAMED} more" if len(names) > MAX_GATES_NAMED else ""
    return "; ".join(map(marked.inline, names[:MAX_GATES_NAMED])) + more


def _provenance(documents: Documents, root_sha256: str) -> dict[str, Any]:
    manifest = documents.manifest
    outcome = Unavailable("not sealed yet") if manifest is None else manifest.outcome_sha256
    return {
        "root": root_sha256,
        "outcome_sha256": f"not measured ({marked.inline(outcome.reason)})"
        if isinstance(outcome, Unavailable)
        else marked.code(outcome),
        "milestone_sha256": marked.code(documents.digests.get("milestone.toml", "–")),
        "parents": [
            (marked.inline(parent.relation.replace("-", " ")), marked.code(parent.root_sha256))
            for parent in (() if manifest is None else manifest.parents)
        ],
        "tool": "–"
        if manifest is None
        else marked.inline(f"{manifest.tool.name} {manifest.tool.version}"),
    }
