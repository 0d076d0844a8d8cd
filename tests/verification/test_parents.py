"""Laws of packs that a pack begins from: what it says of them, and what they are where at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toy import toy, write
from toy_parent import VALUE, parent_toy

from evidence import layout, limits
from evidence.encoding.digest import sha256_hex
from evidence.records.finding import Report
from evidence.results.parents import names_of
from evidence.self_test.forger import ForgedPack
from evidence.stages.pack_init import PackInit
from evidence.verification.options import VerifyOptions
from evidence.verification.origin import parents
from evidence.verification.verification import verify_pack

Edit = Callable[[ForgedPack], object]
MODEL = f"{layout.FINAL_MODEL}/model.safetensors"


def told(pack: ForgedPack) -> dict[str, Any]:
    found: dict[str, Any] = pack.docs[layout.PARENTS]["parents"][0]
    return found


def sealed(pack: ForgedPack, folder: Path) -> Path:
    return write(folder, pack.seal().all_bytes())


def child_of(parent: Path) -> ForgedPack:
    """A toy that begins from this pack, and says of it what is so."""
    made = parent_toy()
    manifest = json.loads((parent / layout.MANIFEST).read_bytes())
    lines = (parent / layout.SUMS).read_text().splitlines()
    digests = {path: sha256 for sha256, path in (line.split("  ") for line in lines)}
    start = f"{layout.FINAL_MODEL}/"
    files = [
        {
            "path": path.removeprefix(start),
            "sha256": sha256,
            "size_bytes": (parent / path).stat().st_size,
        }
        for path, sha256 in sorted(digests.items())
        if path.startswith(start)
    ]
    value = json.loads((parent / layout.RESULTS).read_bytes())["values"][VALUE]
    root = verify_pack(parent).root_sha256
    kept = {key: value[key] for key in ("value", "unavailable", "unit", "level")}
    facts = {key: manifest[key] for key in ("milestone", "status", "stand_in", "outcome_sha256")}
    told(made).update(**facts, root_sha256=root, files=files, values={VALUE: kept})
    told(made)["init"] = f"pack:runs/{parent.name}"
    text = (made.files[layout.MILESTONE] or b"").decode().replace("M89", parent.name)
    made.files[layout.MILESTONE] = text.encode()
    inputs = made.docs[layout.INPUTS]
    inputs["model"].update(files=files, id=f"pack:runs/{parent.name}")
    inputs["tokenizer"]["id"] = f"pack:runs/{parent.name}"
    inputs["ancestors"] = {f"pack:runs/{parent.name}": inputs["ancestors"].popitem()[1]}
    made.docs[layout.MANIFEST]["parents"][0].update(root_sha256=root, milestone=facts["milestone"])
    made.journal_milestone()
    return made


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return sealed(toy(), tmp_path / "M89")


@pytest.fixture
def child(parent: Path, tmp_path: Path) -> Path:
    return sealed(child_of(parent), tmp_path / "M90")


def outcome(report: Report, name: str = "parent-packs") -> tuple[str, str]:
    found = next(one for one in report.checks if one.id == name)
    return found.outcome, found.reason


def grave(report: Report) -> set[tuple[str, str]]:
    found = (one for one in report.findings if one.severity in ("error", "refused"))
    return {(one.check, one.address) for one in found}


def test_a_pack_that_tells_of_its_parent_is_intact_with_it_and_without(
    child: Path, parent: Path
) -> None:
    report = verify_pack(child)
    assert (report.verdict, report.findings) == ("INTACT", ())
    assert (outcome(report), outcome(report, "parents")) == (("pass", ""), ("pass", ""))
    assert report.stand_in
    parent.rename(parent.with_name("elsewhere"))
    report = verify_pack(child)
    assert (report.verdict, report.findings) == ("INTACT", ())
    assert "it is not next to this pack" in outcome(report)[1]
    beside = VerifyOptions(beside=(child, parent, parent.with_name("elsewhere")))
    assert outcome(verify_pack(child, beside)) == ("pass", "")


def test_a_pack_without_parents_is_not_asked_for_any(parent: Path) -> None:
    asked = {one.id for one in verify_pack(parent).checks}
    assert not asked & {"parents", "parent-packs"}


LIES: dict[str, Edit] = {
    "none told": lambda pack: pack.docs.pop(layout.PARENTS),
    "none in the manifest": lambda pack: pack.docs[layout.MANIFEST].update(parents=[]),
    "another root": lambda pack: told(pack).update(root_sha256="a" * 64),
    "another milestone": lambda pack: told(pack).update(milestone="M1"),
    "another name": lambda pack: told(pack).update(init="pack:runs/M88"),
    "a stage": lambda pack: told(pack).update(stage="A"),
    "another file": lambda pack: told(pack)["files"][0].update(sha256="b" * 64),
    "a file less": lambda pack: told(pack)["files"].pop(),
    "a file twice": lambda pack: told(pack)["files"].append(told(pack)["files"][0]),
    "no value": lambda pack: told(pack)["values"].clear(),
    "a value that is none": lambda pack: told(pack)["values"][VALUE].update(unavailable="why"),
    "one parent twice": lambda pack: pack.docs[layout.PARENTS]["parents"].append(told(pack)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_within_the_pack_alone(lie: str, tmp_path: Path) -> None:
    """A parent that is hidden, exchanged or changed in one document (T22)."""
    made = parent_toy()
    LIES[lie](made)
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert report.exit_code == 1
    assert outcome(report, "parents")[0] == "fail"


def test_a_parent_that_no_milestone_names_is_found(tmp_path: Path) -> None:
    made = toy()
    made.docs[layout.MANIFEST]["parents"] = [
        {"milestone": "M89", "root_sha256": "a" * 64, "relation": "begins-from"}
    ]
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert grave(report) == {("parents", "manifest.json#/parents")}


AT_HAND: dict[str, Edit] = {
    "outcome_sha256": lambda pack: told(pack).update(outcome_sha256="c" * 64),
    "values": lambda pack: told(pack)["values"][VALUE].update(value=0.25),
    "level": lambda pack: told(pack)["values"][VALUE].update(level="declared"),
}


@pytest.mark.parametrize("lie", AT_HAND)
def test_a_lie_about_a_parent_is_found_where_that_is_at_hand(
    lie: str, parent: Path, tmp_path: Path
) -> None:
    made = child_of(parent)
    AT_HAND[lie](made)
    report = verify_pack(sealed(made, tmp_path / "M90"))
    place = "values" if lie == "level" else lie
    assert grave(report) == {("parent-packs", f"parents.json#/parents/0/{place}")}


def test_a_parent_at_hand_says_how_many_rows_its_checkpoint_was_trained_on(
    parent: Path, tmp_path: Path
) -> None:
    made = child_of(parent)
    (seen,) = made.docs[layout.INPUTS]["ancestors"].values()
    seen["num_rows"] += 1
    report = verify_pack(sealed(made, tmp_path / "M90"))
    place = "inputs.json#/ancestors/pack:runs~1M89/num_rows"
    assert grave(report) == {("parent-packs", place)}


def test_digests_that_no_parent_sealed_are_a_lie_of_the_child(parent: Path, tmp_path: Path) -> None:
    made = child_of(parent)
    for files in (told(made)["files"], made.docs[layout.INPUTS]["model"]["files"]):
        files[0]["sha256"] = "b" * 64
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert grave(report) == {("parent-packs", "parents.json#/parents/0/files")}


@pytest.mark.parametrize("path", [MODEL, layout.MANIFEST, layout.RESULTS])
def test_another_byte_of_the_parent_is_named_as_the_parents(
    path: str, child: Path, parent: Path
) -> None:
    data = (parent / path).read_bytes()
    (parent / path).write_bytes(data[:-2] + bytes([data[-2] ^ 4]) + data[-1:])
    report = verify_pack(child)
    assert grave(report) == {("parent-packs", f"../M89/{path}")}
    (found,) = report.findings
    assert found.code == "parent-changed"
    assert "not what it was" in found.message
    (parent / path).write_bytes(data + b" ")
    assert grave(verify_pack(child)) == {("parent-packs", f"../M89/{path}")}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (MODEL, "is not there, so its bytes were not compared"),
        (layout.MANIFEST, "it has no manifest.json"),
        (layout.SUMS, "it has no SHA256SUMS"),
    ],
)
def test_what_is_gone_from_the_parent_is_not_checked(
    path: str, says: str, child: Path, parent: Path
) -> None:
    (parent / path).unlink()
    report = verify_pack(child)
    assert (report.exit_code, outcome(report)[0]) == (0, "not_checked")
    assert says in outcome(report)[1]


@pytest.mark.parametrize("path", [MODEL, layout.MANIFEST, layout.SUMS])
def test_no_link_in_a_parent_is_followed(path: str, child: Path, parent: Path) -> None:
    (parent / path).rename(parent.parent / "file")
    (parent / path).symlink_to(parent.parent / "file")
    report = verify_pack(child)
    assert (report.exit_code, outcome(report)[0]) == (0, "not_checked")
    assert "cannot be read" in outcome(report)[1]


def test_a_link_and_a_file_in_the_place_of_a_parent_are_none(child: Path, parent: Path) -> None:
    parent.rename(parent.with_name("elsewhere"))
    parent.symlink_to(parent.with_name("elsewhere"))
    assert "a link, which is not followed" in outcome(verify_pack(child))[1]
    parent.unlink()
    parent.write_text("a file")
    assert "no folder" in outcome(verify_pack(child))[1]


def test_a_list_past_its_limit_is_not_read(
    child: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (parent / layout.SUMS).write_bytes(b"0" * (limits.MAX_SUMS_BYTES + 1))
    report = verify_pack(child)
    assert (report.exit_code, outcome(report)[0]) == (0, "not_checked")
    assert "is larger than" in outcome(report)[1]


def test_a_parent_that_was_run_again_is_a_warning_and_no_fault_of_the_child(
    child: Path, parent: Path
) -> None:
    was = verify_pack(parent).root_sha256
    other = toy()
    other.files[layout.NOTES] = b"Run again.\n"
    now = verify_pack(sealed(other, parent)).root_sha256
    report = verify_pack(child)
    assert report.exit_code == 0
    (found,) = report.findings
    assert (found.severity, found.code) == ("warning", "another-parent")
    assert (found.expected, found.actual) == (was, now)
    assert outcome(report)[0] == "not_checked"


def test_the_chain_is_followed_upward(parent: Path, child: Path, tmp_path: Path) -> None:
    grandchild = sealed(child_of(child), tmp_path / "M91")
    report = verify_pack(grandchild)
    assert grave(report) == set()
    assert outcome(report) == ("pass", "")
    data = bytearray((parent / MODEL).read_bytes())
    data[-1] ^= 1
    (parent / MODEL).write_bytes(data)
    report = verify_pack(grandchild)
    assert grave(report) == {("parent-packs", f"../M89/{MODEL}")}
    assert any("runs/M89, from which M90 began" in one.message for one in report.findings)


def test_a_child_that_tells_otherwise_of_its_parent_is_found_by_its_own_child(
    parent: Path, tmp_path: Path
) -> None:
    made = child_of(parent)
    AT_HAND["values"](made)
    middle = sealed(made, tmp_path / "M90")
    report = verify_pack(sealed(child_of(middle), tmp_path / "M91"))
    assert grave(report) == {("parent-packs", "../M90/parents.json#/parents/0/values")}


def test_a_name_that_comes_again_is_said_and_not_followed(child: Path, parent: Path) -> None:
    """The child's name is that of a parent of its parent: another run of it, or a ring."""
    made = child_of(parent)
    told(made)["init"] = "pack:runs/M90"  # itself, by name
    sealed(made, child)
    report = verify_pack(child)
    said = outcome(report)[1]
    assert "M90 → M90: a name that comes again" in said
    assert "the folder of that name is this pack itself" in said
    assert "was run again" not in said + "".join(one.message for one in report.findings)


