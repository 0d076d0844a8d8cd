"""Forged edits of what a pack says of an adapter, one a function.

Responsible for the edits of adapter.json and of an adapter's own files, as `edits` is for others.
"""

from __future__ import annotations

from evidence import layout
from evidence.encoding import jsonio
from evidence.self_test.forger import ForgedPack, NotPossibleError


def other_start(pack: ForgedPack) -> None:
    """Training that began with other weights: beside an adapter, those of the model."""
    if pack.at(layout.ADAPTER) in pack.names:
        pack.doc(layout.ADAPTER)["base_start_sha256"] = "a" * 64
    else:
        pack.doc(layout.WEIGHTS)["start_sha256"] = "a" * 64


def moved_base(pack: ForgedPack) -> None:
    """A model that moved beside its adapter."""
    pack.doc(layout.ADAPTER)["base_end_sha256"] = "a" * 64


def layer_less(pack: ForgedPack) -> None:
    """A layer that was adapted is left out, and its numbers."""
    record = pack.doc(layout.ADAPTER)
    if len(record["modules"]) < 2:
        raise NotPossibleError("one layer alone was adapted")
    total = sum(one["num_in"] + one["num_out"] for one in record["modules"])
    gone = record["modules"].pop()
    own = gone["num_in"] + gone["num_out"]
    record["num_trainable"] -= record["num_trainable"] // total * own


def other_rank(pack: ForgedPack) -> None:
    """Another rank in adapter_config.json."""
    config = pack.model_json("adapter_config.json")
    config["r"] *= 2
    pack.replace(pack.at(layout.ADAPTER_CONFIG), jsonio.dump_document(config))
