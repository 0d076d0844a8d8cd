"""Rows that are shown of a pack: the sealed ones, or it is said that they are not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence import layout, limits
from evidence.disclose import disclose as disclosing
from evidence.disclose.disclose import disclose, disclosed_bytes
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.pack.commitments import commitment_documents, leaves_of, lines_of, read_salts
from evidence.rules import merkle
from evidence.rules.scoring import wilson
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.verification.origin.disclosed import disclosed_rows
from evidence.verification.verification import verify_pack
from tests.disclose.private import ASKED, SALTS, errors, outcomes, published, shown
from tests.disclose.test_withheld_rows import command
from tests.importing.made import make_pack
from tests.project import Project

Edit = Callable[[dict[str, Any]], None]


def proof_of(pack: Path, *rows: int) -> dict[str, Any]:
    """A file of these rows."""
    found: dict[str, Any] = encode(disclose(pack, rows))
    return json.loads(json.dumps(found))


def said(report: Any) -> list[str]:
    """What is said of the rows shown, the whole first."""
    return [one.message for one in report.findings if one.code == "disclosed"]


def test_rows_that_are_shown_are_the_sealed_ones_and_nothing_follows_of_the_others(
    private: Project, copy: Path, tmp_path: Path
) -> None:
    report = shown(copy, tmp_path / "proof.json", proof_of(private.pack, 0, 3))
    assert (report.exit_code, errors(report)) == (0, [])
    assert outcomes(report)["disclosed-rows"] == "pass"
    first, *rows = said(report)
    assert first.startswith(
        "2 of 5 rows are shown, and are those committed to; the other 3 are not"
    )
    assert "no score of all rows follows from them" in first
    assert len(rows) == 2
    assert all(ASKED in one and "again: " in one for one in rows)
    for name in ("results", "prediction-scores", "commitments", "outcome-digest"):
        assert outcomes(report)[name] == "not_checked"


def test_every_row_may_be_shown(private: Project, copy: Path, tmp_path: Path) -> None:
    report = shown(copy, tmp_path / "proof.json", proof_of(private.pack, *range(5)))
    assert errors(report) == []
    assert said(report)[0].startswith("5 of 5 rows are shown")
    assert outcomes(report)["results"] == "not_checked"


def _forged_row(proof: dict[str, Any]) -> None:
    row = json.loads(proof["rows"][0]["row"])
    row["scores"] = {name: not one for name, one in row["scores"].items()}
    proof["rows"][0]["row"] = jsonio.dump_row(row).decode("utf-8").rstrip("\n")


def _swapped_salts(proof: dict[str, Any]) -> None:
    first, second = proof["rows"]
    first["salt"], second["salt"] = second["salt"], first["salt"]


def _swapped_paths(proof: dict[str, Any]) -> None:
    first, second = proof["rows"]
    first["audit_path"], second["audit_path"] = second["audit_path"], first["audit_path"]


def _twice(proof: dict[str, Any]) -> None:
    proof["rows"].append(proof["rows"][0])


def _other_place(proof: dict[str, Any]) -> None:
    proof["rows"][0]["index"] = 2


def _beyond(proof: dict[str, Any]) -> None:
    proof["rows"][1]["index"] = 5


def _cut(proof: dict[str, Any]) -> None:
    proof["rows"][0]["audit_path"].pop()


def _longer(proof: dict[str, Any]) -> None:
    proof["rows"][0]["audit_path"].append("0" * 64)


def _fewer(proof: dict[str, Any]) -> None:
    proof["num_rows"] = 4


def _other_file(proof: dict[str, Any]) -> None:
    proof["path"] = "attempts/01-stub/predictions.jsonl"


def _other_pack(proof: dict[str, Any]) -> None:
    proof["pack_sha256"] = "0" * 64


def _node_as_row(proof: dict[str, Any]) -> None:
    """The first two hashes of the path in the place of salt and row."""
    row = proof["rows"][0]
    row["salt"], row["row"] = row["audit_path"][0], row["audit_path"][1]
    row["audit_path"] = row["audit_path"][2:]


FORGED: dict[str, Edit] = {
    "a forged row": _forged_row,
    "salts exchanged": _swapped_salts,
    "paths exchanged": _swapped_paths,
    "a row twice": _twice,
    "a row at another place": _other_place,
    "a row beyond the last": _beyond,
    "a path cut short": _cut,
    "a path too long": _longer,
    "fewer rows": _fewer,
    "another file": _other_file,
    "another pack": _other_pack,
    "a node as a row": _node_as_row,
}


@pytest.mark.parametrize("how", FORGED)
def test_what_is_forged_is_said_of_the_file_and_not_of_the_pack(
    how: str, private: Project, copy: Path, tmp_path: Path
) -> None:
    proof = proof_of(private.pack, 0, 3)
    FORGED[how](proof)
    report = shown(copy, tmp_path / "proof.json", proof)
    assert outcomes(report)["disclosed-rows"] == "fail"
    assert {code for code, _, _ in errors(report)} == {"disclosure-differs"}
    assert all(address.startswith(f"{tmp_path}/proof.json") for _, address, _ in errors(report))
    held = [one for one in said(report) if one.startswith("answers")]
    assert len(held) < len(proof["rows"])


def test_a_proof_of_another_run_of_the_same_rows_is_none(
    private: Project, copy: Path, tmp_path: Path
) -> None:
    private.run(again=True)
    report = shown(copy, tmp_path / "proof.json", proof_of(private.pack, 0))
    assert [one[2] for one in errors(report)] == ["shows rows of another pack"]


def test_the_command_says_that_the_pack_is_as_it_was_sealed(
    private: Project, copy: Path, tmp_path: Path
) -> None:
    proof = proof_of(private.pack, 0)
    _forged_row(proof)
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    done = command(tmp_path, "verify", str(copy), "--disclosed", "proof.json")
    assert done.returncode == 1
    assert "this pack is as it was sealed; the rows that were shown are not all its" in done.stdout


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_edit_of_a_proof_shows_another_row(
    private: Project, copy: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Whatever one text or number of it becomes: the same row is shown, or none is."""
    proof = proof_of(private.pack, 2)
    row = dict(proof["rows"][0])
    key = data.draw(st.sampled_from(["index", "row", "salt", "audit_path"]))
    if key == "index":
        row[key] = data.draw(st.integers(0, 9))
    elif key == "row":
        place = data.draw(st.integers(0, len(row[key]) - 1))
        row[key] = row[key][:place] + data.draw(st.text(max_size=2)) + row[key][place + 1 :]
    elif key == "salt":
        row[key] = data.draw(st.binary(min_size=32, max_size=32)).hex()
    else:
        hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
        row[key] = data.draw(st.lists(hashes, max_size=5))
    if not row["row"]:
        return
    report = shown(copy, tmp_path / "proof.json", {**proof, "rows": [row]})
    assert (outcomes(report)["disclosed-rows"] == "pass") == (row == proof["rows"][0])


