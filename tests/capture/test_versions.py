"""Laws of two versions on the path: the one that is imported counts, the other is marked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evidence.capture.packages import capture_packages
from evidence.running import versions
from evidence.running.versions import fits, required, said_version
from tests.project import Project


def put(folder: Path, name: str, version: str) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


@pytest.fixture(params=["1.0 first", "2.0 first"])
def two(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two versions of a package; the one that comes first on the path."""
    folders = [put(tmp_path / v, "doubled", v) for v in ("1.0", "2.0")]
    if request.param == "2.0 first":
        folders.reverse()
    monkeypatch.setattr(sys, "path", [*map(str, folders), *sys.path])
    return str(request.param.split()[0])


def test_the_first_on_the_path_counts_and_the_other_is_marked(two: str) -> None:
    record = capture_packages()
    found = {one.version: one.shadowed for one in record.packages if one.name == "doubled"}
    assert found == {"1.0": two != "1.0", "2.0": two != "2.0"}
    assert [one.version for one in record.imported if one.name == "doubled"] == [two]


def test_a_run_says_it(two: str, project: Project) -> None:
    result = project.run()
    assert result.report.verdict == "INTACT"
    (answers,) = (one for one in result.report.findings if one.code == "shadowed-package")
    assert (answers.severity, answers.actual) == ("warning", two)
    summary = (project.pack / "t1_summary.md").read_text("utf-8")
    assert f"`doubled {two}` is imported" in summary


def test_doctor_names_the_imported_version_and_what_it_hides(two: str) -> None:
    other = "2.0" if two == "1.0" else "1.0"
    assert said_version("doubled") == f"{two}; {other} is on the path too, and is not imported"


def test_doctor_holds_versions_against_what_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = required("transformers")
    assert wanted is not None
    monkeypatch.setattr(sys, "path", [str(put(tmp_path, "transformers", "4.0.0")), *sys.path])
    answers = said_version("transformers")
    assert isinstance(answers, str)
    assert answers.startswith(
        f"4.0.0, but {wanted} is required: pip install 'transformers{wanted}'"
    )
    assert required("no-such-package") is None


@pytest.mark.parametrize(
    ("found", "wanted", "fit"),
    [
        ("2.13.0+cu130", ">=2.13,<2.14", True),
        ("2.12.1", ">=2.13,<2.14", False),
        ("2.14.0.dev20260101", ">=2.13,<2.14", False),
        ("odd", ">=1", False),
    ],
)
def test_local_builds_fit_and_other_lines_do_not(found: str, wanted: str, fit: bool) -> None:
    assert fits(found, wanted) is fit


def test_what_the_jax_path_needs_is_asked_of_no_other_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stated = ["safetensors<0.8,>=0.4; extra == 'jax'", 'safetensors>=0.4; extra == "torch"']
    for lines in (stated, stated[::-1]):
        monkeypatch.setattr(versions, "_stated", lambda lines=lines: lines)
        assert required("safetensors") == ">=0.4"
