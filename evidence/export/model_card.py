"""A model card: README.md with `model-index` for the Hugging Face hub, and `.eval_results`.

Responsible for what of a pack the hub has a place for (huggingface/hub-docs: modelcard.md,
eval-results.md), and for a body that says the rest. What is not in the evidence is left out: a
licence, languages, a name that the model has on the hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.export.facts import (
    LIMITS,
    WITHHELD,
    Account,
    base_models,
    data_name,
    data_of,
    every_data,
    levels,
    line,
    models_of,
    said_levels,
    weights_of,
)
from evidence.export.yaml_text import dump
from evidence.records.inputs import DataRecord
from evidence.records.milestone import EvalSpec
from evidence.records.run import ValueRecord
from evidence.records.training import saves_adapter
from evidence.results.licences import licences_of
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage
from evidence.stages.train import TRAIN
from evidence.text import markdown

PAGE: Final = "README.md"
RESULTS: Final = ".eval_results"
NOT_ON_THE_HUB: Final = "not-on-the-hub"
"""Type of a data set that is a file: the hub wants an id there, and there is none."""
TASK: Final = "text-generation"
_LIBRARIES: Final = {"transformers": "transformers"}
_ONE_NUMBER: Final = ("eval.mean_loss", "eval.perplexity", "eval.squad_f1")
"""Measures of an evaluation that are no scorer's."""
_FILE_SIGNS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_GROUPS: Final = "eval.by."
_MAX_NAMED: Final = 40


def files(account: Account) -> Mapping[str, bytes]:
    """The card, and a file for each score on a data set of the hub."""
    front = dump(_front(account))
    page = f"---\n{front}---\n\n{_body(account)}"
    return {PAGE: page.encode("utf-8"), **_eval_results(account)}


def _front(account: Account) -> dict[str, Any]:
    front: dict[str, Any] = {}
    bases = () if account.manifest.stand_in else base_models(account)
    if bases:
        front["base_model"] = list(bases) if len(bases) > 1 else bases[0]
    hub = [one.hub for one in data_of(account, TRAIN.name).values() if one.hub is not None]
    if hub:
        front["datasets"] = [line(one) for one in dict.fromkeys(hub)]
    library = _library(account)
    if library:
        front["library_name"] = library
    if weights_of(account):
        front["pipeline_tag"] = TASK
    front["tags"] = list(_tags(account))
    index = list(_index(account))
    if index:
        name = account.milestone + (" (stand-in)" if account.manifest.stand_in else "")
        front["model-index"] = [{"name": name, "results": index}]
    return front


def _library(account: Account) -> str:
    """The library that reads the weights; empty where there are none, or it is not known."""
    if account.run is None or not weights_of(account) or account.spec is None:
        return ""
    named = account.manifest.attempt
    backends = {one.name: one.backend for one in account.spec.attempts}
    if any(saves_adapter(stage.milestone.given_train) for stage in account.stages):
        return "peft"
    return _LIBRARIES.get(backends.get(named or "", ""), "")


def _tags(account: Account) -> Iterator[str]:
    yield "evidence-pack"
    if account.run is None:
        yield "imported-not-observed"
    if account.is_recorded:
        yield "recorded-program"
    if account.manifest.stand_in:
        yield "stand-in"
    if account.manifest.status != "complete":
        yield f"run-{account.manifest.status}"


def _index(account: Account) -> Iterator[dict[str, Any]]:
    """One result for each evaluation that has scores."""
    for stage, record in _evaluations(account):
        metrics = [_metric(account, name, one) for name, one in _scores(account, stage)]
        if metrics:
            yield {
                "task": {"type": TASK, "name": line(stage.name)},
                "dataset": _dataset(account, stage, record),
                "metrics": metrics,
            }


