"""Laws on what training moved: what hardly did is a warning, what cannot be is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from lies import milestone
from packs.addresses import astray
from toy import MODEL, toy, write
from toy_parts import BASE_RATE

from evidence import layout
from evidence.records.finding import Finding
from evidence.rules import arithmetic
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

MOVED = {
    "num_compared": 288,
    "num_changed": 280,
    "num_compared_in_embeddings": 256,
    "num_changed_in_embeddings": 250,
    "compared_every": 1,
    "num_optimizer_steps": 20,
}
"""The toy has 288 parameters, 256 of them in its embedding, and takes 20 steps."""


def found(forged: ForgedPack, folder: Path, *absent: str) -> list[Finding]:
    files = forged.seal().all_bytes()
    pack = write(folder / "M90", {path: files[path] for path in files if path not in absent})
    findings = verify_pack(pack).findings
    assert astray(findings, pack) == []
    return [one for one in findings if one.severity != "advice"]


def moved(**changes: int) -> ForgedPack:
    forged = toy()
    forged.event("stage-finished", stage="train")["data"]["weights"] = MOVED | changes
    return forged


def test_weights_that_moved_are_accepted(tmp_path: Path) -> None:
    assert found(moved(), tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"num_changed": 252}, "num_changed"),
        (
            {"num_compared": 256, "num_changed": 0, "num_changed_in_embeddings": 0},
            "num_changed",
        ),
        ({"num_optimizer_steps": 19}, "num_optimizer_steps"),
        ({"num_optimizer_steps": 0}, "num_optimizer_steps"),
    ],
)
def test_weights_that_hardly_moved_and_steps_that_were_not_made_are_warned_of(
    changes: dict[str, int], key: str, tmp_path: Path
) -> None:
    (one,) = found(moved(**changes), tmp_path)
    assert (one.severity, one.code) == ("warning", "weights-unmoved")
    assert one.address.endswith(f"/data/weights/{key}")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"num_changed": 289}, "num_changed"),
        ({"num_compared_in_embeddings": 289}, "num_compared_in_embeddings"),
        ({"num_changed_in_embeddings": 257}, "num_changed_in_embeddings"),
        ({"num_changed": 249}, "num_changed_in_embeddings"),
        ({"num_compared": 289}, "num_compared"),
    ],
)
def test_more_weights_moved_than_there_are_is_an_error(
    changes: dict[str, int], key: str, tmp_path: Path
) -> None:
    wrong = [one for one in found(moved(**changes), tmp_path) if one.severity == "error"]
    assert {one.check for one in wrong} == {"training-loss"}
    assert any(one.address.endswith(f"/data/weights/{key}") for one in wrong)


@pytest.mark.parametrize(("num_warmup_steps", "unreached"), [(19, False), (20, True), (25, True)])
def test_a_rate_that_no_step_used_is_warned_of(
    num_warmup_steps: int, unreached: bool, tmp_path: Path
) -> None:
    forged = toy()
    milestone("warmup_steps = 2", f"warmup_steps = {num_warmup_steps}")(forged)
    rows = forged.docs[layout.METRICS]
    for row in rows:
        row["learning_rate"] = arithmetic.learning_rate_used(
            row["step"], len(rows), BASE_RATE, "linear", num_warmup_steps
        )
    codes = [(one.severity, one.code) for one in found(forged, tmp_path)]
    assert codes == ([("warning", "rate-unreached")] if unreached else [])


def test_a_size_that_cannot_hold_the_parameters_is_found_though_the_weights_are_withheld(
    tmp_path: Path,
) -> None:
    assert found(toy(), tmp_path / "honest", MODEL) == []
    forged = toy()
    forged.docs[layout.INPUTS]["model"]["num_parameters"] *= 9
    places = {one.address for one in found(forged, tmp_path, MODEL) if one.severity == "error"}
    assert f"{layout.INPUTS}#/model/num_parameters" in places


TABLE = {"name": "model.embed_tokens.weight", "num_elements": 256}
LAYER = {"name": "model.layers.0.mlp.weight", "num_elements": 16}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"embedding_tables": [TABLE]}, ""),
        ({"embedding_tables": [TABLE | {"name": "saved.under.another"}]}, ""),
        ({"embedding_tables": [TABLE | {"num_elements": 255}]}, "embedding_tables/0/num_elements"),
        ({"embedding_tables": [{"name": "none", "num_elements": 7}]}, "embedding_tables/0"),
        (
            {
                "embedding_tables": [TABLE | {"name": one} for one in ("saved.once", "and.again")],
                "num_embedding_parameters": 512,
            },
            "embedding_tables/1",
        ),
        ({"embedding_tables": [LAYER], "num_embedding_parameters": 16}, "embedding_tables"),
        ({"embedding_tables": [TABLE, LAYER]}, "num_embedding_parameters"),
        ({"num_embedding_parameters": 255}, "num_embedding_parameters"),
        ({"buffers": [LAYER], "num_parameters": 272}, ""),
        ({"buffers": [LAYER]}, "num_parameters"),
        ({"num_kept_in_float32": 5}, "num_kept_in_float32"),
    ],
)
def test_tables_and_buffers_are_tensors_of_the_final_model(
    changes: dict[str, object], place: str, tmp_path: Path
) -> None:
    forged = toy()
    forged.docs[layout.INPUTS]["model"] |= changes
    wrong = {one.address for one in found(forged, tmp_path) if one.check == "checkpoint-parameters"}
    assert (f"{layout.INPUTS}#/model/{place}" in wrong) == bool(place)
    assert bool(wrong) == bool(place)
