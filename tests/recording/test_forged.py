"""A recorded pack that contradicts itself, wholly sealed and rendered anew, is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.recording.programs import Recorded, make_repository, program, run

MILESTONE = """\
schema = "milestone.v1"
id = "R1"
title = "Recorded"
kind = "recorded-program"
objective = "A program."
[command]
run = [{run}]
[[collect]]
paths = ["scores.json"]
[[metric]]
name = "accuracy"
file = "scores.json"
pointer = "/accuracy"
[data.train]
path = "data.jsonl"
answer = ["reply"]
[[attempt]]
name = "as-it-is"
backend = "command"
"""
SOURCE = """
process()
tell("framework", name="torch", version="2")
tell("tokenizer", **{"class": "T", "name_or_path": "", "vocab_size": 9, "eos_id": 2,
     "pieces": {"1": "q", "2": " r"}})
for n in range(1, 5):
    step(n, 1 / n)
tell("sequence", ids=[1, 2], labels=[-100, 2])
tell("batch", step=1, forward=0, rows=[{"ids": [1, 2], "labels": [-100, 2]}])
tell("sequences", num_fed=4, complete=True)
tell("end", how="exit", steps=4)
json.dump({"accuracy": 0.25}, open("scores.json", "w"))
"""
DOCUMENT = "program/program.json"
SEEN, NUMBERS, FILES = "program/seen.json", "program/numbers.json", "program/files.json"
STEPS, KEPT = "program/steps.jsonl", "collected/scores.json"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    root = make_repository(tmp_path_factory.mktemp("forged") / "project")
    python, script = program(root, SOURCE)
    words = ", ".join(f'"{word}"' for word in (python, "-I", script))
    (root / "milestones/R1.toml").write_text(MILESTONE.format(run=words), encoding="utf-8")
    made = run(root)
    assert made.verified().verdict == "INTACT", made.verified().findings
    return made


def put(path: str, *keys: str | int, value: object) -> Callable[[ForgedPack], None]:
    """Another value in a document."""

    def edit(pack: ForgedPack) -> None:
        inside = pack.doc(path)
        for key in keys[:-1]:
            inside = inside[key]
        inside[keys[-1]] = value

    return edit


def drop_a_step(pack: ForgedPack) -> None:
    del pack.doc(STEPS)[1]


def never_learned(pack: ForgedPack) -> None:
    (reply,) = [one for one in pack.doc(SEEN)["data"][0]["fields"] if one["field"] == "reply"]
    assert reply["num_rows_in_target"] == 1
    reply["num_rows_in_target"] = 0


LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "another program": (put(DOCUMENT, "command", 2, value="other.py"), "program-command"),
    "it failed": (put(DOCUMENT, "exit_status", value=1), "program-command"),
    "a step less": (drop_a_step, "program-steps"),
    "more tokens carry loss than there are": (
        put(STEPS, 0, "num_target_tokens", value=5), "program-steps"),
    "another number of tokens": (put(SEEN, "num_tokens", value=17), "program-totals"),
    "a label less": (put(SEEN, "batches", 0, "rows", 0, "labels", value=[-100]), "program-totals"),
    "another file": (lambda pack: pack.replace(KEPT, b'{"accuracy": 0.75}'), "program-files"),
    "a file more": (lambda pack: pack.replace("collected/x.json", b"{}"), "program-files"),
    "another number": (put(NUMBERS, "metrics", 0, "value", value=0.75), "program-metrics"),
    "another text of it": (put(NUMBERS, "metrics", 0, "text", value="0.250"), "program-metrics"),
    "told twice, they say": (put(NUMBERS, "num_told_twice", value=12), "program-told-twice"),
    "an answer that was never learned": (never_learned, "program-taught"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_contradicts_the_pack_is_found(lie: str, recorded: Recorded, tmp_path: Path) -> None:
    bench = Bench(recorded.pack, tmp_path)
    edit, check = LIES[lie]
    pack = ForgedPack(bench)
    edit(pack)
    bench.put(pack.seal().all_bytes())
    report = verify_pack(bench.pack)
    found = [one.check for one in report.findings if one.severity == "error"]
    assert check in found, report.findings


def test_a_pack_that_is_only_sealed_anew_is_what_it_was(recorded: Recorded, tmp_path: Path) -> None:
    bench = Bench(recorded.pack, tmp_path)
    bench.put(ForgedPack(bench).seal().all_bytes())
    assert verify_pack(bench.pack).verdict == "INTACT"