def _evaluations(account: Account) -> Iterator[tuple[Stage, DataRecord]]:
    """Stages that evaluate a data set whose facts are recorded."""
    for stage in account.stages:
        view = account.view(stage)
        if stage.kind is EVAL and view is not None and data_name(stage) in view.inputs.data:
            yield stage, view.inputs.data[data_name(stage)]


def _dataset(account: Account, stage: Stage, record: DataRecord) -> dict[str, Any]:
    spec = stage.milestone.data.get(data_name(stage))
    if record.hub is None:
        return {"type": NOT_ON_THE_HUB, "name": line(record.path or data_name(stage))}
    found: dict[str, Any] = {"type": line(record.hub), "name": line(record.hub)}
    if spec is not None and spec.hub is not None:
        if spec.hub.config is not None:
            found["config"] = line(spec.hub.config)
        found["split"] = line(spec.hub.split)
    if record.revision is not None:
        found["revision"] = line(record.revision)
    return found


def _scores(account: Account, stage: Stage) -> Iterator[tuple[str, ValueRecord]]:
    """Scores over the whole of an evaluation, where they were measured."""
    spec = stage.milestone.given_eval or EvalSpec()
    names = [f"eval.{scorer}.rate" for scorer in spec.all_scorers]
    for name in (*names, *_ONE_NUMBER):
        full = stage.value(name)
        if full in account.measured:
            yield full, account.measured[full]


def _metric(account: Account, name: str, record: ValueRecord) -> dict[str, Any]:
    said = f"{name}, {record.level} ({record.address})"
    return {"type": _kind(name), "value": record.value, "name": line(said)}


def _kind(name: str) -> str:
    """`exact` of check_A.eval.exact.rate: what was measured, by our name for it."""
    return name.removesuffix(".rate").rpartition(".")[2]


def _eval_results(account: Account) -> dict[str, bytes]:
    """A file for each score of a complete run on a data set of the hub, stand-ins aside: what
    lies there is taken for a leaderboard."""
    found: dict[str, bytes] = {}
    if not account.is_complete or account.manifest.stand_in:
        return found
    for stage, record in _evaluations(account):
        if record.hub is None:
            continue
        told = _dataset(account, stage, record)
        for name, value in _scores(account, stage):
            dataset = {"id": told["type"], "task_id": told.get("config", "default")}
            if "revision" in told:
                dataset["revision"] = told["revision"]
            entry: dict[str, Any] = {"dataset": dataset, "value": value.value}
            if account.finished_utc is not None:
                entry["date"] = account.finished_utc
            entry["notes"] = line(
                f"{name}, {value.level}, at {value.address} of pack sha256:{account.root_sha256}"
            )
            file_name = _FILE_SIGNS.sub("_", f"{told['type']}_{name}").strip("._") or "score"
            if f"{RESULTS}/{file_name}.yaml" in found:  # two names that differ in signs alone
                file_name = f"{file_name}_{len(found) + 1}"
            found[f"{RESULTS}/{file_name}.yaml"] = dump([entry]).encode("utf-8")
    return found


