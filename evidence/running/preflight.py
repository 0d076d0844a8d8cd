"""Everything that can be wrong before a run, found before anything is created.

Responsible for the milestone and what it names: data files and their rows, model folders,
frozen paths, templates. What the machine lacks is no error here: it is an attempt's outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import field

from evidence import layout, limits, prose
from evidence.attempt.attempt import StartPoint
from evidence.attempt.lead import Lead
from evidence.backends import registry
from evidence.capture.frozen import match_paths
from evidence.data.files import named_files
from evidence.data.formats import has_data_ending
from evidence.data.of_stages import homes_of
from evidence.data.read import describe_data
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError, MilestoneError, UsageError
from evidence.milestone.effective import origins, sealed_as, with_settings
from evidence.milestone.idle_keys import idle_keys, told_idle
from evidence.milestone.overrides import Applied, shadowed
from evidence.milestone.parse import load_milestone, read_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.inputs import DataRecord
from evidence.records.milestone import DataSpec, Milestone, ModelSpec
from evidence.records.overrides import OverrideRecord, Setting
from evidence.records.parents import ParentPackRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.render import narrative
from evidence.rules import patterns
from evidence.running import program_fit
from evidence.running.author_words import refuse_unsupported_measurements
from evidence.running.extra_names import extra_problems
from evidence.running.functions_fit import digests_of_functions, function_problems
from evidence.running.holdable import refuse_too_much_around
from evidence.running.kept_fit import kept_problems
from evidence.running.launching import launch_problems
from evidence.running.lora_fit import refuse_unknown_targets
from evidence.running.parents import parents_of
from evidence.running.place import Where
from evidence.running.secrets import scan_inputs
from evidence.running.stage_checks import check_stages
from evidence.running.stage_data import Ancestors, ancestors_of_stages, data_of_stages
from evidence.running.unfit import refuse_unfit_models
from evidence.running.where_fit import refuse_empty_where
from evidence.text import templating
from evidence.worker.interface import Backend

MAX_FROZEN_FILES: Final = limits.MAX_FROZEN_FILES
"""Files of all promises together, which frozen.json names."""


class Prepared(Record):
    """A milestone that can be started."""

    milestone: Milestone
    source: bytes
    """The exact bytes of the milestone file."""
    notes: bytes | None
    plans: tuple[AttemptPlan, ...]
    """The attempts to try, in order."""
    data: Mapping[str, DataRecord]
    of_stages: Mapping[str, Mapping[str, DataRecord]]
    ancestors: Mapping[str, Ancestors]
    """Of the questions of each evaluation stage: which of them its ancestors were trained on."""
    """The data of each stage that has a folder of its own, as it takes them."""
    backends: Mapping[str, Backend]
    """By name: those of the attempts that may still be run, at least."""
    warnings: tuple[str, ...] = ()
    """What may be meant, and should be known before the first step."""
    in_a_file: bool = True
    """Whether the milestone lies in the project; else it was written for this run alone."""
    interpreter: str | None = None
    """The path to take for the `interpreter` that attempts name; None: as they name it."""
    begin: StartPoint = StartPoint()
    """Where the first attempt begins: a checkpoint of another run, for a replay."""
    lead: Lead | None = None
    """Speaks with the other processes, where a launcher started several for this run."""
    overrides: tuple[OverrideRecord, ...] = ()
    """What of the milestone was set on the command line."""
    parents: tuple[ParentPackRecord, ...] = ()
    """Checkpoints of other packs that it begins from, verified."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Digest of each file with functions that score answers, by its path."""


def prepare(
    root: Path,
    milestone_id: str,
    attempt: str | None,
    written: bytes | None = None,
    settings: Sequence[Setting] = (),
) -> Prepared:
    """Load and check a milestone. Raises MilestoneError or UsageError; creates nothing.

    `written`: the bytes of one that lies in no file of the project. `settings` take the place of
    what it says.
    """
    path = layout.milestone_file(root, milestone_id)
    milestone, source = load_milestone(path) if written is None else read_milestone(written)
    made = Applied({}, (), ())
    if settings:
        milestone, made = with_settings(source, settings)
    where = Where(path if written is None else None, source, origins(made))
    if milestone.id != milestone_id:
        raise where.error("/id", f"is {milestone.id!r}, but the file is named {path.name}")
    plans = plan_attempts(milestone)
    backends = _backends(_select(plans, attempt) if attempt else plans, where)
    _refuse_idle(where, milestone)
    _refuse_first(where, _problems(root, milestone, plans, backends))
    _check_templates(milestone, where)
    parents = parents_of(root, milestone, where)
    _check_models(root, milestone, where)
    refuse_unfit_models(root, milestone, where)
    refuse_unknown_targets(root, milestone, where)
    _check_frozen(root, milestone, where)
    refuse_too_much_around()
    data = _checked_data(root, milestone, where)
    of_stages = data_of_stages(root, milestone, where)
    warnings = check_stages(root, milestone, (data, of_stages), parents.names, where)
    notes = layout.notes_file(root, milestone_id)
    noted = _notes(notes)
    said = notes, _text(notes, noted or b"")
    refuse_unsupported_measurements(path, source, milestone, data, of_stages, said, where.origins)
    _check_secrets(root, milestone, where, notes, made.overrides)
    chosen = _select(plans, attempt)
    return Prepared(
        milestone=milestone,
        source=source,
        notes=noted,
        in_a_file=written is None,
        plans=chosen,
        data=data,
        of_stages=of_stages,
        ancestors=ancestors_of_stages(root, milestone, parents.taught),
        backends=backends,
        warnings=(
            *dict.fromkeys((*parents.warnings, *warnings)),
            *(where.error(*one).message for one in told_idle(milestone)),
            *shadowed(made, [plan.name for plan in chosen]),
        ),
        overrides=made.overrides,
        parents=parents.records,
        functions=digests_of_functions(root, milestone),
    )


