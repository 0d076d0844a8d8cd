"""Whoever writes a milestone is told what to write: in words, in its line, by its key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from evidence.encoding import schema
from evidence.errors import MilestoneError
from evidence.milestone.names_meant import meant_for
from evidence.milestone.parse import load_milestone, parse_milestone
from tests.milestone.staged import SEEDED, STAGED

OF_A, OF_B = 'name = "A"\nkind = "train"', 'name = "B"\nkind = "train"'
LINE = re.compile(r"W1\.toml:([0-9]+): ([A-Za-z0-9_.()]+(?: level\))?): (.+)")


def refused(text: str, folder: Path) -> list[tuple[int, str, str]]:
    """Line, key and message of everything that is wrong."""
    path = folder / "W1.toml"
    path.write_text(text)
    with pytest.raises(MilestoneError) as caught:
        load_milestone(path)
    found = [LINE.search(line) for line in caught.value.message.split("\n")]
    assert all(found), caught.value.message
    return [(int(one[1]), one[2], one[3]) for one in found if one]


def changed(old: str, new: str, text: str = STAGED) -> str:
    assert old in text
    return text.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.split("\n"), 1) if part in line)


def test_it_is_a_milestone() -> None:
    assert len(parse_milestone(STAGED.encode()).stage) == 3
    assert parse_milestone(SEEDED.encode()).stage[0].seeds == (1, 2)


def places(part: Any, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Every rule of a schema that is a pattern, or one of several schemas."""
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str) or "anyOf" in part:
            found.append((place, part))
        for key, value in part.items():
            found += places(value, f"{place}/{key}")
    return found


@pytest.mark.parametrize("name", ["milestone.v1", "command-settings.v1"])
def test_beside_every_rule_that_only_a_program_reads_stand_words(name: str) -> None:
    found = places(schema.load(name), "")
    assert found
    for place, part in found:
        assert part.get("wanted"), f"{place} says in no words what is wanted"
        assert part["wanted"] != part.get("pattern")


