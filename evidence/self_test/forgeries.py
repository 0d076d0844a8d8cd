"""Forgeries with consistent hashes, and the check that must find each.

Responsible for the list, general over any complete pack. Where `checks` is empty nothing in the
evidence can contradict the lie: only a signature, or a root digest known from elsewhere, tells
such a pack from the true one. Making the rest follow is `forger`'s.
"""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.records.record import Record
from evidence.self_test import adapters, edits, lies, seen
from evidence.self_test.bench import Bench
from evidence.self_test.edits import Edit, event, milestone, prediction, put, raw, step
from evidence.self_test.forger import ForgedPack


class Forgery(Record):
    """One lie, and the checks of which one at least must fail; none where only a signature can."""

    id: str
    what: str
    edit: Edit
    checks: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    """What the forger forgets to make consistent: results, outcome, model, snapshot."""

    def apply(self, bench: Bench) -> None:
        """Forge the copy. Raises NotPossibleError where the pack has nothing to lie about."""
        pack = ForgedPack(bench)
        self.edit(pack)
        bench.put(pack.seal(self.forget).all_bytes())


_TRAINING: Final = (
    Forgery("step-left-out", "a step row is left out", edits.drop_step, ("training-steps",)),
    Forgery("steps-cut", "the last steps are left out", edits.drop_last_steps, ("training-steps",)),
    Forgery("steps-swapped", "two steps change places", edits.swap_steps, ("training-steps",)),
    Forgery("step-number", "a step is numbered anew", step("step", edits.plus(1)),
            ("training-steps",)),
    Forgery("learning-rate", "the learning rate of a step", step("learning_rate",
            lambda v: 2 * v), ("learning-rate-schedule",)),
    Forgery("epoch", "the epoch of a step", step("epoch", edits.plus(0.5)), ("training-epoch",)),
    Forgery("rows", "more rows in a step", step("num_rows", edits.plus(1)), ("training-rows",)),
    Forgery("tokens", "more tokens in a step", step("num_target_tokens", edits.plus(1)),
            ("training-tokens",)),
    Forgery("negative-loss", "a negative loss", step("loss", lambda v: -1 - v),
            ("training-loss",)),
    Forgery("loss-alone", "the loss of a step, results left as they were",
            step("loss", lambda v: v / 2), ("results", "outcome-digest"), ("results", "outcome")),
    Forgery("stream", "the stream digest of a recorded step", edits.recorded_stream,
            ("training-stream", "seen-batches")),
    Forgery("seen-stream", "the last stream digest in seen.json", put(layout.SEEN,
            "stream_sha256", change=edits.becomes("a" * 64)), ("training-stream",)),
    Forgery("seen-tokens", "more tokens in all", put(layout.SEEN, "num_tokens",
            change=edits.plus(1000)), ("training-tokens",)),
    Forgery("step-time", "a step that ends before the one before it", step("elapsed_s",
            edits.becomes(-1.0)), ("step-times", "form")),
    Forgery("flops", "fewer FLOPs", event("stage-finished", "total_flos", edits.becomes(1),
            stage="train"), ("training-flos",)),
    Forgery("words", "a loss in the author's words that no step had", edits.claimed_loss,
            ("prose",)),
    Forgery("more-epochs", "more epochs are claimed", milestone(r"^(epochs *= *)(\d+)", edits.more),
            ("training-schedule",)),
    Forgery("milestone-rate", "another learning rate is claimed", milestone(
            r"^(learning_rate *= *)([0-9.e+-]+)", edits.double), ("learning-rate-schedule",)),
    Forgery("accumulation", "a larger batch is claimed", milestone(
            r"^(gradient_accumulation *= *)(\d+)", edits.more),
            ("training-rows", "training-schedule")),
    Forgery("checkpoint-step", "a checkpoint of another step", event("checkpoint", "step",
            edits.plus(1)), ("training-stream", "training-checkpoints")),
)  # fmt: skip

