"""Laws of runs with several seeds: tiny models, trained by real processes."""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.records.run import ValueRecord
from evidence.render import seed_table
from evidence.render.values import Sheet
from evidence.results.compute import compute_results
from evidence.results.context import Context
from evidence.results.seeds import seed_values
from evidence.text.marked import inline
from evidence.verification.verification import open_verified
from tests import warm
from tests.command import evidence
from tests.packs.sealing import reseal, resum
from tests.seeds.tiny import MILESTONE, SEEDS, STAGED, project, run, values_of
from tests.shared import made_once

pytestmark = pytest.mark.torch
END = "train.loss_end"


def whole(folder: Path) -> Path:
    ended = run(project(folder / "project"))
    assert ended.returncode == 0, ended.stderr
    return folder / "project/runs/T7"


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "three-seeds", whole)
    return Path(shutil.copytree(made, tmp_path / "runs/T7"))


def test_mean_and_spread_are_those_of_the_runs_and_each_run_has_its_seed(pack: Path) -> None:
    values = values_of(pack)
    ends = [values[f"seed_{n}.{END}"]["value"] for n in (1, 2, 3)]
    assert len(set(ends)) == len(SEEDS)
    told = {key: values[f"seeds.{END}.{key}"]["value"] for key in ("mean", "sample_sd", "min")}
    assert math.isclose(told["mean"], statistics.fmean(ends), rel_tol=1e-12)
    assert math.isclose(told["sample_sd"], statistics.stdev(ends), rel_tol=1e-12)
    assert told["min"] == min(ends)
    assert values[f"seeds.{END}.num_runs"]["value"] == len(SEEDS)
    assert values[f"seeds.{END}.runs"]["value"] == "seed_1, seed_2, seed_3"
    assert values[f"seeds.{END}.left_out"]["value"] == "none"
    assert [values[f"seed_{n}.train.seed"]["value"] for n in (1, 2, 3)] == list(SEEDS)
    assert values["seed_2.train.seed"]["address"] == "milestone.toml#/seeds/1"


def test_a_pack_of_several_seeds_verifies_and_its_summary_says_which_spread_it_is(
    pack: Path,
) -> None:
    assert evidence("verify", str(pack)).exit == 0
    assert evidence("render", str(pack), "--check").exit == 0
    summary = (pack / "t7_summary.md").read_text()
    values = values_of(pack)
    for number, seed in enumerate(SEEDS, 1):
        end = f"{values[f'seed_{number}.{END}']['value']:.2f}"
        assert re.search(rf"^\| seed_{number} \| {seed} \| {re.escape(end)} \|", summary, re.M)
    assert re.search(
        r"^- Loss at the end: mean \S+ of 3 runs, sample standard deviation \(n − 1\) ",
        summary,
        re.M,
    )
    assert "seeds.train.loss_end.max" in summary


def test_the_way_from_a_mean_leads_to_the_number_of_each_run(pack: Path) -> None:
    told = evidence("explain", str(pack), f"seeds.{END}.mean")
    assert told.exit == 0
    for number in (1, 2, 3):
        assert repr(values_of(pack)[f"seed_{number}.{END}"]["value"]) in told.out


def over(pack: Path, changed: dict[str, ValueRecord]) -> dict[str, ValueRecord]:
    documents = open_verified(pack).documents
    values = {**compute_results(documents).values, **changed}
    return dict(seed_values(Context(documents), values))


def without(*runs: int) -> dict[str, ValueRecord]:
    why = ValueRecord(None, "it diverged", "nats", "", "interval-loss", "observed")
    return {f"seed_{n}.{END}": why for n in runs}


def test_a_run_without_the_number_is_left_out_by_name_and_not_counted_as_zero(pack: Path) -> None:
    found, values = over(pack, without(2)), values_of(pack)
    kept = [values[f"seed_{n}.{END}"]["value"] for n in (1, 3)]
    assert found[f"seeds.{END}.left_out"].value == "seed_2"
    assert found[f"seeds.{END}.runs"].value == "seed_1, seed_3"
    assert found[f"seeds.{END}.num_runs"].value == 2
    assert found[f"seeds.{END}.mean"].value == pytest.approx(statistics.fmean(kept), rel=1e-12)
    assert found["seeds.train.loss_mean.left_out"].value == "none"


def test_runs_that_saw_the_same_rows_in_the_same_order_are_named_in_the_summary(
    pack: Path,
) -> None:
    documents = open_verified(pack).documents
    sheet = Sheet(compute_results(documents).values)
    assert [group["same"] for group in seed_table.view(documents, sheet)] == [[]]
    of_stages = dict(documents.of_stages)
    of_stages[f"stages/seed_3/{layout.METRICS}"] = of_stages[f"stages/seed_1/{layout.METRICS}"]
    copied = replace(documents, of_stages=of_stages)
    named = f"{inline('seed_1')}, {inline('seed_3')}"
    assert [group["same"] for group in seed_table.view(copied, sheet)] == [[named]]