def _problems(
    root: Path,
    milestone: Milestone,
    plans: Sequence[AttemptPlan],
    backends: Mapping[str, Backend],
) -> Iterator[tuple[str, str, str]]:
    """What is asked for and cannot be done here: where in the file, what is wrong, what to do."""
    yield from launch_problems(milestone, plans, backends)
    yield from kept_problems(milestone, plans, backends)
    yield from extra_problems(milestone, backends)
    yield from program_fit.problems(root, milestone)
    yield from function_problems(root, milestone)


def _refuse_first(where: Where, found: Iterable[tuple[str, str, str]]) -> None:
    for pointer, message, hint in found:
        raise where.error(pointer, message, hint)


def _refuse_idle(where: Where, milestone: Milestone) -> None:
    """Raise MilestoneError for all keys that nothing takes notice of."""
    if wrong := [where.error(*one).message for one in idle_keys(milestone)]:
        raise MilestoneError(
            "\n".join(wrong), hint="Leave out what has no effect, or write what it needs."
        )


def _notes(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    size_bytes = path.stat().st_size
    if size_bytes > limits.MAX_NOTE_BYTES:
        raise MilestoneError(
            f"{path}: has {size_bytes} bytes; a summary holds {limits.MAX_NOTE_BYTES} of notes",
            hint="Shorten them, or attach the rest once the pack is sealed: evidence note --help",
        )
    return path.read_bytes()


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MilestoneError(f"{path}: is not UTF-8 (byte {error.start})") from error


def _check_secrets(
    root: Path,
    milestone: Milestone,
    where: Where,
    notes: Path,
    overrides: tuple[OverrideRecord, ...],
) -> None:
    files = [one for one in (where.path, notes) if one and one.is_file()]
    for spec in milestone.data.values():
        files += [root / path for path in named_files(root, spec)]
    asked = milestone.given_eval
    files += [root / path for path in (() if asked is None else asked.files)]
    for model in _models(milestone).values():
        folders = {model.path, model.config, model.tokenizer} - {None}
        for folder in folders if model.named is None else ():  # what is sealed was looked through
            files += sorted(path for path in (root / str(folder)).iterdir() if path.is_file())
    typed = (b"" if where.path else where.source) + (sealed_as(overrides) if overrides else b"")
    scan_inputs(root, dict.fromkeys(files), milestone, typed)


def _select(plans: tuple[AttemptPlan, ...], attempt: str | None) -> tuple[AttemptPlan, ...]:
    if attempt is None:
        return tuple(plan for plan in plans if not plan.manual)
    chosen = tuple(plan for plan in plans if plan.name == attempt)
    if not chosen:
        known = ", ".join(plan.name for plan in plans)
        raise UsageError(f"no attempt {attempt!r} in this milestone", hint=f"There are: {known}.")
    return chosen


def _backends(plans: tuple[AttemptPlan, ...], where: Where) -> Mapping[str, Backend]:
    """Of these attempts; where one is asked for, the others may name what is not here."""
    found: dict[str, Backend] = {}
    wrong: list[MilestoneError] = []
    for plan in plans:
        try:
            found[plan.backend] = registry.find(plan.backend)
        except UsageError as error:
            place = f"/attempt/{plan.number - 1}/backend"
            wrong.append(where.error(place, error.message, error.hint))
    if wrong:
        hints = dict.fromkeys(one.hint for one in wrong)
        raise MilestoneError("\n".join(one.message for one in wrong), hint="\n  ".join(hints))
    return found


def _checked_data(root: Path, milestone: Milestone, where: Where) -> dict[str, DataRecord]:
    refuse_empty_where(root, milestone, where)
    return {name: _check_data(root, name, one, where) for name, one in homes_of(milestone).items()}


def _check_data(root: Path, name: str, milestone: Milestone, where: Where) -> DataRecord:
    spec = milestone.data[name]
    if spec.path is not None and not (root / spec.path).is_file():
        is_folder = (root / spec.path).is_dir()
        raise where.error(
            f"/data/{name}/path",
            f"{spec.path} is a folder, not a file"
            if is_folder
            else f"there is no file {spec.path}",
            hint=f"Paths are relative to {root}. " + _similar(root, spec.path),
        )
    try:
        named_files(root, spec)
    except MilestoneError as error:
        raise where.error(f"/data/{name}/path", error.message, error.hint) from error
    record = describe_data(root, name, milestone)
    for key, declared, found in _declarations(spec, record):
        if declared is not None and declared != found:
            other = f"/data/{name}/path" in where.origins
            hint = f"The file is another one: --set data.{name}.{key}={found}" if other else ""
            text = f"declares {declared}, the data have {found}"
            raise where.error(f"/data/{name}/{key}", text, hint)
    return record


def _declarations(
    spec: DataSpec, record: DataRecord
) -> Iterator[tuple[str, int | str | None, int | str]]:
    yield "sha256", spec.sha256, record.sha256
    yield "rows", spec.rows, record.num_rows


def _similar(root: Path, path: str) -> str:
    place = root / path
    folder = place if place.is_dir() else place.parent
    names = sorted(one.name for one in folder.glob("*") if has_data_ending(one.name))
    return f"In that folder: {', '.join(names)}." if names else ""


def _check_models(root: Path, milestone: Milestone, where: Where) -> None:
    for pointer, model in _models(milestone).items():
        _check_model(root, model, pointer, where)


def _models(milestone: Milestone) -> dict[str, ModelSpec]:
    """The models that a milestone names, by where it does so."""
    found = {"/model": milestone.given_model}
    found |= {f"/attempt/{index}/model": one.model for index, one in enumerate(milestone.attempts)}
    return {pointer: model for pointer, model in found.items() if model is not None}


def _check_model(root: Path, model: ModelSpec, pointer: str, where: Where) -> None:
    if model.id is not None and _is_path(root, model.id):
        raise where.error(
            f"{pointer}/id",
            f"{model.id!r} is a path, and id names a model on the hub",
            hint=f'Write: path = "{model.id}" (its files are then digested and recorded).',
        )
    for key, folder, name in (
        ("path", model.path, "config.json"),
        ("config", model.config, "config.json"),
        ("tokenizer", model.tokenizer, "tokenizer.json"),
    ):
        is_adapter = folder is not None and (root / folder / "adapter_config.json").is_file()
        if folder is not None and not is_adapter and not (root / folder / name).is_file():
            hint = f"Paths are relative to {root}; a model of the hub is named by id."
            raise where.error(f"{pointer}/{key}", f"there is no {folder}/{name}", hint)
    if model.tokenizer is not None and model.tokenizer_sha256 is not None:
        found = sha256_hex((root / model.tokenizer / "tokenizer.json").read_bytes())
        if found != model.tokenizer_sha256:
            raise where.error(
                f"{pointer}/tokenizer_sha256",
                f"declares {model.tokenizer_sha256}, tokenizer.json has {found}",
            )


def _is_path(root: Path, name: str) -> bool:
    """Whether it is, or can only be, a file or folder here: the hub knows `name` and `owner/name`.

    What is a folder here would be loaded from here, whatever the hub has by that name.
    """
    here = (root / name, Path(name).expanduser())
    odd = name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1
    return odd or any(one.exists() for one in here)


def _check_frozen(root: Path, milestone: Milestone, where: Where) -> None:
    promised = 0
    for index, spec in enumerate(milestone.frozen):
        place = f"/frozen/{index}/paths"
        files: set[str] = set()
        for pattern in spec.paths:
            matching = match_paths(root, (pattern,))
            if not matching:
                raise where.error(place, f"{pattern!r} matches no file: nothing to promise")
            files.update(matching)
        promised += len(files)
        if promised > MAX_FROZEN_FILES:
            text = f"promises of {promised} files; a pack names {MAX_FROZEN_FILES}"
            raise where.error(place, text, "Promise fewer, or an archive of them.")


def _check_templates(milestone: Milestone, where: Where) -> None:
    sources = {f"/data/{name}/text": spec.text for name, spec in milestone.data.items()}
    if milestone.given_eval is not None:
        for one in milestone.eval.scorer:
            patterns.refuse_bad_pattern(one.pattern)
        sources["/eval/prompt"] = milestone.eval.prompt
    for pointer, source in sources.items():
        _compiled(templating.compile_text, pointer, source or "", where)
    for pointer, text in prose.author_texts(milestone):
        if pointer.startswith("/narrative/"):
            _compiled(narrative.refuse_bad_narrative, pointer, text, where)


def _compiled(check: Callable[[str], object], pointer: str, source: str, where: Where) -> None:
    try:
        check(source)
    except MalformedError as error:
        raise where.error(pointer, error.message) from error
