"""Laws of verify on imported packs: lies are found, a stranger's pack is safe, nothing is more than
it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding import jsonio
from evidence.records.finding import Report
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack, NotPossibleError
from evidence.self_test.forgeries import Forgery
from evidence.self_test.imported import IMPORTED_FORGERIES, follow, is_imported
from evidence.self_test.self_test import self_test
from evidence.verification.imported.checks import CHECKS
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.importing.made import make_odd_pack, make_pack
from tests.packs.case import GOLDEN
from tests.shared import made_once


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "imported-pack", make_pack)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "fields-imported", make_odd_pack)


def failed(report: Report) -> set[str]:
    return {one.id for one in report.checks if one.outcome == "fail"}


@pytest.mark.parametrize("lie", IMPORTED_FORGERIES, ids=lambda lie: lie.id)
def test_a_lie_is_found_by_one_of_its_checks(
    lie: Forgery, pack: Path, odd: Path, tmp_path: Path
) -> None:
    tried = 0
    for number, one in enumerate((pack, odd)):
        bench = Bench(one, tmp_path / str(number))
        try:
            lie.apply(bench)
        except NotPossibleError:
            continue
        tried += 1
        report = verify_pack(bench.pack)
        assert failed(report) & set(lie.checks) or (not lie.checks and report.exit_code == 0)
    assert tried


def test_the_self_test_of_an_imported_pack_catches_what_it_claims(pack: Path) -> None:
    tested = self_test(pack)
    missed = [one for one in tested.trials if one.outcome == "missed"]
    assert (missed, tested.exit_code) == ([], 0)
    assert len(tested.of("forgery")) == len(IMPORTED_FORGERIES) - 1
    assert not is_imported(Bench(GOLDEN / "v1/complete/M90", pack.parents[1] / "bench"))


def test_a_whole_forgery_follows_and_only_a_digest_tells(pack: Path, tmp_path: Path) -> None:
    root = verify_pack(pack).root_sha256
    bench = Bench(pack, tmp_path)
    forged = ForgedPack(bench)
    data = forged.file("original/config.yaml").replace(b"seed: 7", b"seed: 8")
    forged.replace("original/config.yaml", data)
    follow(forged)
    bench.put(forged.seal().all_bytes())
    assert verify_pack(bench.pack).exit_code == 0
    assert verify_pack(bench.pack, VerifyOptions(expect=root)).exit_code == 1


def test_an_observed_pack_cannot_pose_as_an_imported_one(tmp_path: Path) -> None:
    bench = Bench(GOLDEN / "v1/complete/M90", tmp_path)
    forged = ForgedPack(bench)
    manifest = forged.doc(layout.MANIFEST)
    manifest["origin"] = "imported"
    manifest["imported_utc"] = "2026-01-01T00:00:00.000000Z"
    bench.put({**forged.list_files().sealed_bytes()})
    report = verify_pack(bench.pack)
    assert (report.verdict, report.exit_code) == ("NOT INTACT", 1)
    assert {"records"} <= failed(report)


def test_every_check_of_an_imported_pack_has_an_outcome_and_those_of_a_run_have_none(
    pack: Path,
) -> None:
    outcomes = {one.id: one for one in verify_pack(pack).checks}
    assert {one.rule.id for one in CHECKS} <= outcomes.keys()
    for name in ("journal-chain", "training-loss", "results", "git-identity"):
        assert outcomes[name].outcome == "not_checked"
        assert "imported" in outcomes[name].reason
    run = {one.id for one in verify_pack(GOLDEN / "v1/complete/M90").checks}
    assert not {one.rule.id for one in CHECKS} & run


def test_a_signature_says_who_imported_it_and_no_more(pack: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from evidence.cli.verify import command
    from evidence.publish.signing import sign_pack

    copy = tmp_path / "OLD"
    shutil.copytree(pack, copy)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
                   check=True, timeout=60)  # fmt: skip
    sign_pack(copy, key)
    trust = tmp_path / "allowed"
    trust.write_text(f"me {key.with_suffix('.pub').read_text('utf-8')}", encoding="utf-8")
    asked = [str(copy), "--allowed-signers", str(trust), "--signer", "me", "--strict"]
    ended = CliRunner().invoke(command, asked)
    assert ended.exit_code == 0, ended.output
    assert ended.output.startswith("INTACT")
    assert "VERIFIED" not in ended.output
    assert "imported, not observed: intact; the signer you named imported it" in ended.output
    assert "not that the run took place" in ended.output


@pytest.mark.parametrize("change", [
    lambda files: files[0].update(path="original/../../outside"),
    lambda files: files[0].update(path="original/absent.txt"),
    lambda files: files.reverse(),
    lambda files: files.append(dict(files[0])),
    lambda files: files[0].update(found_as="x" * 4000),
    lambda files: files.clear(),
])  # fmt: skip
def test_a_list_of_sources_that_is_none_is_found(change: Any, pack: Path, tmp_path: Path) -> None:
    bench = Bench(pack, tmp_path)
    forged = ForgedPack(bench)
    change(forged.doc(layout.SOURCES)["files"])
    bench.put(forged.seal().all_bytes())
    assert verify_pack(bench.pack).exit_code in (1, 5)


@pytest.mark.parametrize(("name", "data"), [
    ("bomb.yaml", b"a: &a [x,x]\nb: &b [*a,*a]\n" + b"c: [*b,*b]\n" * 200),
    ("deep.json", b"[" * 100_000), ("long.log", b"loss: 1 " * 500_000),
    ("nuls.log", b"loss: 0.5\0\0\0\n" * 1000), ("esc.log", b"\x1b]0;title\x07loss: 1\n"),
    ("events.out.tfevents.1", b"\xff" * 100), ("run.wandb", b":W&B" + b"\xff" * 40_000),
    ("x.db", b"SQLite format 3\0" + b"\xff" * 5000), ("half.csv", b'"loss\n' * 3000),
])  # fmt: skip
def test_hostile_originals_are_read_within_limits_or_left(
    name: str, data: bytes, pack: Path, tmp_path: Path
) -> None:
    bench = Bench(pack, tmp_path)
    forged = ForgedPack(bench)
    forged.replace(f"original/{name}", data)
    entry = {**forged.doc(layout.SOURCES)["files"][0], "path": f"original/{name}"}
    listed = [*forged.doc(layout.SOURCES)["files"], entry]
    forged.doc(layout.SOURCES)["files"] = sorted(listed, key=lambda one: one["path"])
    follow(forged)
    files = forged.seal().all_bytes()
    plot = f"{layout.PLOTS}/loss.svg"  # gone where the file logs another training
    bench.put(files if plot in files else {**files, plot: None})
    report = verify_pack(bench.pack)
    assert report.exit_code == 0, report.findings


def test_an_original_that_is_gone_or_cut_is_named(pack: Path, tmp_path: Path) -> None:
    copy = tmp_path / "OLD"
    shutil.copytree(pack, copy)
    (copy / "original/training_log.txt").unlink()
    report = verify_pack(copy)
    assert report.exit_code == 1
    assert "original/training_log.txt" in {one.address for one in report.findings}
    checks = {one.id: one for one in report.checks}
    assert checks["imported-results"].outcome == "not_checked"


def test_the_report_as_json_says_the_origin(pack: Path) -> None:
    from evidence.encoding import schema
    from evidence.encoding.codec import encode

    value = encode(verify_pack(pack))
    assert schema.validate("report.v1", value) == ()
    assert json.loads(jsonio.dump_document(value))["origin"] == "imported"
    assert verify_pack(GOLDEN / "v1/complete/M90").origin == "run"