_SEEN: Final = (
    Forgery("seen-ids", "a recorded row has other tokens", seen.other_ids, ("seen-batches",)),
    Forgery("seen-order", "rows of a step in another order", seen.other_order,
            ("seen-batches", "seen-fed")),
    Forgery("seen-labels", "labels that no model received", seen.other_labels, ("seen-rows",)),
    Forgery("seen-target", "a target text where no loss falls", seen.no_loss,
            ("seen-rows", "seen-batches")),
    Forgery("seen-text", "another text beside the recorded tokens", seen.other_text,
            ("seen-vocabulary",)),
    Forgery("seen-pieces", "a recorded token without its text", seen.fewer_pieces,
            ("seen-pieces",)),
    Forgery("text-length", "a longest row that nothing was cut from", put(layout.INPUTS, "text",
            "length_tokens", "max", change=edits.plus(10**6)), ("text-facts",)),
    Forgery("scorer-name", "judged by another rule", put(layout.INPUTS, "scorers", 0, "name",
            change=edits.becomes("hearsay")), ("scorers",)),
    Forgery("seen-times", "a row was seen more often", seen.more_often, ("seen-counts",)),
    Forgery("seen-batch", "a recorded batch is left out", seen.drop_batch, ("seen-batches",)),
    Forgery("seen-answer", "the answer never reached the loss", seen.answer_unseen,
            ("seen-answers",)),
    Forgery("seen-template", "another template is claimed", put(layout.SEEN, "text_template",
            change=edits.becomes("{{ a }}")), ("seen-counts",)),
    Forgery("data", "other data are claimed", edits.other_data, ("frozen-data", "data-facts",
            "data-identity")),
    Forgery("data-rows", "more data rows are claimed", put(layout.INPUTS, "data", "train",
            "num_rows", change=edits.plus(1)),
            ("training-schedule", "seen-counts")),
)  # fmt: skip

_EVALUATION: Final = (
    Forgery("prediction-left-out", "a prediction is left out", edits.drop_prediction,
            ("prediction-count",)),
    Forgery("prediction-twice", "a prediction is used twice", edits.same_prediction,
            ("prediction-order",)),
    Forgery("output", "an output is edited", prediction("output", edits.plus("!")),
            ("prediction-digests",)),
    Forgery("target", "a target is edited", prediction("target", edits.plus("!")),
            ("prediction-digests",)),
    Forgery("answer", "an answer is improved", edits.better_answer, ("prediction-answers",)),
    Forgery("score", "a score is flipped", edits.flip_score, ("prediction-scores",)),
    Forgery("choice", "another choice is likelier", edits.likelier_choice, ("prediction-scores",)),
    Forgery("group", "an example moves to a group of its own", prediction("groups",
            lambda v: {**v, "invented": "x"}), ("prediction-groups",)),
    Forgery("length", "an output longer than allowed", prediction("num_output_tokens",
            edits.plus(10**6)), ("prediction-lengths",)),
    Forgery("results-loss", "a value of results.json", edits.result("values", "train.loss_end",
            lambda v: v / 2), ("results",), ("results",)),
    Forgery("results-count", "a count of results.json", edits.result("values",
            "eval.num_examples",
            edits.plus(1)), ("results",), ("results",)),
    Forgery("gate", "a gate that is met on paper", put(layout.RESULTS, "gates", 0, "outcome",
            change=lambda v: "skipped" if v == "met" else "met"), ("results",), ("results",)),
    Forgery("outcome-digest", "the outcome digest of another run", put(layout.MANIFEST,
            "outcome_sha256", change=edits.becomes("4" * 64)), ("outcome-digest",), ("outcome",)),
)  # fmt: skip

