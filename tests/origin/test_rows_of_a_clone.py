"""Laws of what a clone tells besides: what was asked, what was taught, and what refs held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
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


LIES: dict[str, tuple[Callable[[ForgedPack], None], str]] = {
    "another prompt": (asked("prompt"), "repo-evaluation"),
    "another id": (asked("id"), "repo-evaluation"),
    "another group": (other_group, "repo-evaluation"),
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
