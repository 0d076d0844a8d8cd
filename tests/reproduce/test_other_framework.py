"""Laws of reproducing with another attempt: the same data and start, in another framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evidence.cli.reproduce import command
from evidence.errors import ExitCode, UsageError
from evidence.publish.summaries import render_all
from evidence.records.availability import Unavailable
from evidence.reproduce.reproduce import ReproduceResult
from evidence.results.other_framework import NAME
from evidence.rules.closeness import ACROSS_FRAMEWORKS
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import open_verified, verify_pack
from tests.project import Project
from tests.reproduce.rerun import rerun, state

JAX = """
[[attempt]]
name = "jax"
backend = "stub"
manual = true
"""


def tell(monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"frameworks": True, **more}))


@pytest.fixture
def two(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with an attempt in each of two frameworks, run in the first."""
    made = with_attempt(project, monkeypatch, JAX)
    tell(monkeypatch, do="shift", by=1e-7)
    return made


def with_attempt(project: Project, monkeypatch: pytest.MonkeyPatch, attempt: str) -> Project:
    project.edit("[[gate]]", f"{attempt}\n[[gate]]")
    project.git("commit", "-qam", "another attempt")
    tell(monkeypatch)
    assert project.run(attempt="stub").status == "complete"
    return project


def reasons(result: ReproduceResult) -> dict[str, tuple[bool, str]]:
    return {tier.name: (tier.reached, tier.reason) for tier in result.record.tiers}


def test_the_same_training_in_another_framework_reaches_its_tier_and_no_more(
    two: Project,
) -> None:
    result = rerun(two, attempt="jax")
    assert (result.asked, result.record.verdict, result.exit_code) == (NAME, NAME, ExitCode.DONE)
    tiers = reasons(result)
    assert not tiers["bitwise"][0]
    assert "PyTorch and JAX, from the same weights, fed the same rows" in tiers[NAME][1]
    assert result.record.causes[-1].cause == "framework"
    second = open_verified(result.pack).documents
    assert second.manifest is not None
    assert second.manifest.attempt == "jax"
    (parent,) = second.manifest.parents
    assert parent.relation == "runs-again-in-another-attempt"
    root = open_verified(two.pack).root_sha256
    assert result.pack.name == f"T1-jax-{root[:12]}"


def test_its_claim_is_recomputed_and_said_in_the_summary(two: Project) -> None:
    result = rerun(two, attempt="jax")
    options = VerifyOptions(beside=(two.pack, result.pack))
    report = verify_pack(two.pack, options)
    assert report.verdict == "INTACT"
    assert {one.outcome for one in report.checks if one.id == "reproduction-claims"} == {"pass"}
    summary = (two.pack / "t1_summary.md").read_text("utf-8")
    assert "reproduced in another framework, from the same data and start, on 2" in summary
    assert "other-framework" in (two.runs / "README.md").read_text("utf-8")
    assert render_all([two.pack], check=True)[0].changed == ()


@pytest.mark.parametrize(
    ("by", "reached"),
    [
        (0.9 * ACROSS_FRAMEWORKS.first_step, True),
        (1.1 * ACROSS_FRAMEWORKS.first_step, False),
    ],
)
def test_the_first_step_must_be_the_same_function(
    by: float, reached: bool, two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(monkeypatch, do="shift", by=by)
    result = rerun(two, attempt="jax")
    assert result.reached is reached
    assert result.exit_code is (ExitCode.DONE if reached else ExitCode.FINDINGS)
    if not reached:
        assert "at step 1" in reasons(result)[NAME][1]
        assert result.record.verdict == "same-stream"
        assert result.record.causes[0].cause == "function"


def test_another_start_is_not_this_tier(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch, start="6", do="shift", by=1e-7)
    result = rerun(two, attempt="jax")
    assert not result.reached
    assert reasons(result)[NAME][1].startswith("they have not the same start weights")


def test_another_setting_is_not_this_tier(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{JAX}\n[attempt.train]\nweight_decay = 0.5\n"
    two = with_attempt(project, monkeypatch, other)
    tell(monkeypatch, do="shift", by=1e-7)
    result = rerun(two, attempt="jax")
    assert not result.reached
    assert "they have not the same weight decay" in reasons(result)[NAME][1]
    assert result.record.causes[0].cause == "settings"


def test_what_is_not_known_reaches_nothing(two: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVIDENCE_STUB")
    result = rerun(two, attempt="jax")
    environment = open_verified(result.pack).documents.environment
    assert isinstance(environment.framework, Unavailable)
    assert NAME not in reasons(result)
    assert result.asked != NAME


def test_one_framework_is_not_asked_for_it_and_is_told_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = with_attempt(project, monkeypatch, JAX.replace('"jax"', '"twin"'))
    arguments = [str(twin.pack), "--repo", str(twin.root), "--attempt", "twin", "--tier", NAME]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1
    assert "both ran in one framework" in result.output
    assert f"NOT REPRODUCED {NAME}" in result.output


def test_the_last_words_claim_no_more_than_the_tier(two: Project) -> None:
    result = CliRunner().invoke(
        command, [str(two.pack), "--repo", str(two.root), "--attempt", "jax"]
    )
    assert result.exit_code == 0, result.output
    assert f"REPRODUCED {NAME}" in result.output
    assert "(the default: the attempts are of two frameworks)" in result.output
    assert "reached      other-framework, same-stream, numerically-close" in result.output


@pytest.mark.parametrize(
    ("attempt", "options", "words"),
    [
        (JAX, {"attempt": "jux"}, "no attempt 'jux'; it has: stub, jax"),
        (JAX, {"attempt": "jax", "num_seeds": 3}, "--attempt excludes --seeds"),
        (JAX, {"tier": NAME}, "is of an attempt in another framework"),
        (
            f'{JAX}\n[attempt.model]\nconfig = "model"\ninit_seed = 2\ntokenizer = "model"\n',
            {"attempt": "jax"},
            "starts from another model than this pack",
        ),
        (
            f'{JAX}\n[attempt.requires]\naccelerator = "nvidia"\nvram_gib = 9000\n',
            {"attempt": "jax"},
            "attempt jax cannot be run here: ",
        ),
        (
            f'{JAX}interpreter = ".venv-none/bin/python"\n',
            {"attempt": "jax"},
            ".venv-none/bin/python",
        ),
    ],
    ids=["unknown", "seeds", "tier-alone", "other-model", "no-gpu", "no-interpreter"],
)
def test_what_cannot_be_is_said_before_anything_starts(
    attempt: str,
    options: dict[str, Any],
    words: str,
    project: Project,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_attempt(project, monkeypatch, attempt)
    before = state(project, temporary)
    with pytest.raises(UsageError) as caught:
        rerun(project, **options)
    assert words in caught.value.message
    assert state(project, temporary) == before