def test_a_chain_has_an_end(child: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents, "MAX_PACKS", 0)
    assert "the chain is too long" in outcome(verify_pack(child))[1]


@pytest.mark.parametrize("name", [layout.PARENTS, layout.MANIFEST, layout.RESULTS])
def test_a_document_of_a_parent_that_has_no_form_is_not_checked(
    name: str, child: Path, tmp_path: Path
) -> None:
    """Its list names what is there: that it has no form, verify of that pack says."""
    last = child_of(child)
    (child / name).write_bytes(b'{"schema": 1}')
    lines = (child / layout.SUMS).read_text().splitlines()
    own = sha256_hex((child / name).read_bytes())
    new = [f"{own}  {name}" if line.endswith(f"  {name}") else line for line in lines]
    (child / layout.SUMS).write_text("".join(f"{line}\n" for line in new))
    root = sha256_hex((child / layout.SUMS).read_bytes())
    for record in (told(last), last.docs[layout.MANIFEST]["parents"][0]):
        record["root_sha256"] = root
    report = verify_pack(sealed(last, tmp_path / "M91"))
    assert grave(report) == set()
    assert f"runs/M90: {name}/schema" in outcome(report)[1]


def test_a_document_of_a_parent_that_was_changed_is_named(child: Path, tmp_path: Path) -> None:
    grandchild = sealed(child_of(child), tmp_path / "M91")
    with (child / layout.PARENTS).open("ab") as stream:
        stream.write(b" ")
    assert grave(verify_pack(grandchild)) == {("parent-packs", "../M90/parents.json")}
    (child / layout.PARENTS).unlink()
    report = verify_pack(grandchild)
    assert grave(report) == set()
    assert "runs/M90: it has no parents.json" in outcome(report)[1]


