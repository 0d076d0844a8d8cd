"""Laws of running over seeds: what is a test, what it finds, and that verify makes it again."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import UsageError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.progress import Silent
from evidence.publish.summaries import rerender
from evidence.records.availability import Unavailable
from evidence.reproduce.reproduce import ReproduceOptions, ReproduceResult, reproduce
from evidence.reproduce.seeds import MAX_SEED, other_seeds, set_seed
from evidence.results.seed_test import (
    MAX_SEEDS,
    MIN_SEEDS,
    critical,
    prediction_statistic,
    seed_tier,
)
from evidence.running.signals import StopRequest
from evidence.stages.eval import PREDICTIONS
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import open_verified, verify_pack
from tests.documents import replaced
from tests.project import Project, make_project
from tests.shared import made_once


def density(t: float, degrees: int) -> float:
    """Student's, from its definition."""
    scale = math.gamma((degrees + 1) / 2) / math.gamma(degrees / 2) / math.sqrt(degrees * math.pi)
    return scale * (1 + t * t / degrees) ** (-(degrees + 1) / 2)


@pytest.mark.parametrize("num_seeds", range(MIN_SEEDS, MAX_SEEDS + 1))
def test_a_run_of_the_same_kind_passes_the_limit_once_in_a_hundred(num_seeds: int) -> None:
    """The table, by integration (Simpson) up to the limit."""
    limit, parts = critical(num_seeds), 20_000
    step = limit / parts
    weights = [1, *([4, 2] * (parts // 2))[:-1], 1]
    inside = sum(w * density(i * step, num_seeds - 1) for i, w in enumerate(weights)) * step / 3
    assert 1 - 2 * inside == pytest.approx(0.01, abs=2e-5)


def test_the_statistic_is_the_distance_in_errors_of_a_prediction() -> None:
    assert prediction_statistic(6.0, [1.0, 2.0, 3.0]) == pytest.approx(4 / math.sqrt(4 / 3))
    assert prediction_statistic(2.0, [2.0, 2.0, 2.0]) == 0.0
    assert isinstance(prediction_statistic(2.1, [2.0, 2.0, 2.0]), Unavailable)


def test_the_seeds_that_follow_stay_within_what_a_milestone_may_say() -> None:
    assert other_seeds(42, 3) == [43, 44, 45]
    assert other_seeds(MAX_SEED - 1, 3) == [MAX_SEED, 0, 1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed = 7", "# a comment\nseed = 7  # another"),
        ("seed = 7\n", ""),
        ('follows."', 'follows."\n[attempt.train]\nseed = 9'),
        ('follows."', 'follows."\ntrain = { seed = 9, epochs = 3 }'),
        ('follows."', 'follows."\ntrain = { epochs = 3 }'),
    ],
)
def test_a_seed_is_written_where_the_attempt_reads_it(old: str, new: str, project: Project) -> None:
    project.edit(old, new)
    set_seed(project.root, "T1", "stub", 123)
    text = (project.root / "milestones/T1.toml").read_bytes()
    (plan,) = plan_attempts(parse_milestone(text))
    assert plan.train.seed == 123
    assert ("# another" in new) == (b"# another" in text)


Seeds = Callable[[Documents], list[Documents]]


def reproduced(folder: Path) -> tuple[Project, ReproduceResult]:
    temporary = folder / "temporary"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        patch.setattr("tempfile.tempdir", str(temporary))
        project = make_project(folder / "project")
        project.run()
        options = ReproduceOptions(project=project.root.resolve(), num_seeds=3)
        with StopRequest() as stop:
            return project, reproduce(project.pack, options, Silent(), stop)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, ReproduceResult]:
    """A project reproduced with three other seeds, for real."""
    return made_once(tmp_path_factory, "seeds", reproduced)


def test_each_seed_leaves_a_pack_that_says_what_it_is(
    ran: tuple[Project, ReproduceResult],
) -> None:
    project, result = ran
    assert [one.seed for one in result.record.seeds] == [8, 9, 10]
    assert [pack.name[:9] for pack in result.others] == ["T1-seed-8", "T1-seed-9", "T1-seed-1"]
    for pack in result.others:
        opened = open_verified(pack)
        assert opened.documents.manifest is not None
        (parent,) = opened.documents.manifest.parents
        assert parent.relation == "runs-again-with-another-seed"
        git = jsonio.load_document((pack / layout.GIT).read_bytes())
        assert git["start"]["dirty"] is True  # the seed is a change, and recorded as one
    assert result.record.verdict == "bitwise"
    assert result.record.seed_tests[0].measure == "train.loss_end"
    assert "3 other seeds" in result.record.tiers[-1].reason
    index = (project.runs / "README.md").read_text("utf-8")
    assert "another seed" in index


def claims(pack: Path, *beside: Path) -> tuple[str, str]:
    report = verify_pack(pack, VerifyOptions(beside=beside))
    assert report.exit_code == 0 or any(one.outcome == "fail" for one in report.checks)
    return next((c.outcome, c.reason) for c in report.checks if c.id == "reproduction-claims")


def test_the_test_is_made_again_beside_all_packs_and_not_otherwise(
    ran: tuple[Project, ReproduceResult], tmp_path: Path
) -> None:
    project, result = ran
    root = Path(shutil.copytree(project.root, tmp_path / "project"))  # others look at it meanwhile
    pack, attached, again, *others = (
        root / path.relative_to(project.root)
        for path in (project.pack, result.attached, result.pack, *result.others)
    )
    assert claims(pack, again, *others)[0] == "pass"
    outcome, reason = claims(pack, again, *others[1:])
    assert outcome == "not_checked"
    assert result.record.seeds[0].pack.root_sha256[:12] in reason
    data = attached.read_bytes()
    assert b'"limit": 9.925' in data
    for old, new in ((b'"limit": 9.925', b'"limit": 19.925'), (b'"seed": 9', b'"seed": 11')):
        assert old in data
        attached.write_bytes(data.replace(old, new))
        rerender(pack)
        assert claims(pack, again, *others)[0] == "fail"


def test_a_loss_far_from_those_of_other_seeds_is_named(
    ran: tuple[Project, ReproduceResult],
) -> None:
    first, others = documents_of(ran)
    assert seed_tier(first, others).reached
    assert first.results is not None
    values = dict(first.results.values)
    values["train.loss_end"] = replace(values["train.loss_end"], value=1e6)
    tier = seed_tier(replace(first, results=replace(first.results, values=values)), others)
    assert not tier.reached
    assert "train.loss_end" in tier.reason


def test_scores_of_other_seeds_outside_the_interval_are_named(
    ran: tuple[Project, ReproduceResult],
) -> None:
    first, others = documents_of(ran)
    changed = [with_scores(one, False) for one in others]
    tier = seed_tier(with_scores(first, True), changed)
    assert not tier.reached
    assert "outside the original's interval" in tier.reason


def test_what_is_no_test_is_not_one(ran: tuple[Project, ReproduceResult]) -> None:
    first, others = documents_of(ran)
    for seeds, word in (
        ([], "not tested"),
        (others[:2], "3 to 30 needed"),
        ([*others[:2], others[0]], "used twice"),
        ([*others[:2], first], "used twice"),
        ([*others[:2], replaced(others[2], steps=())], "no outcome"),
    ):
        tier = seed_tier(first, seeds)
        assert not tier.reached
        assert word in tier.reason


def test_the_tier_is_refused_without_seeds(project: Project) -> None:
    options = ReproduceOptions(project=project.root, tier="statistically-consistent")
    with StopRequest() as stop, pytest.raises(UsageError, match="other seeds") as caught:
        reproduce(project.pack, options, Silent(), stop)
    assert "--seeds" in caught.value.hint


def documents_of(ran: tuple[Project, ReproduceResult]) -> tuple[Documents, list[Documents]]:
    project, result = ran
    first = open_verified(project.pack).documents
    return first, [open_verified(one).documents for one in result.others]


def with_scores(documents: Documents, correct: bool) -> Documents:
    rows = [
        replace(row, scores=dict.fromkeys(row.scores, correct))
        for row in documents.rows(PREDICTIONS)
    ]
    return replaced(documents, predictions=tuple(rows))