def test_scores_that_the_shown_rows_rule_out_are_found(private: Project, tmp_path: Path) -> None:
    """A pack that claims more right answers than its own rows have: not seen without them."""
    bench = Bench(private.pack, tmp_path / "forged")
    made = ForgedPack(bench)
    values = made.doc(layout.RESULTS)["values"]
    wrong = 5 - values["eval.exact.num_correct"]["value"]
    assert wrong
    low, high = wilson(5, 5)
    for key, value in (("num_correct", 5), ("rate", 1.0), ("low", low), ("high", high)):
        values[f"eval.exact.{key}"]["value"] = value
    bench.put(made.seal(("results", "outcome")).all_bytes())
    copy = published(bench.pack, tmp_path / "published")
    assert errors(verify_pack(copy)) == []  # not checked, and said so
    whole = outcomes(verify_pack(bench.pack))
    assert whole["results"] == "fail"
    # The forger cannot show what he has with `disclose`, which wants an intact pack; a file he can
    # write himself.
    proof = proof_of(private.pack, *range(5))
    proof["pack_sha256"] = verify_pack(copy).root_sha256
    report = shown(copy, tmp_path / "proof.json", proof)
    assert ("disclosed-rows", "results.json#/values/eval.exact") in {
        one[:2] for one in errors(report)
    }


def test_a_sealed_row_with_another_score_than_its_own_is_found(
    private: Project, tmp_path: Path
) -> None:
    bench = Bench(private.pack, tmp_path / "forged")
    made = ForgedPack(bench)
    row = made.rows(layout.PREDICTIONS)[1]
    row["scores"] = {name: not one for name, one in row["scores"].items()}
    (bench.pack / layout.PREDICTIONS).write_bytes(made.file(layout.PREDICTIONS))
    milestone = made.documents().milestone
    for path, data in commitment_documents(bench.pack, milestone).items():
        made.replace(path, data)
    made.doc(layout.WITHHELD)["files"][0]["size_bytes"] = len(made.file(layout.PREDICTIONS))
    bench.put(made.seal().all_bytes())
    root = verify_pack(bench.pack).root_sha256
    copy = published(bench.pack, tmp_path / "published")
    assert errors(verify_pack(copy)) == []
    proof = _proof_by_hand(bench.pack, 1, root or "")
    report = shown(copy, tmp_path / "proof.json", proof)
    assert ("disclosed-rows", "predictions.jsonl#L2/scores") in {one[:2] for one in errors(report)}


