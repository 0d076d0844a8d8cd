"""Laws of a run that goes on elsewhere: what enters training refuses it, and the rest is said.

Whatever is refused touches nothing, and goes on to the very same weights once it is put back.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence import layout
from evidence.capture import packages
from evidence.errors import ExitCode, UsageError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.capture import PackagesRecord
from evidence.running import elsewhere, entering
from evidence.running.entering import changed_files, mark, marks
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.running.test_recovery import killed, start, wait_for, weights
from tests.running.test_resumed_inputs import tree
from tests.tiers import sampled

FILES = {
    "tokenizer_config.json": b'{"model_max_length": 40}',
    "special_tokens_map.json": b'{"eos_token": "<eos>"}',
    "generation_config.json": b'{"do_sample": false}',
    "chat_template.jinja": b"{{ messages }}",
    "added_tokens.json": b"{}",
    "vocab.txt": b"a\nb\n",
    "model.safetensors": b"weights",
    "chat_templates/other.jinja": b"{{ x }}",
    "README.md": b"read me",
}
IMPORTING = json.dumps({"stage": "train", "at": 0, "do": "hang"})


def with_model_files(project: Project) -> Project:
    (project.root / "model/chat_templates").mkdir()
    for name, data in FILES.items():
        (project.root / "model" / name).write_bytes(data)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "model")
    return project


def interrupted(project: Project, moment: str) -> None:
    if moment == "while it imports":
        process = start(project, stub=IMPORTING)
        wait_for(project, "stage-started")
    else:
        process = start(project)
        wait_for(project, "checkpoint")
    killed(process, project)


def refused(project: Project, name: str) -> None:
    work = project.runs / ".work/T1"
    before = tree(work)
    with pytest.raises(UsageError) as caught:
        project.run(resume=True)
    assert caught.value.exit_code == ExitCode.USAGE
    assert name in caught.value.message, caught.value.message
    assert "Nothing was touched. Put back what was there" in caught.value.hint
    assert tree(work) == before, name


Edit = Callable[[Path], None]


def appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" \n")


def other_line_ends(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def swapped(path: Path) -> None:
    other = path.with_name("elsewhere")
    other.write_bytes(path.read_bytes() + b"\n")
    path.unlink()
    path.symlink_to(other)


EDITS: tuple[tuple[str, Edit], ...] = (
    ("data/train.jsonl", other_line_ends),
    ("data/eval.jsonl", swapped),
    ("data/train.jsonl", Path.unlink),
    ("model/config.json", appended),
    ("model/config.json", Path.unlink),
    ("model/tokenizer.json", appended),
    ("model/vocab.txt", other_line_ends),
    *((f"model/{name}", appended) for name in FILES if name not in ("README.md", "vocab.txt")),
    ("model/chat_template.jinja", swapped),
    ("model/tokenizer_config.json", Path.unlink),
)


@pytest.mark.parametrize(
    "moment", sampled(("while it imports", "after a checkpoint"), ("while it imports",))
)
def test_each_edit_of_what_enters_training_is_refused_named_and_can_be_put_back(
    moment: str, project: Project
) -> None:
    with_model_files(project)
    whole = project.run()
    before = project.read(layout.MANIFEST)["outcome_sha256"], weights(project)
    shutil.rmtree(whole.pack)
    interrupted(project, moment)
    for name, edit in EDITS:
        path = project.root / name
        data = path.read_bytes()
        edit(path)
        refused(project, name)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    added = project.root / "model/merges.txt"
    added.write_text("a b")
    refused(project, "model/merges.txt was not there when the run began")
    added.unlink()
    appended(project.root / "model/README.md")  # nothing reads it
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert (project.read(layout.MANIFEST)["outcome_sha256"], weights(project)) == before
    assert verify_pack(project.pack).verdict == "INTACT"


def installed(folder: Path, name: str, version: str) -> None:
    """A package that says its version and nothing else, first on the path."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, "utf-8")


