"""Laws of what a clone tells besides: what was asked, what was taught, and what refs held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.rules.row_stream import add_row, end_step
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.project import Project


def asked(key: str) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        row: Any = pack.rows(layout.PREDICTIONS)[1]
        row[key] = f"{row[key]} or so"
        if key == "prompt":
            row["prompt_sha256"] = sha256_hex(row[key].encode())

    return edit


def other_group(pack: ForgedPack) -> None:
    pack.rows(layout.PREDICTIONS)[0]["groups"]["kind"] = "k9"


def other_ref(pack: ForgedPack) -> None:
    frozen = pack.doc(layout.FROZEN)["sets"][0]
    frozen["files"][0]["ref_sha256"] = "9" * 64
    frozen["equal_to_ref"] = False


def last_row(pack: ForgedPack) -> tuple[Any, Any]:
    """The first row of the last step, which only the last digest of the stream binds."""
    batch = pack.doc(layout.SEEN)["batches"][-1]
    return batch, batch["rows"][0]


def sealed_stream(pack: ForgedPack, batch: Any) -> None:
    """The stream of the last step, made anew of its rows, wherever it stands."""
    steps = pack.doc(layout.METRICS)
    assert batch["step"] == steps[-1]["step"]
    stream = steps[-2]["stream"]
    for row in batch["rows"]:
        stream = add_row(stream, row["source_row"], row["ids"], row["labels"])
    steps[-1]["stream"] = pack.doc(layout.SEEN)["stream_sha256"] = end_step(stream, batch["step"])
    for event in pack.doc(layout.JOURNAL):
        if event["event"] == "checkpoint" and event["data"]["step"] == batch["step"]:
            event["data"]["stream"] = steps[-1]["stream"]


def other_text(pack: ForgedPack) -> None:
    """A recorded row asks about another thing than the row of the data does."""
    batch, row = last_row(pack)
    row["ids"][0], row["pieces"][0] = ord("q"), "q"
    sealed_stream(pack, batch)


def taught_later(pack: ForgedPack) -> None:
    """The loss of a row begins a token behind its answer."""
    batch, row = last_row(pack)
    first = next(i for i, label in enumerate(row["labels"]) if label != -100)
    row["labels"][first] = -100
    pack.doc(layout.METRICS)[-1]["num_target_tokens"] -= 1
    pack.doc(layout.SEEN)["num_target_tokens"] -= 1
    sealed_stream(pack, batch)


LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "another prompt": (asked("prompt"), "repo-evaluation"),
    "another id": (asked("id"), "repo-evaluation"),
    "another group": (other_group, "repo-evaluation"),
    "another text of a row": (other_text, "repo-rows"),
    "a loss that begins elsewhere": (taught_later, "repo-rows"),
    "another digest at the ref": (other_ref, "repo-refs"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_that_the_pack_does_not_contradict_the_clone_does(
    lie: str, ran: Project, tmp_path: Path
) -> None:
    edit, check = LIES[lie]
    bench = Bench(ran.pack, tmp_path / "bench")
    pack = ForgedPack(bench)
    edit(pack)
    bench.put(pack.seal().all_bytes())
    alone = verify_pack(bench.pack)
    assert [one for one in alone.findings if one.severity == "error"] == []
    report = verify_pack(bench.pack, VerifyOptions(further=repository_checks(ran.root)))
    assert {one.check for one in report.findings if one.severity == "error"} == {check}


def test_without_a_clone_each_of_them_is_not_checked_by_its_name(ran: Project) -> None:
    outcomes = {one.id: one.outcome for one in verify_pack(ran.pack).checks}
    for name in ("repo-evaluation", "repo-rows", "repo-refs"):
        assert outcomes[name] == "not_checked"