_MODEL: Final = (
    Forgery("weights", "the weights of another run", edits.other_weights, ("checkpoint-files",),
            ("model",)),
    Forgery("weights-tail", "bytes hidden behind the weights", edits.hidden_tail,
            ("checkpoint-header",)),
    Forgery("wider-model", "a wider model in config.json", edits.wider_model,
            ("checkpoint-config",)),
    Forgery("model-code", "code that would run when the model is loaded", edits.code_in_config,
            ("checkpoint-config",)),
    Forgery("parameters", "more parameters", put(layout.INPUTS, "model", "num_parameters",
            change=edits.plus(10**6)), ("checkpoint-parameters", "training-flos")),
    Forgery("model-id", "the name of a bigger model", put(layout.INPUTS, "model", "id",
            change=edits.becomes("google/gemma-27b")), ("model-identity",)),
)  # fmt: skip

_RUN: Final = (
    Forgery("status", "a failure called complete, or the reverse", put(layout.MANIFEST, "status",
            change=lambda v: "failed" if v == "complete" else "complete"), ("journal-seal",)),
    Forgery("crash", "a crash called complete", event("attempt-finished", "outcome",
            edits.becomes("exception"), outcome="completed"), ("journal-seal",)),
    Forgery("stand-in", "a stand-in sold as the real thing, or the reverse", put(layout.MANIFEST,
            "stand_in", change=lambda v: not v), ("journal-seal",)),
    Forgery("attempt-hidden", "a failed attempt is hidden", edits.hide_attempt,
            ("journal-attempts",)),
    Forgery("attempt-reason", "a failed attempt gets another reason", edits.other_reason,
            ("journal-attempts",)),
    Forgery("journal-cut", "the journal without its end", edits.cut_journal, ("journal-order",)),
    Forgery("journal-order", "events in another order", edits.reorder_journal, ("journal-order",)),
    Forgery("journal-gap", "an event taken out of the chain", edits.unchained, ("journal-chain",)),
    Forgery("journal-segment", "a segment that was never started", event("stage-finished",
            "segment", edits.plus(1), stage="train"), ("journal-stages",)),
    Forgery("clock", "the clock goes back", edits.clock_back, ("journal-clock",)),
    Forgery("runtime", "a loop longer than its stage", event("stage-finished", "runtime_s",
            edits.plus(1e4), stage="train"), ("durations",)),
    Forgery("telemetry", "samples of another attempt", lambda pack: pack.rows(layout.TELEMETRY)[
            0].update(attempt="another"), ("telemetry",)),
    Forgery("log", "escape sequences in a log", edits.escape_in_log, ("log-text",)),
    Forgery("withheld", "evidence that is withheld", edits.withhold_evidence, ("withheld-files",)),
)  # fmt: skip

_TENSORS: Final = (
    Forgery("tensor-moved", "a tensor that moved further than it can", put(layout.WEIGHTS,
            "tensors", 0, "rms_moved", change=lambda v: 9 * v + 9), ("weights-by-tensor",)),
    Forgery("weights-start", "training that began with other weights", adapters.other_start,
            ("weights-known", "adapter-base")),
    Forgery("adapter-base", "a model that moved beside its adapter", adapters.moved_base,
            ("adapter-base",)),
    Forgery("adapter-layer", "an adapted layer that is left out", adapters.layer_less,
            ("adapter-tensors",)),
    Forgery("adapter-rank", "an adapter of another rank", adapters.other_rank,
            ("adapter-settings",)),
    Forgery("logits", "a token more likely than all are together", put(layout.LOGITS, "rows", 0,
            "log_sum_exp", change=edits.plus(-100.0)), ("logits",)),
    Forgery("prompt-tokens", "logits after a longer prompt", put(layout.LOGITS, "rows", 0,
            "num_prompt_tokens", change=edits.plus(1)), ("logits",)),
    Forgery("programs", "more programs from the cache than there were", event("compilation",
            "num_from_cache", edits.plus(10**6), stage="train"), ("compile-times",)),
    Forgery("padding", "a step with more padding", step("num_fed_tokens", edits.plus(1)),
            ("padding-widths", "training-tokens")),
)  # fmt: skip

