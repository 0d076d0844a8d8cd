"""Packs of one project and of its variants, made once for all tests of comparing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evidence.verification.verification import VerifiedPack, open_verified
from tests.project import Project, make_project, write_rows
from tests.shared import made_once

Variant = Callable[[Project], None]


def edited(old: str, new: str) -> Variant:
    def vary(project: Project) -> None:
        project.edit(old, new)

    return vary


def reversed_rows(project: Project) -> None:
    rows = [{"prompt": f"p{i}", "answer": f"a{i}"} for i in range(14)]
    write_rows(project.root / "data/train.jsonl", rows[::-1])


def hostile_prompts(project: Project) -> None:
    rows = [
        {"id": f"q{i}", "prompt": text, "expected_answer": f"{i}", "kind": "k"}
        for i, text in enumerate(
            ['<img src=x onerror="a">', "a | b `c` ![x](http://e.x)", "\x1b[31m"]
        )
    ]
    write_rows(project.root / "data/eval.jsonl", rows)


def staged(*names: str) -> Variant:
    """A training of each name."""
    tables = "".join(f'[[stage]]\nname = "{name}"\nkind = "train"\n\n' for name in names)

    def vary(project: Project) -> None:
        project.edit("[[attempt]]", f"{tables}[[attempt]]")
        project.edit('"train.loss_ratio"', f'"{names[0]}.train.loss_ratio"')
        project.edit("train.num_steps", f"{names[0]}.train.num_steps")

    return vary


EVALUATIONS = """\
[[stage]]
name = "check"
kind = "eval"
data = ["eval", "again"]

"""


def evaluated(limit: int) -> Variant:
    """A training, and an evaluation of it on two sets."""

    def vary(project: Project) -> None:
        staged("A")(project)
        project.edit("[train]", '[data.again]\npath = "data/again.jsonl"\n\n[train]')
        questions = project.root / "data/eval.jsonl"
        (project.root / "data/again.jsonl").write_bytes(questions.read_bytes())
        project.edit("[[attempt]]", f"{EVALUATIONS}[[attempt]]")
        project.edit("limit = 5", f"limit = {limit}")

    return vary


VARIANTS: dict[str, Variant] = {
    "as-it-is": lambda project: None,
    "seed": edited("seed = 7", "seed = 8"),
    "rate": edited("learning_rate = 0.01", "learning_rate = 0.02"),
    "threads": edited('backend = "stub"', 'backend = "stub"\nthreads = 2'),
    "rows": reversed_rows,
    "default-spelled-out": edited("seed = 7", "seed = 7\nwarmup_steps = 0"),
    "smoothed": edited("seed = 7", "seed = 7\nlabel_smoothing = 0.1"),
    "smoothed-more": edited("seed = 7", "seed = 7\nlabel_smoothing = 0.2"),
    "fewer-questions": edited("limit = 5", "limit = 3"),
    "hostile": hostile_prompts,
    "one-stage": staged("A"),
    "another-stage": staged("B", "C"),
    "one-more-stage": staged("A", "D"),
    "two-sets": evaluated(5),
    "two-shorter-sets": evaluated(3),
    "shorter": edited("epochs = 2", "epochs = 1"),
}


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], VerifiedPack]]:
    """`packs("seed")`: the verified pack of that variant."""
    made: dict[str, VerifiedPack] = {}

    def pack(name: str) -> VerifiedPack:
        def make(folder: Path) -> Path:
            project = make_project(folder / "project")
            VARIANTS[name](project)
            with pytest.MonkeyPatch.context() as patch:
                # The first to ask may be a test that told the stub to fail.
                patch.delenv("EVIDENCE_STUB", raising=False)
                assert project.run().status == "complete"
            return project.pack

        if name not in made:
            made[name] = open_verified(made_once(tmp_path_factory, f"variant-{name}", make))
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        yield pack
