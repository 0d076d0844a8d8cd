"""Hash-consistent lies: each one sealed anew with results, outcome digest and summary to match.

A row is a name, the edit, and the check that must catch it. Where no check can, `check` is None:
only a signature, or a root digest known from elsewhere, tells such a pack from the true one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lies import (
    better_probe,
    claim_status,
    clock_back,
    deeper_model,
    doubled_begin,
    drop_batch,
    drop_last_steps,
    drop_prediction,
    drop_prediction_and_count,
    drop_step,
    duplicate_prediction,
    event,
    gpu_out_of_air,
    half_precision,
    held_by_no_patch,
    held_by_nothing_for_no_reason,
    held_though_changed,
    hidden_truncation,
    hide_dirt,
    invent_attempt,
    invented_telemetry,
    later_day,
    milestone,
    more_often,
    more_parameters,
    other_batch_row,
    other_output,
    other_seam,
    other_text,
    overlap_outside,
    put,
    reorder_journal,
    rounder_losses,
    sampled_early,
    save_model_late,
    shadowed_by_nothing,
    swap_steps,
    third_segment,
    two_imported,
    whole_prediction,
)
from toy import OUTCOME, toy, write

from evidence import layout
from evidence.self_test import edits, seen
from evidence.self_test.edits import Edit


@dataclass(frozen=True)
class Forgery:
    """One lie. `forget` says what the forger forgets to make consistent."""

    name: str
    edit: Edit
    check: str | None
    forget: tuple[str, ...] = ()


FORGERIES: Final = (
    Forgery("a step row is left out", drop_step, "training-steps"),
    Forgery("the last steps are left out", drop_last_steps, "training-steps"),
    Forgery("two steps change places", swap_steps, "training-steps"),
    Forgery("a step is numbered anew", put(layout.METRICS, 5, "step", value=7), "training-steps"),
    Forgery("a learning rate is edited", put(layout.METRICS, 5, "learning_rate", value=9e-4),
            "learning-rate-schedule"),
    Forgery("the milestone's rate is edited", milestone("learning_rate = 0.001",
            "learning_rate = 0.002"), "learning-rate-schedule"),
    Forgery("the epoch is edited", put(layout.METRICS, 5, "epoch", value=0.9), "training-epoch"),
    Forgery("more epochs are claimed", milestone("epochs = 2", "epochs = 3"), "training-schedule"),
    Forgery("a larger batch is claimed", milestone("batch_size = 1", "batch_size = 4"),
            "training-rows"),
    Forgery("more rows a step", put(layout.METRICS, 5, "num_rows", value=8), "training-rows"),
    Forgery("more tokens a step", put(layout.METRICS, 5, "num_tokens", value=15),
            "training-tokens"),
    Forgery("more tokens in all", put(layout.SEEN, "num_tokens", value=10**6), "training-tokens"),
    Forgery("a negative loss", put(layout.METRICS, 5, "loss", value=-0.5), "training-loss"),
    Forgery("a stream digest is edited", put(layout.METRICS, 9, "stream", value="a" * 64),
            "training-stream"),
    Forgery("the last stream is edited", put(layout.SEEN, "stream_sha256", value="a" * 64),
            "training-stream"),
    Forgery("fewer FLOPs", event("stage-finished", "total_flos", 1, stage="train"),
            "training-flos"),
    Forgery("more data rows are claimed", put(layout.INPUTS, "data", "train", "num_rows",
            value=550), "data-identity"),
    Forgery("other training data are claimed", put(layout.INPUTS, "data", "train", "sha256",
            value="3" * 64), "frozen-data"),
    Forgery("a recorded row is edited", other_batch_row, "seen-batches"),
    Forgery("a recorded batch is left out", drop_batch, "seen-batches"),
    Forgery("labels that no model received", put(layout.SEEN, "batches", 0, "rows", 0, "labels",
            0, value=5), "seen-rows"),
    Forgery("a recorded text is edited", other_text, "seen-vocabulary"),
    Forgery("a recorded text is cut", seen.fewer_pieces, "seen-pieces"),
    Forgery("a row was seen more often", more_often, "seen-counts"),
    Forgery("a truncated row is hidden", hidden_truncation, "text-facts"),
    Forgery("a begin token is doubled on paper", doubled_begin, "text-facts"),
    Forgery("duplicates are counted away", put(layout.INPUTS, "data", "train",
            "normalised_duplicate_rows", value=[40]), "data-facts"),
    Forgery("another scorer is named", put(layout.INPUTS, "scorers", 0, "name",
            value="contains"), "scorers"),
    Forgery("the answer never reached the loss", seen.answer_unseen, "seen-answers"),
    Forgery("another template is claimed", put(layout.SEEN, "text_template", value="{{ a }}"),
            "seen-counts"),
    Forgery("a prediction is left out", drop_prediction, "prediction-count"),
    Forgery("a prediction is left out and counted so", drop_prediction_and_count,
            "prediction-count"),
    Forgery("a score is flipped", put(layout.PREDICTIONS, 1, "scores", "exact", value=True),
            "prediction-scores"),
    Forgery("an answer is improved", edits.better_answer, "prediction-answers"),
    Forgery("an output is edited", other_output, "prediction-digests"),
    Forgery("a prediction is used twice", duplicate_prediction, "prediction-order"),
    Forgery("an example moves to another group", put(layout.PREDICTIONS, 1, "groups", value={
            "part": "easy"}), "prediction-groups"),
    Forgery("an output longer than allowed", put(layout.PREDICTIONS, 1, "num_output_tokens",
            value=400), "prediction-lengths"),
    Forgery("a value of results.json", put(layout.RESULTS, "values", "train.loss_end", "value",
            value=0.01), "results", ("results",)),
    Forgery("a gate is met on paper", put(layout.RESULTS, "gates", 0, "outcome", value="skipped"),
            "results", ("results",)),
    Forgery("the outcome digest of another run", put(layout.MANIFEST, "outcome_sha256",
            value="4" * 64), "outcome-digest", ("outcome",)),
    Forgery("more parameters", more_parameters, "checkpoint-parameters"),
    Forgery("the weights of another run", edits.other_weights, "checkpoint-files", ("model",)),
    Forgery("a wider model", edits.wider_model, "checkpoint-config"),
    Forgery("a deeper model", deeper_model, "checkpoint-config"),
    Forgery("a tensor in another dtype", half_precision, "checkpoint-parameters"),
    Forgery("bytes hidden behind the weights", edits.hidden_tail, "checkpoint-header"),
    Forgery("a crash called complete", claim_status, "journal-seal"),
    Forgery("a failure that is hidden", edits.hide_attempt, "journal-attempts"),
    Forgery("a failure that is invented", invent_attempt, "journal-attempts"),
    Forgery("the journal without its end", edits.cut_journal, "journal-order"),
    Forgery("attempts in another order", reorder_journal, "journal-attempts"),
    Forgery("a stage that was never started", event("stage-finished", "segment", 2, stage="train"),
            "journal-stages"),
    Forgery("the clock goes back", clock_back, "journal-clock"),
    Forgery("a faster loop", event("stage-finished", "runtime_s", 0.2, stage="train"),
            "step-times"),
    Forgery("a loop longer than its stage", event("stage-finished", "runtime_s", 300.0,
            stage="train"), "durations"),
    Forgery("an attempt shorter than its stages", event("attempt-finished", "duration_s", 1.0,
            number=2), "durations"),
    Forgery("a stand-in sold as the real thing", put(layout.MANIFEST, "stand_in", value=False),
            "journal-seal"),
    Forgery("another milestone's pack", put(layout.MANIFEST, "milestone", value="M91"),
            "milestone-identity"),
    Forgery("another milestone file", lambda toy: toy.files.update({layout.MILESTONE: toy.files[
            layout.MILESTONE].replace(b'"Toy"', b'"Tie"')}), "journal-milestone"),
    Forgery("another commit", put(layout.MANIFEST, "commit", value="d" * 40), "git-identity"),
    Forgery("a dirty tree called clean", hide_dirt, "git-identity"),
    Forgery("a patch that is not there", put(layout.GIT, "patch_sha256", value="5" * 64),
            "patch-identity"),
    Forgery("a broken promise called kept", edits.broken_promise, "frozen-promises"),
    Forgery("a GPU that is not there", gpu_out_of_air, "framework-identity"),
    Forgery("another torch", put(layout.ENVIRONMENT, "framework", "torch_version",
            value="2.10.0"), "framework-identity"),
    Forgery("another Python", put(layout.ENVIRONMENT, "python_version", value="3.14.0"),
            "env-snapshot", ("snapshot",)),
    Forgery("a better CPU", put(layout.HARDWARE, "cpu", "model", value="A faster CPU"),
            "env-snapshot", ("snapshot",)),
    Forgery("another seed of the weights", put(layout.INPUTS, "model", "init_seed", value=4),
            "model-identity"),
    Forgery("the big model's name", put(layout.INPUTS, "model", "id", value="toy/big"),
            "model-identity"),
    Forgery("evidence that is withheld", put(layout.WITHHELD, "files", 0, "path",
            value=layout.PREDICTIONS), "withheld-files"),
    Forgery("escapes in a log", edits.escape_in_log, "log-text"),
    Forgery("telemetry of another attempt", put(layout.TELEMETRY, 2, "attempt", value="big2"),
            "telemetry"),
    Forgery("a sample of the evaluation before it began", sampled_early, "telemetry-stages"),
    Forgery("a checkpoint of another step", event("checkpoint", "step", 9), "training-stream"),
    Forgery("another scorer of the same kind", put(layout.INPUTS, "scorers", 1, "name",
            value="contains"), "scorers"),
    Forgery("a field that becomes an answer", put(layout.SEEN, "coverage", 0, "is_answer",
            value=True), "seen-answers"),
    Forgery("a final model saved in the evaluation", save_model_late, "journal-stages"),
    Forgery("a third segment after the first", third_segment, "journal-stages"),
    Forgery("a last step after its stage", put(layout.METRICS, 19, "elapsed_s", value=900.0),
            "step-times"),
    Forgery("overlap outside of the data", overlap_outside, "data-facts"),
    Forgery("a promise by another name", put(layout.FROZEN, "sets", 0, "name", value="other"),
            "frozen-promises"),
    Forgery("rows cut outside of the data", put(layout.SEEN, "coverage", 0, "rows_cut",
            value=[99]), "seen-answers"),
    Forgery("data that are not those declared", milestone("rows = 19", 'rows = 19\nsha256 = "'
            + "1" * 64 + '"'), "data-identity"),
    Forgery("another reason to have failed", put(OUTCOME, "reason", value="it was late"),
            "journal-attempts"),
    Forgery("a log withheld by no pattern", put(layout.WITHHELD, "files", 0, value={
            "path": layout.TRAINING_LOG, "size_bytes": 9, "reason": "long"}), "withheld-files"),
    Forgery("the seam of another evaluation", other_seam, "text-facts"),
    Forgery("a package shadowed by nothing", shadowed_by_nothing, "framework-identity"),
    Forgery("two versions of a package, both imported", two_imported, "framework-identity"),
    Forgery("data that the commit holds though they differ from it", held_though_changed,
            "git-identity"),
    Forgery("data in a patch of nothing", held_by_no_patch, "git-identity"),
    Forgery("data that nothing holds, for no reason", held_by_nothing_for_no_reason,
            "git-identity"),
    # Nothing in the evidence contradicts these: only a signature tells.
    Forgery("all losses halved", rounder_losses, None),
    Forgery("a prediction and all that follows from it", whole_prediction, None),
    Forgery("weights and all digests of them", edits.other_weights, None),
    Forgery("a better probe", better_probe, None),
    Forgery("less memory in one sample", invented_telemetry, None),
    Forgery("a loss in words that no step had",
            milestone("A pack for tests.", "A final loss of 0.000123."), "prose"),
    Forgery("a better CPU, in the snapshot too", edits.other_machine, None),
    Forgery("a month later", later_day, None),
    Forgery("another title, digest and all", milestone('title = "Toy"',
            'title = "The real thing"'), None),
)  # fmt: skip


def forged(forgery: Forgery, folder: Path) -> Path:
    """The pack of a forgery, written to a folder."""
    pack = toy()
    forgery.edit(pack)
    return write(folder, pack.seal(forgery.forget).all_bytes())