_IDENTITY: Final = (
    Forgery("milestone-id", "another milestone's pack", put(layout.MANIFEST, "milestone",
            change=lambda v: f"{v}x"), ("milestone-identity",)),
    Forgery("milestone", "the milestone is edited", raw(layout.MILESTONE, lambda data: data
            + b"# nicer\n"), ("journal-milestone",)),
    Forgery("commit", "another commit in the manifest", put(layout.MANIFEST, "commit",
            change=edits.becomes("d" * 40)), ("git-identity",)),
    Forgery("dirt", "whether the tree was dirty", put(layout.GIT, "start", "dirty",
            change=lambda v: not v), ("git-identity",)),
    Forgery("patch", "a patch that is not there", lambda pack: pack.doc(layout.GIT).update(
            patch_sha256="5" * 64), ("patch-identity",)),
    Forgery("promise", "a broken promise called kept", edits.broken_promise, ("frozen-promises",)),
    Forgery("torch", "another torch", put(layout.ENVIRONMENT, "framework", "torch_version",
            change=edits.becomes("1.0.0")), ("framework-identity", "env-snapshot"), ("snapshot",)),
    Forgery("jax", "another JAX", put(layout.ENVIRONMENT, "framework", "jax_version",
            change=edits.becomes("1.0.0")), ("framework-identity", "env-snapshot"), ("snapshot",)),
    Forgery("interpreter", "another Python of the workers", put(layout.WORKER, "interpreter",
            change=lambda v: f"{v}x"), ("worker-python",)),
    Forgery("gpu", "a GPU that is not there", put(layout.ENVIRONMENT, "framework", "device",
            change=edits.becomes("cuda:7")), ("framework-identity", "framework-build")),
    Forgery("python", "another Python", put(layout.ENVIRONMENT, "python_version",
            change=edits.becomes("3.99.0")), ("env-snapshot",), ("snapshot",)),
    Forgery("cpu", "a better CPU", put(layout.HARDWARE, "cpu", "model",
            change=edits.becomes("A better CPU")), ("env-snapshot",), ("snapshot",)),
)  # fmt: skip

