"""The name of every value that a run can give, and which names of a text are none.

Responsible for saying before a run that a name is misspelt, with the nearest that there is. The
values themselves are computed by the modules beside this one; docs/arithmetic.md lists the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.rules import scoring

NAMES: Final = (
    "run.status",
    "run.attempt",
    "run.stand_in",
    "run.date",
    "run.started_utc",
    "run.finished_utc",
    "run.duration_s",
    "run.num_attempts",
    "run.num_segments",
    "run.num_recoveries",
    "run.num_step_rows_cut",
    "run.num_predictions_cut",
    "run.num_redactions",
    "run.num_secrets_allowed",
    "run.num_clock_jumps",
    "run.threads_changed",
    "git.commit",
    "git.branch",
    "git.dirty",
    "git.changed_during_run",
    "git.num_changed_files",
    "frozen.num_files",
    "frozen.num_changed_during_run",
    "frozen.num_different_from_ref",
    "model.id",
    "model.source",
    "model.revision",
    "model.dtype",
    "model.num_parameters",
    "model.num_embedding_parameters",
    "tokenizer.sha256",
    "data.train.num_rows",
    "data.eval.num_rows",
    "data.*.num_schema_violations",
    "data.*.num_duplicate_rows",
    "data.*.num_conflicting_prompts",
    "data.*.sha256",
    "data.*.num_normalised_duplicate_rows",
    "data.*.num_conflicting_rows",
    "data.*.length_chars.*",
    "data.overlap.num_exact_rows",
    "data.overlap.num_normalised_rows",
    "data.overlap.num_ngram_rows",
    "data.overlap.num_evaluation_rows",
    "data.overlap.num_rows",
    "text.num_rows_*",
    "text.length_tokens.*",
    "seen.num_rows",
    "seen.*.num_rows_in_sequence",
    "seen.*.num_rows_in_target",
    "seen.num_rows_truncated",
    "seen.*.num_rows_cut",
    "seen.times_seen_min",
    "seen.times_seen_max",
    "seen.num_tokens_cut",
    "seen.stream_sha256",
    "train.batch_size",
    "train.gradient_accumulation",
    "train.learning_rate",
    "train.schedule",
    "train.optimizer",
    "train.dtype",
    "train.seed",
    "train.max_length",
    "train.log_every_steps",
    "train.epochs",
    "train.num_steps",
    "train.num_steps_after_last_log",
    "train.num_samples",
    "train.num_tokens",
    "train.num_fed_tokens",
    "train.num_target_tokens",
    "train.padding_share",
    "train.loss_start",
    "train.loss_end",
    "train.loss_mean",
    "train.loss_ratio",
    "train.runtime_s",
    "train.samples_per_s",
    "train.steps_per_s",
    "train.total_flos",
    "train.peak_memory_bytes",
    "train.num_weights_compared",
    "train.num_weights_changed",
    "train.weights_compared_every",
    "train.num_optimizer_steps",
    "train.weights_changed_share",
    "probe.loss_before",
    "probe.loss_after",
    "probe.num_examples",
    "eval.num_available",
    "eval.num_examples",
    "eval.by.*.num_examples",
    "eval.*.num_correct",
    "eval.*.num_matching",
    "eval.*.rate",
    "eval.*.low",
    "eval.*.high",
    "eval.*.version",
    "eval.runtime_s",
    "eval.num_distinct_outputs",
    "eval.num_empty",
    "eval.num_looping",
    "eval.num_echoing",
    "eval.num_at_length",
    "eval.num_with_marker",
    "eval.constant_fields",
    "eval.num_several_markers",
    "eval.num_empty_targets",
    "eval.num_distinct_prompts",
    "checkpoint.num_files",
    "checkpoint.size_bytes",
    "hardware.cpu.model",
    "hardware.cpu.architecture",
    "hardware.driver_version",
    "hardware.driver_cuda_version",
    "hardware.os",
    "hardware.cpu.num_*_cores",
    "hardware.memory_bytes",
    "hardware.gpu.*.memory_bytes",
    "hardware.num_gpus",
    "hardware.gpu.*.name",
    "hardware.gpu.*.compute_capability",
    "hardware.gpu.*.architecture",
    "software.python",
    "software.torch",
    "software.transformers",
    "software.cuda",
    "software.device",
    "software.packages",
    "telemetry.peak_rss_bytes",
    "telemetry.peak_gpu_memory_bytes",
    "telemetry.mean_gpu_utilisation_percent",
    "telemetry.peak_gpu_power_w",
)
"""`*` stands for what a milestone names itself: data sets, fields, scorers, groups."""

_OURS: Final = frozenset(name.partition(".")[0] for name in NAMES)


def names_of(
    milestone: Milestone, plans: Collection[AttemptPlan], data: Mapping[str, DataRecord]
) -> tuple[str, ...]:
    """Names, and patterns where only the run knows more, of what this milestone can give."""
    scorers = {one.name for spec in (milestone.eval, *(p.eval for p in plans))
               for one in scoring.records(spec)}  # fmt: skip
    fields = {name for record in data.values() for name in record.field_names}
    chosen = {
        "eval.*": [*(f"eval.{name}" for name in sorted(scorers)), "eval.by.*"],
        "seen.*": [f"seen.{name}" for name in sorted(fields)],
        "data.*": [f"data.{name}" for name in sorted(data)],
    }
    return tuple(one for name in NAMES for one in _each(name, chosen))


def _each(name: str, chosen: Mapping[str, list[str]]) -> Iterator[str]:
    first, star, rest = name.partition("*")
    if star and rest and f"{first}*" in chosen:
        yield from (f"{one}{rest}" for one in chosen[f"{first}*"])
    else:
        yield name


def nearest(name: str, known: Collection[str], *, others: bool) -> str | None:
    """The name that was meant, empty where none is near; None where this one is known.

    `others`: stages of a plug-in give values too, whose names nobody here knows.
    """
    if any(fnmatchcase(name, pattern) for pattern in known):
        return None
    if others and name.partition(".")[0] not in _OURS:
        return None
    plain = [one for one in known if "*" not in one]
    return next(iter(get_close_matches(name, plain, 1)), "")
