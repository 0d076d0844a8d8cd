"""Forged edits that leave every document possible in itself, and contradict another one.

Responsible for the edits of whole stories: attempts, promises, machine, size, time. Edits of single
values are in `edits`.
"""

from __future__ import annotations

from typing import Any

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.milestone.parse import document_in
from evidence.records.overrides import OVERRIDES_SCHEMA
from evidence.self_test.edits import outcome_path
from evidence.self_test.forger import ForgedPack, NotPossibleError

UNKNOWN = {"unavailable": "it was not asked"}
_REPORTED = ("execution", "compilation", "loss", "generation")


def delete_attempt(pack: ForgedPack) -> None:
    """A failed attempt that never was: its events and its folder are taken away."""
    path = outcome_path(pack)
    name, folder = pack.doc(path)["name"], path.rpartition("/")[0]
    if pack.doc(layout.RESULTS) and not _completed(pack):
        raise NotPossibleError("nothing completed, so that no later attempt tells of this one")
    events = pack.doc(layout.JOURNAL)
    events[:] = [one for one in events if one["attempt"] != name]
    for inside in [one for one in pack.names if one.startswith(f"{folder}/")]:
        pack.replace(inside, None)


def _completed(pack: ForgedPack) -> bool:
    return bool(pack.doc(layout.MANIFEST)["status"] == "complete")


def other_way_out(pack: ForgedPack) -> None:
    """Another resolution of a failed attempt than the milestone has."""
    pack.doc(outcome_path(pack))["resolution"] = "Nothing had to be done."


def less_missing(pack: ForgedPack) -> None:
    """One thing fewer was missing."""
    outcome = pack.doc(outcome_path(pack))
    if not outcome["missing"]:
        raise NotPossibleError("nothing was missing")
    outcome["missing"][0] = "It is not known what."


def setting_of_nobody(pack: ForgedPack) -> None:
    """A setting that makes a nicer title of the one in the file, and that no run began with."""
    title = document_in(pack.file(layout.MILESTONE))["title"]
    if layout.OVERRIDES not in pack.names:
        pack.docs[layout.OVERRIDES] = {"schema": OVERRIDES_SCHEMA, "overrides": []}
    pack.doc(layout.OVERRIDES)["overrides"].append(
        {"key": "title", "value": "Something else", "was": title, "origin": "command line"}
    )


def no_files(pack: ForgedPack) -> None:
    """A promise that is kept because it is about nothing."""
    _promise(pack)["files"] = []


def other_promise(pack: ForgedPack) -> None:
    """Another file in the place of one that was promised."""
    _promise(pack)["files"][0]["path"] = "another/place.bin"


def other_ref(pack: ForgedPack) -> None:
    """Compared with another commit than HEAD."""
    promise = _promise(pack)
    if promise["ref"] != "HEAD" or not isinstance(promise["ref_commit"], str):
        raise NotPossibleError("nothing was compared with HEAD")
    promise["ref_commit"] = "b" * len(promise["ref_commit"])


def _promise(pack: ForgedPack) -> dict[str, Any]:
    for one in pack.doc(layout.FROZEN)["sets"]:
        if one["files"]:
            found: dict[str, Any] = one
            return found
    raise NotPossibleError("nothing was promised")


def framework(pack: ForgedPack) -> dict[str, Any]:
    """The framework, where one is known."""
    found: dict[str, Any] = pack.doc(layout.ENVIRONMENT)["framework"]
    if "device" not in found:
        raise NotPossibleError("the framework is not known")
    return found


def our_framework(pack: ForgedPack) -> dict[str, Any]:
    """The framework of our own backend: what another one does is not known."""
    started = pack.event("attempt-started")["data"]
    if started["backend"] != "transformers":
        raise NotPossibleError("another backend than ours ran")
    return framework(pack)


