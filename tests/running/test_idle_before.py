"""Settings that nothing takes notice of are refused, or told, before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.errors import MilestoneError
from evidence.running.preflight import Prepared, prepare
from tests.chat.talking import asked
from tests.command import evidence
from tests.project import write_rows
from tests.seeds import tiny

PLAIN = tiny.MILESTONE.replace("seeds = [1, 2, 3]\n", "").partition("[[gate]]")[0]
VALIDATION = '[data.validation]\npath = "rows.jsonl"\n'
CHOICES = "\n[eval.choices]\n"


def prepared(folder: Path, milestone: str) -> Prepared:
    tiny.project(folder, milestone)
    return prepare(folder, "T7", None)


def refused(folder: Path, milestone: str) -> MilestoneError:
    with pytest.raises(MilestoneError) as found:
        prepared(folder, milestone)
    return found.value


def test_every_key_without_effect_is_refused_with_its_line(tmp_path: Path) -> None:
    text = PLAIN.replace("[eval]\n", '[eval]\nbefore_target = " "\n')
    found = refused(tmp_path, f"{text}\n[attempt.requires]\nvram_gib = 4\n")
    first, second = found.message.splitlines()
    line = text.splitlines().index('before_target = " "') + 1
    assert first.startswith(f"{tmp_path}/milestones/T7.toml:{line}: eval.before_target: has no eff")
    assert "attempt.0.requires.vram_gib: has no effect" in second
    ended = evidence("doctor", "T7", "--root", str(tmp_path))
    assert ended.exit == 2
    assert "eval.before_target: has no effect" in ended.out


def test_a_validation_set_that_nothing_is_measured_on_is_told(tmp_path: Path) -> None:
    found = prepared(tmp_path, PLAIN.replace("[train]\n", f"{VALIDATION}\n[train]\n"))
    assert any("data.validation: is described in the pack" in one for one in found.warnings)
    ended = evidence("doctor", "T7", "--root", str(tmp_path))
    assert ended.exit != 2
    assert "validate_every_steps = 50, and `text` here" in " ".join(ended.out.split())


def test_a_milestone_whose_keys_are_all_read_is_told_nothing(tmp_path: Path) -> None:
    assert not [one for one in prepared(tmp_path, PLAIN).warnings if "effect" in one]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('prompt = "{{ q }}"', "eval.prompt: has no use: [data.checks] holds conversations"),
        ('target_field = "t"', "eval.target_field: has no use: [data.checks] holds conv"),
        (CHOICES, "eval.choices: are of rows with a prompt: [data.checks] holds conversations"),
    ],
)
def test_what_is_of_rows_with_a_prompt_is_refused_of_conversations(
    line: str, says: str, tmp_path: Path
) -> None:
    text = PLAIN.replace('prompt = "{{ prompt }}\\n"\ntarget_field = "expected_answer"\n', "")
    text = text.replace('path = "checks.jsonl"\n', 'path = "checks.jsonl"\nformat = "messages"\n')
    text = text.replace('scorers = ["exact", "contains"]\n', f"{line}\n")
    template = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
    text = text.replace("[model]\n", f'[model]\nchat_template = "{template}"\n')
    tiny.project(tmp_path, text)
    write_rows(tmp_path / "checks.jsonl", asked())
    with pytest.raises(MilestoneError) as found:
        prepare(tmp_path, "T7", None)
    shown = found.value.message.splitlines()
    assert len(shown) == 1
    assert says in shown[0]