WANTED = {
    "an init without its kind": ('init = "stage:A"', 'init = "A"', 'did you mean "stage:A"?'),
    "an absolute path": (
        'init = "stage:A"', 'init = "pack:/tmp/x/P9#A"', 'did you mean "pack:runs/P9#A"?',
    ),
    "a path above": (
        'init = "stage:A"', 'init = "pack:../runs/P9#A"', 'did you mean "pack:runs/P9#A"?',
    ),
    "a colon for a hash": (
        'init = "stage:A"', 'init = "pack:runs/P9:A"', 'did you mean "pack:runs/P9#A"?',
    ),
    "a pack without its kind": (
        'init = "stage:A"', 'init = "packs/P9#A"', 'did you mean "pack:packs/P9#A"?',
    ),
    "a pack as a model": (
        'path = "model"', 'pack = "./runs/P9#A"', 'did you mean "runs/P9#A"?',
    ),
    "a stage with a dash": ('name = "check"', 'name = "check-all"', 'did you mean "check_all"?'),
    "an attempt with a capital": ('name = "tiny"', 'name = "Tiny_1"', 'did you mean "tiny-1"?'),
    "a stage that is a number": ('name = "check"', 'name = "1"', "wanted: a letter, then"),
    "a digest with its kind": (
        'path = "rows.jsonl"', f'path = "rows.jsonl"\nsha256 = "sha256:{"AB" * 32}"',
        f'did you mean "{"ab" * 32}"?',
    ),
    "a path of Windows": (
        'path = "rows.jsonl"', "path = 'data\\rows.jsonl'", 'did you mean "data/rows.jsonl"?',
    ),
    "data that are a number": ('data = "more"', "data = 5", "wanted: the name of a [data.NAME]"),
    "rows by a date": (
        'data = "more"', 'data = "more"\nwhere = { day = {} }', "wanted: a text, a number, true",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_what_is_wanted_is_said_in_words_and_what_was_meant(name: str, tmp_path: Path) -> None:
    old, new, says = WANTED[name]
    text = changed(old, new)
    ((line, _, message),) = refused(text, tmp_path)
    assert says in message
    assert "^" not in message
    assert line == line_of(text, new.split("\n")[-1])


KEYS = {
    "a setting in the stage itself": (
        OF_B, f"{OF_B}\nlearning_rate = 0.1", "stage.1.learning_rate",
        "write train = { learning_rate = 0.1 }",
    ),
    "a misspelt setting in the stage itself": (
        OF_B, f"{OF_B}\nlearning_rat = 0.1", "stage.1.learning_rat",
        "did you mean train = { learning_rate = … }",
    ),
    "a setting of an evaluation in the stage itself": (
        'kind = "eval"', 'kind = "eval"\nbatch_size = 2', "stage.2.batch_size",
        "write eval = { batch_size = 2 }",
    ),
    "a setting of an attempt": (
        'name = "tiny"', 'name = "tiny"\nmax_steps = 3', "attempt.0.max_steps",
        "write train = { max_steps = 3 }",
    ),
    "a key of the stage below its settings": (
        'init = "stage:A"\ndata = "more"',
        'data = "more"\n[stage.train]\nepochs = 2\ninit = "stage:A"',
        "stage.1.train.init", "one of [[stage]]: write it above",
    ),
    "a key of the only one": (
        "[train]", "[launch]\nnproc = 2\n\n[train]", "launch.nproc",
        "there are: processes, strategy",
    ),
    "a key that another table has": (
        "[train]", "[train]\nprocesses = 2", "train.processes", "one of [launch]",
    ),
    "seeds in the training": (
        "[train]", "[train]\nseeds = [1, 2]", "train.seeds", "[[stage]] and the top of the file",
    ),
    "a setting above all tables": (
        'id = "W1"', 'id = "W1"\nlearning_rate = 1', "learning_rate", "write it below [train]",
    ),
    "stages": ("[[stage]]", "[[stages]]", "stages", "did you mean [[stage]]?"),
    "a key near none": (
        OF_B, f"{OF_B}\nzzz = 1", "stage.1.zzz",
        "there are: name, kind, init, of, data, where, train, eval, seeds",
    ),
    "a table for a list of them": (
        "[[attempt]]", '[arms]\nstages = ["A", "B"]\nvaries = ["data"]\n\n[[attempt]]', "arms",
        "write [[arms]], with two brackets",
    ),
    "a list of tables for one": ("[train]", "[[train]]", "train", "write [train], with one"),
    "a text for a list": ('of = ["A", "B"]', 'of = "A"', "stage.2.of", 'of = ["A"]'),
    "a text for a table": (
        'data = "more"', 'data = "more"\nwhere = "half == 1"', "stage.1.where",
        "where = { level =",
    ),
    "a number in quotes": ("batch_size = 1", 'batch_size = "1"', "train.batch_size", "write 1,"),
    "a whole number with a point": (
        "[train]", "[launch]\nprocesses = 2.0\n\n[train]", "launch.processes",
        "whole numbers have none: 2",
    ),
    "a seed with a point": (
        'data = "rows"', 'data = "rows"\nseeds = [1.0, 2]', "stage.0.seeds.0", "none: 1",
    ),
    "a setting of a stage with a point": (
        OF_B, f"{OF_B}\ntrain = {{ batch_size = 4.0 }}", "stage.1.train.batch_size", "none: 4",
    ),
    "a key that is missing": ('kind = "eval"\n', "", "stage.2", '"train" or "eval"'),
    "a stage without data": (
        'data = "rows"', "", "stage.0.data", "the stage names none; [train] says none",
    ),
    "a data set twice": (
        'of = ["A", "B"]', 'of = ["A"]\ndata = ["checks", "checks"]', "stage.2.data.1",
        "named twice",
    ),
    "a checkpoint by its kind": (
        'of = ["A", "B"]', 'of = ["stage:A"]', "stage.2.of.0", "named without 'stage:'",
    ),
    "a key below a name in quotes": (
        'path = "more.jsonl"', 'path = "more.jsonl"\nrow = 3', "data.more.row",
        "did you mean 'rows'?",
    ),
    "one arm": (
        "[[attempt]]", '[[arms]]\nstages = ["A"]\nvaries = ["data"]\n\n[[attempt]]',
        "arms.0.stages", "has 1 entry, and at least 2 are needed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_what_is_wrong_stands_with_its_line_its_key_and_what_to_do(
    name: str, tmp_path: Path
) -> None:
    old, new, key, says = KEYS[name]
    ((line, named, message),) = refused(changed(old, new), tmp_path)
    assert line > 1
    assert named == key
    assert says in message


def test_a_long_list_is_counted_and_not_shown(tmp_path: Path) -> None:
    more = "".join(f'[[stage]]\nname = "X{n}"\nkind = "train"\n\n' for n in range(60))
    text = changed("[[attempt]]", f"{more}[[attempt]]")
    ((line, key, message),) = refused(text, tmp_path)
    assert (line, key) == (line_of(text, "[[stage]]"), "stage")
    assert message == "has 63 entries, and 50 are the most"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[[stage]]\n" + OF_A, "[stage]\n" + OF_A, "write [[stage]] each time"),
        ("[[attempt]]", '[[eval]]\ndata = "rows"\n\n[[attempt]]', "write [eval] each time"),
        ("[[attempt]]", '[eval]\ndata = "rows"\n\n[[attempt]]', "[eval] is there twice"),
    ],
)
def test_a_table_that_is_begun_in_two_ways_is_named(
    old: str, new: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "W1.toml"
    path.write_text(changed(old, new))
    with pytest.raises(MilestoneError) as caught:
        load_milestone(path)
    assert says in caught.value.message


def test_arms_of_seeded_stages_are_named_seed_by_seed(tmp_path: Path) -> None:
    arms = '[[arms]]\nstages = ["A", "B"]\nvaries = ["data"]\n\n[[attempt]]'
    ((_, key, message),) = refused(changed("[[attempt]]", arms, SEEDED), tmp_path)
    assert key == "arms.0.stages"
    assert "each is a stage of its own (A_1, A_2)" in message
    written = re.search(r"stages = (\[[^]]+\])", message)
    assert written is not None
    assert written[1] == '["A_1", "B_1"]'
    parse_milestone(changed("[[attempt]]", arms.replace('["A", "B"]', written[1]), SEEDED).encode())


def test_of_seeds_that_are_refused_nothing_is_advised(tmp_path: Path) -> None:
    text = changed('data = "rows"', 'data = "rows"\nseeds = [1, 1]')
    ((_, key, message),) = refused(text, tmp_path)
    assert (key, message) == ("stage.0.seeds.1", "the seed 1 is used twice")


@pytest.mark.parametrize("text", ["", "é" * 50, "(" * 200, "pack:", "pack:/", "a" * 10_000, "::"])
def test_what_is_near_nothing_is_no_name_that_was_meant(text: str) -> None:
    init = schema.load("milestone.v1")["$defs"]["stage"]["properties"]["init"]["pattern"]
    assert meant_for(text, init, ["A", 3, None]) == ""
