"""Laws of the public names: what `import evidence` gives, loads and leaves alone."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import evidence
from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.progress import Silent
from tests.api import user_script
from tests.frameworks import FRAMEWORKS
from tests.packs.case import GOLDEN
from tests.project import Project

ROOT = Path(__file__).parents[2]
COMPLETE = GOLDEN / "v1/complete/M90"
FAILED = GOLDEN / "v1/failed/M90"


def python(code: str, cwd: Path) -> Any:
    """What a fresh interpreter prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{code}"],
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_every_public_name_is_there_and_listed() -> None:
    for name in evidence.__all__:
        assert getattr(evidence, name) is not None, name
    assert evidence.__all__ == sorted(evidence.__all__) == dir(evidence)
    with pytest.raises(AttributeError, match="no attribute 'verfy'"):
        evidence.verfy  # type: ignore[attr-defined]  # noqa: B018


def test_no_module_or_room_is_called_like_a_public_name() -> None:
    """Importing one would put it in the place of the function."""
    names = {module.name for module in pkgutil.iter_modules(evidence.__path__)}
    assert "verification" in names
    assert not names & set(evidence.__all__)


def test_every_error_of_the_package_is_of_the_one_family_and_public_or_below_a_public_one() -> None:
    errors = importlib.import_module("evidence.errors")
    public = tuple(
        found
        for found in (getattr(evidence, name) for name in evidence.__all__)
        if isinstance(found, type) and issubclass(found, evidence.EvidenceError)
    )
    assert {one.__name__ for one in public} == {
        name for name in evidence.__all__ if name.endswith("Error")
    }
    inner = {"DataError", "MalformedError", "PageRefusedError", "PastLimitError", "RejectedError"}
    inner |= {"RowsWithheldError"}
    found = {
        name
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.EvidenceError)
    }
    assert found == {one.__name__ for one in public} | inner


def test_importing_loads_nothing_and_verifying_no_framework(tmp_path: Path) -> None:
    code = f"""
before = set(sys.modules)
import evidence
own = sorted(set(sys.modules) - before - {{"__future__"}})
report = evidence.verify({str(COMPLETE)!r})
evidence.read_results({str(COMPLETE)!r})
heavy = {{"git", "click", "tqdm", *{sorted(FRAMEWORKS)!r}}}
heavy = sorted(heavy & set(sys.modules))
print(json.dumps([own, report.verdict, heavy]))
"""
    assert python(code, tmp_path) == [["evidence"], "INTACT", []]


def test_the_one_line_of_the_shell_works(tmp_path: Path) -> None:
    shutil.copytree(COMPLETE, tmp_path / "runs/M90")
    code = "import evidence; print(json.dumps(evidence.verify('runs/M90').verdict))"
    assert python(code, tmp_path) == "INTACT"


def blocks_of_the_page() -> list[str]:
    text = (ROOT / "docs/python.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_page_does_what_it_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = blocks_of_the_page()
    monkeypatch.chdir(project.root)
    code = compile(block.replace("M43", "T1"), "python.md", "exec")
    exec(code, {})  # noqa: S102 - our own page
    assert "INTACT" in capsys.readouterr().out


def test_a_users_script_runs_prints_nothing_and_leaves_its_process_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    state = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], Path.cwd()
    variables = dict(os.environ)
    printed = user_script.main("T1", Path("runs/T1"))
    assert printed[0] == "INTACT"
    assert any(line.startswith("train.loss_end: ") for line in printed)
    assert capfd.readouterr() == ("", "")
    now = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)], Path.cwd()
    assert (now, dict(os.environ)) == (state, variables)


def test_a_run_in_another_thread_installs_no_signal_handler(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*asked: object) -> None:
        raise ValueError("signal only works in main thread of the main interpreter")

    monkeypatch.setattr(signal, "signal", refused)
    results: list[evidence.RunResult] = []
    thread = threading.Thread(target=lambda: results.append(evidence.run("T1", root=project.root)))
    thread.start()
    thread.join()
    assert results[0].status == "complete"
    assert results[0].exit_code is evidence.ExitCode.DONE


class Interrupting(Silent):
    """Presses Ctrl-C at the first step that it sees."""

    def advance(self, done: int, total: int, note: str) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_is_stopped_and_goes_on(project: Project) -> None:
    with pytest.raises(evidence.StoppedError) as stopped:
        evidence.run("T1", root=project.root, observer=Interrupting())
    assert stopped.value.hint
    assert evidence.verify(project.pack).verdict == "UNFINISHED"
    assert evidence.run("T1", root=project.root, resume=True).status == "complete"


def test_a_run_that_cannot_begin_or_contradicts_itself_is_refused(
    project: Project, tmp_path: Path
) -> None:
    evidence.run("T1", root=project.root)
    with pytest.raises(evidence.UsageError, match="sealed already") as sealed:
        evidence.run("T1", root=project.root)
    assert "--again" in "".join(sealed.value.__notes__), "a traceback shows what to do next"
    with pytest.raises(evidence.UsageError, match="exclude one another"):
        evidence.run("T1", root=project.root, resume=True, again=True)
    with pytest.raises(evidence.UsageError, match="attempt excludes"):
        evidence.run("T1", root=project.root, close=True, attempt="stub")
    with pytest.raises(evidence.MilestoneError):
        evidence.run("T2", root=tmp_path / "nowhere")


