"""Laws on weights.json, logits.json and compiling: what agrees passes, other values fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packs.addresses import astray
from toy import write
from toy_jax import END, START, jax_toy, weights
from toy_parts import HIDDEN, NUM_PARAMETERS, VOCAB

from evidence import layout
from evidence.records.finding import Finding
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

Change = Callable[[ForgedPack], object]


def found(forged: ForgedPack, folder: Path) -> list[Finding]:
    pack = write(folder / "M90", forged.seal().all_bytes())
    findings = verify_pack(pack).findings
    assert astray(findings, pack) == []
    return [one for one in findings if one.severity != "advice"]


def tensor(**changes: Any) -> Change:
    return lambda pack: pack.docs[layout.WEIGHTS]["tensors"][1].update(changes)


def row(**changes: Any) -> Change:
    return lambda pack: pack.docs[layout.LOGITS]["rows"][2].update(changes)


def document(path: str, **changes: Any) -> Change:
    return lambda pack: pack.docs[path].update(changes)


def fact(name: str, **changes: Any) -> Change:
    return lambda pack: pack.event(name, stage="train")["data"].update(changes)


def step(**changes: Any) -> Change:
    return lambda pack: pack.docs[layout.METRICS][5].update(changes)


def every_step_compiles(pack: ForgedPack) -> None:
    for one in pack.docs[layout.METRICS]:
        one["compile_s"] = 0.1


def twice(pack: ForgedPack) -> None:
    journal = pack.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(journal) if one["event"] == "compilation")
    journal.insert(place, dict(journal[place]))


def test_what_agrees_is_accepted(tmp_path: Path) -> None:
    assert found(jax_toy(), tmp_path) == []


@pytest.mark.parametrize(
    ("change", "check", "key"),
    [
        (tensor(rms_moved=0.1), "weights-by-tensor", "rms_moved"),
        (tensor(rms_end=0.1), "weights-by-tensor", "rms_moved"),
        (tensor(num_compared=3), "weights-by-tensor", "num_compared"),
        (lambda p: p.docs[layout.WEIGHTS]["tensors"].reverse(), "weights-by-tensor", "tensors"),
        (document(layout.WEIGHTS, end_sha256=START), "weights-by-tensor", "end_sha256"),
        (document(layout.WEIGHTS, start_sha256=END), "weights-known", "start_sha256"),
        (tensor(shape=[HIDDEN * HIDDEN]), "weights-known", "shape"),
        (tensor(shape=[10**6], num_compared=10**6), "weights-known", "tensors"),
        (row(index=7), "logits", "index"),
        (row(num_prompt_tokens=5), "logits", "num_prompt_tokens"),
        (row(log_sum_exp=0.0), "logits", "log_sum_exp"),
        (row(log_sum_exp=99.0), "logits", "log_sum_exp"),
        (row(ids=[1, 2], logits=[0.1, 0.1]), "logits", "ids"),
        (row(logits=[0.1]), "logits", "logits"),
        (lambda p: p.docs[layout.LOGITS]["rows"].pop(), "logits", "rows"),
        (document(layout.LOGITS, vocab_size=VOCAB - 1), "logits", "vocab_size"),
        (fact("compilation", num_from_cache=4), "compile-times", "num_from_cache"),
        (fact("compilation", persistent_cache=False), "compile-times", "persistent_cache"),
        (fact("compilation", duration_s=1000.0), "compile-times", "duration_s"),
        (every_step_compiles, "compile-times", "duration_s"),
        (twice, "compile-times", "data"),
        (step(compile_s=0.5), "compile-times", "compile_s"),
        (fact("execution", widths=[10, 8]), "padding-widths", "widths"),
        (fact("execution", widths=[9]), "padding-widths", "num_fed_tokens"),
        (fact("execution", widths=[7, 11]), "padding-widths", "num_fed_tokens"),
        (
            lambda p: p.docs[layout.ENVIRONMENT]["framework"].update(platform="gpu"),
            "framework-build",
            "device",
        ),
    ],
)
def test_another_value_fails_its_check(
    change: Change, check: str, key: str, tmp_path: Path
) -> None:
    forged = jax_toy()
    change(forged)
    findings = [one for one in found(forged, tmp_path) if one.code == check]
    assert any(str(one.address).endswith(key) for one in findings), findings


def test_parameters_of_the_toy_are_those_of_its_weights() -> None:
    assert sum(math.prod(one["shape"]) for one in weights()["tensors"]) == NUM_PARAMETERS