def gpu_of_a_cpu_build(pack: ForgedPack) -> None:
    """Computed on a GPU, by a build that has no CUDA, or on JAX's platform for processors."""
    found = framework(pack)
    if "torch_version" not in found:
        found |= {"device": "cuda:0", "platform": "cpu"}
        return
    version = found["torch_version"].partition("+")[0]
    found |= {"device": "cuda:0", "torch_version": f"{version}+cpu"}


def unknown_framework(pack: ForgedPack) -> None:
    """A framework that nobody knows, in a run that completed."""
    our_framework(pack)
    pack.doc(layout.ENVIRONMENT)["framework"] = dict(UNKNOWN)


def unlisted_framework(pack: ForgedPack) -> None:
    """A framework that is installed nowhere."""
    our_framework(pack)
    path = layout.WORKER if layout.WORKER in pack.names else layout.PACKAGES
    packages = pack.doc(path)["packages"]
    packages[:] = [one for one in packages if one["name"] != "torch"]


def other_threads(pack: ForgedPack) -> None:
    """Other threads between operations than our backend ever sets."""
    our_framework(pack)["num_interop_threads"] += 7


def power_from_nowhere(pack: ForgedPack) -> None:
    """650 W without a GPU, or far more than the cards may draw."""
    gpus = pack.doc(layout.HARDWARE)["gpus"]
    pack.rows(layout.TELEMETRY)[0]["gpu_power_w"] = 650.0 if isinstance(gpus, dict) else 1e5


def larger_model(pack: ForgedPack) -> None:
    """A stand-in sold as a model of a hundred billion parameters, FLOPs and all."""
    model = pack.doc(layout.INPUTS)["model"]
    if "num_parameters" not in model:
        raise NotPossibleError("the model is not known")
    before = model["num_parameters"] - model["num_embedding_parameters"]
    model["num_parameters"] = 10**11
    for one in pack.doc(layout.JOURNAL):
        flops = one["data"].get("total_flos")
        if one["event"] == "stage-finished" and flops:
            after = 10**11 - model["num_embedding_parameters"]
            one["data"]["total_flos"] = flops // before * after


def another_day(pack: ForgedPack) -> None:
    """The machine was looked at on another day than the run began."""
    environment = pack.doc(layout.ENVIRONMENT)
    if not isinstance(environment["started_utc"], str):
        raise NotPossibleError("it is not known when the run began")
    environment["started_utc"] = f"2019{environment['started_utc'][4:]}"


def no_time(pack: ForgedPack) -> None:
    """An evaluation that took no time."""
    pack.event("stage-finished", stage="eval")["data"]["runtime_s"] = 1e-9


def other_line(path: str, begins: str) -> Any:
    """Edit of a line of a log that our own backend prints."""

    def edit(pack: ForgedPack) -> None:
        lines = pack.file(path).decode("utf-8").split("\n")
        place = next((i for i, line in enumerate(lines) if line.startswith(begins)), None)
        if place is None:
            raise NotPossibleError(f"{path} has no such line of ours")
        said = lines[place]
        lines[place] = said.replace("1", "2").replace("5", "6")
        if lines[place] == said:  # a line of other digits
            lines[place] = said.translate(str.maketrans("0234678", "1345789"))
        pack.replace(pack.at(path), "\n".join(lines).encode("utf-8"))

    return edit


def other_question(pack: ForgedPack) -> None:
    """Another question and answer than the row of the data has, with their digests."""
    row = pack.rows(layout.PREDICTIONS)[-1]
    row["prompt"] += " (the easy one)"
    row["prompt_sha256"] = sha256_hex(row["prompt"].encode("utf-8"))


def gap_in_labels(pack: ForgedPack) -> None:
    """No loss in the middle of an answer."""
    for batch in pack.doc(layout.SEEN)["batches"]:
        for row in batch["rows"]:
            taught = [i for i, label in enumerate(row["labels"]) if label >= 0]
            if len(taught) > 2:
                row["labels"][taught[1]] = -100
                return
    raise NotPossibleError("no recorded row has an answer of three tokens")