@pytest.mark.parametrize("name", sampled(("numpy", "jinja2", "evidence-pack"), ("numpy",)))
def test_a_package_that_enters_training_is_the_one_that_the_run_began_with(
    name: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(project, "after a checkpoint")
    installed(tmp_path / "site", name, "0.0.1")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
        importlib.invalidate_caches()
        refused(project, f"the package {name} is 0.0.1 now, and was ")
    importlib.invalidate_caches()
    assert project.run(resume=True).exit_code == ExitCode.DONE


def test_the_package_of_the_backend_enters_training(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(project, "while it imports")
    look = packages.capture_packages

    def other() -> PackagesRecord:
        found = look()
        return replace(
            found,
            packages=tuple(
                replace(one, version="99") if one.name == "stub-backend" else one
                for one in found.packages
            ),
        )

    monkeypatch.setattr(elsewhere, "capture_packages", other)
    refused(project, "the package stub-backend is 99 now, and was 1.0")


def test_a_variable_that_sets_threads_or_precision_is_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(project, "after a checkpoint")
    for name, value in (
        ("NVIDIA_TF32_OVERRIDE", "0"),
        ("ATEN_CPU_CAPABILITY", "default"),
        ("ONEDNN_MAX_CPU_ISA", "SSE41"),
        ("KMP_DETERMINISTIC_REDUCTION", "1"),
        ("TORCHINDUCTOR_USE_FAST_MATH", "1"),
    ):
        monkeypatch.setenv(name, value)
        refused(project, f"the variable {name} is {value} now, and was not there")
        monkeypatch.delenv(name)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # a worker gets its own, whatever it is
    assert project.run(resume=True).exit_code == ExitCode.DONE


def test_a_variable_that_changes_no_number_is_said_and_one_with_a_name_in_it_is_the_same(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(Path.home() / "lib"))
    monkeypatch.setenv("MKL_CBWR", "x")
    interrupted(project, "after a checkpoint")
    monkeypatch.delenv("MKL_CBWR")
    refused(project, "the variable MKL_CBWR is not there now, and was x when the run began")
    monkeypatch.setenv("MKL_CBWR", "x")
    for name in ("TORCH_HOME", "HF_HOME", "CUDA_VISIBLE_DEVICES", "TORCH_LOGS"):
        monkeypatch.setenv(name, "7")
    assert project.run(resume=True).exit_code == ExitCode.DONE
    (event,) = (e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered")
    said = [one for one in event["data"]["differences"] if "the processor" not in one]
    assert said == ["the variable CUDA_VISIBLE_DEVICES is 7 now, and was not there at the start"]


def test_another_python_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(project, "after a checkpoint")
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    refused(project, "Python is 3.99.1 now, and was 3.")


def test_what_cannot_be_put_back_is_said_recorded_and_shown_and_refuses_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(project, "after a checkpoint")
    (project.root / "later.txt").write_text("a fix", "utf-8")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "a fix")
    installed(tmp_path / "site", "some-other-thing", "2.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    importlib.invalidate_caches()
    monkeypatch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "another chip"})
    assert project.run(resume=True).exit_code == ExitCode.DONE
    (event,) = (e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered")
    said = "\n".join(event["data"]["differences"])
    assert "the processor is another chip now, and was " in said
    assert "the commit that is checked out is " in said
    assert "other packages than at the start: some-other-thing (not there → 2.0)" in said
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert "other than at the start: the processor is another chip now" in summary
    report = verify_pack(project.pack)
    assert report.verdict == "INTACT"
    assert "changed-during-run" in [one.code for one in report.findings], "the commit, once more"


def test_a_large_file_is_marked_by_pieces_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entering, "MAX_WHOLE_BYTES", 1 << 20)
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(9 << 20))
    was = mark(path, "model.safetensors")
    assert mark(path, "model.safetensors") == was
    for place in (0, (9 << 20) - 1):
        with path.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"x")
        assert mark(path, "model.safetensors") != was
        with path.open("r+b") as stream:
            stream.seek(place)
            stream.write(b"\0")
    assert mark(path, "model.safetensors") == was


def test_a_mark_is_made_of_what_is_read_alone(project: Project) -> None:
    with_model_files(project)
    plans = plan_attempts(parse_milestone((project.root / "milestones/T1.toml").read_bytes()))
    found = marks(project.root, plans)
    names = {one.path for one in found}
    assert names == {
        "model/config.json",
        "model/tokenizer.json",
        *(f"model/{name}" for name in FILES if name != "README.md"),
    }
    assert list(changed_files(project.root, plans, found)) == []
    assert list(changed_files(project.root, plans, ())) == [], "nothing was marked, nothing is said"