def test_nothing_that_could_fail_has_a_truth_value(project: Project) -> None:
    """`if evidence.verify(…)` would be true for a broken pack."""
    answers: list[object] = [
        evidence.run("T1", root=project.root),
        evidence.verify(COMPLETE),
        evidence.read_results(COMPLETE)["train.loss_end"],
    ]
    for answer in answers:
        with pytest.raises(TypeError, match="neither true nor false"):
            bool(answer)


def test_one_pack_a_folder_of_packs_and_nothing_are_told_apart(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for name in ("A", "B"):
        shutil.copytree(COMPLETE, runs / name)
    with pytest.raises(evidence.UsageError, match="a folder of packs, 2 of them"):
        evidence.verify(runs)
    with pytest.raises(evidence.UsageError, match="there is no pack"):
        evidence.verify(runs / "C")
    assert [Path(one.pack).name for one in evidence.verify_all(runs)] == ["A", "B"]
    assert len(evidence.verify_all([runs / "B", str(runs / "A")])) == 2
    with pytest.raises(evidence.UsageError, match="no pack is named"):
        evidence.verify_all([])
    (runs / "file").write_text("")
    assert evidence.verify(runs / "file").verdict == "REFUSED"


def test_a_folder_without_packs_never_reads_as_all_is_well(tmp_path: Path) -> None:
    assert [one.passed for one in evidence.verify_all(tmp_path)] == [False]


def test_a_broken_and_a_failed_pack_do_not_pass(tmp_path: Path) -> None:
    shutil.copytree(COMPLETE, tmp_path / "M90")
    with (tmp_path / "M90" / layout.METRICS).open("ab") as stream:
        stream.write(b" ")
    broken, failed = evidence.verify(tmp_path / "M90"), evidence.verify(FAILED)
    assert (broken.verdict, broken.passed) == ("NOT INTACT", False)
    assert (failed.verdict, failed.passed) == ("UNFINISHED", False)
    with pytest.raises(evidence.PackBrokenError, match="metrics"):
        evidence.read_results(tmp_path / "M90")


def test_a_run_that_was_never_published_is_unfinished_and_has_no_results(tmp_path: Path) -> None:
    work = layout.work_dir(tmp_path, "M90")
    (work / layout.STAGED).mkdir(parents=True)
    (work / layout.REMEMBERED).write_text("{}")
    report = evidence.verify(tmp_path / "M90")
    assert (report.verdict, report.exit_code, report.passed) == ("UNFINISHED", 4, False)
    assert "--resume" in report.next_step
    with pytest.raises(evidence.PackBrokenError, match="not a finished pack"):
        evidence.read_results(tmp_path / "M90")


def test_who_must_have_signed_goes_with_a_trust_file(tmp_path: Path) -> None:
    signed, trust = GOLDEN / "v1/signed/M90", GOLDEN / "v1/allowed_signers"
    who = trust.read_text("utf-8").split()[0]
    assert evidence.verify(signed, allowed_signers=trust, signer=who).verdict == "VERIFIED"
    assert not evidence.verify(signed, strict=True).passed
    assert evidence.verify(signed, strict=True).verdict == "INTACT"
    with pytest.raises(evidence.UsageError, match="go together"):
        evidence.verify(signed, signer=who)
    with pytest.raises(evidence.UsageError, match="cannot be compared with"):
        evidence.verify(signed, repo=tmp_path)


def test_a_value_has_its_unit_and_address_and_the_number_of_the_sealed_file() -> None:
    results = evidence.read_results(COMPLETE)
    sealed = json.loads((COMPLETE / layout.RESULTS).read_bytes())["values"]
    assert list(results) == sorted(sealed)
    for name, value in results.items():
        record = sealed[name]
        assert (value.unit, value.address, value.rule) == (
            record["unit"],
            record["address"],
            record["rule"],
        )
        assert value.measured is (record["unavailable"] is None)
        if value.measured:
            assert value.value == record["value"]
    assert (results.milestone, results.status, results.stand_in) == ("M90", "complete", True)
    assert results.root_sha256 == sha256_hex((COMPLETE / layout.SUMS).read_bytes())
    assert pickle.loads(pickle.dumps(results)) == results  # noqa: S301 - our own


@pytest.mark.parametrize("pack", [COMPLETE, FAILED], ids=["complete", "failed"])
def test_what_was_not_measured_is_never_read_as_a_number(pack: Path) -> None:
    absent = [one for one in evidence.read_results(pack).values() if not one.measured]
    assert absent
    for value in absent:
        assert value.reason
        assert str(value) == f"not measured: {value.reason}"
        for read in (lambda one: one.value, lambda one: one.number):
            with pytest.raises(evidence.NotMeasuredError) as refused:
                read(value)
            assert value.reason in str(refused.value)
        for counted in (float, int, lambda one: one + 1, lambda one: one < 1, round):
            with pytest.raises(TypeError):
                counted(value)  # type: ignore[operator]


def test_text_is_no_number_and_an_unknown_name_names_its_nearest() -> None:
    results = evidence.read_results(COMPLETE)
    text = next(one for one in results.values() if one.measured and isinstance(one.value, str))
    with pytest.raises(evidence.UsageError, match="is no number"):
        _ = text.number
    with pytest.raises(KeyError) as unknown:
        _ = results["train.loss_en"]
    assert isinstance(unknown.value, evidence.UnknownValueError)
    assert "train.loss_end" in unknown.value.hint
    assert str(unknown.value).startswith("there is no value")
    assert results.get("train.loss_en") is None
