"""Laws of what lies in a pack: what failed attempts left, and how they can have ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.redact.marks import is_cut_from
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack
from tests.fields.packs import PACKS
from tests.shared import made_once

FOLDER = "attempts/01-first"


@pytest.fixture
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, "fields-crashed", PACKS["crashed"])
    return made


def ended(**facts: Any) -> Callable[[ForgedPack], None]:
    """Another end of the attempt that crashed, in its outcome and in the journal."""

    def edit(pack: ForgedPack) -> None:
        pack.doc(f"{FOLDER}/outcome.json").update(facts)
        data = pack.event("attempt-finished", number=1)["data"]
        data.update({key: facts[key] for key in ("outcome", "reason") if key in facts})

    return edit


def without(*names: str) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        pack.doc(f"{FOLDER}/outcome.json")["last_lines"] = []
        for name in names:
            pack.replace(f"{FOLDER}/{name}", None)

    return edit


def unlogged(pack: ForgedPack) -> None:
    for name in (layout.TRAINING_LOG, layout.EVAL_LOG):
        pack.replace(f"{FOLDER}/{name}", None)


def shorter_rows(pack: ForgedPack) -> None:
    del pack.doc(f"{FOLDER}/{layout.METRICS}")[2:]


def beside(path: str) -> Callable[[ForgedPack], None]:
    return lambda pack: pack.replace(path, b"all is well\n")


def never_begun(pack: ForgedPack) -> None:
    """The attempt without all that it did, and with its end."""
    events = pack.doc(layout.JOURNAL)
    ends = ("attempt-started", "attempt-finished")
    events[:] = [one for one in events if one["attempt"] != "first" or one["event"] in ends]
    for path in pack.names:
        if path.startswith(f"{FOLDER}/") and not path.endswith("outcome.json"):
            pack.replace(path, None)
    pack.doc(f"{FOLDER}/outcome.json")["last_lines"] = []


MISSING = {"missing": ["no GPU"], "remedies": ["buy one"], "reason": "no GPU", "exit_status": None}
STATUS = "the worker ended with status 1 during the eval stage without saying why"
SILENT = "no progress for {} s in the eval stage: no step, no example, no line of output"
LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "missing, after two stages": (
        ended(outcome="requirement-not-met", **MISSING, last_lines=[]), "attempt-left"),
    "killed, with a status": (ended(outcome="killed-by-signal"), "attempt-left"),
    "out of memory, in the words of a crash": (
        ended(outcome="out-of-memory", reason=STATUS), "attempt-ends"),
    "diverged, in the words of a crash": (
        ended(outcome="diverged", reason=STATUS), "attempt-ends"),
    "timed out, in its own words": (
        ended(outcome="timed-out", reason="it was too slow"), "attempt-ends"),
    "timed out after another limit": (
        ended(outcome="timed-out", reason=SILENT.format(5)), "attempt-ends"),
    "timed out before the limit": (
        ended(outcome="timed-out", reason=SILENT.format(1800)), "attempt-ends"),
    "another signal": (
        ended(outcome="killed-by-signal", exit_status=None, signal=9,
              reason="the worker was killed by SIGSEGV during the eval stage"), "attempt-ends"),
    "another status": (
        ended(outcome="exception", exit_status=4, reason=STATUS), "attempt-ends"),
    "interrupted by nobody": (
        ended(outcome="interrupted", reason="it was late"), "attempt-ends"),
    "a crash of what never began": (never_begun, "attempt-left"),
    "the logs of its last lines taken away": (unlogged, "attempt-left"),
    "rows taken away": (without(layout.METRICS), "attempt-left"),
    "rows cut before the checkpoint": (shorter_rows, "attempt-left"),
    "a text at the top": (beside("audit.txt"), "sealed-names"),
    "a page beside the metrics": (beside("training_output/report.html"), "sealed-names"),
    "a page in the model": (beside(f"{layout.FINAL_MODEL}/index.html"), "sealed-names"),
    "a script in an attempt": (beside(f"{FOLDER}/run.sh"), "sealed-names"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_what_lies_in_a_pack_is_what_its_journal_says_was_left(
    lie: str, crashed: Path, tmp_path: Path
) -> None:
    bench = Bench(crashed, tmp_path)
    assert verify_pack(bench.pack).exit_code == 0
    edit, check = LIES[lie]
    pack = ForgedPack(bench)
    edit(pack)
    bench.put(pack.seal().all_bytes())
    report = verify_pack(bench.pack)
    assert report.exit_code == 1
    assert check in {one.id for one in report.checks if one.outcome == "fail"}, report.findings


@pytest.mark.parametrize(
    ("whole", "shown", "is_cut"),
    [
        ("loss 0.5", "loss 0.5", True),
        ("loss 0.5", "loss 0.6", False),
        ("key abc end", "key [redacted:hf-token] end", True),
        ("key abc end", "key [redacted:hf-token] done", False),
        ("a b", "a[redacted:x][redacted:y]b", True),
        ("ab", "ab[redacted:x]ab", False),
        ("x" * 5000, "[redacted:x]" * 5000 + "y", False),
    ],
)
def test_a_text_with_something_cut_out_is_known_again(whole: str, shown: str, is_cut: bool) -> None:
    assert is_cut_from(whole, shown) is is_cut
