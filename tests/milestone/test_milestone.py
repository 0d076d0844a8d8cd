"""Laws of the milestone file: what is wrong is named with its line, and nothing else happens."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from evidence import limits
from evidence.errors import ExitCode, MalformedError, MilestoneError
from evidence.milestone.parse import line_of, load_milestone, parse_milestone
from evidence.milestone.plan import plan_attempts

ROOT = Path(__file__).parents[2]
M43 = (ROOT / "milestones" / "M43.toml").read_bytes()


def edited(old: str, new: str) -> bytes:
    text = M43.decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def line_with(data: bytes, text: str) -> int:
    return next(n for n, line in enumerate(data.decode().split("\n"), 1) if text in line)


def test_m43_states_the_real_parameters() -> None:
    milestone = parse_milestone(M43)
    train = milestone.train
    assert milestone.model.id == "google/gemma-2b"
    assert (train.batch_size, train.gradient_accumulation, train.epochs) == (1, 4, 1)
    assert (train.learning_rate, train.schedule, train.weight_decay) == (2e-5, "linear", 0.01)
    assert (train.optimizer, train.dtype, train.max_length) == ("adafactor", "bfloat16", 128)
    assert (train.log_every_steps, train.seed, milestone.eval.limit) == (10, 42, 20)
    names = [spec.name for spec in milestone.attempts]
    assert names == ["jax", "torch", "stand-in", "jax-stand-in"]


def test_m43_has_the_same_in_both_frameworks() -> None:
    jax, torch, stand_in, jax_stand_in = plan_attempts(parse_milestone(M43))
    for ours, theirs in ((jax, torch), (jax_stand_in, stand_in)):
        assert (ours.backend, theirs.backend) == ("tunix", "transformers")
        assert ours.interpreter == ".venv-jax/bin/python"
        for key in ("given_model", "data", "given_train", "given_eval", "stand_in", "threads"):
            assert getattr(ours, key) == getattr(theirs, key)
        assert ours.requires == theirs.requires
    assert [one.manual for one in (jax, torch, stand_in, jax_stand_in)] == [False] * 3 + [True]


def test_an_attempt_overrides_only_what_it_names() -> None:
    plans = plan_attempts(parse_milestone(M43))
    torch, stand_in = plans[1], plans[2]
    assert torch.train.learning_rate == 2e-5
    assert stand_in.train.learning_rate != 2e-5
    assert stand_in.train.dtype == "float32"
    assert stand_in.train.weight_decay == torch.train.weight_decay
    assert stand_in.model.init_seed == 42
    assert torch.model.id == "google/gemma-2b"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("log_every_steps = 10", "log_evry_steps = 10", "'log_every_steps'"),
        ("gradient_accumulation = 4", "gradient_acumulation = 4", "'gradient_accumulation'"),
        ("epochs = 1", 'epochs = "one"', "not of type number"),
        ("learning_rate = 2e-5", "learning_rate = 200", "more than 10"),
        ("learning_rate = 2e-5", "learning_rate = nan", "train.learning_rate: nan is not"),
        ("value = 138", "value = -inf", "gate.0.value: -inf is not"),
        ("batch_size = 1", "batch_size = 0", "less than 1"),
        ('schedule = "linear"', 'schedule = "linaer"', "'linear'"),
        ("vram_gib = 24", 'vram_gib = "24"', "not of type number"),
        ('name = "torch"', 'name = "jax"', "used twice"),
        ('data = "train"', 'data = "trian"', "no [data.trian]"),
        ('answer = ["steps", "final_answer"]', 'answer = ["answer"]', "not among the fields"),
        ("init_seed = 42", 'id = "x"', "exactly one of"),
        ("value = 138", "", "either `value` or `other`"),
        (
            'paths = ["milestones/data/*.jsonl"]',
            f"paths = {[f'*{n}' for n in range(limits.MAX_WILDCARD_PATTERNS + 1)]}",
            f"{limits.MAX_WILDCARD_PATTERNS + 1} patterns with wildcards",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_name(
    old: str, new: str, word: str, tmp_path: Path
) -> None:
    data = edited(old, new)
    path = tmp_path / "M43.toml"
    path.write_bytes(data)
    with pytest.raises(MilestoneError) as caught:
        load_milestone(path)
    assert word in caught.value.message
    assert caught.value.exit_code == ExitCode.USAGE
    assert f"{path}:" in caught.value.message


def test_the_line_is_that_of_the_key_in_the_right_table() -> None:
    data = edited("learning_rate = 1e-3", "learning_rte = 3e-3")
    with pytest.raises(MalformedError) as caught:
        parse_milestone(data)
    assert caught.value.line == line_with(data, "learning_rte")
    assert line_of(data, "/attempt/2/train/learning_rte") == line_with(data, "learning_rte")


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "M43.toml"
    path.write_bytes(edited("epochs = 1\nbatch_size = 1", 'epochs = "x"\nbatch_size = "y"'))
    with pytest.raises(MilestoneError) as caught:
        load_milestone(path)
    assert "train.epochs" in caught.value.message
    assert "train.batch_size" in caught.value.message


@pytest.mark.parametrize(
    "bomb",
    [
        "a" + ".a" * 20_000 + " = 1\n",
        "x = {" + "a" + ".a" * 20_000 + " = 1}\n",
        "[" + "a" + ".a" * 20_000 + "]\n",
        "x = [{" + '"a" . ' * 5_000 + '"a" = 1}]\n',
        "#" * (limits.MAX_TOML_BYTES + 1),
    ],
)
def test_a_bomb_of_dotted_keys_is_refused_at_once(bomb: str) -> None:
    began = time.monotonic()
    with pytest.raises(MalformedError):
        parse_milestone(bomb.encode())
    assert time.monotonic() - began < 5


def test_dots_in_prose_are_no_bomb() -> None:
    parse_milestone(edited("Run M44: three epochs", "Run M44" + "." * 40 + " three epochs"))


def test_a_milestone_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(MilestoneError) as caught:
        load_milestone(ROOT / "milestones" / "M99.toml")
    assert "M43" in caught.value.hint


PATTERN = '[[eval.scorer]]\nname = "loops"\nkind = "regex"\npattern = "loop"\n\n[[gate]]'


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"loop"', r'"(a)\\1"', "eval.scorer.0.pattern: .* back-reference"),
        ('"loop"', '"(?=x)"', "eval.scorer.0.pattern: .* look-around"),
        ('"loops"', '"exact"', "eval.scorer.0.name: 'exact' is taken"),
        ('"loops"', '"Loops!"', "eval.scorer.0.name"),
        ('"regex"', '"python"', "eval.scorer.0.kind"),
    ],
)
def test_a_pattern_that_cannot_be_judged_by_is_refused(old: str, new: str, word: str) -> None:
    data = edited("[[gate]]", PATTERN.replace(old, new))
    with pytest.raises(MalformedError, match=word) as caught:
        parse_milestone(data)
    start = line_with(data, "[[eval.scorer]]")
    assert start < caught.value.line < start + 4


def test_a_pattern_is_one_of_the_scorers() -> None:
    spec = parse_milestone(edited("[[gate]]", PATTERN)).eval
    assert spec.all_scorers == ("exact", "normalised", "numeric", "contains", "loops")
