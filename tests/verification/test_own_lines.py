"""Laws of the lines that our own backend prints: they say what the evidence says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import toy_validated
from judged import said
from lies import put
from toy import toy
from toy_validated import LOSSES, validated

from evidence import layout
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
TRAINING, EVALUATION = layout.TRAINING_LOG, layout.EVAL_LOG


def line(path: str, old: str, new: str) -> Edit:
    """An edit of one text of a log."""

    def edit(pack: ForgedPack) -> None:
        data = pack.file(path)
        assert data.count(old.encode()) == 1
        pack.replace(path, data.replace(old.encode(), new.encode()))

    return edit


def no_end(pack: ForgedPack) -> None:
    """A run that is said to have gone on, whose last steps are of the second segment."""
    for row in pack.docs[layout.METRICS][10:]:
        row["segment"] = 2


def one_step_more(pack: ForgedPack) -> None:
    """The same, of which only the very last step is of the second segment: it is its own mean."""
    last = pack.docs[layout.METRICS][-1]
    last["segment"] = 2
    line(TRAINING, "loss 0.7236085311317509", f"loss {last['loss']!r}")(pack)


def one_interval(pack: ForgedPack) -> None:
    """A last step that is not at the end of an interval has a line all the same."""
    pack.milestone("log_every_steps = 5", "log_every_steps = 8")
    rows = pack.docs[layout.METRICS]
    lines = pack.file(TRAINING).decode().split("\n")[:4]
    for at, end in ((0, 8), (8, 16), (16, 20)):
        mean = sum(row["loss"] for row in rows[at:end]) / (end - at)
        lines.append(
            f"step {end}/20  loss {mean!r}  learning_rate {rows[end - 1]['learning_rate']!r}  "
            f"epoch {rows[end - 1]['epoch']!r}"
        )
    pack.replace(TRAINING, "\n".join([*lines, ""]).encode())


LIES: dict[str, tuple[Edit, str, list[str]]] = {
    "another mean loss": (
        line(TRAINING, "loss 0.72", "loss 0.12"),
        "training-log",
        [f"{TRAINING}#L8: not what the evidence says"],
    ),
    "two other losses are said once": (
        lambda pack: (line(TRAINING, "step 10/20  loss 1.0", "step 10/20  loss 0.0")(pack),
                      line(TRAINING, "step 15/20  loss 0.8", "step 15/20  loss 0.0")(pack)),
        "training-log",
        [f"{TRAINING}#L6: not what the evidence says"],
    ),
    "an interval without a line": (
        line(TRAINING, "step 20/20", "stop 20/20"),
        "training-log",
        [f"{TRAINING}: not a line for each logging interval"],
    ),
    "a second line of an interval": (
        line(TRAINING, "step 20/20", "step 19/20  loss 1\nstep 20/20"),
        "training-log",
        [f"{TRAINING}: not a line for each logging interval",
         f"{TRAINING}#L8: not what the evidence says"],
    ),
    "another model": (
        line(TRAINING, "training models/toy", "training models/big"),
        "training-log",
        [f"{TRAINING}#L4: not what the evidence says"],
    ),
    "no line of the model": (
        line(TRAINING, "training models/toy on", "training models/toy with"),
        "training-log",
        [f"{TRAINING}: this line is not there"],
    ),
    "another seam": (
        line(TRAINING, "goes on '2'", "goes on '3'"),
        "training-log",
        [f"{TRAINING}#L1: not what the evidence says"],
    ),
    "another first token": (
        line(TRAINING, "loss: ' t2'", "loss: ' t3'"),
        "training-log",
        [f"{TRAINING}#L2: not what the evidence says"],
    ),
    "another probe": (
        line(TRAINING, "measures '0'", "measures '1'"),
        "training-log",
        [f"{TRAINING}#L3: not what the evidence says"],
    ),
    "a seam that is left out": (
        lambda pack: pack.docs[layout.INPUTS]["text"].pop("seam"),
        "training-log",
        ["inputs.json#/text: this backend always says where the seam is"],
    ),
    "text facts that are not known": (
        put(layout.INPUTS, "text", value={"unavailable": "not counted"}),
        "training-log",
        ["inputs.json#/text: this backend always says where the seam is"],
    ),
    "more questions": (
        line(EVALUATION, "5 of 8", "6 of 8"),
        "eval-log",
        [f"{EVALUATION}#L1: not what the evidence says"],
    ),
    "no line of the questions": (
        line(EVALUATION, "evaluating", "asking"),
        "eval-log",
        [f"{EVALUATION}: this line is not there"],
    ),
}  # fmt: skip


def measured() -> ForgedPack:
    """The same, with the losses on validation rows, and their lines."""
    pack = validated(base=rich_toy())
    told = zip(toy_validated.STEPS, LOSSES, strict=True)
    lines = [f"validation after step {step}  loss {loss!r}\n" for step, loss in told]
    pack.replace(TRAINING, pack.file(TRAINING) + "".join(lines).encode())
    return pack


def test_the_lines_of_validations_have_the_losses_of_the_journal() -> None:
    assert said(measured(), "training-log").outcome == "pass"
    other = measured()
    line(TRAINING, "step 18  loss 1.5", "step 18  loss 0.5")(other)
    assert said(other, "training-log").lines == [f"{TRAINING}#L11: not what the evidence says"]
    fewer = measured()
    line(TRAINING, "validation after step 18", "validation of step 18")(fewer)
    assert said(fewer, "training-log").lines[0] == f"{TRAINING}: not a line for each validation"


@pytest.mark.parametrize("lie", LIES)
def test_a_line_that_the_evidence_contradicts_is_found(lie: str) -> None:
    edit, check, expected = LIES[lie]
    pack = rich_toy()
    edit(pack)
    judged = said(pack, check)
    assert (judged.outcome, judged.lines) == ("fail", expected)


HONEST: dict[str, Edit] = {
    "as it was written": lambda pack: None,
    "a secret cut out of a line": line(TRAINING, "models/toy", "[redacted:token]/toy"),
    "a last interval that is shorter": one_interval,
    "a bar of progress before a line": line(TRAINING, "step 5/20", " 25%|##\rstep 5/20"),
    "a run that went on behind these lines": no_end,
    "a run that went on for one step": one_step_more,
}


@pytest.mark.parametrize("case", HONEST)
def test_honest_lines_are_none_of_it(case: str) -> None:
    pack = rich_toy()
    HONEST[case](pack)
    assert said(pack, "training-log").lines == []
    assert said(pack, "training-log").outcome == "pass"


def key_in_the_log(pack: ForgedPack) -> None:
    """A private key that was cut out, perhaps with lines of ours."""
    line(TRAINING, "step 5/20", "[redacted:private-key]\nstop 5/20")(pack)
    events = pack.docs[layout.JOURNAL]
    end = events.index(pack.event("stage-finished", stage="train"))
    data = {"stage": "train", "counts": {"private-key": 1}}
    events.insert(end, {**events[end], "event": "redacted", "data": data})


def counted_elsewhere(pack: ForgedPack) -> None:
    """The same, where the journal counted the cut in no stage."""
    line(TRAINING, "step 5/20", "[redacted:private-key]\nstop 5/20")(pack)


def test_lines_that_were_cut_with_a_key_are_not_checked() -> None:
    pack = rich_toy()
    key_in_the_log(pack)
    judged = said(pack, "training-log")
    assert judged.outcome == "not_checked"
    assert judged.reason == f"private keys were cut from {TRAINING}, perhaps with lines of ours"
    pack = rich_toy()
    counted_elsewhere(pack)
    assert said(pack, "training-log").outcome == "fail"  # a mark that anybody can write


def without_steps(pack: ForgedPack) -> None:
    pack.docs[layout.METRICS] = []


def test_what_cannot_be_compared_is_not_checked() -> None:
    another = said(toy(), "training-log")
    assert another.reason == "what another backend prints is its own"
    away = said(rich_toy(), "training-log", without=(TRAINING,))
    assert away.reason == f"{TRAINING} is not there, or too large"
    pack = rich_toy()
    without_steps(pack)
    none = said(pack, "training-log")
    assert none.reason == "there are no step rows"
    assert {another.outcome, away.outcome, none.outcome} == {"not_checked"}
