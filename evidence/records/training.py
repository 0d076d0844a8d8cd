"""What a milestone asks of a training: the record of [train].

Every field is described for users in `schemas/milestone.v1.schema.json`; here stands what code
may rely on.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import field

from evidence.records.record import Number, Record

Schedule = Literal[
    "linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt"
]
Dtype = Literal["float32", "bfloat16", "float16"]
Execution = Literal["fast", "as-written"]
MixedPrecision = Literal["no", "bf16"]
Quantised = Literal["nf4", "nf4-double"]
"""In 4 bit by blocks of 64, with a factor in float32 for each; double: the factors are in 8 bit."""
IN_8_BIT: Final = "adamw_8bit"
"""The optimizer whose states are kept in 8 bit: of bitsandbytes."""


class LoraSpec(Record):
    """[train.lora]: the weights of the model stay as they are, and what is trained is a product of
    two small matrices beside each of some of its linear layers (Hu et al. 2021)."""

    rank: int
    """Rows of the first matrix and columns of the second."""
    alpha: Number = 16.0
    """The product is scaled by alpha / rank, with `use_rslora` by alpha / √rank."""
    dropout: Number = 0.0
    """Of what goes into the first matrix, in training."""
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Last parts of the names of the layers that get one; all-linear: every linear layer but the
    output head."""
    use_rslora: bool = False
    merge: bool = False
    """Whether the final model is the whole model with the products added to its weights; else it is
    the adapter alone."""


class TrainSpec(Record):
    """Hyperparameters as the milestone states them (not how the worker groups rows)."""

    data: str = "train"
    epochs: Number = 1.0
    max_steps: int | None = None
    batch_size: int = 1
    gradient_accumulation: int = 1
    learning_rate: Number = 2e-5
    schedule: Schedule = "linear"
    warmup_steps: int = 0
    weight_decay: Number = 0.0
    max_grad_norm: Number = 1.0
    optimizer: str = "adafactor"
    dtype: Dtype = "bfloat16"
    max_length: int = 128
    log_every_steps: int = 10
    checkpoint_every_steps: int = 0
    """0: only the final model is kept."""
    seed: int = 42
    execution: Execution | None = None
    """None, before an attempt is planned: `fast` on a CPU, `as-written` on an accelerator."""
    deterministic: bool = True
    warmup_ratio: Number = 0.0
    """Of all steps, rounded up; 0: `warmup_steps` says it. One of the two is 0."""
    adam_beta1: Number = 0.9
    adam_beta2: Number = 0.999
    adam_epsilon: Number = 1e-8
    label_smoothing: Number = 0.0
    """Share of each target that is spread over the vocabulary: the loss is then no plain one."""
    neftune_noise_alpha: Number = 0.0
    """0: no noise is added to embeddings."""
    gradient_checkpointing: bool = False
    mixed_precision: MixedPrecision = "no"
    """bf16: the weights are float32, and products of matrices in training bfloat16 (autocast)."""
    validate_every_steps: int = 0
    """0: no loss is measured on rows that are not trained on."""
    validation_data: str = "validation"
    early_stopping_patience: int = 0
    """Validation losses in a row that are not better, after which training ends; 0: it does not."""
    early_stopping_threshold: Number = 0.0
    """By more than which a loss is smaller than the smallest before it, to be better."""
    keep_best: bool = False
    """Whether the final model is the one with the smallest validation loss, not the last one."""
    lora: LoraSpec | None = None
    """None: all weights are trained."""
    quantise: Quantised | None = None
    """The format of the linear layers beside an adapter. None: that of all weights."""
    packing: bool = False
    """Whether the rows of a forward pass are fed in as few sequences as they fit into in order
    (`rules.packing`), each read as if it stood alone."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further arguments of transformers' TrainingArguments by their names: passed on as they are,
    and what they do to a training is not known here."""


OPTIONS: Final = (
    *("warmup_ratio", "adam_beta1", "adam_beta2", "adam_epsilon"),
    *("label_smoothing", "neftune_noise_alpha", "gradient_checkpointing", "lora"),
    *("mixed_precision", "validate_every_steps", "validation_data"),
    *("early_stopping_patience", "early_stopping_threshold", "keep_best", "extra", "packing"),
    "quantise",
)
"""Fields that came after the first form of this record: at their default they are left out of
whatever is said or digested of a training, so that a pack from before them stays what it was."""


def options_set(spec: TrainSpec) -> tuple[str, ...]:
    """Those of `OPTIONS` that are not at their default."""
    plain = TrainSpec()
    return tuple(name for name in OPTIONS if getattr(spec, name) != getattr(plain, name))


def number_format(dtype: str, mixed_precision: str) -> str:
    """The coarsest number format that a step computes in: what its rounding is as large as."""
    return "bfloat16" if mixed_precision == "bf16" else dtype


def has_other_loss(spec: TrainSpec) -> bool:
    """Whether the loss of a step is another than the cross entropy of its rows by the model."""
    return bool(spec.label_smoothing or spec.neftune_noise_alpha)


def saves_adapter(spec: TrainSpec | None) -> bool:
    """Whether the final model of a training is an adapter, which is no model without its base."""
    return spec is not None and spec.lora is not None and not spec.lora.merge


def needs_bitsandbytes(spec: TrainSpec) -> bool:
    """Whether it keeps numbers in 4 or 8 bit."""
    return spec.optimizer == IN_8_BIT or spec.quantise is not None
