"""The real thing: runs of a small Gemma, honest ones and ones with a fault that nothing states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.compare.compare import compare_packs
from evidence.encoding.digest import sha256_hex
from evidence.records.comparison import PairRecord
from evidence.verification.verification import VerifiedPack, open_verified
from tests.project import Project
from tests.shared import made_once

MILESTONES = Path(__file__).parents[2] / "milestones"
NUM_STEPS = 16
ACCUSATIONS = {"function", "gradient", "update", "mapping", "decay", "saved-model", "rates"}
WARM = "milestones/models/warm"

pytestmark = [pytest.mark.torch, pytest.mark.full]

Edits = tuple[tuple[str, str], ...]
Make = Callable[..., VerifiedPack]

FLOAT32 = 'dtype = "float32"'
AS_WRITTEN = (FLOAT32, f'{FLOAT32}\nexecution = "as-written"')
STARTED_WARM = ('config = "milestones/models/tiny-gemma"\ninit_seed = 42', f'path = "{WARM}"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """`made("", *edits)`: the pack of an honest run; `made("norms")` that of one with a fault."""
    found: dict[tuple[str, Edits], VerifiedPack] = {}

    def make(fault: str = "", *edits: tuple[str, str]) -> VerifiedPack:
        key = (fault, edits)
        if key not in found:
            name = f"real-{sha256_hex(repr(key).encode())[:12]}"
            found[key] = open_verified(
                made_once(tmp_path_factory, name, lambda folder: run(folder, fault, edits))
            )
        return found[key]

    return make


def run(folder: Path, fault: str, edits: Edits) -> Path:
    project = Project(folder / "project")
    shutil.copytree(MILESTONES, project.root / "milestones")
    path = project.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    stand_in = text.index('name = "stand-in"')
    changes: list[tuple[str, str]] = [
        ("epochs = 1\n", f"epochs = 1\nmax_steps = {NUM_STEPS}\n"),
        ("checkpoint_every_steps = 50", "checkpoint_every_steps = 0"),
        ("limit = 20", "limit = 4"),
        ("value = 138", f"value = {NUM_STEPS}"),
        ("value = 0.5", "value = 1"),
        ("value = 20", "value = 4"),
        (
            'paths = ["evidence/**/*.py", "templates/**/*", "schemas/*.json"]',
            'paths = ["milestones/models/*/*"]',
        ),
    ]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    for old, new in edits:
        place = text.find(old, stand_in)
        place = place if place >= 0 else text.index(old)
        text = text[:place] + new + text[place + len(old) :]
    if fault:
        before, after = text.split('name = "stand-in"')
        text = f'{before}name = "stand-in"' + after.replace("transformers", "faulty", 1)
    path.write_text(text, "utf-8")
    if STARTED_WARM in edits:
        draw_warm(project.root)
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVIDENCE_FAULT", fault)
        assert project.run("M43", attempt="stand-in").status == "complete"
    return project.runs / "M43"


def draw_warm(root: Path) -> None:
    """The stand-in with norms that are not nought, as those of a trained model."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    cold = root / "milestones/models/tiny-gemma"
    with torch.random.fork_rng():
        torch.manual_seed(42)
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(cold))
        with torch.no_grad():
            for layer in model.model.layers:
                layer.input_layernorm.weight.normal_(0.3, 0.1)
                layer.post_attention_layernorm.weight.normal_(-0.1, 0.1)
    model.save_pretrained(root / WARM)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(cold / name, root / WARM / name)


def pair(first: VerifiedPack, other: VerifiedPack) -> PairRecord:
    return compare_packs([first, other]).pairs[0]


def kinds(first: VerifiedPack, other: VerifiedPack) -> dict[str, str]:
    return {one.kind: one.explanation for one in pair(first, other).reasons}


def test_norms_that_start_at_nought_are_told_exchanged_by_their_tensors(made: Make) -> None:
    found = pair(made(), made("norms"))
    assert found.trajectory.largest_difference is not None
    assert found.trajectory.largest_difference < 1e-6
    reasons = {one.kind: one.explanation for one in found.reasons}
    assert reasons.keys() - {"rounding"} == {"mapping"}
    assert "input_layernorm" in reasons["mapping"]
    assert "post_attention_layernorm" in reasons["mapping"]


def test_norms_that_start_elsewhere_and_are_exchanged_are_another_function(made: Make) -> None:
    """The loss of a row hardly tells, of random weights; that of the evaluation examples does."""
    found = kinds(made("", STARTED_WARM), made("norms", STARTED_WARM))
    assert "another function of the same weights" in found["function"]
    assert not {"update", "decay", "start", "settings"} & found.keys()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_another_decay_that_no_setting_shows_is_named(decay: float, made: Make) -> None:
    found = kinds(made(), made(f"decay={decay}"))
    assert found.keys() == {"update", "decay"}
    assert "the update of the weights differs" in found["update"]
    which, more = ("other", decay - 0.01) if decay > 0.01 else ("first", 0.01 - decay)
    assert f"all tensors of the {which} pack" in found["decay"]
    measured = float(found["decay"].partition("larger by about ")[2].split()[0])
    assert measured == pytest.approx(more, rel=0.1)


def test_another_decay_that_is_stated_is_a_setting(made: Make) -> None:
    found = kinds(made(), made("", ("weight_decay = 0.01", "weight_decay = 0.1")))
    assert found.keys() == {"settings"}
    assert "weight decay 0.01 → 0.1" in found["settings"]


def test_another_order_with_the_same_seed_is_named(made: Make) -> None:
    found = kinds(made(), made("order"))
    assert "the rows are fed in another order" in found["order"]
    assert not ACCUSATIONS & found.keys()


def test_a_mean_of_means_is_another_averaging_of_the_same_pass(made: Make) -> None:
    """Of rows with unequal numbers of tokens: already the loss is another one."""
    found = kinds(made("", AS_WRITTEN), made("means", AS_WRITTEN))
    assert found.keys() == {"loss"}
    assert "how the losses of a step's rows and passes are averaged" in found["loss"]


def test_a_model_that_is_loaded_in_another_way_is_named(made: Make) -> None:
    found = pair(made("", STARTED_WARM), made("loading", STARTED_WARM))
    assert found.trajectory.first_loss_step is None
    assert [one.kind for one in found.reasons] == ["saved-model"]


@pytest.mark.parametrize(
    ("edits", "kind"),
    [
        ((("threads = 1", "threads = 2"),), ""),
        ((AS_WRITTEN,), "rounding"),
        (((FLOAT32, 'dtype = "bfloat16"'),), "settings"),
        (((f"max_steps = {NUM_STEPS}", "max_steps = 10"), (f"value = {NUM_STEPS}", "value = 10"))
         , "settings"),
    ],
    ids=["threads", "as-written", "bfloat16", "shorter"],
)  # fmt: skip
def test_honest_runs_are_accused_of_nothing(edits: Edits, kind: str, made: Make) -> None:
    found = kinds(made(), made("", *edits))
    assert not ACCUSATIONS & found.keys()
    if kind:
        assert kind in found


def test_the_same_run_twice_needs_no_reason(made: Make) -> None:
    twice = made("", ("[narrative]", "[narrative]"))
    found = pair(made(), twice)
    assert found.reasons == ()
