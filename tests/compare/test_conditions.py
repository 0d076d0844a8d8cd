"""Laws of the conditions: "same" only where both packs have the evidence for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.compare.pair import Pair
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import WorkerRecord
from evidence.records.comparison import ConditionRecord
from evidence.records.inputs import FileDigest
from evidence.results.conditions import DATA, ROWS, SETTINGS, START, TOKENIZER, settings
from evidence.stages.train import STEPS
from evidence.verification.verification import VerifiedPack
from tests.compare import forged
from tests.compare.conftest import packs
from tests.documents import replaced

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]


@pytest.fixture
def first(packs: Packs) -> Documents:
    return forged.whole(packs("as-it-is").documents)


def of(first: Documents, other: Documents) -> dict[str, ConditionRecord]:
    return Pair(first, other).conditions


def with_model(documents: Documents, **changes: Any) -> Documents:
    model = documents.inputs.model
    assert not isinstance(model, Unavailable)
    inputs = replace(documents.inputs, model=replace(model, **changes))
    return replace(documents, inputs=inputs)


def test_everything_that_both_have_is_the_same_with_its_place(first: Documents) -> None:
    for one in of(first, first).values():
        if one.name.startswith("execution."):
            continue  # the stub says nothing of it
        assert one.outcome == "same", one
        assert one.reason
        assert one.values[0] == one.values[1]


def test_what_tells_the_two_apart_stands_first(first: Documents) -> None:
    names = list(of(first, first))
    assert names[:4] == ["attempt.backend", "framework", "interpreter", "milestone"]
    assert names.index(START) < names.index(ROWS) < names.index(f"train.{SETTINGS[0][0]}")


def test_two_frameworks_are_told_apart_by_what_their_workers_said(first: Documents) -> None:
    found = of(first, forged.within(forged.JAX)(first))["framework"]
    assert found.outcome == "differs"
    assert found.values == ("PyTorch 2.9.0, transformers 5.0", "JAX 0.10.2, Tunix 0.1.7")
    newer = forged.within(replace(forged.TORCH, torch_version="3.0"))(first)
    found = of(first, newer)["framework"]
    assert found.outcome == "same"
    assert "other versions" in found.reason
    silent = forged.within(Unavailable("no word"))(first)
    assert of(first, silent)["framework"].outcome == "not-checked"


def test_the_interpreter_is_that_of_the_worker(first: Documents) -> None:
    worker = WorkerRecord(
        "worker.v1", ".venv-jax/bin/python", "python", "3.12.1", "CPython", "", ()
    )
    found = of(first, replace(first, worker=worker))["interpreter"]
    assert found.values[1] == "CPython 3.12.1 (.venv-jax/bin/python)"
    assert found.outcome == "differs"
    assert layout.WORKER in found.reason


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ({"weights_sha256": "1" * 64}, {"weights_sha256": "1" * 64}, "same"),
        ({"weights_sha256": "1" * 64}, {"weights_sha256": "2" * 64}, "differs"),
        ({"weights_sha256": "1" * 64}, {"weights_sha256": None}, "not-checked"),
        ({"weights_sha256": None}, {"weights_sha256": None}, "not-checked"),
        (
            {"weights_sha256": "1" * 64},
            {"weights_sha256": "2" * 64, "dtype": "bfloat16"},
            "not-checked",
        ),
    ],
)
def test_start_weights_are_the_same_by_a_digest_that_both_have(
    before: dict[str, Any], after: dict[str, Any], outcome: str, first: Documents
) -> None:
    """A digest of numbers in another format says nothing: they may be the same ones, rounded."""
    found = of(with_model(first, **before), with_model(first, **after))[START]
    assert found.outcome == outcome
    assert found.reason


def test_without_a_digest_the_same_files_of_weights_do(first: Documents) -> None:
    def files(digest: str) -> tuple[FileDigest, ...]:
        return (FileDigest("m/config.json", "c" * 64, 1), FileDigest("m/a.safetensors", digest, 9))

    one = with_model(first, weights_sha256=None, files=files("1" * 64))
    two = with_model(first, weights_sha256=None, files=files("2" * 64))
    assert of(one, one)[START].outcome == "same"
    assert of(one, two)[START].outcome == "not-checked"


def test_no_model_and_no_tokenizer_are_not_checked(first: Documents) -> None:
    inputs = replace(
        first.inputs, model=Unavailable("none loaded"), tokenizer=Unavailable("none read")
    )
    found = of(first, replace(first, inputs=inputs))
    assert (found[START].outcome, found[START].reason) == ("not-checked", "none loaded")
    assert (found[TOKENIZER].outcome, found[TOKENIZER].reason) == ("not-checked", "none read")


def test_rows_part_at_a_step_and_are_not_checked_where_none_are_known(
    first: Documents, packs: Packs
) -> None:
    found = of(first, packs("seed").documents)[ROWS]
    assert (found.outcome, found.reason) == (
        "differs", "from step 1 on (training_output/metrics.jsonl)"
    )  # fmt: skip
    assert of(first, replaced(first, steps=()))[ROWS].outcome == "not-checked"
    shorter = of(first, replaced(first, steps=first.rows(STEPS)[:4]))[ROWS]
    assert (shorter.outcome, shorter.reason[:18]) == ("same", "all 4 common steps")


def test_other_data_differ_by_name(first: Documents, packs: Packs) -> None:
    found = of(first, packs("rows").documents)
    assert found[f"{DATA}train"].outcome == "differs"
    assert found[f"{DATA}eval"].outcome == "same"


def test_rates_are_those_that_the_steps_used(first: Documents) -> None:
    rows = first.rows(STEPS)
    off = replaced(
        first,
        steps=tuple(replace(one, learning_rate=one.learning_rate * (1 + 1e-8)) for one in rows),
    )
    assert of(first, off)["rates"].outcome == "same"
    off = replaced(first, steps=(*rows[:4], replace(rows[4], learning_rate=1.0), *rows[5:]))
    assert of(first, off)["rates"].reason.startswith("from step 5 on")


def test_settings_are_named_as_the_milestone_spells_them(packs: Packs) -> None:
    found = of(packs("as-it-is").documents, packs("rate").documents)
    differ = [name for name, one in found.items() if one.outcome == "differs"]
    assert differ == ["milestone", "train.learning_rate", "rates"]
    assert found["train.learning_rate"].values == (0.01, 0.02)


def test_a_warm_up_that_both_give_as_a_share_is_not_called_none(packs: Packs) -> None:
    (plan,) = plan_attempts(packs("as-it-is").documents.milestone)
    assert plan.given_train is not None
    by_share = replace(plan, given_train=replace(plan.given_train, warmup_ratio=0.25))
    both = [one.name for one in settings((by_share, by_share))]
    assert "train.warmup_ratio" in both
    assert "train.warmup_steps" not in both
    assert {"train.warmup_ratio", "train.warmup_steps"} <= {
        one.name for one in settings((by_share, plan))
    }


def test_how_rows_went_through_the_model_is_the_journals_word(first: Documents) -> None:
    def executed(**facts: Any) -> Documents:
        place = next(i for i, one in enumerate(first.journal) if one.event == "stage-started")
        event = replace(
            first.journal[place], event="execution", data={"stage": "train", "segment": 1, **facts}
        )
        return replace(first, journal=(*first.journal[:-1], event, first.journal[-1]))

    one = executed(rows_per_forward=4, accumulation=1, device="cpu")
    two = executed(rows_per_forward=1, accumulation=4, device="cpu", widths=[64, 128])
    found = of(one, two)
    assert found["execution.rows_per_forward"].values == (4, 1)
    assert found["execution.widths"].values == (None, "64, 128")
    assert found["execution.device"].outcome == "same"
    assert of(first, two)["execution.accumulation"].outcome == "not-checked"
