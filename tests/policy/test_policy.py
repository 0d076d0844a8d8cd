"""A policy is answered demand by demand: pass, fail or not checked, and only a pass meets it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from evidence.encoding import schema
from evidence.policy.judge import judge_pack
from evidence.policy.policy import load_policy
from evidence.verification.options import VerifyOptions
from tests.command import evidence
from tests.docs.pages import codes, page, table
from tests.importing.made import make_pack
from tests.project import Project, make_project

GOLDEN: Final = Path(__file__).parents[1] / "packs/golden/v1"
HEAD: Final = 'schema = "policy.v1"\n'
SEALED: Final = datetime(2026, 1, 8, 20, 0, 7, tzinfo=UTC)
"""When the golden packs say that they were sealed."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("policy") / "project")
    assert project.run().report.exit == 0
    return project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("complete", "failed", "signed"):
        shutil.copytree(GOLDEN / name / "M90", tmp_path / name / "M90")
    shutil.copy(GOLDEN / "allowed_signers", tmp_path / "allowed_signers")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(pack: Path, text: str, where: Path, now: datetime = SEALED) -> dict[str, Any]:
    """Outcome and reason of each demand, by its id; with the exit code."""
    path = where / "policy.toml"
    path.write_text(HEAD + text)
    report = judge_pack(pack, VerifyOptions(), load_policy(path), now)
    found: dict[str, Any] = {one.id: (one.outcome, one.reason) for one in report.policy.demands}
    return {**found, "exit": report.exit_code}


def only(pack: Path, text: str, where: Path, now: datetime = SEALED) -> tuple[str, str, int]:
    found = answered(pack, text, where, now)
    code = found.pop("exit")
    ((outcome, reason),) = found.values()
    return outcome, reason, code


def test_an_honest_run_meets_what_it_is(ran: Project, tmp_path: Path) -> None:
    text = """
[run]
complete = true
no_stand_in = true
not_imported = true
clean_tree = true
gates = true
max_age_days = 1
min_ruleset = 1
[evidence]
min_level = "observed"
values = { "train.loss_end" = "observed" }
[inputs]
tracked = true
models = ["mod*"]
"""
    found = answered(ran.pack, text, tmp_path, datetime.now(UTC))
    found.pop("exit")
    assert len(found) == 11
    assert [one for one in found.items() if one[1] != ("pass", "")] == []


@pytest.mark.parametrize(
    ("name", "text", "outcome", "says"),
    [
        ("failed", "[run]\ncomplete = true", "fail", "failed"),
        ("complete", "[run]\nno_stand_in = true", "fail", "stand-in"),
        ("failed", "[run]\ngates = true", "not_checked", "not checked"),
        ("complete", "[run]\nmin_ruleset = 99", "fail", "rule set 1"),
        ("complete", "[inputs]\nmodels = ['google/*']", "fail", "models/toy"),
        ("complete", "[inputs]\nmodels = ['models/to[a-z]']", "fail", "models/toy"),
        ("complete", "[inputs]\nmodels = ['*/to?']", "pass", ""),
        ("failed", "[inputs]\nmodels = ['google/*']", "not_checked", ""),
        ("complete", "[inputs]\ntracked = true", "not_checked", "not recorded"),
        ("complete", "[evidence.values]\n'train.loss_ende' = 'observed'", "fail", "loss_end"),
        ("complete", "[evidence.values]\n'model.revision' = 'parsed'", "not_checked", "measured"),
        ("complete", "[licences]\nmodel = ['gemma']", "not_checked", "licence"),
        ("complete", "[licences]\ndata = ['cc0-1.0']", "not_checked", "licence"),
        ("complete", "[checks]\nallowed_unchecked = ['signature']", "fail", "git-inputs"),
        ("complete", "[checks]\nforbidden_unchecked = ['digests']", "pass", ""),
        ("complete", "[checks]\nforbidden_unchecked = ['signature']", "fail", "not signed"),
        ("complete", "[checks]\nforbidden_unchecked = ['digest']", "not_checked", "'digests'"),
    ],
)  # fmt: skip
def test_a_demand_is_answered_with_its_reason(
    folder: Path, name: str, text: str, outcome: str, says: str
) -> None:
    found, reason, code = only(folder / name / "M90", text, folder)
    assert found == outcome, reason
    assert says in reason
    assert code == (4 if name == "failed" else 0 if outcome == "pass" else 3)


