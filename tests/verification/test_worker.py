"""Laws on worker.json: it is there where an attempt names an interpreter, tells of that one, and
its packages are those that the framework is held against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crashed import crashed_toy
from damaged import damaged_toy
from failed import failed_toy
from judged import said
from packs.addresses import astray
from toy import toy, write
from toy_jax import jax_toy
from toy_worker import INTERPRETER, under_another, worker

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.verification.verification import verify_pack

Change = Callable[[ForgedPack], object]


def found(forged: ForgedPack, folder: Path) -> list[tuple[str, str]]:
    pack = write(folder / "M90", forged.seal().all_bytes())
    findings = verify_pack(pack).findings
    assert astray(findings, pack) == []
    return [(one.check, one.address) for one in findings if one.severity != "advice"]


def told(**changes: Any) -> Change:
    return lambda pack: pack.docs[layout.WORKER].update(changes)


def package(name: str, **changes: Any) -> Change:
    def change(pack: ForgedPack) -> None:
        packages = pack.docs[layout.WORKER]["packages"]
        (one,) = (one for one in packages if one["name"] == name)
        one.update(changes)

    return change


def twice(pack: ForgedPack) -> None:
    packages = pack.docs[layout.WORKER]["packages"]
    packages.insert(1, dict(packages[0]))


def another_interpreter(pack: ForgedPack) -> None:
    text = (pack.files[layout.MILESTONE] or b"").replace(INTERPRETER.encode(), b"python")
    pack.files[layout.MILESTONE] = text
    pack.journal_milestone()


def no_interpreter(pack: ForgedPack) -> None:
    line = f'interpreter = "{INTERPRETER}"\n'.encode()
    pack.files[layout.MILESTONE] = (pack.files[layout.MILESTONE] or b"").replace(line, b"")
    pack.journal_milestone()


def not_there(pack: ForgedPack) -> None:
    del pack.docs[layout.WORKER]


CHANGES: dict[str, tuple[Change, tuple[str, str]]] = {
    "not there": (not_there, ("worker-python", "worker.json")),
    "of an attempt that names none": (no_interpreter, ("worker-python", "worker.json")),
    "another than the attempt names": (
        another_interpreter, ("worker-python", "worker.json#/interpreter")
    ),
    "told of another": (
        told(interpreter="python"), ("worker-python", "worker.json#/interpreter")
    ),
    "too old": (told(python_version="3.10.2"), ("worker-python", "worker.json#/python_version")),
    "no version": (told(python_version="new"), ("worker-python", "worker.json#/python_version")),
    "a package twice": (twice, ("worker-python", "worker.json#/packages/1")),
    "another JAX": (
        package("jax", version="0.9.0"),
        ("framework-identity", "environment.json#/framework/jax_version"),
    ),
    "another Flax": (
        package("flax", version="0.1.0"),
        ("framework-identity", "environment.json#/framework/flax_version"),
    ),
    "a package behind none": (
        package("optax", shadowed=True), ("framework-identity", "worker.json#/packages/4")
    ),
}  # fmt: skip


def test_what_agrees_passes(tmp_path: Path) -> None:
    assert found(under_another(jax_toy()), tmp_path) == []


def test_of_a_toy_on_pytorch_too_its_own_packages_count(tmp_path: Path) -> None:
    forged = under_another(toy())
    for one in forged.docs[layout.PACKAGES]["packages"]:
        one["version"] = "1.0"  # the supervisor's, which computed nothing
    assert found(forged, tmp_path) == []


@pytest.mark.parametrize("name", CHANGES)
def test_each_other_value_is_found(name: str, tmp_path: Path) -> None:
    change, expected = CHANGES[name]
    forged = under_another(jax_toy())
    change(forged)
    assert expected in found(forged, tmp_path)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"interpreter": "big/python"}, []),
        ({"interpreter": "python"}, ["interpreter"]),
        ({"interpreter": "big/python", "python_version": "3.9.1"}, ["python_version"]),
    ],
)
def test_of_a_failed_attempt_it_tells_of_the_one_that_it_names(
    changes: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    forged = toy()
    text = (forged.files[layout.MILESTONE] or b"").decode()
    named = text.replace('name = "big"\n', 'name = "big"\ninterpreter = "big/python"\n')
    forged.files[layout.MILESTONE] = named.encode()
    forged.journal_milestone()
    path = f"attempts/01-big/{layout.WORKER}"
    forged.docs[path] = {**worker(), **changes}
    where = [("worker-python", f"{path}#/{key}") for key in expected]
    assert [one for one in found(forged, tmp_path) if one[0] == "worker-python"] == where


def test_a_failed_attempt_that_names_none_has_none(tmp_path: Path) -> None:
    forged = toy()
    path = f"attempts/01-big/{layout.WORKER}"
    forged.docs[path] = worker()
    assert ("worker-python", path) in found(forged, tmp_path)


def test_the_summary_names_it(tmp_path: Path) -> None:
    pack = write(tmp_path / "M90", under_another(jax_toy()).seal().all_bytes())
    (summary,) = pack.glob("*_summary.md")
    text = summary.read_text("utf-8")
    assert f"| Python of the workers | 3.12.1 ({INTERPRETER}, 7 packages) |" in text


def test_of_a_run_that_was_closed_when_damaged_nothing_is_asked() -> None:
    said_of = said(damaged_toy(), "worker-python")
    assert said_of.outcome == "not_checked"
    assert said_of.reason == "what its attempts left was set aside when the run was closed"


def test_a_run_in_which_nothing_completed_has_none_at_its_top() -> None:
    pack = failed_toy()
    pack.docs[layout.WORKER] = worker()
    lines = said(pack, "worker-python").lines
    assert "worker.json: no attempt completed whose workers it could tell of" in lines


def test_a_failed_attempt_that_names_one_and_began_tells_of_it() -> None:
    pack = crashed_toy()
    pack.milestone(r'name = "big"\n', 'name = "big"\ninterpreter = "big/python"\n')
    (line,) = said(pack, "worker-python").lines
    assert line.startswith(f"attempts/01-big/{layout.WORKER}: the attempt names an interpreter")


def test_an_attempt_that_requires_a_tpu_ran_on_one() -> None:
    pack = jax_toy()
    text = (pack.files[layout.MILESTONE] or b"").decode()
    named = text.replace('name = "toy"\n', 'name = "toy"\nrequires = { accelerator = "tpu" }\n')
    pack.files[layout.MILESTONE] = named.encode()
    pack.journal_milestone()
    framework = "environment.json#/framework/device"
    lines = said(pack, "framework-identity").lines
    assert f"{framework}: the attempt requires a TPU" in lines
    pack.docs[layout.ENVIRONMENT]["framework"].update(platform="tpu", device="tpu:0")
    assert f"{framework}: the attempt requires a TPU" not in said(pack, "framework-identity").lines