def _proof_by_hand(pack: Path, index: int, root: str) -> dict[str, Any]:
    rows = lines_of((pack / layout.PREDICTIONS).read_bytes())
    salts = read_salts((pack / SALTS).read_bytes(), SALTS)
    path = merkle.audit_paths(leaves_of(salts, rows), [index])[index]
    row = {
        "index": index,
        "row": rows[index].decode(),
        "salt": salts[index].hex(),
        "audit_path": [one.hex() for one in path],
    }
    return {
        "schema": "disclosure.v1",
        "pack_sha256": root,
        "path": layout.PREDICTIONS,
        "num_rows": len(rows),
        "rows": [row],
    }


NO_FILE = {
    "no JSON": b"rows",
    "another document": b'{"schema":"manifest.v1"}',
    "no rows": json.dumps({**dict.fromkeys(("pack_sha256",), "0" * 64), "rows": []}).encode(),
    "too deep": b"[" * 100 + b"]" * 100,
    "not UTF-8": b"\xff",
    "empty": b"",
}


@pytest.mark.parametrize("what", NO_FILE)
def test_what_is_no_file_of_rows_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_bytes(NO_FILE[what])
    with pytest.raises(UsageError, match="is no file of disclosed rows"):
        disclosed_rows(tmp_path / "proof.json")


def test_a_pipe_and_what_is_not_there_and_what_is_too_large_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "gone"):
        with pytest.raises(UsageError, match="cannot read"):
            disclosed_rows(tmp_path / name)
    (tmp_path / "large").write_bytes(b" " * 100)
    monkeypatch.setattr(limits, "MAX_JSON_BYTES", 99)
    with pytest.raises(UsageError, match="more than the 99 bytes"):
        disclosed_rows(tmp_path / "large")


def test_of_a_pack_that_withholds_nothing_none_is_shown_and_what_is_shown_is_of_another(
    private: Project, ran: Project, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="withholds no rows"):
        disclose(ran.pack, [0])
    proof = proof_of(private.pack, 0)
    its_own = {**proof, "pack_sha256": sha256_hex((ran.pack / layout.SUMS).read_bytes())}
    for pack, value in ((ran.pack, proof), (ran.pack, its_own), (make_pack(tmp_path), proof)):
        report = shown(pack, tmp_path / "proof.json", value)
        assert outcomes(report)["disclosed-rows"] == "fail"
        assert [code for code, _, _ in errors(report)] == ["disclosure-differs"]
        assert report.exit_code == 1


def test_of_a_copy_without_rows_none_can_be_shown(copy: Path) -> None:
    with pytest.raises(UsageError, match=r"predictions\.jsonl cannot be read"):
        disclose(copy, [0])


def test_rows_and_files_that_are_not_there_are_refused(private: Project) -> None:
    with pytest.raises(UsageError, match="there is no row 5: there are 5, from 0"):
        disclose(private.pack, [5])
    with pytest.raises(UsageError, match=r"commits to no rows of seen.jsonl; it does to those of"):
        disclose(private.pack, [0], "seen.jsonl")


def test_more_than_one_file_holds_is_refused(
    private: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = disclose(private.pack, [0, 1])
    monkeypatch.setattr(disclosing.limits, "MAX_JSON_BYTES", 1000)
    with pytest.raises(UsageError, match="2 rows are more than one such file holds"):
        disclosed_bytes(record)


def test_the_command_writes_a_new_file_alone(private: Project, tmp_path: Path) -> None:
    done = command(tmp_path, "disclose", str(private.pack), "--rows", "0,2-3", "--to", "p.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 of 5 rows of predictions.jsonl shown in p.json" in done.stdout
    assert [one["index"] for one in json.loads((tmp_path / "p.json").read_bytes())["rows"]] == [
        *(0, 2, 3)
    ]
    again = command(tmp_path, "disclose", str(private.pack), "--rows", "0", "--to", "p.json")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    for rows in ("", "x", "3-1", "1,,2", "-1", "0-99999999"):
        odd = command(tmp_path, "disclose", str(private.pack), "--rows", rows, "--to", "q.json")
        assert odd.returncode == 2, rows
        assert not (tmp_path / "q.json").exists()


def test_one_pack_is_asked_at_a_time(private: Project, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(proof_of(private.pack, 0)))
    asked = ("verify", str(copy), str(private.pack), "--disclosed", "p.json")
    done = command(tmp_path, *asked)
    assert done.returncode == 2
    assert "goes with one pack" in done.stderr


def test_a_pack_that_is_not_read_has_no_rows_checked(
    private: Project, copy: Path, tmp_path: Path
) -> None:
    proof = proof_of(private.pack, 0)
    shutil.rmtree(copy / "plots", ignore_errors=True)
    (copy / "link").symlink_to("journal.jsonl")
    report = shown(copy, tmp_path / "proof.json", proof)
    assert (report.verdict, outcomes(report)["disclosed-rows"]) == ("REFUSED", "not_checked")
