"""Names of transformers' TrainingArguments, as far as a milestone may give them. Pure.

Responsible for three things of a name: which key of ours says it, why none does, and which checks
of verify what it sets could reach. A name that is none of these is passed on, and taken to reach
all of them. Which names there are is known by the installed transformers alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from evidence.encoding.schema import nearest

_KEYS: Final = {
    "batch_size": ("per_device_train_batch_size", "per_gpu_train_batch_size"),
    "gradient_accumulation": ("gradient_accumulation_steps",),
    "epochs": ("num_train_epochs",),
    "max_steps": ("max_steps",),
    "learning_rate": ("learning_rate",),
    "schedule": ("lr_scheduler_type",),
    "warmup_steps": ("warmup_steps",),
    "warmup_ratio": ("warmup_ratio",),
    "weight_decay": ("weight_decay",),
    "max_grad_norm": ("max_grad_norm",),
    "optimizer": ("optim",),
    "adam_beta1": ("adam_beta1",),
    "adam_beta2": ("adam_beta2",),
    "adam_epsilon": ("adam_epsilon",),
    "label_smoothing": ("label_smoothing_factor",),
    "neftune_noise_alpha": ("neftune_noise_alpha",),
    "gradient_checkpointing": ("gradient_checkpointing", "activation_checkpointing"),
    "mixed_precision": ("bf16",),
    "seed": ("seed", "data_seed"),
    "deterministic": ("full_determinism",),
    "log_every_steps": ("logging_steps",),
    "checkpoint_every_steps": ("save_steps",),
    "validate_every_steps": ("eval_steps", "eval_strategy", "evaluation_strategy", "do_eval"),
    "keep_best": ("load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
}
_SET_BY_US: Final = (
    (
        "where and when files are written is told by the evidence",
        (
            *("output_dir", "overwrite_output_dir", "save_strategy", "save_total_limit"),
            *("save_only_model", "save_on_each_node", "save_safetensors", "enable_jit_checkpoint"),
        ),
    ),
    (
        "a run goes on by `evidence run --resume`, from a checkpoint whose rows are known",
        (
            *("resume_from_checkpoint", "ignore_data_skip"),
            "restore_callback_states_from_checkpoint",
        ),
    ),
    (
        "every step is recorded in full and told to nobody else",
        (
            *("logging_strategy", "logging_first_step", "logging_nan_inf_filter", "logging_dir"),
            *("log_level", "log_level_replica", "log_on_each_node", "disable_tqdm", "report_to"),
            *("run_name", "project", "trackio_space_id", "trackio_bucket_id"),
            *("trackio_static_space_id", "include_num_input_tokens_seen"),
            *("include_tokens_per_second", "skip_memory_metrics", "debug"),
        ),
    ),
    (
        "a run publishes nothing",
        (
            *("push_to_hub", "hub_token", "hub_private_repo", "hub_model_id", "hub_strategy"),
            *("hub_always_push", "hub_revision", "push_to_hub_model_id"),
            *("push_to_hub_organization", "push_to_hub_token"),
        ),
    ),
    (
        "which rows a step is fed follows from the rest of the milestone",
        (
            *("dataloader_drop_last", "dataloader_in_order", "train_sampling_strategy"),
            *("group_by_length", "length_column_name", "remove_unused_columns", "label_names"),
            *("auto_find_batch_size", "split_batches", "dispatch_batches", "accelerator_config"),
            "average_tokens_across_devices",
        ),
    ),
    (
        "each process holds the whole model ([launch])",
        (
            *("deepspeed", "fsdp", "fsdp_config", "fsdp_min_num_params"),
            *("fsdp_transformer_layer_cls_to_wrap", "parallelism_config", "local_rank"),
            *("ddp_backend", "tpu_num_cores"),
        ),
    ),
    (
        "float16 is not offered: it leaves out steps whose gradients overflow",
        ("fp16", "fp16_opt_level", "fp16_full_eval", "half_precision_backend"),
    ),
    (
        "the model computes as its class does: there its inputs, losses and weights are recorded",
        (
            *("torch_compile", "torch_compile_backend", "torch_compile_mode", "torchdynamo"),
            *("use_liger_kernel", "liger_kernel_config", "jit_mode_eval", "use_cache"),
        ),
    ),
    (
        "where it computes is said by [attempt.requires] accelerator",
        ("use_cpu", "no_cuda", "use_mps_device", "dataloader_pin_memory"),
    ),
    (
        "validation and evaluation are done by this tool ([train] validate_every_steps, [eval])",
        (
            *("do_train", "do_predict", "eval_delay", "eval_on_start", "eval_do_concat_batches"),
            *("eval_use_gather_object", "eval_accumulation_steps", "per_device_eval_batch_size"),
            *("per_gpu_eval_batch_size", "prediction_loss_only", "include_for_metrics"),
            *("include_inputs_for_metrics", "batch_eval_metrics", "bf16_full_eval"),
        ),
    ),
)
_KEY_OF: Final = {name: key for key, names in _KEYS.items() for name in names}
_REASONS: Final = {name: reason for reason, names in _SET_BY_US for name in names}

RATES: Final = "learning-rate-schedule"
OWN_LOSS: Final = "training-own-loss"
CHECKED: Final = frozenset(
    (
        *("training-schedule", "training-steps", "training-epoch", RATES, "training-rows"),
        *("training-tokens", "training-loss", OWN_LOSS, "training-checkpoints", "training-flos"),
        *("seen-batches", "seen-counts", "seen-fed", "validation"),
    )
)
"""Checks that compute from settings of [train]: what is not known could reach each."""
_REACHES: Final[dict[str, frozenset[str]]] = {
    "lr_scheduler_kwargs": frozenset({RATES}),
    "optim_args": frozenset({RATES}),
    "tf32": frozenset({OWN_LOSS}),
    **dict.fromkeys(
        (
            *("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"),
            *("dataloader_num_workers", "dataloader_persistent_workers"),
            *("dataloader_prefetch_factor", "torch_empty_cache_steps", "ddp_bucket_cap_mb"),
            *("dataloader_multiprocessing_context", "ddp_broadcast_buffers"),
            *("ddp_find_unused_parameters", "ddp_static_graph", "ddp_timeout"),
        ),
        frozenset(),
    ),
}
_OF_SCHEDULE: Final = "lr_scheduler_kwargs"
_SETTINGS_OF: Final = (_OF_SCHEDULE, "optim_args")
_WITHOUT_ARGUMENTS: Final = ("constant", "constant_with_warmup", "linear")
OF_SEVERAL: Final = "ddp_"
"""What begins so is of several processes."""
OF_ONE: Final = "dataloader_"
"""What begins so is of one process: several load their rows by a loader of ours."""


def not_there(name: str, known: Sequence[str]) -> str:
    """What to say of a name that is none of the arguments that there are; only such as a milestone
    may give are offered in its place."""
    free = [one for one in known if not refusal(one)]
    return f"TrainingArguments has no {name}{nearest(name, free)}"


def refusal(name: str) -> str:
    """Why a name cannot be given, in a sentence that follows it; empty where it can be."""
    if name in _KEY_OF:
        return f"is called {_KEY_OF[name]} here: write that into [train]"
    if name in _REASONS:
        return f"is set by this tool: {_REASONS[name]}"
    return ""


def at_work(extra: Mapping[str, Any], schedule: str) -> tuple[str, ...]:
    """Names of the arguments that do something. An empty text or table is none; and these schedules
    take no arguments: with any, constant ones look at none, and a linear one ends the run."""
    return tuple(
        name
        for name, value in extra.items()
        if not (name in _SETTINGS_OF and value in ("", {}))
        and not (name == _OF_SCHEDULE and schedule in _WITHOUT_ARGUMENTS)
    )


def reaching(names: Iterable[str], check: str) -> tuple[str, ...]:
    """Those of these names that could reach what a check of verify computes."""
    return tuple(name for name in names if check in _REACHES.get(name, CHECKED))
