"""Laws of packing in real runs: the same training as without it, after a kill too; a pack that says
otherwise is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import torch

from evidence import layout
from evidence.rules.closeness import ASKED_IN_FLOAT32, LAST_PLACE, logits_limit
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.backends.test_training import Outcome, make_root, work
from tests.chat.talking import say
from tests.lora.tuning import MILESTONE, project
from tests.shared import made_once

pytestmark = pytest.mark.torch
Edit = Callable[[ForgedPack], object]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def made(folder: Path) -> Path:
        make_root(folder)
        return folder

    return made_once(tmp_path_factory, "packing", made)


def trained(root: Path, name: str, packing: bool, **job: Any) -> Outcome:
    settings = "seed = 5\nmax_steps = 6\n" + ("packing = true\n" if packing else "")
    text = settings.replace("max_steps", 'execution = "as-written"\nmax_steps')
    return work(root, name, old="seed = 5\n", new=text, **job)


def test_a_packed_training_is_the_plain_one_but_for_rounding_and_padding(root: Path) -> None:
    plain, other = trained(root, "plain", packing=False), trained(root, "packed", packing=True)
    assert other.status == 0, other.log
    for one, two in zip(plain.steps, other.steps, strict=True):
        assert two.loss == pytest.approx(one.loss, rel=1e-4)
        assert (two.stream, two.num_tokens, two.num_target_tokens) == (
            one.stream, one.num_tokens, one.num_target_tokens,
        )  # fmt: skip
        assert one.packed is None
        assert two.packed
    assert 0 <= other.of("execution")[0]["packing_difference"] < 1e-5
    assert other.seen.coverage == plain.seen.coverage


def test_a_killed_run_goes_on_to_the_same_weights(root: Path) -> None:
    whole = trained(root, "whole", packing=True)
    (checkpoint,) = whole.of("checkpoint")
    resumed = trained(root, "resumed", packing=True, resume=checkpoint["path"], segment=2)
    assert [row.step for row in resumed.steps] == [5, 6]
    assert resumed.weights == whole.weights
    assert [row.packed for row in resumed.steps] == [row.packed for row in whole.steps[4:]]


def run(folder: Path) -> Path:
    found = project(folder / "mine")
    text = MILESTONE.format(id="P1", lora="").replace("batch_size = 1", "batch_size = 4")
    before, _, after = text.partition("[train.lora]\nrank = 4\nalpha = 8\n")
    extra = 'packing = true\nschedule = "cosine"\n'
    extra += "extra = { lr_scheduler_kwargs = { num_cycles = 1 } }\n"
    (found / "milestones/P1.toml").write_text(f"{before}{extra}{after}", "utf-8")
    say(found, "run", "P1")
    return found


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, "packed-run", run)
    return made / "runs/P1"


def test_a_packed_run_is_verified_and_its_summary_shows_the_seams(pack: Path) -> None:
    report = verify_pack(pack)
    assert report.verdict == "INTACT", report.findings
    outcomes = {one.id: one.outcome for one in report.checks}
    assert outcomes["training-tokens"] == outcomes["training-flos"] == "pass"
    assert outcomes["learning-rate-schedule"] == "not_checked"
    text = (pack / "p1_summary.md").read_text("utf-8")
    assert "Rows were packed" in text
    assert "token) ┃ row" in text or "tokens) ┃ row" in text
    assert "| Passed on to the Trainer | `lr_scheduler_kwargs`" in text


def first(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.doc(layout.METRICS)[0]
    return found


def of_first(key: str, by: int) -> Edit:
    def edit(pack: ForgedPack) -> None:
        first(pack)["packed"][0][0][key][0] += by

    return edit


def another_seam(pack: ForgedPack) -> None:
    """The last row of the first sequence stands in one of its own."""
    sequences = first(pack)["packed"][0]
    one = sequences[0]
    sequences.insert(1, {key: [one[key].pop()] for key in ("rows", "tokens")})


def longer(pack: ForgedPack) -> None:
    """A token more in a row and in all that is counted of its step."""
    of_first("tokens", 1)(pack)
    for key in ("num_tokens", "num_fed_tokens"):
        first(pack)[key] += 1
        pack.doc(layout.SEEN)[key] += 1


def untold(pack: ForgedPack) -> None:
    del first(pack)["packed"]


LIES: Final[dict[str, Edit]] = {
    "row": of_first("rows", 1),
    "length": of_first("tokens", 1),
    "length and counts": longer,
    "seam": another_seam,
    "untold": untold,
    "fed": lambda pack: first(pack).update(num_fed_tokens=first(pack)["num_fed_tokens"] + 1),
}


def tried(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.event("execution")["data"]
    return found


def differing(by: float, pack: ForgedPack) -> None:
    tried(pack)["packing_difference"] = by


def failed_with(pack: Path, folder: Path, edit: Edit) -> tuple[set[str], str]:
    """The checks that fail of a pack with this edit, and its summary."""
    bench = Bench(pack, folder)
    with bench.restored():
        forged = ForgedPack(bench)
        edit(forged)
        bench.put(forged.seal().all_bytes())
        failed = {one.id for one in verify_pack(bench.pack).checks if one.outcome == "fail"}
        return failed, (bench.pack / "p1_summary.md").read_text("utf-8")


def test_rows_that_saw_one_another_are_found_and_never_said_to_be_apart(
    pack: Path, tmp_path: Path
) -> None:
    apart = "neither saw the other"
    assert apart in (pack / "p1_summary.md").read_text("utf-8")
    for found in (0.5, 17 * 2.0**-23):
        failed, text = failed_with(pack, tmp_path / str(found), partial(differing, found))
        assert failed == {"training-execution"}
        assert apart not in text
        assert "a row may have seen the one before it" in text


def test_rows_that_were_not_tried_are_found_and_said_not_to_be(pack: Path, tmp_path: Path) -> None:
    failed, text = failed_with(
        pack, tmp_path, lambda forged: tried(forged).pop("packing_difference")
    )
    assert failed == {"training-execution"}
    assert "Whether a row sees the one before it was not recorded" in text


def test_rounding_is_that_of_the_number_format_that_was_asked() -> None:
    for dtype in ("float32", "float16", "bfloat16"):
        assert LAST_PLACE[dtype] == torch.finfo(getattr(torch, dtype)).eps
        own, single = (logits_limit(one, ASKED_IN_FLOAT32 + 1) for one in (dtype, "float32"))
        assert logits_limit(dtype, None) == own >= single == logits_limit(dtype, ASKED_IN_FLOAT32)


def test_every_lie_about_packed_rows_is_found(pack: Path, tmp_path: Path) -> None:
    bench = Bench(pack, tmp_path)
    assert verify_pack(bench.pack).exit_code == 0
    missed: dict[str, set[str]] = {}
    for name, edit in LIES.items():
        with bench.restored():
            forged = ForgedPack(bench)
            edit(forged)
            bench.put(forged.seal().all_bytes())
            failed = {one.id for one in verify_pack(bench.pack).checks if one.outcome == "fail"}
            if "training-tokens" not in failed:
                missed[name] = failed
    assert missed == {}
