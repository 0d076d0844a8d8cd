"""Forged recorded programs, and the check that must find each.

Responsible for lies about what hooks saw, files that were kept and numbers taken from them; what
other packs can be forged in is in `forgeries`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from evidence.encoding.digest import sha256_hex
from evidence.self_test.edits import Edit, plus, put
from evidence.self_test.forger import ForgedPack, NotPossibleError, Original
from evidence.self_test.forgeries import Forgery
from evidence.stages.command import (
    COLLECTED,
    PROGRAM,
    PROGRAM_FILES,
    PROGRAM_NUMBERS,
    PROGRAM_SEEN,
    PROGRAM_STEPS,
)


def step(key: str, change: Callable[[Any], Any], at: int = -1) -> Edit:
    """Change one field of a step."""

    def edit(pack: ForgedPack) -> None:
        row = pack.rows(PROGRAM_STEPS.path)[at]
        if row[key] is None:
            raise NotPossibleError(f"the step has no {key}")
        row[key] = change(row[key])

    return edit


def in_each(path: str, keys: str, change: Callable[[Any], Any]) -> Edit:
    """Change the first value that there is at such a place; `*` stands for each item of a list."""

    def edit(pack: ForgedPack) -> None:
        *inner, last = keys.split("/")
        for one in _places([pack.doc(path)], inner):
            if one.get(last) is not None and not isinstance(one[last], dict):
                one[last] = change(one[last])
                return
        raise NotPossibleError(f"{path} has no {keys}")

    return edit


def _places(found: list[Any], keys: list[str]) -> Iterator[Any]:
    for key in keys:
        found = [
            inside
            for one in found
            for inside in (one if key == "*" else [one[key]])
            if inside is not None
        ]
    yield from found


def drop_step(pack: ForgedPack) -> None:
    """Leave out a step."""
    rows = pack.rows(PROGRAM_STEPS.path, 3)
    del rows[len(rows) // 2]


def typed_number(pack: ForgedPack) -> None:
    """A better number, with its text and in the kept file."""
    one = _metric(pack)
    one["value"], one["text"] = one["value"] + 1, f"{one['value'] + 1!r}"


def _metric(pack: ForgedPack) -> dict[str, Any]:
    for one in pack.doc(PROGRAM_NUMBERS.path)["metrics"]:
        if not isinstance(one["value"], dict):
            found: dict[str, Any] = one
            return found
    raise NotPossibleError("no number was taken from a file")


def number_of_another_file(pack: ForgedPack) -> None:
    """A number from a file that the milestone does not mean, kept beside the others."""
    one = _metric(pack)
    place = "made-up/" + one["file"].rsplit("/", 1)[-1]
    _keep(pack, place, pack.file(one["file"]))
    one["file"] = f"{COLLECTED}/{place}"


def other_kept_file(pack: ForgedPack) -> None:
    """Another file in the place of one that the program left."""
    path = next((name for name in pack.names if name.startswith(f"{COLLECTED}/")), None)
    if path is None:
        raise NotPossibleError("no file was kept")
    pack.replace(path, pack.file(path) + b"\n")


def unnamed_kept_file(pack: ForgedPack) -> None:
    """A file that the program is not said to have left."""
    pack.doc(PROGRAM_FILES.path)
    pack.replace(f"{COLLECTED}/audit.json", b"{}\n")


def result_more(pack: ForgedPack) -> None:
    """A file of results that the program never wrote."""
    pack.doc(PROGRAM_FILES.path)["known_results"].append("never/metrics.json")


def hidden_number(pack: ForgedPack) -> None:
    """A number that is said not to be there, beside the file that has it."""
    one = _metric(pack)
    one |= {"value": {"unavailable": "there is no such file"}, "file": "", "text": "", "place": ""}


def _keep(pack: ForgedPack, place: str, data: bytes) -> None:
    pack.replace(f"{COLLECTED}/{place}", data)
    pack.doc(PROGRAM_FILES.path)["collected"].append({
        "path": place, "kept_as": place, "why_not": "", "size_bytes": len(data),
        "sha256": sha256_hex(data)})  # fmt: skip


def fewer_differing(pack: ForgedPack) -> None:
    """A number that was told otherwise than it was, left out."""
    found = pack.doc(PROGRAM_NUMBERS.path)
    if not found["differing"]:
        raise NotPossibleError("nothing was told otherwise than it was")
    found["differing"].clear()


def still_model(pack: ForgedPack) -> None:
    """A model that changed, though its digest is what it was."""
    model = _model(pack)
    if not model["num_changed"]:
        raise NotPossibleError("nothing changed")
    model["after_sha256"] = model["before_sha256"]


def nothing_changed(pack: ForgedPack) -> None:
    """A model of which nothing changed, though its digest did."""
    model = _model(pack)
    if model["num_compared"] != model["num_parameters"] or model["sampled"]:
        raise NotPossibleError("not all of it was compared")
    if not isinstance(model["after_sha256"], str):
        raise NotPossibleError("there is no digest")
    model["num_changed"] = 0


def _model(pack: ForgedPack) -> dict[str, Any]:
    models = pack.doc(PROGRAM.path)["models"]
    if not models:
        raise NotPossibleError("no model was seen")
    found: dict[str, Any] = models[0]
    return found


def nothing_hidden(pack: ForgedPack) -> None:
    """Nothing was unseen, in a program of which no step was seen."""
    if pack.doc(PROGRAM_STEPS.path):
        raise NotPossibleError("its steps were seen")
    pack.doc(PROGRAM.path)["not_seen"].clear()


def answer_learned(pack: ForgedPack) -> None:
    """An answer that was learned in more rows than have it."""
    for data in pack.doc(PROGRAM_SEEN.path)["data"]:
        for one in data["fields"]:
            if one["num_rows_in_target"] is not None:
                one["num_rows_in_target"] = one["num_rows"] + 1
                return
    raise NotPossibleError("it is not known what was learned")


def no_answer(pack: ForgedPack) -> None:
    """A declared answer that is called none."""
    for data in pack.doc(PROGRAM_SEEN.path)["data"]:
        for one in data["fields"]:
            if one["is_answer"]:
                one["is_answer"] = False
                return
    raise NotPossibleError("no answer is declared")


def other_program(pack: ForgedPack) -> None:
    """Another program than the milestone asks for."""
    pack.doc(PROGRAM.path)["command"].append("--better")


def later_step(pack: ForgedPack) -> None:
    """A step after the program was over."""
    pack.rows(PROGRAM_STEPS.path)[-1]["elapsed_s"] += 1e6


_SEEN, _FILES, _PROGRAM = PROGRAM_SEEN.path, PROGRAM_FILES.path, PROGRAM.path
PROGRAM_FORGERIES: Final = (
    Forgery("program-other", "another program", other_program, ("program-command",)),
    Forgery("program-status", "another exit status", put(_PROGRAM, "exit_status",
            change=plus(3)), ("program-command",)),
    Forgery("program-folder", "another folder", put(_PROGRAM, "cwd", change=plus("/else")),
            ("program-command",)),
    Forgery("program-binary", "another executable", put(_PROGRAM, "executable",
            change=plus("-other")), ("program-command",)),
    Forgery("program-step-left-out", "a step is left out", drop_step, ("program-steps",)),
    Forgery("program-step-number", "a step is numbered anew", step("step", plus(1)),
            ("program-steps",)),
    Forgery("program-targets", "more tokens carry loss than were fed", step("num_target_tokens",
            plus(10**6)), ("program-steps", "program-totals")),
    Forgery("program-process-steps", "a process made more steps", in_each(_PROGRAM,
            "processes/*/num_steps", plus(1)), ("program-steps",)),
    Forgery("program-losses", "another number of losses", step("num_losses", plus(1)),
            ("program-losses",)),
    Forgery("program-loss", "a better loss than its losses give", step("loss",
            lambda v: v / 2 if isinstance(v, float) else 0.5, 0), ("program-losses",)),
    Forgery("program-late-step", "a step after the end", later_step, ("program-clock",)),
    Forgery("program-segment", "a step of a segment that never was", step("segment", plus(7)),
            ("program-clock",)),
    Forgery("program-rows", "more rows were fed", put(_SEEN, "num_rows", change=plus(1)),
            ("program-totals",)),
    Forgery("program-tokens", "more tokens carry loss", put(_SEEN, "num_target_tokens",
            change=plus(1)), ("program-totals",)),
    Forgery("program-short-labels", "labels of another length", in_each(_SEEN,
            "batches/*/rows/*/labels", lambda v: v[:-1]), ("program-totals",)),
    Forgery("program-short-pieces", "a text of another length", in_each(_SEEN,
            "batches/*/rows/*/pieces", lambda v: v[:-1]), ("program-totals",)),
    Forgery("program-all-sequences", "all sequences are kept, or not all", put(_SEEN,
            "all_sequences", change=lambda v: not v), ("program-sequences",)),
    Forgery("program-masked", "all labels masked", put(_SEEN, "num_without_targets",
            change=plus(10**6)), ("program-sequences",)),
    Forgery("program-end-token", "the end token taught more often than there are sequences",
            put(_SEEN, "num_with_eos_in_target", change=plus(10**6)), ("program-sequences",)),
    Forgery("program-batch", "a recorded batch of no step", in_each(_SEEN, "batches/*/step",
            plus(10**6)), ("program-sequences",)),
    Forgery("program-learned", "an answer learned in more rows than have it", answer_learned,
            ("program-fields",)),
    Forgery("program-no-answer", "a declared answer is none", no_answer, ("program-fields",)),
    Forgery("program-looked-at", "fewer rows were looked at", in_each(_SEEN,
            "data/*/num_rows_looked_at", plus(-1)), ("program-fields",)),
    Forgery("program-data-rows", "a data file of more rows", in_each(_SEEN, "data/*/num_rows",
            plus(5)), ("program-fields", "program-inputs")),
    Forgery("program-trainable", "more parameters are trained than there are", in_each(_PROGRAM,
            "models/*/num_trainable", plus(10**9)), ("program-models",)),
    Forgery("program-changed", "more numbers changed than were compared", in_each(_PROGRAM,
            "models/*/num_changed", plus(10**9)), ("program-models",)),
    Forgery("program-still", "changed numbers of an equal digest", still_model,
            ("program-models",)),
    Forgery("program-unchanged", "no changed number of another digest", nothing_changed,
            ("program-models",)),
    Forgery("program-no-process", "a model of a process that never was", in_each(_PROGRAM,
            "models/*/process", plus(99)), ("program-processes",)),
    Forgery("program-nothing-hidden", "nothing was unseen", nothing_hidden,
            ("program-processes",)),
    Forgery("program-kept-file", "another file than was left", other_kept_file,
            ("program-files",)),
    Forgery("program-file-more", "a file that nobody left", unnamed_kept_file,
            ("program-files",)),
    Forgery("program-result-file", "a result that was never written", result_more,
            ("program-files",)),
    Forgery("program-size", "another size of the same bytes", in_each(_FILES,
            "collected/*/size_bytes", plus(1)), ("program-files",)),
    Forgery("program-number", "a better number than the file has", typed_number,
            ("program-metrics",)),
    Forgery("program-number-elsewhere", "a number of another file", number_of_another_file,
            ("program-metrics",)),
    Forgery("program-number-hidden", "a number is left out", hidden_number,
            ("program-metrics",)),
    Forgery("program-told", "more numbers were told twice", put(PROGRAM_NUMBERS.path,
            "num_told_twice", change=plus(10**9)), ("program-told-twice",)),
    Forgery("program-differing", "a difference is left out", fewer_differing,
            ("program-told-twice",)),
)  # fmt: skip
"""For packs of recorded programs alone."""


def is_recorded(pack: Original) -> bool:
    """Whether a pack has what these lies are about."""
    return PROGRAM.path in pack.names
