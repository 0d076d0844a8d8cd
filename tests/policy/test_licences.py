"""A demand on licences is answered from what the author declares, and from nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from evidence.milestone.overrides import read_settings
from evidence.policy.judge import judge_pack
from evidence.policy.policy import load_policy
from evidence.verification.options import VerifyOptions
from tests.command import evidence
from tests.export.packs import exported, made_of
from tests.packs.sealing import reseal
from tests.project import Project, make_project
from tests.shared import made_once

MODEL: Final = ("[model]\n", '[model]\nlicense = "Apache-2.0"\n')
TRAIN: Final = ("[data.train]\n", '[data.train]\nlicense = "cc-by-4.0"\n')
EVAL: Final = ("[data.eval]\n", '[data.eval]\nlicense = "cc0-1.0"\n')
ALL: Final = (MODEL, TRAIN, EVAL)


def ran(folder: Path, edits: Iterable[tuple[str, str]]) -> Path:
    project = make_project(folder / "project")
    for old, new in edits:
        project.edit(old, new)
    project.git("commit", "-qam", "licences", "--allow-empty")
    assert project.run().report.exit == 0
    return project.pack


@pytest.fixture
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose milestone declares every licence, to be looked at only."""
    return made_once(tmp_path_factory, "licences", lambda folder: ran(folder, ALL))


def answer(pack: Path, text: str, where: Path) -> tuple[str, str]:
    path = where / "policy.toml"
    path.write_text(f'schema = "policy.v1"\n[licences]\n{text}\n')
    report = judge_pack(pack, VerifyOptions(), load_policy(path), datetime.now(UTC))
    assert report.policy is not None
    (one,) = report.policy.demands
    return one.outcome, one.reason


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        ('model = ["apache-2.0"]', "pass", "milestone.toml#/model/license"),
        ('model = ["mit", "APACHE-2.0"]', "pass", "as the author declares"),
        ('model = ["mit"]', "fail", "is under Apache-2.0 (declared, milestone.toml#/model"),
        ('data = ["cc-by-4.0", "cc0-1.0"]', "pass", "milestone.toml#/data/train/license"),
        ('data = ["cc-by-4.0"]', "fail", "eval is under cc0-1.0"),
    ],
)
def test_what_is_declared_is_held_against_what_is_allowed(
    text: str, outcome: str, says: str, declared: Path, tmp_path: Path
) -> None:
    found, reason = answer(declared, text, tmp_path)
    assert found == outcome, reason
    assert says in reason


def test_what_is_not_declared_is_not_checked_and_named(tmp_path: Path) -> None:
    pack = ran(tmp_path, (TRAIN,))
    assert answer(pack, 'data = ["cc-by-4.0"]', tmp_path) == (
        "not_checked",
        "no licence is declared for eval",
    )
    assert answer(pack, 'data = ["mit"]', tmp_path)[0] == "fail", "what is known is known"
    outcome, reason = answer(pack, 'model = ["mit"]', tmp_path)
    assert (outcome, "no licence is declared for the model" in reason) == ("not_checked", True)


def test_the_licence_of_another_model_is_not_that_of_the_attempts_own(tmp_path: Path) -> None:
    own = (
        'name = "stub"',
        'name = "stub"\nmodel = { config = "model", tokenizer = "model", init_seed = 1 }',
    )
    pack = ran(tmp_path, (MODEL, own))
    outcome, reason = answer(pack, 'model = ["apache-2.0"]', tmp_path)
    assert (outcome, "attempt stub" in reason) == ("not_checked", True), reason


def test_a_licence_of_the_command_line_is_named_by_its_place(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.git("commit", "-qam", "as it is", "--allow-empty")
    assert project.run(settings=read_settings(["model.license=mit"])).report.exit == 0
    outcome, reason = answer(project.pack, 'model = ["mit"]', tmp_path)
    assert (outcome, "overrides.json#" in reason) == ("pass", True), reason


def test_a_licence_makes_no_other_outcome(declared: Path, tmp_path: Path) -> None:
    plain = ran(tmp_path, ())
    digests = [
        json.loads((pack / "manifest.json").read_bytes())["outcome_sha256"]
        for pack in (declared, plain)
    ]
    assert digests[0] == digests[1]


def test_another_licence_than_was_declared_is_found_in_the_journal_or_in_a_clone(
    declared: Path, tmp_path: Path
) -> None:
    """Who writes the journal anew, too, is found by the commit alone."""
    root = Path(shutil.copytree(declared.parents[1], tmp_path / "project"))
    pack = root / "runs/T1"
    path = pack / "milestone.toml"
    path.write_text(path.read_text("utf-8").replace("cc-by-4.0", "mit"), encoding="utf-8")
    reseal(pack, ["milestone"])
    assert evidence("verify", str(pack)).exit == 1
    reseal(pack, [])
    assert answer(pack, 'data = ["mit", "cc0-1.0"]', tmp_path)[0] == "pass"
    ended = evidence("verify", str(pack), "--repo", str(root))
    assert ended.exit == 1
    assert "repo-milestone" in ended.out


def test_exports_carry_it_as_declared(declared: Path) -> None:
    (bom,) = map(json.loads, exported("cyclonedx", declared).values())
    named = [one["licenses"] for one in bom["components"] if one["name"] == "train"]
    assert named == [[{"license": {"name": "cc-by-4.0", "acknowledgement": "declared"}}]]
    card = json.loads(exported("croissant", declared)["train.croissant.json"])
    assert card["license"] == "cc-by-4.0"
    assert "declared, at milestone.toml#/data/train/license" in card["description"]
    crate = json.loads(made_of("ro-crate", declared)["ro-crate-metadata.json"])
    told = [one for one in crate["@graph"] if one.get("license") == "cc-by-4.0"]
    assert all(
        "declared, at milestone.toml#/data/train/license" in one["description"] for one in told
    )
    assert told
    page = exported("model-card", declared)["README.md"].decode()
    assert "license:" not in page.partition("\n---\n")[0], "of what was made nothing is said"
    assert "`Apache-2.0`: declared, at `milestone.toml#/model/license`" in page


def test_a_licence_that_is_no_id_is_refused(tmp_path: Path) -> None:
    project = Project(Path(shutil.copytree(make_project(tmp_path / "a").root, tmp_path / "b")))
    project.edit("[model]\n", '[model]\nlicense = "all rights reserved"\n')
    with pytest.raises(Exception, match="an SPDX id or the hub's name"):
        project.run()