def more_taught(pack: ForgedPack) -> None:
    """A field that was taught in more rows than it was read in."""
    for one in pack.doc(layout.SEEN)["coverage"]:
        if one["num_rows_in_target"]:
            one["num_rows_in_sequence"] = one["num_rows_in_target"] - 1
            return
    raise NotPossibleError("no field was taught")


def hidden_field(pack: ForgedPack) -> None:
    """A field of the data that is not mentioned."""
    coverage = pack.doc(layout.SEEN)["coverage"]
    place = next((i for i, one in enumerate(coverage) if not one["is_answer"]), None)
    if place is None:
        raise NotPossibleError("every field is an answer")
    del coverage[place]


def other_parent(pack: ForgedPack) -> None:
    """A parent of which the milestone says nothing."""
    parent = {"milestone": "M0", "root_sha256": "a" * 64, "relation": "begins-from"}
    pack.doc(layout.MANIFEST)["parents"].append(parent)


def report_of_ones_own(pack: ForgedPack) -> None:
    """A page that no run leaves, among the sealed files."""
    pack.replace("audit_report.html", b"<p>all is well</p>\n")


def reports_left_out(pack: ForgedPack) -> None:
    """What our own backend always reports is not there to be held against anything."""
    our_framework(pack)
    events = pack.doc(layout.JOURNAL)
    events[:] = [one for one in events if one["event"] not in _REPORTED]


def other_seam(pack: ForgedPack) -> None:
    """Another text at the seam than the worker said in its log."""
    our_framework(pack)
    text = pack.doc(layout.INPUTS)["text"]
    if not text.get("seam"):
        raise NotPossibleError("the seam is not known")
    text["seam"]["continuation"] += " and so on"


def larger_vocabulary(pack: ForgedPack) -> None:
    """A tokenizer of a quarter of a million tokens, beside the file of a smaller one."""
    our_framework(pack)
    pack.file(layout.TOKENIZER)
    tokenizer = pack.doc(layout.INPUTS)["tokenizer"]
    if "vocab_size" not in tokenizer:
        raise NotPossibleError("how many tokens there are was not said")
    tokenizer["vocab_size"] += 250_000


def long_output(pack: ForgedPack) -> None:
    """An answer of a page, in as many tokens as before."""
    our_framework(pack)
    if len(pack.file(layout.TOKENIZER)) > 3 << 20:
        raise NotPossibleError("tokenizer.json is larger than what is read of it")
    row = pack.rows(layout.PREDICTIONS)[0]
    row["output"] = "and so on " * 10_000 + row["output"]
    row["output_sha256"] = sha256_hex(row["output"].encode("utf-8"))


def log_cut_away(pack: ForgedPack) -> None:
    """A log of one's own, and a secret that is said to have been cut from it."""
    our_framework(pack)
    events = pack.doc(layout.JOURNAL)
    stage = pack.stage_of(layout.TRAINING_LOG) or "train"
    ends = [
        i
        for i, one in enumerate(events)
        if one["event"] == "stage-finished" and one["data"]["stage"] == stage
    ]
    if not ends:
        raise NotPossibleError("nothing was trained")
    place = ends[0]
    cut = {"stage": stage, "counts": {"hf-token": 1}}
    events.insert(place, {**events[place], "event": "redacted", "data": cut})
    pack.replace(pack.at(layout.TRAINING_LOG), b"all went well\n")


def taught_from_the_beginning(pack: ForgedPack) -> None:
    """Loss on whole recorded rows, stream and counts made to fit."""
    seen = pack.doc(layout.SEEN)
    if not any(one["num_rows_in_sequence"] and not one["num_rows_in_target"]
               for one in seen["coverage"]):  # fmt: skip
        raise NotPossibleError("no field is read and not taught")
    rows = {row["step"]: row for row in pack.rows(layout.METRICS)}
    for batch in seen["batches"]:
        for row in batch["rows"]:
            row["labels"] = list(row["ids"])
        step = rows[batch["step"]]
        taught = sum(len(row["ids"]) - 1 for row in batch["rows"])
        seen["num_target_tokens"] += taught - step["num_target_tokens"]
        step["num_target_tokens"] = taught
