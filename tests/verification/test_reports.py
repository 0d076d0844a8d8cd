"""Laws of what our own backend reports, of cards, and of files that are withheld."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from judged import said
from lies import put
from toy import MODEL, toy

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.consistency.every_check import by_author
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
NO = {"unavailable": "not known"}


def without(name: str, **where: Any) -> Edit:
    def edit(pack: ForgedPack) -> None:
        events = pack.docs[layout.JOURNAL]
        events[:] = [
            one
            for one in events
            if not (one["event"] == name and where.items() <= one["data"].items())
        ]

    return edit


def trained(**values: Any) -> Edit:
    return lambda pack: pack.event("stage-finished", stage="train")["data"].update(values)


def executed(**values: Any) -> Edit:
    return lambda pack: pack.event("execution")["data"].update(values)


def reports(stage: str, name: str) -> str:
    return f"journal.jsonl: the {stage} stage of this backend always reports its {name}"


FINISHED = "journal.jsonl#L{}/data: the training stage of this backend always reports {}"
OWN: dict[str, tuple[Edit, list[str]]] = {
    "as it was": (lambda pack: None, []),
    "no execution": (without("execution"), [reports("train", "execution")]),
    "no probe": (without("probe"), [reports("train", "probe")]),
    "no generation": (without("generation"), [reports("eval", "generation")]),
    "no loss": (without("loss"), [reports("train", "loss")]),
    "no loss, and no step": (
        lambda pack: (without("loss")(pack), pack.docs[layout.METRICS].clear()),
        [],
    ),
    "no FLOPs": (trained(total_flos=None), ["total_flos"]),
    "no weights that moved": (
        lambda pack: pack.event("stage-finished", stage="train")["data"].pop("weights"),
        ["weights"],
    ),
    "no time of the loop": (trained(runtime_s=None), ["runtime_s"]),
    "a processor as two devices": (executed(device="cpu", num_devices=2), ["CPU"]),
    "a processor": (executed(device="cpu"), []),
    "two cards": (executed(num_devices=2), []),
    "a revision of no hub": (
        put(layout.INPUTS, "model", "revision", value="d" * 40),
        ["inputs.json#/model/revision: only a model from the hub has a revision"],
    ),
    "a model that is not known": (
        lambda pack: pack.docs[layout.INPUTS].update(model=NO, tokenizer=NO),
        [],
    ),
    "another tokenizer": (
        put(layout.INPUTS, "tokenizer", "id", value="models/other"),
        ["inputs.json#/tokenizer/id: not the tokenizer that the attempt asks for"],
    ),
    "a tokenizer that is not known": (put(layout.INPUTS, "tokenizer", value=NO), []),
}


@pytest.mark.parametrize("case", OWN)
def test_our_own_backend_reports_what_it_always_does(case: str) -> None:
    edit, expected = OWN[case]
    pack = rich_toy()
    edit(pack)
    judged = said(pack, "own-reports")
    places = {one["event"]: one["seq"] + 1 for one in pack.docs[layout.JOURNAL]
              if one["data"].get("stage") != "eval"}  # fmt: skip
    if expected == ["CPU"]:
        expected = [f"journal.jsonl#L{places['execution']}/data/num_devices: a CPU is one device"]
    elif expected and " " not in expected[0]:
        expected = [FINISHED.format(places["stage-finished"], expected[0])]
    assert judged.lines == expected


def hub_model(pack: ForgedPack) -> None:
    pack.docs[layout.INPUTS]["model"] |= {"source": "hub", "revision": "d" * 40}


def test_a_model_of_the_hub_has_a_revision() -> None:
    pack = rich_toy()
    hub_model(pack)
    assert said(pack, "own-reports").lines == []


def smi(text: str) -> Edit:
    return lambda pack: pack.files.update({layout.GPU_SNAPSHOT: text.encode()})


CARDS: dict[str, tuple[Edit, list[str]]] = {
    "as they were": (lambda pack: None, []),
    "nvidia-smi without an answer": (smi("nvidia-smi: not found\n"), []),
    "another driver": (
        smi("NVIDIA-SMI 555.1\nNVIDIA H100 80GB HBM3\n"),
        ["hardware.json#/driver_version: is not what gpu_snapshot.txt shows"],
    ),
    "another card": (
        smi("NVIDIA-SMI 580.10\nNVIDIA A100\n"),
        ["hardware.json#/gpus/0/name: is not what gpu_snapshot.txt shows"],
    ),
    "a card whose name was cut": (smi("NVIDIA-SMI 580.10\nNVIDIA H100 80GB HBM\n"), []),
    "a card that has no name": (
        lambda pack: (smi("NVIDIA-SMI 580.10\n")(pack),
                      pack.docs[layout.HARDWARE]["gpus"][0].update(name=NO)), []
    ),
    "a driver that NVML did not find": (
        lambda pack: (smi("NVIDIA-SMI 580.10  Driver Version: 580.10\n")(pack),
                      pack.docs[layout.HARDWARE].update(gpus=NO)),
        ["warning hardware.json#/gpus: nvidia-smi shows a driver, and NVML found none: not known"],
    ),
    "no driver in either": (
        lambda pack: (smi("NVIDIA-SMI has failed\n")(pack),
                      pack.docs[layout.HARDWARE].update(gpus=NO, driver_version=NO)), []
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CARDS)
def test_cards_are_those_that_nvidia_smi_shows(case: str) -> None:
    edit, expected = CARDS[case]
    pack = rich_toy()
    edit(pack)
    assert said(pack, "snapshots").lines == expected


WITHHELD = "withheld.json#/files"


def withheld(*entries: dict[str, Any]) -> Edit:
    return lambda pack: pack.docs[layout.WITHHELD].update(files=list(entries))


def entry(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(toy().docs[layout.WITHHELD]["files"][0])
    return found | values


KEPT_BACK: dict[str, tuple[Edit, list[str]]] = {
    "named twice": (
        withheld(entry(), entry(size_bytes=1)), [f"{WITHHELD}/1/path: is named a second time"]
    ),
    "of no file": (
        withheld(entry(path="training_output/final_model/x.safetensors")),
        [f"{WITHHELD}/0/path: names a file that is not sealed"],
    ),
    "of evidence": (
        withheld(entry(path=layout.GPU_SNAPSHOT, size_bytes=22)),
        [f"{WITHHELD}/0/path: evidence cannot be withheld",
         f"{WITHHELD}/0/path: is no weights, and withheld by no pattern of [publish]"],
    ),
    "of another size": (
        withheld(entry(size_bytes=1)),
        [f"{WITHHELD}/0/size_bytes: another size than the manifest states"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT_BACK)
def test_what_is_withheld_is_weights_each_named_once(case: str) -> None:
    edit, expected = KEPT_BACK[case]
    pack = toy()
    edit(pack)
    assert said(pack, "withheld-files").lines == expected


def test_weights_that_are_not_here_are_said_to_be_withheld() -> None:
    (line,) = said(toy(), "withheld-files", without=(MODEL,)).lines
    assert line == f"advice {MODEL}: is withheld from this copy (weights); its digest stays"


def test_findings_that_the_author_caused_are_those_of_words_and_numbers() -> None:
    assert {"prose"} <= by_author()
    assert not by_author() & {"damaged-files", "training-steps", "results"}


def test_a_loop_of_unknown_length_is_not_held_against_its_steps() -> None:
    pack = toy()
    trained(runtime_s=None)(pack)
    assert said(pack, "step-times").outcome == "pass"
