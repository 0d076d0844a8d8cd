"""A milestone file: TOML bytes in, a `Milestone` record out, or an error with line and key.

Responsible for syntax, schema and what can be judged from the file alone (references between its
parts). Whether named files exist is `running`'s preflight; overrides are resolved by `plan`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from evidence import limits
from evidence.encoding import schema
from evidence.encoding.codec import decode
from evidence.errors import MalformedError, MilestoneError, PastLimitError
from evidence.milestone import wanted
from evidence.milestone.arm_problems import arm_problems, tested_problems
from evidence.milestone.conversations import NO_TEXT, format_problems, has_text, with_turns
from evidence.milestone.data_paths import path_problems, with_paths
from evidence.milestone.judge_problems import judge_problems
from evidence.milestone.launch_problems import launch_problems
from evidence.milestone.lines import lines_of_keys, nearest_line, skeleton
from evidence.milestone.seed_problems import seed_problems
from evidence.milestone.stage_problems import of_table, pack_problems, stage_problems
from evidence.milestone.table_problems import table_problems
from evidence.milestone.training_problems import training_problems
from evidence.milestone.withheld_problems import withheld_problems
from evidence.records.milestone import DataSpec, GateSpec, Milestone, ModelSpec
from evidence.rules import patterns
from evidence.stages.pack_init import read_away
from evidence.stages.registry import kinds
from evidence.system.entries import read_regular

SCHEMA: Final = "milestone.v1"
PROGRAM: Final = "command"
"""The kind of stage that is a program as it is."""

_OF_ORDER: Final = frozenset(("<", "<=", ">", ">="))

_DOTTED: Final = re.compile(r"[A-Za-z0-9_.\- \t]+")


MilestoneProblem = tuple[int, str]
"""A line (0: none) and `key: what is wrong`."""


@lru_cache(maxsize=16)
def parse_milestone(data: bytes) -> Milestone:
    """Build a Milestone. Raises MalformedError: `key: what is wrong`, with the line.

    Remembered: one pack asks for its milestone more than once, and many packs for the same.
    """
    milestone, problems = _parse(data)
    if milestone is None or problems:
        line, message = problems[0]
        raise MalformedError(message, line=line)
    return milestone


def load_milestone(path: Path) -> tuple[Milestone, bytes]:
    """Read and parse a milestone file. Raises MilestoneError naming file, line, key of each."""
    try:
        data = read_regular(path, follow=True)
    except OSError as error:
        known = sorted(p.stem for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        hint = f"Milestones here: {', '.join(known)}." if known else "evidence new ID writes one."
        raise MilestoneError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    try:
        milestone, problems = _parse(data)
    except MalformedError as error:
        milestone, problems = None, [(error.line, error.message)]
    if milestone is None or problems:
        shown = [f"{path}:{line}: {text}" if line else f"{path}: {text}" for line, text in problems]
        raise MilestoneError(
            "\n".join(shown), hint="`evidence keys` prints every key, its values and its default."
        )
    return milestone, data


def read_milestone(data: bytes) -> tuple[Milestone, bytes]:
    """A milestone that lies in no file, with its bytes. Raises MilestoneError for each problem."""
    try:
        milestone, problems = _parse(data)
    except MalformedError as error:
        milestone, problems = None, [(0, error.message)]
    if milestone is None or problems:
        raise MilestoneError("\n".join(text for _, text in problems))
    return milestone, data


def _parse(data: bytes) -> tuple[Milestone | None, list[MilestoneProblem]]:
    """A milestone or its problems, unknown keys first: they often explain the others."""
    document = document_in(data)
    milestone, found = judged(document)
    lines = lines_of_keys(skeleton(_text(data))) if found else {}
    return milestone, [_at(pointer, message, lines) for pointer, message in found]


def document_in(data: bytes) -> dict[str, Any]:
    """The TOML in these bytes, to be looked at only. Raises MalformedError."""
    text = _text(data)
    _refuse_key_bombs(skeleton(text))
    return document_of(text)


def judged(document: dict[str, Any]) -> tuple[Milestone | None, list[tuple[str, str]]]:
    """A milestone, or pointer and message of each problem of its TOML document."""
    odd = list(_not_finite(document, ""))
    if odd:
        return None, odd
    stages = {one.name: one for one in kinds() if one.settings_schema and one.name in document}
    plain = {key: value for key, value in document.items() if key not in stages}
    found = list(schema.validate(SCHEMA, plain))
    for name, kind in stages.items():
        found += _below(f"/{name}", schema.validate(kind.settings_schema, document[name]))
    if found:
        ordered = sorted(found, key=lambda p: not p.message.startswith("unknown key"))
        return None, [(one.pointer, wanted.in_words(one, document)) for one in ordered]
    if pointed := list(wanted.points(document)):
        return None, pointed
    milestone = _build(plain, {name: document[name] for name in stages})
    return with_turns(read_away(milestone)), _contradictions(milestone)


@lru_cache(maxsize=16)
def document_of(text: str) -> dict[str, Any]:
    """The TOML of a milestone as it is written, to be looked at only. Raises MalformedError."""
    if text.startswith("\ufeff"):
        raise MalformedError("begins with a byte order mark (BOM): save it without one", line=1)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else 0
        said = f"not TOML: {error}{wanted.of_twice(skeleton(text), line)}"
        raise MalformedError(said, line=line) from error


def line_of(data: bytes, pointer: str) -> int:
    """Line (from 1) of the key at a JSON pointer, or of the nearest key around it; 1 if none."""
    return nearest_line(pointer, lines_of_keys(skeleton(_text(data))))


def _text(data: bytes) -> str:
    if len(data) > limits.MAX_TOML_BYTES:
        raise PastLimitError(f"larger than {limits.MAX_TOML_BYTES} bytes")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from error


def _refuse_key_bombs(blanked: str) -> None:
    # tomllib needs memory quadratic in the parts of a dotted key: 80 KB of dots take over 4 GB.
    for number, line in enumerate(blanked.split("\n"), 1):
        for run in _DOTTED.findall(line):
            if run.count(".") >= limits.MAX_TOML_KEY_PARTS:
                raise PastLimitError(
                    f"a key with more than {limits.MAX_TOML_KEY_PARTS} parts", line=number
                )


def _not_finite(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    # TOML has nan and inf; JSON, in which results are written, has neither.
    if isinstance(value, float) and not math.isfinite(value):
        yield pointer, f"{value} is not a number to compute with"
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _not_finite(part, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _not_finite(part, f"{pointer}/{index}")


def _at(pointer: str, message: str, lines: dict[str, int]) -> MilestoneProblem:
    key = pointer.strip("/").replace("/", ".") or "(top level)"
    return nearest_line(pointer, lines), f"{key}: {message}"


def _below(pointer: str, found: tuple[schema.SchemaError, ...]) -> list[schema.SchemaError]:
    """The errors of a table as errors of the file that it stands in."""
    return [replace(one, pointer=f"{pointer}{one.pointer.rstrip('/')}") for one in found]


def _build(document: dict[str, Any], stages: dict[str, dict[str, Any]]) -> Milestone:
    fields = {key: value for key, value in document.items() if key != "schema"}
    fields["attempts"] = fields.pop("attempt")
    fields["gates"] = fields.pop("gate", [])
    fields["data"] = {name: with_paths(one) for name, one in fields.get("data", {}).items()}
    fields["stage"] = [_with_sets(one) for one in fields.get("stage", [])]
    return decode(Milestone, {**fields, "stages": stages})


def _with_sets(stage: dict[str, Any]) -> dict[str, Any]:
    """One data set may be named without brackets."""
    data = stage.get("data", [])
    return {**stage, "data": [data] if isinstance(data, str) else data}


def _contradictions(milestone: Milestone) -> list[tuple[str, str]]:
    found = [*_stage_problems(milestone), *_data_problems(milestone)]
    found += [] if found else seed_problems(milestone)
    found += [] if found else stage_problems(milestone)
    found += [] if found else arm_problems(milestone)
    found += [] if found else launch_problems(milestone)
    found += pack_problems(milestone)
    found += training_problems(milestone)
    if milestone.given_model is not None and milestone.model.pack is None:
        found += _model_problems("/model", milestone.model)
    names = [attempt.name for attempt in milestone.attempts]
    for index, attempt in enumerate(milestone.attempts):
        if names.index(attempt.name) != index:
            found.append((f"/attempt/{index}/name", f"{attempt.name!r} is used twice"))
        if attempt.model is not None and attempt.model.pack is None:
            found += _model_problems(f"/attempt/{index}/model", attempt.model)
    if milestone.given_eval is not None:
        found += judge_problems("/eval", milestone.eval)
    found += _wildcard_problems("/publish/withhold", milestone.publish.withhold)
    found += withheld_problems(milestone)
    for index, promise in enumerate(milestone.frozen):
        found += _wildcard_problems(f"/frozen/{index}/paths", promise.paths)
    for index, gate in enumerate(milestone.gates):
        found += _gate_problems(f"/gate/{index}", gate)
    return found


def _stage_problems(milestone: Milestone) -> Iterator[tuple[str, str]]:
    """A milestone trains and evaluates, or it runs a program as it is."""
    ours = {
        "model": milestone.given_model,
        "data": milestone.data or None,
        "train": milestone.given_train,
        "eval": milestone.given_eval,
    }
    if PROGRAM in milestone.stages:
        for name in ("model", "train", "eval"):
            if ours[name] is not None:
                yield f"/{name}", f"[{PROGRAM}] runs a program as it is: it takes no [{name}]"
        for index, attempt in enumerate(milestone.attempts):
            if attempt.interpreter is not None:
                text = f"[{PROGRAM}] runs a program as it is: name its Python in its command line"
                yield f"/attempt/{index}/interpreter", text
        yield from _metric_problems(milestone)
        return
    for name in ("model", "data"):
        if ours[name] is None:
            yield "/", f"the key {name!r} is missing"
    yield from table_problems(milestone)
    for name, given in (("collect", milestone.collect), ("metric", milestone.metric)):
        if given:
            yield f"/{name}", f"is of files that a program leaves: it needs [{PROGRAM}]"


def _metric_problems(milestone: Milestone) -> Iterator[tuple[str, str]]:
    names = [one.name for one in milestone.metric]
    for index, one in enumerate(milestone.metric):
        place = f"/metric/{index}"
        given = [key for key in ("pointer", "column", "pattern") if getattr(one, key) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none"
            text = f"give exactly one of `pointer`, `column`, `pattern` (there is: {got})"
            yield place, text
        if names.index(one.name) != index:
            yield f"{place}/name", f"{one.name!r} is used twice"
        if one.pattern is not None:
            try:
                patterns.refuse_bad_pattern(one.pattern)
            except patterns.NoEngineError:
                pass
            except MalformedError as error:
                yield f"{place}/pattern", error.message


def _data_problems(milestone: Milestone) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    known = ", ".join(sorted(milestone.data))
    tables = (("train", milestone.given_train), ("eval", milestone.given_eval))
    for stage, asked in () if milestone.stage else tables:  # a stage names its own, or is told
        if asked is not None and asked.data not in milestone.data:
            text = f"no [data.{asked.data}] in this file; there are: {known}"
            found.append((f"/{stage}/data", of_table(asked.data, stage) + text))
    name = "" if milestone.given_train is None else milestone.train.data
    train = milestone.data.get(name)
    if train is not None and not has_text(train) and not milestone.stage:
        found.append((f"/data/{name}", NO_TEXT))
    for name, spec in milestone.data.items():
        found += _one_data_problems(f"/data/{name}", spec)
        found += format_problems(f"/data/{name}", spec, of_program=PROGRAM in milestone.stages)
        found += tested_problems(f"/data/{name}", name, spec)
    return found


def _one_data_problems(pointer: str, spec: DataSpec) -> list[tuple[str, str]]:
    found = list(path_problems(pointer, spec))
    found += _wildcard_problems(f"{pointer}/path", spec.paths)
    for field in spec.answer:
        if spec.fields and field not in spec.fields:
            known = ", ".join(spec.fields)
            found.append((f"{pointer}/answer", f"{field!r} is not among the fields: {known}"))
    if spec.loss != "all" and spec.text is not None and not spec.answer:
        found.append((pointer, f"loss = {spec.loss!r} needs `answer`, the fields to be learned"))
    return found


def _model_problems(pointer: str, model: ModelSpec) -> list[tuple[str, str]]:
    given = [key for key in ("id", "path", "config") if getattr(model, key) is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        return [(pointer, f"give exactly one of `id`, `path`, `config`, `pack` (there is: {got})")]
    if model.config is not None and model.init_seed is None:
        return [(pointer, "random weights from `config` need `init_seed`")]
    if model.config is not None and model.tokenizer is None:
        return [(pointer, "a model from `config` needs `tokenizer`, a folder with tokenizer.json")]
    return []


def _wildcard_problems(pointer: str, paths: Sequence[str]) -> list[tuple[str, str]]:
    count, most = sum(map(_has_wildcard, paths)), limits.MAX_WILDCARD_PATTERNS
    if count <= most:
        return []
    return [(pointer, f"{count} patterns with wildcards, and at most {most} are compared")]


def _has_wildcard(pattern: str) -> bool:
    return any(char in pattern for char in "*?[")


def _gate_problems(pointer: str, gate: GateSpec) -> list[tuple[str, str]]:
    if (gate.value is None) == (gate.other is None):
        return [(pointer, "give either `value` or `other` (another metric)")]
    if gate.op in _OF_ORDER and isinstance(gate.value, (bool, str)):
        text = f"{gate.value!r} is no number, and {gate.op} compares numbers"
        return [(f"{pointer}/value", text)]
    return []
