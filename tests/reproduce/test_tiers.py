"""Laws of the verdict: the right tier, its reason, and the likeliest cause first."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import pytest
from msgspec.structs import replace

from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import PackageRecord, TorchRecord
from evidence.records.reproduction import CauseRecord, TierName, VerdictName
from evidence.reproduce.causes import causes
from evidence.reproduce.verdict import (
    default_tier,
    environment_differences,
    reaches,
    reproduction_record,
)
from evidence.results.tiers import ONE_RUN, reached_tiers, strictest_tier
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import STEPS
from evidence.verification.verification import VerifiedPack
from tests.compare.conftest import packs
from tests.documents import replaced

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]
Change = Callable[[Documents], Documents]


@pytest.mark.parametrize(
    ("variant", "tier", "kind", "names"),
    [
        ("seed", "different", "configuration", "train.seed: 7 → 8"),
        ("rate", "same-stream", "configuration", "train.learning_rate: 0.01 → 0.02"),
        ("rows", "different", "data", "content.data.train.sha256"),
        ("threads", "same-stream", "threads", "attempt.threads: – → 2"),
        ("shorter", "different", "configuration", "train.epochs: 2 → 1"),
    ],
)
def test_each_change_has_its_tier_and_is_named_first(
    variant: str, tier: VerdictName, kind: str, names: str, packs: Packs
) -> None:
    record = reproduction_record(packs("as-it-is"), packs(variant))
    assert record.verdict == tier
    assert record.causes[0].cause == kind
    assert names in record.causes[0].explanation
    assert (
        schema.validate(
            "reproduction.v1", jsonio.load_document(jsonio.dump_document(encode(record)))
        )
        == ()
    )


def test_a_second_run_of_the_same_bits_reaches_every_tier(packs: Packs) -> None:
    first = packs("as-it-is")
    second = copy(first)
    object.__setattr__(second, "documents", another_run(first.documents))
    record = reproduction_record(first, second)
    assert record.verdict == "bitwise"
    assert (record.causes, record.differences) == ((), ())
    assert all(reaches(record, tier.name) for tier in record.tiers)


@pytest.mark.parametrize("num_changed", [0, 1, 4])
def test_a_copy_of_a_pack_reproduces_nothing(num_changed: int, packs: Packs) -> None:
    """Whatever dates it has: no second run takes the same time to the last digit."""
    first = packs("as-it-is").documents
    rows = list(first.rows(STEPS))
    assert len(rows) == 10
    for place in range(num_changed):
        rows[place] = replace(rows[place], elapsed_s=rows[place].elapsed_s + 0.001)
    tiers = reached_tiers(first, replaced(first, steps=tuple(rows)))
    assert strictest_tier(tiers) == "different"
    assert {tier.reason for tier in tiers} == {ONE_RUN}


def test_an_equal_stream_does_not_make_losses_close(packs: Packs) -> None:
    first = packs("as-it-is").documents
    tiers = reached_tiers(first, with_losses(1.01)(first))
    assert {tier.name: tier.reached for tier in tiers} == {
        "bitwise": False,
        "same-stream": True,
        "numerically-close": False,
        "statistically-consistent": False,
    }
    assert "at step 1" in tiers[2].reason


def test_losses_that_leave_the_tolerance_are_named_by_their_first_step(packs: Packs) -> None:
    first = packs("as-it-is").documents
    steps = [
        replace(row, loss=row.loss * (1.01 if row.step >= 6 else 1.0))
        for row in another_run(first).rows(STEPS)
    ]
    tier = reached_tiers(first, replaced(first, steps=tuple(steps)))[2]
    assert not tier.reached
    assert "step 6" in tier.reason


@pytest.mark.parametrize(("factor", "reached"), [(1 + 9e-4, True), (1 + 2e-3, False), (1.0, True)])
def test_the_tolerance_is_a_thousandth(factor: float, reached: bool, packs: Packs) -> None:
    first = packs("as-it-is").documents
    assert reached_tiers(first, with_losses(factor)(first))[2].reached is reached


def test_scores_outside_the_interval_are_not_close(packs: Packs) -> None:
    first = packs("as-it-is").documents
    rows = tuple(
        replace(row, scores=dict.fromkeys(row.scores, False), output=f"{row.output}!")
        for row in first.rows(PREDICTIONS)
    )
    tier = reached_tiers(first, replaced(another_run(first), predictions=rows))[2]
    assert not tier.reached
    assert "interval" in tier.reason


def another_run(documents: Documents) -> Documents:
    """The same bits computed a second time: it took a little longer."""
    steps = tuple(replace(row, elapsed_s=row.elapsed_s * 1.01) for row in documents.rows(STEPS))
    return replaced(documents, steps=steps)


def with_losses(factor: float) -> Change:
    def change(documents: Documents) -> Documents:
        documents = another_run(documents)
        steps = tuple(replace(row, loss=row.loss * factor) for row in documents.rows(STEPS))
        return replaced(documents, steps=steps)

    return change


def with_torch(**facts: object) -> Change:
    printed = Unavailable("a test")
    base = TorchRecord("2.9.0", "5.0", printed, printed, "cpu", printed, 2, 1, True, "highest")

    def change(documents: Documents) -> Documents:
        framework = replace(base, **facts)  # type: ignore[arg-type]  # fields by name
        environment = replace(documents.environment, framework=framework)
        return replace(documents, environment=environment)

    return change


def with_cpu(model: str) -> Change:
    def change(documents: Documents) -> Documents:
        cpu = replace(documents.hardware.cpu, model=model)
        return replace(documents, hardware=replace(documents.hardware, cpu=cpu))

    return change


def with_package(name: str, version: str) -> Change:
    def change(documents: Documents) -> Documents:
        printed = Unavailable("a test")
        one = PackageRecord(name, version, printed, printed, printed)
        others = tuple(p for p in documents.packages.packages if p.name != name)
        return replace(documents, packages=replace(documents.packages, packages=(*others, one)))

    return change


@pytest.mark.parametrize(
    ("changes", "kinds", "word"),
    [
        ((with_torch(num_threads=4),), ["threads"], "framework.num_threads: 2 → 4"),
        ((with_cpu("other"),), ["hardware"], "cpu.model: test → other"),
        ((with_torch(torch_version="2.8.0"),), ["versions"], "2.9.0 → 2.8.0"),
        ((with_package("zlib", "1"), with_package("torch", "0")), ["versions"], "versions of "),
        (
            (with_torch(num_threads=4, torch_version="2.8.0"), with_cpu("other")),
            ["hardware", "threads", "versions"],
            "cpu.model",
        ),
        ((with_torch(deterministic_algorithms=False),), ["versions", "kernels"], "deterministic"),
        ((), ["kernels"], "nothing that is recorded differs"),
    ],
)
def test_with_the_same_rows_the_machine_comes_before_its_libraries(
    changes: tuple[Change, ...], kinds: list[str], word: str, packs: Packs
) -> None:
    first = with_torch()(packs("as-it-is").documents)
    second = with_losses(1 + 1e-6)(first)
    for change in changes:
        second = change(second)
    found = named(first, second)
    assert [one.cause for one in found] == kinds
    assert word in found[0].explanation


def named(first: Documents, second: Documents) -> tuple[CauseRecord, ...]:
    tiers = reached_tiers(first, second)
    assert strictest_tier(tiers) == "same-stream"
    return causes(first, second, tiers, environment_differences(first, second))


def test_the_library_that_computes_is_named_before_one_that_does_not(packs: Packs) -> None:
    first = with_package("aaa", "1")(with_package("torch", "1")(packs("as-it-is").documents))
    second = with_losses(1.0001)(with_package("aaa", "2")(with_package("torch", "2")(first)))
    assert "package.torch: 1 → 2; package.aaa: 1 → 2" in named(first, second)[0].explanation


def test_equal_environments_ask_for_bits_and_unequal_ones_for_closeness(packs: Packs) -> None:
    first = packs("as-it-is").documents
    asked: list[TierName] = [
        default_tier(first, first),
        default_tier(first, with_cpu("other")(first)),
        default_tier(first, with_package("torch", "0")(first)),
        default_tier(first, with_package("nvidia-cublas-cu13", "0")(first)),
        default_tier(first, with_package("ruff", "0")(first)),
    ]
    assert asked == ["bitwise", *["numerically-close"] * 3, "bitwise"]


def test_usable_cores_matter_only_while_threads_are_not_known(packs: Packs) -> None:
    first = with_torch()(packs("as-it-is").documents)
    cpu = replace(first.hardware.cpu, num_usable_cores=99)
    second = replace(first, hardware=replace(first.hardware, cpu=cpu))
    assert environment_differences(first, second) == ()
    bare = packs("as-it-is").documents
    assert [
        row.key for row in environment_differences(bare, replace(bare, hardware=second.hardware))
    ] == ["cpu.num_usable_cores"]