def test_what_names_no_pack_is_not_looked_for(parent: Path, tmp_path: Path) -> None:
    made = child_of(parent)
    told(made)["init"] = f"pack:{'a' * 70}"
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert "names no pack" in outcome(report)[1]
    assert outcome(report, "parents")[0] == "fail"


def test_values_that_nobody_copied_are_not_asked_of_the_parent(
    parent: Path, tmp_path: Path
) -> None:
    made = child_of(parent)
    told(made)["values"].clear()
    (parent / layout.RESULTS).unlink()
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert outcome(report) == ("pass", "")


def test_packs_that_the_caller_gives_make_a_chain(
    child: Path, parent: Path, tmp_path: Path
) -> None:
    last = sealed(child_of(child), tmp_path / "alone" / "M91")
    beside = VerifyOptions(beside=(child, parent))
    assert outcome(verify_pack(last, beside)) == ("pass", "")
    assert outcome(verify_pack(last))[0] == "not_checked"


def test_a_pack_of_the_same_name_elsewhere_is_checked_and_not_followed(
    parent: Path, tmp_path: Path
) -> None:
    elsewhere = sealed(toy(), tmp_path / "elsewhere" / "M91")
    middle = sealed(child_of(elsewhere), tmp_path / "M90")
    last = sealed(child_of(middle), tmp_path / "M91")
    report = verify_pack(last, VerifyOptions(beside=(elsewhere,)))
    assert grave(report) == set()
    assert "M91 → M90 → M91: a name that comes again" in outcome(report)[1]