@pytest.mark.parametrize(
    ("days", "outcome"), [(-2, "fail"), (-0.5, "pass"), (9.9, "pass"), (10.1, "fail")]
)
def test_an_age_is_that_of_the_seal(folder: Path, days: float, outcome: str) -> None:
    now = SEALED + timedelta(days=days)
    found = only(folder / "complete/M90", "[run]\nmax_age_days = 10", folder, now)
    assert found[0] == outcome, found


def test_a_tree_that_was_changed_is_not_clean(ran: Project, tmp_path: Path) -> None:
    project = Project(Path(shutil.copytree(ran.root, tmp_path / "project")))
    project.edit('title = "A test"', 'title = "Another"')
    assert project.run(again=True).report.exit == 0
    outcome, reason, code = only(
        project.pack, "[run]\nclean_tree = true", tmp_path, datetime.now(UTC)
    )
    assert (outcome, code) == ("fail", 3)
    assert "1 file" in reason


def test_an_input_that_nothing_holds_is_not_tracked(ran: Project, tmp_path: Path) -> None:
    project = Project(Path(shutil.copytree(ran.root, tmp_path / "project")))
    (project.root / ".gitignore").write_text("data/eval.jsonl\n")
    project.git("rm", "-q", "--cached", "data/eval.jsonl")
    project.edit('paths = ["data/*.jsonl"]', 'paths = ["data/train.jsonl"]')
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "data are not tracked")
    assert project.run(again=True).report.exit == 0
    outcome, reason, _ = only(project.pack, "[inputs]\ntracked = true", tmp_path)
    assert outcome == "fail"
    assert "data/eval.jsonl" in reason


def test_what_was_imported_was_not_observed(tmp_path: Path) -> None:
    pack = make_pack(tmp_path)
    text = """[run]
complete = true
not_imported = true
clean_tree = true
max_age_days = 3
[evidence]
min_level = "observed"
"""
    found = answered(pack, text, tmp_path)
    assert found["run.complete"][0] == "not_checked"
    assert found["run.not_imported"][0] == "fail"
    assert found["run.clean_tree"][0] == "not_checked"
    assert found["run.max_age_days"][0] == "not_checked"
    assert found["evidence.min_level"][0] == "fail"
    assert "parsed" in found["evidence.min_level"][1]


SIGNED: Final = "[signed]\nallowed_signers = 'allowed_signers'\nby = ['{}']"


def test_one_of_the_signers_must_have_signed(folder: Path) -> None:
    text = SIGNED.format("nobody@example.org', 'author@example.org")
    assert only(folder / "signed/M90", text, folder) == ("pass", "", 0)
    outcome, reason, code = only(folder / "signed/M90", SIGNED.format("bob@example.org"), folder)
    assert (outcome, code) == ("fail", 3)
    assert "bob@example.org" in reason
    unsigned = only(folder / "complete/M90", text, folder)
    assert unsigned == ("fail", "the pack is not signed", 3)


def test_a_trust_file_in_a_pack_and_none_at_all_are_refused(folder: Path) -> None:
    policy = folder / "policy.toml"
    policy.write_text(
        HEAD + SIGNED.format("a@b.c").replace("'allowed_signers'", "'complete/M90/x'")
    )
    assert evidence("verify", "complete/M90", "--policy", "policy.toml").exit == 2
    shutil.copy(folder / "allowed_signers", folder / "complete/M90/x")
    assert "inside a pack" in evidence("verify", "signed/M90", "--policy", "policy.toml").err


