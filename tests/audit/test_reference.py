"""Laws of the audit over a real milestone, its page and its files, where they are beside the
project; and over the packs of this project, whose own summaries are true."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from evidence.audit.audit import audit_folder, audit_pack
from tests.importing.test_reference import REFERENCE
from tests.packs.case import GOLDEN

PAGE, RAW = REFERENCE / "m43_summary.md", REFERENCE / "m43_raw"
needs_reference = pytest.mark.skipif(
    not RAW.is_dir(), reason="the reference does not lie beside the project"
)
PACKS = sorted(path.parent for path in GOLDEN.glob("v1/*/*/SHA256SUMS"))


@needs_reference
def test_the_page_of_the_milestone_is_true_but_for_a_mean_called_final() -> None:
    audit = audit_folder([PAGE], [], RAW)
    accused = [one for one in audit.claims if one.verdict in ("contradicted", "mislabelled")]
    assert [(one.value, one.verdict, one.line) for one in accused] == [("1.02", "mislabelled", 31)]
    assert "mean over all steps" in accused[0].message
    assert [one.line for one in accused[0].evidence] == [260, 259]
    silent = {one.value for one in audit.claims if one.verdict == "unsupported"}
    assert {"sm_120", "Blackwell"} <= silent
    counts = Counter(one.verdict for one in audit.claims)
    assert counts["supported"] >= 70
    said = {one.code for one in audit.findings if one.severity == "warning"}
    assert said == {"constant-field", "no-weights-digest"}


@needs_reference
def test_with_its_data_and_its_recipe_the_training_on_prompts_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    shutil.copytree(RAW, folder, copy_function=shutil.copyfile)
    shutil.copyfile(RAW.parent / "datasets/dev-reasoning-v2.jsonl", folder / "data.jsonl")
    recipe = (folder / "config.yaml").read_text("utf-8") + '\n  template: "{{ prompt }}"\n'
    (folder / "config.yaml").write_text(recipe, "utf-8")
    audit = audit_folder([PAGE], [], folder)
    assert "prompt-only" in {one.code for one in audit.findings}


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.parent.name)
def test_a_packs_own_summary_is_supported_in_every_number(pack: Path, tmp_path: Path) -> None:
    (page,) = pack.glob("*_summary.md")
    assert {one.verdict for one in audit_pack([page], [], pack).claims} == {"supported"}
    copy = tmp_path / "copy.md"  # of which nobody knows that it was rendered
    shutil.copyfile(page, copy)
    verdicts = {one.verdict for one in audit_pack([copy], [], pack).claims}
    assert not verdicts & {"contradicted", "mislabelled"}