def test_one_run_has_a_mean_and_no_spread_and_none_has_neither(pack: Path) -> None:
    one, none = over(pack, without(1, 3)), over(pack, without(1, 2, 3))
    assert one[f"seeds.{END}.mean"].value == values_of(pack)[f"seed_2.{END}"]["value"]
    assert one[f"seeds.{END}.sample_sd"].value is None
    assert one[f"seeds.{END}.sample_sd"].unavailable == "one run has nothing to differ from"
    assert none[f"seeds.{END}.mean"].value is None
    assert none[f"seeds.{END}.mean"].unavailable == "no run has this number"
    assert none[f"seeds.{END}.left_out"].value == "seed_1, seed_2, seed_3"


def lower_mean(values: dict[str, Any]) -> None:
    values[f"seeds.{END}.mean"]["value"] -= 0.25


def smaller_spread(values: dict[str, Any]) -> None:
    values[f"seeds.{END}.sample_sd"]["value"] /= 2


def hidden_run(values: dict[str, Any]) -> None:
    values[f"seeds.{END}.runs"]["value"] = "seed_1, seed_2"
    values[f"seeds.{END}.num_runs"]["value"] = 2


@pytest.mark.parametrize("lie", [lower_mean, smaller_spread, hidden_run])
def test_a_lie_about_the_spread_is_found_though_every_digest_fits(
    lie: Callable[[dict[str, Any]], None], pack: Path
) -> None:
    path = pack / layout.RESULTS
    document = json.loads(path.read_bytes())
    lie(document["values"])
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    resum(pack)
    ended = evidence("verify", str(pack))
    assert ended.exit == 1, ended.out
    assert "seeds.train.loss_end" in ended.out


def test_seeds_that_the_runs_did_not_have_are_found_however_the_pack_is_sealed(pack: Path) -> None:
    path = pack / layout.MILESTONE
    path.write_text(path.read_text().replace("seeds = [1, 2, 3]", "seeds = [1, 2, 4]"))
    reseal(pack, [])
    ended = evidence("verify", str(pack))
    assert ended.exit == 1, ended.out
    assert "stages/seed_3" in ended.out


def test_a_run_that_was_killed_in_its_second_seed_goes_on_there(tmp_path: Path, pack: Path) -> None:
    folder = project(tmp_path / "project")
    words = ("--set", "seeds=[1, 2]")
    work = folder / "runs/.work/T7/attempt-01-tiny/stages/seed_2" / layout.METRICS
    warm.killed(folder, (work, 3), "run", "T7", *words)
    ended = run(folder, "--resume")
    assert ended.returncode == 0, ended.stderr
    resumed = folder / "runs/T7"
    events = [json.loads(line) for line in (resumed / layout.JOURNAL).read_text().splitlines()]
    begun = [one["data"]["stage"] for one in events if one["event"] == "stage-started"]
    assert (begun.count("seed_1"), begun.count("seed_2")) == (1, 2)
    for name in ("seed_1", "seed_2"):
        weights = f"stages/{name}/{layout.FINAL_MODEL}/model.safetensors"
        assert (resumed / weights).read_bytes() == (pack / weights).read_bytes()
    values = values_of(resumed)
    assert values["seed_2.train.seed"]["address"] == "overrides.json#/overrides/0/value/1"
    assert values[f"seeds.{END}.runs"]["value"] == "seed_1, seed_2"
    assert evidence("verify", str(resumed)).exit == 0


def test_a_run_that_fails_has_no_mean_and_says_why(tmp_path: Path) -> None:
    needs = 'threads = 1\nrequires = { accelerator = "nvidia", vram_gib = 100000 }'
    folder = project(tmp_path / "project", MILESTONE.replace("threads = 1", needs))
    assert run(folder).returncode == 4
    values = values_of(folder / "runs/T7")
    assert values[f"seeds.{END}.mean"]["value"] is None
    assert values[f"seeds.{END}.mean"]["unavailable"] == "no attempt completed"
    assert evidence("verify", str(folder / "runs/T7")).exit == 4  # what there is, is intact


@pytest.mark.full
def test_a_curriculum_with_seeds_goes_from_each_seed_to_the_same(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", STAGED)
    ended = run(folder)
    assert ended.returncode == 0, ended.stderr
    pack = folder / "runs/T7"
    assert evidence("verify", str(pack)).exit == 0
    values = values_of(pack)
    for name in ("A", "B"):
        ends = [values[f"{name}_{n}.{END}"]["value"] for n in (1, 2)]
        assert values[f"seeds.{name}.{END}.max"]["value"] == max(ends)
    loaded = json.loads((pack / "stages/B_2/inputs.json").read_bytes())["model"]
    assert loaded["id"] == "stage:A_2"
    assert "### Seeds of Stage B" in (pack / "t7_summary.md").read_text()
