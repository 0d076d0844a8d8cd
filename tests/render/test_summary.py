"""The summary: same evidence, same bytes; every number from a value; foreign text inert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes
from msgspec.structs import replace
from render.sample import (
    GIT_COMMIT,
    MILESTONE,
    ROOT,
    complete_pack,
    failed_pack,
    gpu,
    losses,
    predictions,
    sealed,
    steps,
)
from render.sample_parts import seen_row
from render.test_markdown import ACTING, HOSTILE, html_of

from evidence.encoding.digest import sha256_hex
from evidence.errors import PackBrokenError
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GitFileRecord
from evidence.records.inputs import SeenBatch
from evidence.render.render import listed, render_pack
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import SEEN
from tests.documents import replaced

TEMPLATES = Path(__file__).parents[2] / "templates"
OWN_TAGS = {
    *("h1", "h2", "h3", "p", "strong", "em", "hr", "blockquote", "ul", "ol", "li", "a"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "pre", "b", "br", "img"),
}


def summary(documents: Documents, attached: dict[str, bytes] | None = None) -> str:
    return render_pack(documents, ROOT, attached or {})["m43_summary.md"].decode("utf-8")


def changed_pack(**changes: Any) -> Documents:
    return sealed(replaced(complete_pack(), **changes))


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("pack", [complete_pack, failed_pack])
def test_rendering_twice_gives_equal_bytes(pack: Any) -> None:
    attached = {"attached/notes-001.md": b"Later."}
    assert render_pack(pack(), ROOT, attached) == render_pack(pack(), ROOT, attached)


def test_sections_come_in_the_order_of_the_reference() -> None:
    titles = re.findall(r"^##? (.+)$", summary(complete_pack()), re.MULTILINE)
    assert titles == [
        "M43 Milestone Summary: Full GPU Training Run",
        "Executive Summary",
        "Training Results",
        "Hardware Configuration",
        "JAX Attempt (Not possible)",
        "What the Model Saw",
        "Evaluation Pass",
        "Artifacts Produced",
        "Impact",
        "Lessons Learned",
        "Conclusion",
        "Provenance",
        "How to Check this Pack",
        "What this Does not Prove",
    ]


@pytest.mark.parametrize(
    "row",
    [
        "| Steps | 138 (1 epoch) |",
        "| Runtime | 73.2 seconds |",
        "| Throughput | 7.51 samples/sec, 1.88 steps/sec |",
        "| 70 | 2.38 | 1.50e-3 | 0.51 |",
        "| numeric (1) | begins with the same number | 5 of 20 | 25.0 % | 11.2 % to 46.9 % |",
        "| `final_answer` | yes | 550 of 550 | ⚠️ 548 of 550 | 2 |",
    ],
)
def test_tables_have_the_formats_of_the_reference(row: str) -> None:
    assert row in summary(complete_pack())


def test_a_mean_over_the_run_is_never_called_final() -> None:
    text = summary(complete_pack())
    assert "Mean Train Loss" in text
    assert "final train loss" not in text.lower()


def test_changing_one_step_changes_the_summary() -> None:
    changed = losses()
    changed[14] += 1.0
    before, after = summary(complete_pack()), summary(changed_pack(steps=steps(changed)))
    different = [
        (a, b) for a, b in zip(before.split("\n"), after.split("\n"), strict=True) if a != b
    ]
    assert [a.split("|")[1].strip() for a, _ in different if a.startswith("| ")][:2] == [
        "Mean Train Loss",
        "20",
    ]


def test_values_are_what_the_summary_shows() -> None:
    pack = complete_pack()
    assert pack.results is not None
    values = dict(pack.results.values)
    values["train.loss_end"] = replace(values["train.loss_end"], value=123.456)
    forged = replace(pack, results=replace(pack.results, values=values))
    assert "| Loss (end) | 123.46 |" in summary(forged)


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*/*.md.j2")), ids=lambda p: p.parent.name)
def test_no_number_is_typed_into_a_template(path: Path) -> None:
    tree = Environment(trim_blocks=True).parse(path.read_text("utf-8"))  # noqa: S701
    for node in tree.find_all(nodes.TemplateData):
        words = re.sub(r"(?i)sha256(sums|sum)?", "", node.data)
        assert not re.search(r"\d", words), node.data
    for const in tree.find_all(nodes.Const):
        assert isinstance(const.value, str), const
        assert not re.search(r"\d", const.value.replace("sha256", "")), const.value


def test_a_stand_in_says_so_first_and_everywhere() -> None:
    files = render_pack(complete_pack(), ROOT, {})
    text = files["m43_summary.md"].decode()
    assert text.startswith("> ⚠️ **Stand-in run:**")
    assert "says nothing about google/gemma-2b" in text.split("\n")[0]
    assert b"stand-in run" in files["plots/loss.svg"]


def test_a_failed_run_says_why_and_shows_no_absent_data() -> None:
    text = summary(failed_pack())
    assert "**Status:** ❌ Failed" in text
    assert "the data loader ended early" in section(text, "Stand-in Attempt (Failed)")
    assert "| Step | Loss |" not in text
    assert "| Scorer |" not in text
    assert "The pipeline works" not in text
    assert "plots/loss.svg" not in text
    assert sorted(render_pack(failed_pack(), ROOT, {})) == ["m43_summary.md", "report.html"]


def test_what_was_missing_comes_with_how_to_get_it() -> None:
    text = section(summary(complete_pack()), "JAX Attempt (Not possible)")
    assert "- ❌ This machine has no NVIDIA GPU.\n  - How to get it: Run on a machine" in text
    assert "**Resolution:** The same model and data go to the PyTorch attempt." in text


def test_an_open_gate_is_in_the_status_and_in_the_conclusion() -> None:
    text = summary(complete_pack(MILESTONE.replace("value = 138", "value = 139")))
    assert "**Status:** ⚠️ Complete, but 1 required gate is not met" in text
    assert "| ❌ | all steps | `train.num_steps == 139` | 138 | not met |" in text


def test_a_dirty_tree_and_its_files_are_shown() -> None:
    pack = complete_pack()
    file = GitFileRecord("evil|`name`.py", "modified", "0" * 64)
    state = replace(pack.git.start, dirty=True, files=(file,))  # type: ignore[type-var]
    text = summary(changed_pack(git=replace(pack.git, start=state)))
    assert "⚠️ The working tree was dirty: 1 file" in text
    assert "- evil&#124;\\`name\\`.py (modified)" in section(text, "Impact")


def test_a_broken_promise_is_shown() -> None:
    pack = complete_pack()
    one = pack.frozen.sets[0]
    file = replace(one.files[0], after_sha256="0" * 64)
    sets = (replace(one, files=(file,)),)
    text = summary(changed_pack(frozen=replace(pack.frozen, sets=sets)))
    assert "**Not all that was promised holds:**" in text
    assert "❌ 1 changed: `submission.zip`" in text


def test_what_is_only_watched_may_change_and_is_said_apart() -> None:
    pack = complete_pack()
    one = pack.frozen.sets[0]
    file = replace(one.files[0], path="code.py", after_sha256="0" * 64)
    watched = replace(one, name="code", policy="record", files=(file,))
    text = summary(changed_pack(frozen=replace(pack.frozen, sets=(one, watched))))
    assert "**None** on what was promised; files that are only watched differ:" in text
    assert "| code *(only watched)* | 1 | ⚠️ 1 changed: `code.py` |" in text


def test_outputs_that_are_all_alike_are_pointed_out() -> None:
    text = summary(changed_pack(predictions=predictions("What is 1 + 1?\n" * 9)))
    assert text.count("All outputs are alike") == 2
    assert "20 of 20 outputs end in a repetition loop (lines 1, 2, 3," in text


@pytest.mark.parametrize(
    ("output", "habit"),
    [("What is 1 + 1?\n" * 9, "repeat themselves"), ("Answer: x", "take the trained form")],
)
def test_outputs_that_look_right_and_are_wrong_are_called_by_their_name(
    output: str, habit: str
) -> None:
    marked = MILESTONE.replace("[eval]\n", '[eval]\nanswer_after = "Answer:"\n')
    pack = replaced(complete_pack(marked), predictions=predictions(output))
    text = section(summary(sealed(pack)), "Evaluation Pass")
    claim = "**The outputs show pattern learning rather than answers:** most of them "
    assert f"{claim}{habit}, yet" in text
    assert "(numeric) calls only 0 of 20 right (true rate: 0.0 % to 16.1 %)" in text


def test_one_file_differs_and_two_files_differ() -> None:
    pack = complete_pack()
    for count, words in ((1, "1 file differs from"), (2, "2 files differ from")):
        files = tuple(GitFileRecord(f"{n}.py", "modified", "0" * 64) for n in range(count))
        state = replace(pack.git.start, dirty=True, files=files)  # type: ignore[type-var]
        text = summary(changed_pack(git=replace(pack.git, start=state)))
        assert f"The working tree was dirty: {words} the commit" in text


def test_an_answer_that_never_carries_loss_is_pointed_out() -> None:
    pack = complete_pack()
    assert pack.document(SEEN) is not None
    coverage = tuple(replace(c, num_rows_in_target=0) for c in pack.document(SEEN).coverage)
    text = summary(changed_pack(seen=replace(pack.document(SEEN), coverage=coverage)))
    assert "The answer field `final_answer` carries no loss in any row" in text


def test_tokens_that_carry_loss_are_bold() -> None:
    text = section(summary(complete_pack()), "What the Model Saw")
    assert "<b>Answer: nosaer&lt;eos&gt;</b>" in text
    assert "<b>Answer: 144&lt;eos&gt;</b>" in text


def test_loss_tokens_are_bold_wherever_they_stand() -> None:
    pack = complete_pack()
    row = seen_row("one two one", "")
    labels = tuple(-100 if 3 <= i < 8 else 1 for i in range(11))
    batch = SeenBatch(1, (replace(row, labels=labels),))
    assert pack.document(SEEN) is not None
    text = summary(changed_pack(seen=replace(pack.document(SEEN), batches=(batch,))))
    assert "o<b>ne</b> two <b>one</b>" in text  # the first token is never predicted


def test_what_is_attached_is_marked_as_added_after_sealing() -> None:
    text = summary(complete_pack(), {"attached/notes-001.md": b"We learned **more**."})
    assert "**Added after sealing** (`attached/notes-001.md`; not part of the evidence):" in text
    assert "We learned **more**." in text


def hostile_pack(text: str) -> Documents:
    """A pack with one foreign text in every place that a stranger can write to."""
    pack = complete_pack()
    assert pack.document(SEEN) is not None
    row = replace(seen_row("<bos>" + text + text, text), source_row=1)
    prediction = replace(
        pack.rows(PREDICTIONS)[0],
        id=text,
        prompt=text,
        target=text,
        output=text,
        answer=text,
        groups={"section": text, "difficulty": text},
    )
    state = replace(
        pack.git.start,  # type: ignore[type-var]
        subject=text,
        branch=text,
        dirty=True,
        files=(GitFileRecord(text, "modified", Unavailable(text)),),
    )
    outcome = replace(
        pack.outcomes[0], reason=text, missing=(text,), remedies=(text,), last_lines=(text,) * 2
    )
    coverage = tuple(replace(one, field=text) for one in pack.document(SEEN).coverage[:1])
    frozen_file = replace(pack.frozen.sets[0].files[0], path=text, after_sha256=None)
    frozen = replace(pack.frozen.sets[0], name=text or "x", files=(frozen_file,))
    return changed_pack(
        seen=replace(pack.document(SEEN), coverage=coverage, batches=(SeenBatch(1, (row, row)),)),
        predictions=(prediction, *pack.rows(PREDICTIONS)[1:]),
        git=replace(pack.git, start=state),
        hardware=replace(
            pack.hardware,
            os=text,
            driver_version=Unavailable(text),
            gpus=(replace(gpu(), name=text, architecture=Unavailable(text)),),
        ),
        outcomes=(outcome,),
        inputs=replace(
            pack.inputs,
            model=replace(pack.inputs.model, id=text, dtype=text),  # type: ignore[type-var]
        ),
        frozen=replace(pack.frozen, sets=(frozen,)),
        notes=text,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_wherever_it_stands(text: str) -> None:
    markdown = summary(hostile_pack(text), {"attached/notes-001.md": text.encode()})
    assert not ACTING & set(markdown)
    tags, attributes, page = html_of(markdown)
    assert tags <= OWN_TAGS | {"h4", "del", "s"}
    assert page.count("<img") == 1
    assert attributes.get("src") == "plots/loss.svg"
    assert "onerror" not in attributes
    assert not attributes.get("href", "").lower().startswith(("javascript", "data"))
    assert "49" not in page.split("<h2>Artifacts Produced</h2>")[0] or "{{7*7}}" not in text
    for title in ("Evaluation Pass", "Artifacts Produced", "Conclusion", "Provenance"):
        assert f"<h2>{title}</h2>" in page


def test_a_log_that_tries_to_close_its_block_stays_in_it() -> None:
    lines = ("</pre>", "<script>alert(1)</script>", "## Verified")
    outcome = replace(complete_pack().outcomes[0], last_lines=lines)
    tags, _, page = html_of(summary(changed_pack(outcomes=(outcome,))))
    assert "script" not in tags
    assert "<h2>Verified</h2>" not in page


def test_the_record_names_every_file_of_the_rendered_set() -> None:
    pack = complete_pack()
    files = render_pack(pack, ROOT, {}) | {"attached/notes-001.md": b"x"}
    entries = listed(files)
    assert [entry.path for entry in entries] == sorted(files)
    assert all(sha256_hex(files[e.path]) == e.sha256 for e in entries)


def test_a_template_version_that_is_not_here_is_named() -> None:
    pack = complete_pack()
    assert pack.manifest is not None
    newer = replace(pack.manifest, template="v999")
    with pytest.raises(PackBrokenError, match="v999"):
        render_pack(replace(pack, manifest=newer), ROOT, {})


def test_without_results_there_is_nothing_to_render() -> None:
    with pytest.raises(PackBrokenError, match=r"results\.json"):
        render_pack(replace(complete_pack(), results=None), ROOT, {})


def test_provenance_names_commit_and_root() -> None:
    text = section(summary(complete_pack()), "Provenance")
    assert f"`{GIT_COMMIT}`" in text
    assert f"`{ROOT}`" in text
