"""Another template, digest, turn or count than a pack's own is found, sealed as well as can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.chat.talking import make
from tests.shared import made_once

pytestmark = pytest.mark.torch
SAVED: Final = f"{layout.FINAL_MODEL}/chat_template.jinja"
Edit = Callable[[ForgedPack], object]


def text_of(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.doc(layout.INPUTS)["text"]
    return found


def seen_of(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.doc(layout.SEEN)
    return found


def of_chat(key: str, value: object) -> Edit:
    return lambda pack: text_of(pack)["chat"].update({key: value})


def of_speaker(place: int, key: str, by: int) -> Edit:
    def edit(pack: ForgedPack) -> None:
        seen_of(pack)["chat"]["speakers"][place][key] += by

    return edit


def of_turn(place: int, **changed: Any) -> Edit:
    def edit(pack: ForgedPack) -> None:
        turns = seen_of(pack)["batches"][0]["rows"][0]["turns"]
        turns[place] = {**turns[place], **changed}

    return edit


def of_seen(key: str, value: object) -> Edit:
    return lambda pack: seen_of(pack)["chat"].update({key: value})


def another_template(pack: ForgedPack) -> None:
    """In the text and its digest, and in what the tokenizer is said to bring along."""
    text = text_of(pack)
    text["template"] += "{# mine #}"
    text["chat"]["template_sha256"] = sha256_hex(text["template"].encode())
    pack.doc(layout.INPUTS)["tokenizer"]["chat_template"] = text["template"]


def no_turns(pack: ForgedPack) -> None:
    for batch in seen_of(pack)["batches"]:
        for row in batch["rows"]:
            del row["turns"]


LIES: Final[dict[str, tuple[Edit, str]]] = {
    "digest": (of_chat("template_sha256", "7" * 64), "text-facts"),
    "template": (lambda pack: text_of(pack).update(template="{{ messages }}"), "text-facts"),
    "template everywhere": (another_template, "text-facts"),
    "saved template": (lambda pack: pack.replace(SAVED, b"{{ messages }}"), "text-facts"),
    "source": (of_chat("source", "milestone"), "text-facts"),
    "values": (of_chat("values", {"enable_thinking": False}), "text-facts"),
    "spans": (of_chat("spans", "generation-marks"), "text-facts"),
    "not applied": (lambda pack: text_of(pack).update(chat_template_applied=False), "text-facts"),
    "no chat": (lambda pack: text_of(pack).pop("chat"), "text-facts"),
    "turns": (of_speaker(1, "num_turns", -1), "seen-lists"),
    "turns of the assistant": (of_speaker(3, "num_turns", 1), "seen-lists"),
    "turns read": (of_speaker(1, "num_read", -1), "seen-lists"),
    "turns learned": (of_speaker(3, "num_learned", -1), "seen-lists"),
    "turns of others learned": (of_speaker(1, "num_learned", 1), "seen-lists"),
    "speaker": (lambda pack: seen_of(pack)["chat"]["speakers"][0].update(speaker="developer"),
                "seen-lists"),
    "speakers turned round": (lambda pack: seen_of(pack)["chat"]["speakers"].reverse(),
                              "seen-lists"),
    "ends": (of_seen("num_ends_learned", 17), "seen-lists"),
    "no ends": (lambda pack: seen_of(pack)["chat"].update(num_ends_learned=0, end_tokens=[]),
                "seen-lists"),
    "too many ends": (of_seen("num_ends_learned", 19), "seen-lists"),
    "text of an end": (lambda pack: seen_of(pack)["chat"]["end_tokens"][0].update(text="</s>"),
                       "special-tokens"),
    "tools in too many rows": (of_seen("num_rows_with_tools", 99), "seen-lists"),
    "tools in no row": (of_seen("num_rows_with_tools", 0), "seen-lists"),
    "tools twice": (of_seen("tools", ["add", "add"]), "seen-lists"),
    "no turns at all": (lambda pack: seen_of(pack).pop("chat"), "seen-lists"),
    "rows without turns": (no_turns, "seen-lists"),
    "turn of another": (of_turn(1, speaker="assistant"), "seen-lists"),
    "turn of nobody": (of_turn(1, speaker="developer"), "seen-lists"),
    "turn later": (of_turn(2, first=45), "seen-lists"),
    "turn shorter": (of_turn(2, end=44), "seen-lists"),
    "turn before the one before": (of_turn(1, first=0, end=3), "seen-lists"),
    "turn beyond the row": (of_turn(4, end=500), "seen-lists"),
    "earlier turns": (of_turn(2, speaker="earlier_assistant"), "seen-lists"),
}  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = made_once(tmp_path_factory, "chat", make)
    return root / "runs/C1"


def test_every_lie_about_a_conversation_is_found(pack: Path, tmp_path: Path) -> None:
    bench = Bench(pack, tmp_path)
    assert verify_pack(bench.pack).exit_code == 0
    missed: dict[str, set[str]] = {}
    for name, (edit, check) in LIES.items():
        with bench.restored():
            forged = ForgedPack(bench)
            edit(forged)
            bench.put(forged.seal().all_bytes())
            report = verify_pack(bench.pack)
            failed = {one.id for one in report.checks if one.outcome == "fail"}
            if check not in failed:
                missed[name] = failed
    assert missed == {}


def test_a_milestone_that_learns_other_turns_is_found(pack: Path, tmp_path: Path) -> None:
    bench = Bench(pack, tmp_path)
    for learn in ("last-assistant", "all"):
        with bench.restored():
            forged = ForgedPack(bench)
            keys = f'format = "messages"\nlearn = "{learn}"\n\n[data.eval]'
            forged.milestone(r'format = "messages"\n\n\[data.eval\]', keys)
            bench.put(forged.seal().all_bytes())
            report = verify_pack(bench.pack)
            assert report.exit_code == 1, learn


def test_a_clone_tells_how_many_turns_and_tools_the_rows_have(pack: Path, tmp_path: Path) -> None:
    """The user's turns, one more and read: nothing else in the pack tells."""
    bench = Bench(pack, tmp_path)
    further = VerifyOptions(further=repository_checks(pack.parents[1]))

    def one_more(forged: ForgedPack) -> None:
        seen_of(forged)["chat"]["speakers"][1]["num_turns"] += 1

    for edit in (one_more, of_seen("tools", ["sub"])):
        with bench.restored():
            forged = ForgedPack(bench)
            edit(forged)
            bench.put(forged.seal().all_bytes())
            assert verify_pack(bench.pack).exit_code == 0
            found = verify_pack(bench.pack, further)
            assert [one.id for one in found.checks if one.outcome == "fail"] == ["repo-rows"]