def _body(account: Account) -> str:
    """The page below the front matter."""
    parts = [
        f"# {markdown.inline(account.title)}",
        *(f"> **{markdown.inline(one)}**" for one in account.standing),
        _what(account),
        _numbers(account),
        _not_measured(account),
        _data(account),
        _made_from(account),
        _limits(account),
        _check(account),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(account: Account) -> str:
    spec = account.spec
    rows = [("Milestone", markdown.code(account.milestone)), ("Status", account.manifest.status)]
    if account.finished_utc is not None:
        rows.append(("Finished", markdown.code(account.finished_utc)))
    for _, model in models_of(account):
        source = {"random": "random weights", "hub": "hub", "local": "a local folder"}[model.source]
        if model.id.startswith(("stage:", "pack:")):
            source = "a checkpoint"
        rows.append(("Begins from", f"{markdown.inline(model.id, 200)} ({source})"))
    objective = "" if spec is None else markdown.inline(spec.objective, 2000)
    table = _table(("", ""), rows)
    return f"{table}\n\nObjective, in the author's words: {objective}" if objective else table


def _numbers(account: Account) -> str:
    found = {name: one for name, one in account.outcomes.items() if _GROUPS not in name}
    if not found:
        return "## Results\n\nNothing that came out of the run was measured."
    rows = [
        (
            markdown.code(name),
            _shown(one),
            markdown.inline(one.unit),
            one.level,
            markdown.code(one.address),
        )
        for name, one in found.items()
    ]
    head = ("Value", "", "Unit", "Level of evidence", "Address in the pack")
    page = f"## Results\n\n{said_levels(found)}.\n\n{_table(head, rows)}"
    if len(found) < len(account.outcomes):
        page += f"\n\nScores of groups of examples are in `{layout.RESULTS}` of the pack."
    return page


def _shown(record: ValueRecord) -> str:
    """In full precision; a text as it is."""
    if isinstance(record.value, str):
        return markdown.inline(record.value, 200)
    return jsonio.dump_text(record.value)


def _not_measured(account: Account) -> str:
    """Names by the reason why there is no value."""
    by_reason: dict[str, list[str]] = {}
    for name, one in account.values.items():
        if one.value is None:
            by_reason.setdefault(one.unavailable or "no reason is recorded", []).append(name)
    if not by_reason:
        return ""
    lines = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        named = ", ".join(markdown.code(name) for name in names[:_MAX_NAMED])
        lines.append(f"- {markdown.inline(reason, 400)}: {named}{more}")
    return "## Not measured\n\nWhat has no number has a reason.\n\n" + "\n".join(lines)


def _data(account: Account) -> str:
    rows = [
        (
            markdown.code(name),
            markdown.code(one.hub or one.path or ", ".join(file.path for file in one.files), 200),
            str(one.num_rows),
            markdown.code(one.sha256),
        )
        for name, (_, one) in every_data(account).items()
    ]
    head = ("Data set", "File, or id on the hub", "Rows", "SHA-256")
    return f"## Data\n\n{_table(head, rows)}" if rows else ""


def _made_from(account: Account) -> str:
    names = ("git.commit", "git.dirty", "software.", "hardware.", "model.", "run.duration_s")
    rows = [
        (markdown.code(name), _shown(one), one.level, markdown.code(one.address))
        for name, one in account.measured.items()
        if name.startswith(names)
    ]
    head = ("Fact", "", "Level of evidence", "Address in the pack")
    return f"## Machine and code\n\n{_table(head, rows)}" if rows else ""


def _limits(account: Account) -> str:
    said = [
        *LIMITS,
        "Its licence, languages and intended use are not in the evidence: whoever publishes the "
        "model adds them.",
        *_licences(account),
    ]
    if WITHHELD in account.standing:
        said.append(WITHHELD)
    if "declared" in levels(account.outcomes):
        said.append("Values that are declared are what the author set, not what was seen.")
    return "## Limits\n\n" + "\n".join(f"- {one}" for one in said)


def _licences(account: Account) -> Iterator[str]:
    """What went in is under these; what the result may be published under, is not said by that."""
    for one in () if account.run is None else licences_of(account.run):
        what = "The model that it began from" if one.kind == "model" else "The data set"
        named = f"{what}, {markdown.code(one.name)}, is under {markdown.code(one.text)}"
        yield f"{named}: {one.level}, at {markdown.code(one.address)}."


def _check(account: Account) -> str:
    files = len(account.documents.digests)
    return (
        "## Evidence\n\n"
        f"Made from the evidence pack `{account.milestone}` with the root digest\n"
        f"`sha256:{account.root_sha256}` ({files} sealed files, listed in {layout.SUMS}).\n\n"
        f"```\nevidence verify {account.milestone} --expect sha256:{account.root_sha256}\n"
        f"evidence explain {account.milestone} NAME\n```"
    )


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {one} |" for one in lines)
