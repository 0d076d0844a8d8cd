"""The words by which people call what is measured, and the words that tell one value from another.

Responsible for the vocabulary alone: one key for each measure, split and aggregate. A word that is
missing here costs a verdict (`unsupported`), never a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _keys(**phrases: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): key for key, group in phrases.items() for phrase in group}


MEASURES: Final[Mapping[tuple[str, ...], str]] = _keys(
    loss=("loss", "cross entropy", "nll", "losses", "cross entropy loss"),
    perplexity=("perplexity", "ppl"),
    accuracy=("accuracy", "acc", "accuracies", "mean token accuracy"),
    acc_norm=("acc norm", "normalized accuracy", "normalised accuracy"),
    learning_rate=("learning rate", "lr", "learning rates", "peak lr", "base lr", "init lr"),
    runtime_s=(
        *("runtime", "run time", "duration", "wall time", "wall clock", "wallclock", "elapsed"),
        *("time taken", "total time", "wall clock time", "time"),
        *("elapsed time", "wallclock time", "execution time", "runtime s", "duration s", "took"),
        *("runtime seconds", "total runtime", "time seconds", "total evaluation time seconds"),
    ),
    step_time_s=(
        *("time per step", "step time", "seconds per step", "ms per step", "s step", "sec step"),
        *("ms step", "step avg", "time step", "per step time", "iteration time"),
    ),
    epoch_time_s=("time per epoch", "epoch time", "seconds per epoch"),
    samples_per_s=(
        *("samples per second", "samples per s", "samples s", "samples per sec", "samples sec"),
        *("samples second", "examples second"),
        *("examples per second", "sequences per second", "images per second"),
    ),
    steps_per_s=(
        *("steps per second", "steps per s", "steps s", "steps per sec", "steps sec", "it s"),
        "steps second",
        "iterations per second",
    ),
    tokens_per_s=("tokens per second", "tokens per s", "tokens s", "tokens per sec", "tok s"),
    throughput=("throughput", "speed"),
    steps=(
        *("steps", "total steps", "global step", "max steps", "optimizer steps", "num steps"),
        *("optimization steps", "number of steps", "iterations", "updates"),
        *("total optimization steps", "optimizer updates"),
    ),
    step=("step", "iteration", "iter"),
    epochs=("epochs", "num epochs", "number of epochs"),
    epoch=("epoch",),
    batch_size=(
        *("batch size", "per device batch size", "micro batch size", "batch size per device"),
        *("batchsize", "bs", "instantaneous batch size per device"),
    ),
    total_batch_size=(*("total batch size", "effective batch size", "global batch size"),),
    accumulation=(
        *(
            "gradient accumulation steps",
            "gradient accumulation",
            "grad accum",
            "grad accumulation",
        ),
        *("accumulation steps", "accumulate grad batches", "grad accum steps"),
    ),
    weight_decay=("weight decay", "wd"),
    warmup_steps=("warmup steps", "num warmup steps", "lr scheduler warmup steps"),
    warmup_ratio=("warmup ratio", "lr scheduler warmup ratio", "warmup"),
    adam_beta1=("adam beta1", "beta1", "beta 1", "adam beta 1"),
    adam_beta2=("adam beta2", "beta2", "beta 2", "adam beta 2"),
    adam_epsilon=("adam epsilon", "adam eps", "epsilon"),
    label_smoothing=("label smoothing", "label smoothing factor"),
    neftune_noise_alpha=("neftune noise alpha", "neftune alpha"),
    sequence_length=(
        *("sequence length", "max seq length", "max sequence length", "max length", "seq len"),
        *("block size", "max seq len", "seq length", "cutoff len"),
    ),
    context_length=("context length", "context window", "max position embeddings"),
    logging_steps=("logging steps", "log every", "logged every", "log interval"),
    seed=("seed", "random seed"),
    grad_norm=("grad norm", "gradient norm"),
    num_tokens=("num tokens", "tokens", "number of tokens", "total tokens", "tokens seen"),
    parameters=(
        *("parameters", "params", "num parameters", "number of parameters", "total parameters"),
        *("model params", "parameter count", "num params", "n params"),
    ),
    trainable_parameters=("trainable params", "trainable parameters"),
    flops=("flops", "total flos", "total flops"),
    memory=(
        *("vram", "gpu memory", "memory", "memory total", "memory total mib", "gpu vram"),
        *("gpu memory total", "total memory"),
    ),
    memory_used=("peak memory", "max memory", "memory used", "memory used mib", "peak vram"),
    size=("size", "file size", "size bytes", "total size", "disk size", "checkpoint size"),
    rows=(
        *("rows", "samples", "examples", "num examples", "num samples", "number of rows"),
        *("number of examples", "number of samples", "num rows", "questions", "sample size"),
        *("predictions", "dataset size", "records", "prompts", "n samples", "sample count"),
    ),
    exact_match=("exact match", "em", "exact matches"),
    f1=("f1", "f1 score", "macro f1", "f1 macro"),
    precision=("precision score",),
    recall=("recall",),
    bleu=("bleu", "bleu score", "sacrebleu"),
    rouge1=("rouge1", "rouge 1"),
    rouge2=("rouge2", "rouge 2"),
    rougel=("rougel", "rouge l"),
    wer=("wer", "word error rate"),
    auc=("auc", "roc auc", "auroc"),
    bits_per_byte=("bpb", "bits per byte"),
    mfu=("mfu",),
    reward=("reward", "rewards"),
    stderr=("stderr", "standard error"),
    std=("std", "standard deviation", "stdev"),
    num_gpus=("gpus", "num gpus", "number of gpus", "num devices", "world size", "gpu count"),
    num_shots=("shots", "num fewshot", "fewshot", "shot", "few shot", "n shot"),
    gpu=("gpu", "gpu name", "device name", "accelerator", "graphics card", "hardware"),
    driver=("driver", "driver version", "nvidia driver", "nvidia driver version", "gpu driver"),
    cuda=(
        *("cuda", "cuda version", "cuda pytorch", "cuda used to build pytorch", "torch cuda"),
        "cuda runtime",
    ),
    python=("python", "python version"),
    torch=("torch", "pytorch", "pytorch version", "torch version"),
    model=(
        *("model", "base model", "model id", "model name", "model name or path", "checkpoint"),
        *("base model name or path", "pretrained model name or path", "model path"),
        *("finetuned from", "fine tuned from", "backbone"),
    ),
    revision=("revision", "model revision"),
    dataset=("dataset", "data", "dataset name", "eval set", "corpus", "data set"),
    optimizer=("optimizer", "optim", "optimiser"),
    scheduler=("scheduler", "lr scheduler", "lr scheduler type", "schedule"),
    dtype=("dtype", "torch dtype", "precision", "mixed precision"),
    commit=("commit", "git commit", "git sha", "git hash", "commit hash", "commit sha", "git rev"),
    date=("date", "date completed", "completed", "finished", "date run", "run date", "timestamp"),
    status=("status", "outcome"),
    operating_system=("os", "operating system", "platform"),
    version=("version", "versions"),
    sha256=("sha256", "sha 256", "digest", "checksum", "sha256sum"),
)
"""Phrase → the key of what it measures."""

SHARES: Final = frozenset(
    (
        *("accuracy", "exact_match", "f1", "precision", "recall", "rouge1", "rouge2", "rougel"),
        *("wer", "auc", "mfu", "stderr", "bleu", "std", "acc_norm"),
    )
)
"""What some write as a share of one and others in per cent."""

SCORES: Final = frozenset(
    (
        *("accuracy", "exact_match", "f1", "precision", "recall", "rouge1", "rouge2", "rougel"),
        *("bleu", "auc", "wer", "acc_norm"),
    )
)
"""What the score of a task may be, where only the task is named."""

IDENTITIES: Final = frozenset(
    (
        *("gpu", "driver", "cuda", "python", "torch", "model", "revision", "dataset", "optimizer"),
        *("scheduler", "dtype", "commit", "date", "status", "operating_system", "sha256"),
    )
)
"""What is named, not counted."""

SETTINGS: Final = frozenset(
    (
        *("batch_size", "total_batch_size", "accumulation", "weight_decay", "warmup_steps"),
        *("warmup_ratio", "sequence_length", "logging_steps", "seed", "num_shots", "epochs"),
        *("adam_beta1", "adam_beta2", "adam_epsilon", "label_smoothing", "neftune_noise_alpha"),
    )
)
"""What is set before a run: one value for the whole of it."""

SPLITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("train", "training", "trn", "trained"), "train"),
    **dict.fromkeys(("evaluated", "validated"), "eval"),
    **dict.fromkeys(("eval", "evaluation", "val", "validation", "valid", "dev", "heldout"), "eval"),
    **dict.fromkeys(("test", "testing"), "test"),
}

AGGREGATES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("final", "last", "end", "ending", "ended", "finally"), "last"),
    **dict.fromkeys(("start", "initial", "first", "starting", "began", "initially"), "first"),
    **dict.fromkeys(("mean", "average", "avg", "averaged"), "mean"),
    **dict.fromkeys(("min", "minimum", "lowest", "smallest"), "min"),
    **dict.fromkeys(("max", "maximum", "highest", "peak", "largest"), "max"),
    **dict.fromkeys(("best",), "best"),
    "median": "median",
}

LINKING: Final = frozenset(
    (
        *("is", "was", "of", "are", "were", "be", "at", "about", "approximately", "around"),
        *("roughly", "only", "just", "equals", "reached", "came", "to", "stood", "the", "a", "an"),
    )
)
"""Words between a name and its number."""

NO_MEASUREMENT: Final = frozenset(
    ("max", "maximum", "limit", "budget", "cap", "timeout", "allowed", "allotted", "quota")
)
"""Beside a duration: it is a bound that was set."""

OF_A_JOB: Final = frozenset(
    (
        *("total", "wall", "wallclock", "duration", "elapsed", "job", "overall", "took", "time"),
        *("lasted", "end"),
    )
)
"""A duration of these may hold more than the training: it is shorter than it only by mistake."""

LOWER_IS_BETTER: Final = frozenset(
    ("loss", "perplexity", "wer", "bits_per_byte", "runtime_s", "memory_used")
)

NOISE: Final = frozenset(
    (
        *("the", "a", "an", "of", "on", "in", "at", "for", "with", "to", "and", "or", "by", "is"),
        *("was", "were", "are", "be", "been", "this", "that", "it", "its", "our", "we", "i", "my"),
        *("value", "total", "score", "metric", "metrics", "result", "results", "overall"),
        *("set", "split", "run", "runs", "model", "models", "after", "reached", "reaches", "has"),
        *("achieved", "achieves", "reach", "got", "gets", "came", "out", "about", "only", "just"),
        *("number", "num", "n", "count", "s", "sec", "seconds", "dropped", "fell", "decreased"),
        *("went", "down", "from", "which", "as", "had", "have", "used", "using", "all", "these"),
        *("ours", "parameter", "setting", "hyperparameter", "component", "field", "item", "name"),
        "those",
        *(
            "description",
            "property",
            "key",
            "per",
            "over",
            "followed",
            "following",
            "then",
            "there",
        ),
        *("ended", "stood", "stands", "finished", "ran", "trained", "took", "takes", "logged"),
        *("lasted", "so", "here", "below", "above", "each", "every", "not", "no", "report"),
        *("reported", "obtained", "gives", "gave", "shows", "showed", "summary", "up", "rose"),
        *("increased", "improved", "finishing", "whole", "training", "config", "configuration"),
        *("exact", "exactly", "during", "throughout", "within", "one", "single", "single run"),
        *("they", "them", "log", "lr_scheduler", "at"),
        *("measured", "entire", "complete", "yields", "yielded"),
    )
)
"""Words that tell no value from another."""

ELSEWHERE: Final = frozenset(
    (
        *("would", "could", "should", "might", "may", "expected", "expect", "planned", "plan"),
        *("target", "goal", "baseline", "previous", "previously", "prior", "paper", "sota"),
        *("published", "estimated", "estimate", "need", "needs", "requires", "required", "if"),
        *(
            "hope",
            "will",
            "next",
            "future",
            "typically",
            "usually",
            "earlier",
            "compared",
            "versus",
        ),
        *("vs", "unlike", "theoretical", "recommended", "suggest", "suggested", "ideal", "gate"),
        *("threshold", "human", "random", "chance", "hypothetical"),
        *("original", "reference", "authors", "official", "leaderboard", "other", "others"),
        *("al", "criteria", "criterion", "acceptance", "literature", "coin", "subset", "half"),
        *("requirement", "requirements", "limit", "older", "old", "before", "unrelated"),
    )
)
"""Words of a sentence that speaks of something else than what was run."""

ELSEWHERE_BELOW: Final = frozenset(
    (
        *("baseline", "baselines", "paper", "previous", "prior", "published", "sota", "al"),
        *("criteria", "criterion", "acceptance", "target", "targets", "goal", "goals", "related"),
        *("requirements", "literature", "leaderboard", "planned", "plan", "expected", "future"),
        *("next", "older", "earlier", "competitors", "others", "limits", "budget"),
        *("your", "ablation", "ablations"),
    )
)
"""Words of a heading, a lead or a table's header, below which others' numbers may stand."""

SECTIONS: Final = frozenset(
    (
        *("usage", "example", "examples", "quickstart", "faq", "installation", "install", "todo"),
        *("changelog", "citation", "tutorial", "troubleshooting"),
    )
)
"""Words of headings below which commands and examples stand."""

NAMES_OF_MEASURES: Final = frozenset(
    (*(word for phrase in MEASURES for word in phrase), *SPLITS, *AGGREGATES, *NOISE)
)
"""Every word above that says what is measured."""

WEAK: Final = frozenset(
    (
        *("step", "epoch", "model", "gpu", "dataset", "rows", "steps", "epochs", "status", "seed"),
        "version",
    )
)
"""What is rather said of a measure than measured, where both are named."""
