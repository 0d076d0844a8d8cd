"""A kind of stage is its registration: run, sealed, verified, explained and shown by it alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from evidence.attempt.stage import StageResult, StageRun
from evidence.errors import DurabilityError, MilestoneError
from evidence.explain.explain import explain
from evidence.records.finding import Report
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.self_test.self_test import self_test
from evidence.stages.registry import kinds, registered, schema_for
from evidence.verification.verification import verify_pack
from tests.command import evidence
from tests.project import STUB, Project
from tests.stages.count import COUNT

MILESTONE = STUB.replace('backend = "stub"', 'backend = "counting"').replace(
    "[[gate]]", '[count]\ndata = "eval"\n\n[[gate]]', 1
)


@pytest.fixture
def counting(project: Project) -> Iterator[Project]:
    """A project whose milestone asks for the third kind, where it is registered."""
    project.milestone(MILESTONE)
    with registered(COUNT):
        yield project


def forged(
    pack: Path,
    project: Project,
    edit: Callable[[ForgedPack], None],
    forget: Collection[str] = (),
) -> Report:
    """What verify says of the pack after an edit that is sealed consistently."""
    folder = Path(mkdtemp(dir=project.root))
    bench = Bench(pack, folder)
    with bench.restored():
        pack_in_hand = ForgedPack(bench)
        edit(pack_in_hand)
        bench.put(pack_in_hand.seal(forget).all_bytes())
        return verify_pack(bench.pack)


def no_room_in(name: str, execute: Callable[[StageRun], StageResult]) -> Any:
    def run(self: StageRun) -> StageResult:
        if self._kind.name == name:
            raise DurabilityError("no room")
        return execute(self)

    return run


def test_its_stage_is_run_sealed_verified_explained_and_shown(counting: Project) -> None:
    result = counting.run()
    assert result.status == "complete"
    report = verify_pack(result.pack)
    assert report.verdict == "INTACT", report.findings
    assert "pass" in [one.outcome for one in report.checks if one.id == "counts"]
    assert counting.read("counts.json")["num_words"] == sum(
        counting.read("counts.json")["words_of_rows"]
    )
    assert (result.pack / "count_log.txt").read_text("utf-8").startswith("counting the words")
    found = explain(result.pack, "count.words_per_row")
    assert (found.rule_text, found.level) == ("words / rows", "reported")
    summary = result.summary.read_text("utf-8")
    num_words = counting.read("counts.json")["num_words"]
    levels = "observed, reported"  # what the stage drew is sampled beside it
    assert f"## Words\n\n*Level of evidence: {levels}.*\n\n`eval` has {num_words} words" in summary
    assert "Words of a data set, counted" in summary
    shown = evidence("verify", str(result.pack)).out
    assert "2 reported" in shown.splitlines()[0]


def test_its_journal_facts_and_files_are_owed(counting: Project) -> None:
    pack = counting.run().pack
    for path in ("counts.json", "count_log.txt"):
        report = forged(pack, counting, lambda one, path=path: one.replace(path, None))
        found = {(one.check, one.address) for one in report.findings}
        assert ("status-files", path) in found


@pytest.mark.full
def test_the_self_test_of_its_pack_misses_nothing(counting: Project) -> None:
    found = self_test(counting.run().pack)
    assert found.exit_code == 0
    assert [one.id for one in found.trials if one.outcome == "missed"] == []


def test_a_lie_in_its_document_is_found_by_its_own_check(counting: Project) -> None:
    pack = counting.run().pack

    def lie(one: ForgedPack) -> None:
        one.doc("counts.json")["num_words"] += 1

    report = forged(pack, counting, lie)
    assert {one.check for one in report.findings if one.severity == "error"} == {"counts"}


@pytest.mark.parametrize(
    ("name", "level"), [("count.num_words", "observed"), ("train.learning_rate", "observed")]
)
def test_a_raised_level_is_found(counting: Project, name: str, level: str) -> None:
    pack = counting.run().pack

    def raised(one: ForgedPack) -> None:
        one.doc("results.json")["values"][name]["level"] = level

    report = forged(pack, counting, raised, forget={"results"})
    found = {(one.check, one.address) for one in report.findings if one.severity == "error"}
    assert found == {("results", f"results.json#/values/{name}/level")}


def test_a_milestone_is_refused_where_its_table_is_wrong(counting: Project) -> None:
    counting.edit('[count]\ndata = "eval"', '[count]\ndata = "eval"\nwords = 3')
    with pytest.raises(MilestoneError, match=r"T1\.toml:\d+: count.words: unknown key"):
        counting.run()


def test_a_run_that_ends_in_its_stage_goes_on(
    counting: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(StageRun, "execute", no_room_in("count", StageRun.execute))
        with pytest.raises(DurabilityError):
            counting.run()
    assert verify_pack(counting.pack).verdict == "UNFINISHED"
    assert counting.run(resume=True).status == "complete"
    assert verify_pack(counting.pack).verdict == "INTACT"


def test_a_pack_without_such_a_stage_is_not_asked_for_it(project: Project) -> None:
    pack = project.run().pack
    with registered(COUNT):
        report = verify_pack(pack)
        assert report.verdict == "INTACT"
        assert "counts" not in {one.id for one in report.checks}


def test_where_it_is_not_registered_the_milestone_is_no_milestone(project: Project) -> None:
    project.milestone(MILESTONE)
    with pytest.raises(MilestoneError, match="count: unknown key"):
        project.run()
    assert [kind.name for kind in kinds()] == ["train", "eval", "command"]
    assert schema_for("counts.json") is None


def test_a_name_or_a_path_that_is_taken_is_refused() -> None:
    with registered(COUNT), pytest.raises(ValueError, match="taken"), registered(COUNT):
        pass
