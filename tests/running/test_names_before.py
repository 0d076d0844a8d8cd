"""A name that nothing has is refused before anything is started, with the nearest one."""

from __future__ import annotations

import pytest

from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.errors import ExitCode, UsageError
from evidence.milestone.parse import parse_milestone
from evidence.results.planned_names import value_names
from evidence.running.doctor import diagnose
from tests.project import STUB, Project

MOST_GATES = 199
"""Of one milestone, which has one already."""
TYPOS = {
    "a field of the text": (
        "Answer: {{ answer }}", "Answer: {{ anser }}", "data.train.text", "answer",
    ),
    "a field of the prompt": (
        "limit = 5", 'limit = 5\nprompt = "{{ promt }}"', "eval.prompt", "prompt",
    ),
    "the target": (
        "limit = 5", 'limit = 5\ntarget_field = "expected_anser"', "eval.target_field",
        "expected_answer",
    ),
    "the id": ("limit = 5", 'limit = 5\nid_field = "idd"', "eval.id_field", "id"),
    "a group": ('group_by = ["kind"]', 'group_by = ["kinds"]', "eval.group_by", "kind"),
    "a gate": ("train.loss_ratio", "train.loss_ration", "gate.0.metric", "train.loss_ratio"),
    "a group of a gate": (
        "train.loss_ratio", "eval.by.kind.k3.exact.rate", "gate.0.metric",
        "eval.by.kind.k1.exact.rate",
    ),
    "the other side of a gate": (
        "value = 1", 'other = "train.los_end"', "gate.0.other", "train.loss_end",
    ),
    "what is under test": (
        'path = "data/eval.jsonl"', 'path = "data/eval.jsonl"\nunder_test = "promt"',
        "data.eval.under_test", "'prompt'",
    ),
    "a ref": ('ref = "HEAD"', 'ref = "mains"', "frozen.0.ref", "main"),
    "a scorer": ("limit = 5", 'limit = 5\nscorers = ["exct"]', "eval.scorers", "exact"),
    "the target of an attempt": (
        'backend = "stub"',
        'backend = "stub"\n[attempt.eval]\ntarget_field = "promp"\n'
        '[[attempt]]\nname = "b"\nbackend = "stub"',
        "attempt.0.eval.target_field", "prompt",
    ),
}  # fmt: skip


def refused(project: Project) -> UsageError:
    """What run and doctor say alike; neither leaves anything."""
    with pytest.raises(UsageError) as caught:
        project.run()
    assert caught.value.exit_code == ExitCode.USAGE
    assert not project.runs.exists()
    found = capture_gpus()
    hardware = capture_hardware(
        project.root, capture_cpu(), found.gpus, found.driver_version, found.driver_cuda_version
    )
    problem = diagnose(project.root, project.runs, "T1", hardware).problem
    assert problem is not None
    assert problem.message == caught.value.message
    return caught.value


@pytest.mark.parametrize("name", TYPOS)
def test_a_typo_is_refused_where_it_stands_with_the_name_that_is_meant(
    project: Project, name: str
) -> None:
    old, new, place, meant = TYPOS[name]
    project.edit(old, new)
    error = refused(project)
    assert place in error.message
    assert meant in f"{error.hint} {error.message}"


def test_a_warm_up_that_the_run_ends_in_is_refused(project: Project) -> None:
    project.edit("max_length = 40", "max_length = 40\nwarmup_steps = 11")
    assert "warms up for 11 of 10 optimizer steps" in refused(project).message


def test_a_ref_before_the_first_commit_is_refused_with_what_to_do(project: Project) -> None:
    project.git("update-ref", "-d", "HEAD")
    assert "no commit yet" in refused(project).hint


def test_every_value_that_a_run_has_may_be_gated(project: Project) -> None:
    project.run()
    names = project.read("results.json")["values"]
    for first in range(0, len(names), MOST_GATES):
        gates = "".join(
            f'\n[[gate]]\nname = "g{i}"\nmetric = "{name}"\nop = "!="\nvalue = 0\n'
            "required = false\n"
            for i, name in enumerate(list(names)[first : first + MOST_GATES])
        )
        project.milestone(STUB.replace("\n[narrative]", f"{gates}\n[narrative]"))
        result = project.run(again=True)
        assert not [one for one in result.gates if "there is no value" in one.reason]


def test_names_are_known_without_any_evidence() -> None:
    names = value_names(parse_milestone(STUB.encode()))
    assert {"train.loss_end", "eval.exact.rate", "hardware.gpu.0.name"} <= set(names)