def test_a_pack_that_is_not_what_it_says_answers_nothing(folder: Path) -> None:
    results = folder / "complete/M90/results.json"
    results.write_bytes(results.read_bytes().replace(b"0.72", b"0.71", 1))
    outcome, reason, code = only(folder / "complete/M90", "[run]\ncomplete = true", folder)
    assert (outcome, code) == ("not_checked", 1)
    assert "not what it says" in reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[runs]\ncomplete = true", "1: runs: unknown key (did you mean 'run'?)"),
        ("[run]\ncompleted = true", "3: run.completed: unknown key (did you mean 'complete'?)"),
        ("[run]\ncomplete = false", "3: run.complete"),
        ("[run]\nmax_age_days = -1", "less than 0"),
        ("[run]\nmax_age_days = nan", "not of type integer"),
        ("[evidence]\nmin_level = 'observd'", "did you mean 'observed'?"),
        ("[checks]\nforbidden_unchecked = ['Digests']", "wanted: the id of a check"),
        ("[signed]\nby = ['a']", "'allowed_signers' is missing"),
        ("", "demands nothing"),
        ("run = 1979-05-27", "run"),
        ("x = [", "not TOML"),
        (f"{'a.' * 20_000}b = 1", "parts"),
        (f"# {'c' * 70_000}", "larger"),
    ],
)
def test_a_policy_that_is_none_is_refused_with_its_line_and_key(
    folder: Path, text: str, says: str
) -> None:
    (folder / "policy.toml").write_text(HEAD + text)
    ended = evidence("verify", "complete/M90", "--policy", "policy.toml")
    assert ended.exit == 2, ended
    assert "policy.toml" in ended.err
    if "1: " not in says:
        assert says in ended.err
    assert "Traceback" not in ended.err


def test_a_policy_that_an_editor_gave_a_byte_order_mark_is_told_so(folder: Path) -> None:
    (folder / "policy.toml").write_text("\ufeff" + HEAD, encoding="utf-8")
    ended = evidence("verify", "complete/M90", "--policy", "policy.toml")
    assert ended.exit == 2, ended
    assert "policy.toml:1: begins with a byte order mark" in ended.err


def test_a_policy_that_came_with_a_pack_is_refused(folder: Path) -> None:
    (folder / "complete/M90/policy.toml").write_text(HEAD + "[run]\ncomplete = true")
    ended = evidence("verify", "signed/M90", "--policy", "complete/M90/policy.toml")
    assert ended.exit == 2
    assert "inside a pack" in ended.err
    assert evidence("verify", "signed/M90", "--policy", "gone.toml").exit == 2


def test_the_answers_are_said_in_every_form(folder: Path) -> None:
    text = "title = 'Ours'\n[run]\ncomplete = true\nno_stand_in = true\n[licences]\nmodel = ['mit']"
    (folder / "policy.toml").write_text(HEAD + text)
    words = ("verify", "complete/M90", "--policy", "policy.toml")
    ended = evidence(*words)
    assert ended.exit == 3
    assert "policy 'Ours'  NOT MET: 1 of 3 demands" in ended.out
    assert "INTACT" in ended.out
    document = json.loads(evidence(*words, "--json").out)
    assert schema.validate("report.v1", document) == ()
    outcomes = {one["id"]: one["outcome"] for one in document["policy"]["demands"]}
    assert list(outcomes.values()) == ["pass", "fail", "not_checked"]
    root = ElementTree.fromstring(evidence(*words, "--format", "junit").out)  # noqa: S314 - ours
    cases = {one.get("name"): one for one in root[0]}
    assert cases["policy.run.no_stand_in"].find("failure") is not None
    assert cases["policy.licences.model"].find("skipped") is not None
    sarif = json.loads(evidence(*words, "--format", "sarif").out)["runs"][0]
    assert [one["ruleId"] for one in sarif["results"] if one["level"] == "error"] == ["policy"]


def test_several_packs_are_judged_each(folder: Path) -> None:
    (folder / "policy.toml").write_text(HEAD + "[run]\ncomplete = true")
    ended = evidence(
        "verify", "complete/M90", "failed/M90", "signed/M90", "--policy", "policy.toml", "--json"
    )
    assert ended.exit == 4
    assert [one["exit_code"] for one in json.loads(ended.out)] == [0, 4, 0]


def test_the_page_has_every_key_of_the_schema() -> None:
    properties = schema.load("policy.v1")["properties"]
    known = {
        f"{name}.{key}"
        for name, part in properties.items()
        if part.get("type") == "object"
        for key in part["properties"]
    }
    rows = [row for row in table(page("policy.md")) if len(row) == 2]
    assert {one for row in rows for one in codes(row[0])} == known


def test_the_example_of_the_page_is_a_policy(tmp_path: Path) -> None:
    example = page("policy.md").partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "policy.toml").write_text(example)
    assert load_policy(tmp_path / "policy.toml").policy.title == "What we accept"