def test_a_value_that_was_not_measured_there_is_not_measured_here(tmp_path: Path) -> None:
    made = parent_toy()
    told(made)["values"][VALUE].update(value=None, unavailable="nobody looked")
    pack = sealed(made, tmp_path / "M90")
    value = json.loads((pack / layout.RESULTS).read_bytes())["values"][f"parent.M89.{VALUE}"]
    assert (value["value"], value["unavailable"]) == (None, "nobody looked")
    assert verify_pack(pack).exit_code == 0


def test_a_name_of_a_value_is_that_of_the_pack_with_the_longer_name() -> None:
    packs = [PackInit("runs/M45"), PackInit("runs/M45.1", "A"), PackInit("runs/M45.1", "B")]
    names = ["parent.M45.x.y", "parent.M45.1.x.y", "train.loss_end", "parent.M45.1.x.y"]
    assert [names_of(one, packs, names) for one in packs] == [("x.y",), ("x.y",), ()]


def test_what_was_set_aside_with_the_rest_is_not_checked(tmp_path: Path) -> None:
    made = parent_toy()
    made.docs.pop(layout.PARENTS)
    lost = {"path": "pack/parents.json", "reason": "is not what the run wrote"}
    gone = {"kept_as": None, "sha256": None, "size_bytes": None}
    told_so = {"files": [lost | gone], "num_left_out": 0, "hollow": [], "begins_anew": False}
    journal = made.docs[layout.JOURNAL]
    journal.insert(-1, {**journal[-1], "event": "damaged", "attempt": None, "data": told_so})
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert outcome(report, "parents")[0] == "not_checked"
    assert "set aside when the run was closed" in outcome(report, "parents")[1]


def test_a_run_that_loaded_nothing_is_not_asked_what_it_loaded(tmp_path: Path) -> None:
    made = parent_toy()
    made.docs[layout.INPUTS]["model"] = {"unavailable": "no attempt completed"}
    report = verify_pack(sealed(made, tmp_path / "M90"))
    assert outcome(report, "parents") == ("pass", "")
