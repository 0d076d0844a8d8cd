"""A recorded pack that contradicts itself, wholly sealed and rendered anew, is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Report
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.reading import structure
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
    tell("logged", by="Trainer", step=n, values={"loss": 1 / n})
tell("sequence", ids=[1, 2], labels=[-100, 2])
tell("batch", step=1, forward=0, rows=[{"ids": [1, 2], "labels": [-100, 2]}])
tell("sequences", num_fed=4, complete=True)
tell("end", how="exit", steps=4)
json.dump({"accuracy": 0.25}, open("scores.json", "w"))
print("done")
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


def another_loss_logged(pack: ForgedPack) -> None:
    pack.doc(DOCUMENT)["logged"][2]["values"]["loss"] = 9.0


def left_out_of_a_log_that_was_cut(pack: ForgedPack) -> None:
    another_loss_logged(pack)
    pack.doc(DOCUMENT)["output_bytes"] += 1


def nothing_kept(pack: ForgedPack) -> None:
    pack.replace(KEPT, None)


def no_number(pack: ForgedPack) -> None:
    pack.doc(NUMBERS)["metrics"][0] |= {"value": {"unavailable": "no such file"}, "text": ""}


LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "another program": (put(DOCUMENT, "command", 2, value="other.py"), "program-command"),
    "a word more": (
        lambda pack: pack.doc(DOCUMENT)["command"].append("--fast"), "program-command"),
    "it failed": (put(DOCUMENT, "exit_status", value=1), "program-command"),
    "a step less": (drop_a_step, "program-steps"),
    "a step of a start that never was": (put(STEPS, 0, "segment", value=2), "program-steps"),
    "more tokens carry loss than there are": (
        put(STEPS, 0, "num_target_tokens", value=5), "program-steps"),
    "another number of tokens": (put(SEEN, "num_tokens", value=17), "program-totals"),
    "a label less": (put(SEEN, "batches", 0, "rows", 0, "labels", value=[-100]), "program-totals"),
    "another file": (lambda pack: pack.replace(KEPT, b'{"accuracy": 0.75}'), "program-files"),
    "a file less": (nothing_kept, "program-files"),
    "a number in a file that says none": (
        lambda pack: pack.replace(KEPT, b"[0.25]"), "program-metrics"),
    "a file more": (lambda pack: pack.replace("collected/x.json", b"{}"), "program-files"),
    "another number": (put(NUMBERS, "metrics", 0, "value", value=0.75), "program-metrics"),
    "another text of it": (put(NUMBERS, "metrics", 0, "text", value="0.250"), "program-metrics"),
    "told twice, they say": (put(NUMBERS, "num_told_twice", value=12), "program-told-twice"),
    "another loss that the framework logged": (another_loss_logged, "program-told-twice"),
    "a difference left out": (left_out_of_a_log_that_was_cut, "program-told-twice"),
    "an answer that was never learned": (never_learned, "program-taught"),
}  # fmt: skip


def judged(recorded: Recorded, folder: Path, *edits: Callable[[ForgedPack], object]) -> Report:
    """What verify says of the pack after these edits."""
    bench = Bench(recorded.pack, folder)
    pack = ForgedPack(bench)
    for edit in edits:
        edit(pack)
    bench.put(pack.seal().all_bytes())
    return verify_pack(bench.pack)


def outcome(report: Report, check: str) -> str:
    (found,) = (one.outcome for one in report.checks if one.id == check)
    return found


@pytest.mark.parametrize("lie", LIES)
def test_what_contradicts_the_pack_is_found(lie: str, recorded: Recorded, tmp_path: Path) -> None:
    edit, check = LIES[lie]
    report = judged(recorded, tmp_path, edit)
    found = [one.check for one in report.findings if one.severity == "error"]
    assert check in found, report.findings


def test_a_pack_that_is_only_sealed_anew_is_what_it_was(recorded: Recorded, tmp_path: Path) -> None:
    assert judged(recorded, tmp_path).verdict == "INTACT"


def test_a_program_whose_milestone_lies_in_no_file_names_none(
    recorded: Recorded, tmp_path: Path
) -> None:
    def unnamed(pack: ForgedPack) -> None:
        git = pack.doc(layout.GIT)
        git["inputs"] = [one for one in git["inputs"] if one["input"] != "milestone"]

    assert outcome(judged(recorded, tmp_path, unnamed), "git-inputs") == "pass"


def test_ids_without_text_and_labels_are_no_lie(recorded: Recorded, tmp_path: Path) -> None:
    unknown = [
        put(SEEN, "batches", 0, "rows", 0, name, value=None) for name in ("labels", "pieces")
    ]
    assert outcome(judged(recorded, tmp_path, *unknown), "program-totals") == "pass"


def test_a_number_is_asked_of_the_bytes_that_are_there(recorded: Recorded, tmp_path: Path) -> None:
    def says_none(pack: ForgedPack) -> None:
        pack.replace(KEPT, b"[0.25]")

    for folder, edits, expected in (
        ("gone", (nothing_kept,), "not_checked"),
        ("gone, and said so", (nothing_kept, no_number), "pass"),
        ("none in it, and said so", (says_none, no_number), "pass"),
    ):
        report = judged(recorded, tmp_path / folder, *edits)
        assert outcome(report, "program-metrics") == expected, folder


def written_state(pack: ForgedPack) -> None:
    """A trainer_state.json that tells what the steps tell, from this very run."""
    state, path = b'{"log_history": [{"step": 1, "loss": 1.0}]}', "trainer_state.json"
    facts = {"path": path, "size_bytes": len(state), "sha256": sha256_hex(state)}
    files = pack.doc(FILES)
    files["collected"].append({**facts, "kept_as": path, "why_not": ""})
    files["opened"].append({**facts, "mode": "written", "how": "open", "is_as_opened": None})
    pack.replace(f"collected/{path}", state)


def test_what_a_file_tells_again_is_counted_in(recorded: Recorded, tmp_path: Path) -> None:
    edits = (written_state, put(NUMBERS, "num_told_twice", value=5))
    assert outcome(judged(recorded, tmp_path, *edits), "program-told-twice") == "pass"


def test_a_log_that_was_cut_can_but_add(recorded: Recorded, tmp_path: Path) -> None:
    edits = (put(DOCUMENT, "output_bytes", value=9), put(NUMBERS, "num_told_twice", value=7))
    assert outcome(judged(recorded, tmp_path, *edits), "program-told-twice") == "pass"


@pytest.mark.parametrize("most", ["MAX_LOG_BYTES_IN_MEMORY", "MAX_COLLECTED_BYTES_IN_MEMORY"])
def test_what_is_too_large_to_be_at_hand_is_not_checked(
    most: str, recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, most, 4)
    report = judged(recorded, tmp_path, written_state)
    assert outcome(report, "program-told-twice") == "not_checked"
