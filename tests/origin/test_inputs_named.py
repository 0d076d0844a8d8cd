"""Laws of which inputs a pack names: those of its milestone, with the bytes that a clone has."""

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


def outcomes(
    ran: Project, folder: Path, edit: Callable[[ForgedPack], None], *, cloned: bool = False
) -> dict[str, str]:
    bench = Bench(ran.pack, folder / "bench")
    pack = ForgedPack(bench)
    edit(pack)
    bench.put(pack.seal().all_bytes())
    options = VerifyOptions(further=repository_checks(ran.root) if cloned else ())
    return {one.id: one.outcome for one in verify_pack(bench.pack, options).checks}


def inputs(pack: ForgedPack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pack.doc(layout.GIT)["inputs"]
    return found


def none_left(pack: ForgedPack) -> None:
    inputs(pack).clear()


def one_left_out(pack: ForgedPack) -> None:
    del inputs(pack)[-1]


def first_left_out(pack: ForgedPack) -> None:
    del inputs(pack)[0]


def swapped(pack: ForgedPack) -> None:
    inputs(pack).reverse()


def elsewhere(index: int) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        inputs(pack)[index]["path"] = "somewhere/else.bin"

    return edit


def outside(pack: ForgedPack) -> None:
    inputs(pack)[1] |= {"path": "somewhere/else.bin", "held_by": "nothing", "reason": "it is late"}


LIES = {
    "none": none_left,
    "one fewer": one_left_out,
    "no milestone file": first_left_out,
    "in another order": swapped,
    "another milestone file": elsewhere(0),
    "other data": elsewhere(1),
    "another model": elsewhere(-1),
    "held by nothing, elsewhere": outside,
}


@pytest.mark.parametrize("lie", LIES)
def test_the_inputs_that_a_pack_names_are_those_of_its_milestone(
    lie: str, ran: Project, tmp_path: Path
) -> None:
    assert outcomes(ran, tmp_path, LIES[lie])["git-inputs"] == "fail"


def test_an_honest_run_names_them_and_who_does_not_say_is_not_checked(
    ran: Project, tmp_path: Path
) -> None:
    assert outcomes(ran, tmp_path / "a", lambda _: None)["git-inputs"] == "pass"

    def unsaid(pack: ForgedPack) -> None:
        pack.doc(layout.GIT)["inputs"] = None

    assert outcomes(ran, tmp_path / "b", unsaid)["git-inputs"] == "not_checked"


def as_named(pack: ForgedPack) -> None:
    inputs(pack)[1] |= {"held_by": "nothing", "reason": "it lies outside"}


def test_what_nothing_holds_may_lie_where_the_milestone_says(ran: Project, tmp_path: Path) -> None:
    assert outcomes(ran, tmp_path, as_named)["git-inputs"] == "pass"


@pytest.mark.parametrize("honest", [True, False])
def test_digests_of_a_models_files_are_those_of_the_clone(
    honest: bool, ran: Project, tmp_path: Path
) -> None:
    path = "model/tokenizer.json"
    data = (ran.root / path).read_bytes()
    sha256 = sha256_hex(data) if honest else "9" * 64

    def edit(pack: ForgedPack) -> None:
        model = pack.doc(layout.INPUTS)["model"]
        model["files"] = [{"path": path, "sha256": sha256, "size_bytes": len(data)}]

    found = outcomes(ran, tmp_path, edit, cloned=True)
    assert found["repo-model"] == ("pass" if honest else "fail")
    assert found["git-inputs"] == "pass"


ROOT = "/srv/project"


def named_absolutely(pack: ForgedPack) -> None:
    """The milestone names its second input from the root of the file system."""
    path = inputs(pack)[1]["path"]
    pack.milestone(f'path = "{path}"', f'path = "{ROOT}/{path}"')


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, "pass"),
        ({"path": "somewhere/else.bin"}, "fail"),
        ({"path": "."}, "fail"),
        ({"held_by": "nothing", "reason": "it lies outside"}, "pass"),
        ({"held_by": "nothing", "reason": "it lies outside", "path": "else.bin"}, "fail"),
    ],
)
def test_an_input_that_is_named_absolutely_lies_at_the_end_of_its_path(
    said: dict[str, str], wanted: str, ran: Project, tmp_path: Path
) -> None:
    def edit(pack: ForgedPack) -> None:
        named_absolutely(pack)
        inputs(pack)[1].update(said)

    assert outcomes(ran, tmp_path, edit)["git-inputs"] == wanted


def test_a_file_of_a_model_too_large_for_git_is_not_compared(ran: Project, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        model = pack.doc(layout.INPUTS)["model"]
        model["files"] = [{"path": "model/a.bin", "sha256": "9" * 64, "size_bytes": 65 << 20}]

    assert outcomes(ran, tmp_path, edit, cloned=True)["repo-model"] == "not_checked"


def test_a_tokenizer_that_is_not_known_is_compared_with_none(ran: Project, tmp_path: Path) -> None:
    def edit(pack: ForgedPack) -> None:
        pack.doc(layout.INPUTS)["model"]["files"] = {"unavailable": "not listed"}
        pack.doc(layout.INPUTS)["tokenizer"] = {"unavailable": "the backend has none"}

    assert outcomes(ran, tmp_path, edit, cloned=True)["repo-model"] == "not_checked"