STORIES: Final = (
    Forgery("attempt-deleted", "a failed attempt that never was", lies.delete_attempt,
            ("attempts-made",)),
    Forgery("attempt-resolution", "another way out of a failed attempt", lies.other_way_out,
            ("attempt-outcomes",)),
    Forgery("attempt-missing", "something else was missing", lies.less_missing,
            ("attempt-outcomes",)),
    Forgery("setting", "a setting of the command line that nobody gave", lies.setting_of_nobody,
            ("overrides",)),
    Forgery("promise-of-nothing", "a promise about no file", lies.no_files, ("frozen-paths",)),
    Forgery("promise-elsewhere", "a promise about another file", lies.other_promise,
            ("frozen-paths",)),
    Forgery("promise-ref", "compared with another commit", lies.other_ref, ("frozen-ref",)),
    Forgery("gpu-build", "a GPU used by a build for CPUs", lies.gpu_of_a_cpu_build,
            ("framework-build", "framework-identity")),
    Forgery("no-framework", "a framework that nobody knows", lies.unknown_framework,
            ("framework-build", "training-flos")),
    Forgery("unlisted-framework", "a framework that is not installed", lies.unlisted_framework,
            ("framework-build",)),
    Forgery("interop-threads", "other threads than our backend sets", lies.other_threads,
            ("framework-build",)),
    Forgery("power", "power without a card that draws it", lies.power_from_nowhere,
            ("telemetry-machine",)),
    Forgery("larger-model", "a stand-in sold as a model of 10^11 parameters", lies.larger_model,
            ("model-size", "checkpoint-parameters")),
    Forgery("another-day", "the machine on another day than the run", lies.another_day,
            ("started-utc",)),
    Forgery("eval-in-no-time", "an evaluation that took no time", lies.no_time, ("eval-time",)),
    Forgery("training-log-line", "another loss in the training log",
            lies.other_line(layout.TRAINING_LOG, "step "), ("training-log",)),
    Forgery("eval-log-line", "more questions in the evaluation log",
            lies.other_line(layout.EVAL_LOG, "evaluating "), ("eval-log",)),
    Forgery("label-gap", "no loss inside an answer", lies.gap_in_labels,
            ("seen-labels", "seen-batches")),
    Forgery("more-taught", "more taught than read", lies.more_taught, ("seen-lists",)),
    Forgery("field-hidden", "a field of the data that is not mentioned", lies.hidden_field,
            ("seen-lists",)),
    Forgery("relation", "a relation to another pack in words of one's own", lambda pack: pack.doc(
            layout.MANIFEST)["parents"].append({"milestone": "M1", "root_sha256": "a" * 64,
            "relation": "audited and confirmed by"}), ("form",)),
    Forgery("parent", "a pack of other people's as the one that it begins from",
            lies.other_parent, ("parents",)),
    Forgery("own-page", "a page that no run leaves, sealed", lies.report_of_ones_own,
            ("sealed-names",)),
    Forgery("reports-left-out", "what our own backend always reports is not there",
            lies.reports_left_out, ("own-reports",)),
    Forgery("seam", "another text at the seam than the log has", lies.other_seam,
            ("training-log",)),
    Forgery("vocabulary", "a larger tokenizer than the file has", lies.larger_vocabulary,
            ("tokenizer-size",)),
    Forgery("page-in-a-line", "an output longer than its tokens can spell", lies.long_output,
            ("prediction-characters",)),
    Forgery("log-cut-away", "a log of one's own, a secret cut from it", lies.log_cut_away,
            ("training-log",)),
    Forgery("taught-from-the-beginning", "loss on whole recorded rows",
            lies.taught_from_the_beginning, ("seen-labels", "seen-batches")),
    Forgery("tool", "another tool", put(layout.MANIFEST, "tool", "name",
            change=edits.becomes("evidence-pack, audited")), ("form",)),
)  # fmt: skip

_FORM: Final = (
    Forgery("twice", "one key twice in a document", raw(layout.PACKAGES, lambda data: data.replace(
            b"{", b'{\n  "packages": [],', 1)), ("form",)),
    Forgery("nan", "NaN in a row", raw(layout.METRICS, lambda data: data.replace(
            b'"loss":', b'"loss":NaN,"was":', 1)), ("form",)),
    Forgery("unknown", "a field that no schema knows", lambda pack: pack.doc(
            layout.HARDWARE).update(speed="fast"), ("form",)),
    Forgery("spelling", "the same values in other bytes", raw(layout.HARDWARE,
            lambda data: data.replace(b": ", b":  ", 1)), ("form",)),
)  # fmt: skip

_ONLY_A_SIGNATURE: Final = (
    Forgery("all-losses", "all losses halved, and all that follows", edits.halved_losses),
    Forgery("whole-prediction", "a better output, and all that follows", edits.whole_prediction),
    Forgery("whole-weights", "other weights, and all digests of them", edits.other_weights),
    Forgery("probe", "a better loss after training", event("probe", "loss", lambda v: v / 2,
            moment="after")),
    Forgery("stream-between", "the stream digest of a step between recorded ones",
            edits.unrecorded_stream),
    Forgery("memory", "less memory in a sample", edits.less_memory),
    Forgery("machine", "a better CPU, in the snapshot too", edits.other_machine),
    Forgery("date", "the run happened years later", edits.another_year),
    Forgery("question", "another question than the row has, which --repo finds",
            lies.other_question),
    Forgery("title", "another title, with its digest", milestone(r"^(title *= *).*",
            r'\1"Something else"')),
)  # fmt: skip

FORGERIES: Final = (
    *_TRAINING,
    *_SEEN,
    *_EVALUATION,
    *_MODEL,
    *_RUN,
    *_TENSORS,
    *_IDENTITY,
    *STORIES,
    *_FORM,
    *_ONLY_A_SIGNATURE,
)
