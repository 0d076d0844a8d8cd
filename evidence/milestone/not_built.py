"""What people look for in a milestone file that it does not have: one sentence a name.

Responsible for keys and values that other programs know, each with what to do instead. Which rule
of the schema they break is told by `wanted`; docs/wanted.md has the same as a table.
"""

from __future__ import annotations

from typing import Final

from evidence.rules import arguments

RECORD: Final = "`evidence record ID -- python train.py` seals a trainer of your own as it is"
PREFERENCES: Final = (
    "pairs of a chosen and a rejected answer (DPO and the like) are not trained on here: teach the "
    f'chosen one alone, with answer = ["chosen"]; or {RECORD}'
)
_LABELS: Final = (
    "models that classify or rate (a label or a number for a text) are not trained here: teach the "
    f"label as the text of an answer; or {RECORD}"
)
_SHARDED: Final = (
    "weights are divided by DeepSpeed, by tensor or by pipeline nowhere here: each process of "
    f'[launch] holds all of them, or its share with strategy = "fsdp"; or {RECORD}'
)
_FSDP: Final = (
    'FSDP is strategy = "fsdp" of [launch] here, with processes = 2 or more and optimizer = '
    '"adamw_torch"'
)
_PACKING: Final = (
    "rows are packed into one sequence by packing = true here; of validation and evaluation each "
    "is a sequence of its own"
)
_STREAMING: Final = (
    "nothing is to be said for data that do not fit into memory: rows are read one by one, and "
    "past 16 MiB they and their tokens lie in files in TMPDIR, or in /var/tmp"
)
_SEQ2SEQ: Final = (
    "encoder-decoder models (T5, BART) are not trained here: take a decoder such as Llama, Gemma, "
    f"Qwen or GPT-2; or {RECORD}"
)
_EXTRA: Final = (
    "settings of TrainingArguments that no key names stand in a table here: [train.extra] with "
    "lr_scheduler_kwargs = { num_cycles = 1 }"
)
_LORA: Final = "an adapter is asked for by a table here: [train.lora] with rank = 8"
_QUANTISED: Final = (
    'a model in 4 bit beside an adapter (QLoRA) is called quantise = "nf4" here, in [train], with '
    "[train.lora]; in 8 bit there is none"
)
_MIXED: Final = 'mixed precision is called mixed_precision = "bf16" here'
_FP16: Final = (
    "float16 is not offered, since it leaves out steps whose gradients overflow: mixed precision "
    'is called mixed_precision = "bf16" here'
)
_DURING: Final = (
    "the loss while it is trained is called validate_every_steps = 50 here, and is that of "
    "[data.validation]"
)
_STOPPING: Final = (
    "a training that ends by its validation losses is called early_stopping_patience = 3 here, "
    "with validate_every_steps = 50"
)
_BEST: Final = (
    "the weights with the smallest validation loss are kept by keep_best = true here, with "
    "validate_every_steps = 50"
)
_SCORES: Final = (
    "scorers are rules that verify computes again: exact, normalised, numeric, contains, or a "
    "pattern of [[eval.scorer]]; any other score is a function of yours: "
    'metric = "metrics.py:score"'
)
_ROUGE: Final = 'it is a metric here, and no scorer: metrics = ["rouge_l"] of [eval]'
_PERPLEXITY: Final = 'it is a metric here, and no scorer: metrics = ["mean_loss"] of [eval]'
_DEVICE: Final = (
    "where it computes stands in a table here: [attempt.requires] with accelerator = "
    '"nvidia", and gpu = 1 for one of several'
)
_APPLE: Final = 'Apple\'s GPUs (MPS) are called accelerator = "apple" here, in [attempt.requires]'
_AMD: Final = 'AMD\'s GPUs (ROCm) are called accelerator = "amd" here, in [attempt.requires]'
_8BIT: Final = f'of optimizers in 8 bit there is optimizer = "adamw_8bit" here; or {RECORD}'
_GREEDY: Final = (
    "an answer is always made of the likeliest next tokens here, so that it can be had again; or "
    f"{RECORD}"
)
_FILE: Final = 'the format of a file is told by its ending, or by file_format = "csv" here'
_OF_KEYS: Final = (
    (_LORA, ("lora_alpha", "lora_dropout", "lora_r", "lora_rank", "lora_target_modules")),
    (_LORA, ("peft", "peft_config", "use_peft")),
    (_PERPLEXITY, ("perplexity", "ppl")),
    (_GREEDY, ("do_sample", "num_beams", "temperature", "top_k", "top_p")),
    (_QUANTISED, ("load_in_4bit", "load_in_8bit", "qlora", "quantization")),
    (_MIXED, ("bf16",)),
    (_FP16, ("fp16",)),
    (_DURING, ("eval_every_steps", "eval_steps", "eval_strategy", "evaluation_strategy")),
    (_STOPPING, ("early_stopping", "early_stopping_steps")),
    (_BEST, ("load_best_model_at_end", "save_best")),
    (_DEVICE, ("cuda", "device", "device_map", "devices", "gpus", "no_cuda", "use_cpu")),
    (_APPLE, ("mps", "use_mps_device")),
    (_SCORES, ("compute_metrics", "metric_for_best_model")),
    (PREFERENCES, ("beta", "chosen", "dpo", "loss_type", "ref_model", "rejected", "rpo_alpha")),
    (_LABELS, ("id2label", "label2id", "label_field", "num_labels", "problem_type")),
    (_SHARDED, ("deepspeed", "pipeline_parallel", "tensor_parallel")),
    (_FSDP, ("fsdp", "fsdp_config")),
    (_PACKING, ("eval_packing", "padding_free", "sample_packing")),
    (_STREAMING, ("dispatch_batches", "streaming")),
    (_SEQ2SEQ, ("max_source_length", "max_target_length", "predict_with_generate")),
    (_EXTRA, ("training_arguments", "training_args")),
)
_OF_VALUES: Final = (
    (_SCORES, ("accuracy", "bleu", "f1")),
    (_ROUGE, ("rouge", "rouge-l", "rougel")),
    (_PERPLEXITY, ("loss", "perplexity", "ppl")),
    (_DEVICE, ("cpu", "cuda", "cuda:0", "cuda:1", "gpu")),
    (_APPLE, ("metal", "mps")),
    (_AMD, ("hip", "rocm")),
    (_FILE, ("arrow", "csv", "json", "jsonl", "parquet", "tsv")),
    (_8BIT, ("adamw-bnb-8bit", "lion-8bit", "paged-adamw-8bit")),
    (PREFERENCES, ("chosen-rejected", "dpo", "kto", "orpo", "preference", "preferences")),
    (_LABELS, ("classification", "regression", "reward", "sequence-classification")),
    (_SEQ2SEQ, ("encoder-decoder", "seq2seq", "t5")),
)
_SHORT: Final = {
    "betas": "adam_beta1 and adam_beta2",
    "clip_grad_norm": "max_grad_norm",
    "cutoff_len": "max_length",
    "grad_accum": "gradient_accumulation",
    "gradient_clipping": "max_grad_norm",
    "lr": "learning_rate",
    "lr_scheduler": "schedule",
    "max_seq_len": "max_length",
    "max_seq_length": "max_length",
    "num_epochs": "epochs",
    "sequence_len": "max_length",
}
"""What other trainers than transformers' call keys of [train]."""
_KEYS: Final = {name: said for said, names in _OF_KEYS for name in names}
_VALUES: Final = {name: said for said, names in _OF_VALUES for name in names}


def of_key(key: str, table: str) -> str:
    """`: …`, about a key that a milestone has nowhere; empty where nothing is known of it."""
    name = key.lower().replace("-", "_")
    return _after(_KEYS.get(name) or (_of_training(name) if table == "train" else ""))


def _of_training(name: str) -> str:
    """About a name that trainers have for what [train] says, or for what it leaves to this tool."""
    if name in _SHORT:
        return f"it is called {_SHORT[name]} here"
    said = arguments.refusal(name)
    return f"it {said}" if said else ""


def of_value(value: str) -> str:
    """`; …`, about a value that a key cannot have; empty where nothing is known of it."""
    return _after(_VALUES.get(value.lower().replace("_", "-"), ""), "; ")


def _after(said: str, mark: str = ": ") -> str:
    return f"{mark}{said}" if said else ""
