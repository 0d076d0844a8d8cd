"""What each rule of results.json means, in a sentence. Shown by `evidence explain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence.stages.registry import kinds

RULES: Final[Mapping[str, str]] = {
    "as-recorded": "the value as it stands at the address",
    "all-alike": "whether the values at the addresses are not all alike",
    "attempt-of-milestone": "the attempt of that name in the milestone",
    "clock-jumps": "times that the wall clock moved by 2 s more or less than the monotonic clock",
    "count": "how many entries there are at the address",
    "count-after-ref": "files whose digest at the end differs from that at the ref",
    "count-at-length": "outputs that ended because they reached the longest length",
    "count-before-after": "files whose digest at the end differs from that at the start",
    "count-correct": "examples that the scorer calls correct",
    "count-distinct": "entries at the addresses, each counted once",
    "count-distinct-prompts": "prompts of the evaluation, each counted once",
    "count-empty-targets": "examples whose expected answer is empty",
    "count-in-group": "examples of the group",
    "count-matching": "outputs in which the pattern of the scorer occurs",
    "count-several-markers": "outputs in which the text after which an answer stands occurs again",
    "count-ties": "examples with several choices that are the likeliest alike: none is picked",
    "count-with-marker": "outputs in which the text after which an answer stands occurs",
    "count-of-attempt-started": "attempts that the journal says were started",
    "count-of-recovered": "times that another process went on with the run",
    "count-of-stage-started": "times that the training stage was started; with [[stage]] 1, and "
    "each further start of a stage that had begun",
    "constant-fields": "fields of a prediction that are the same in all rows",
    "date-of-utc": "the day of the time at the address, in UTC",
    "degenerate-outputs": "outputs that are empty, distinct, repeating or echoing, counted",
    "difference": "the last value at the addresses minus the first",
    "energy-of-counter": "what the counters at the addresses went up by, in J / 3600",
    "energy-of-counter-low": "the same: a counter misses nothing between two samples",
    "energy-of-counter-high": "the same: a counter misses nothing between two samples",
    "energy-of-power": "trapezoid rule over neighbouring samples of power, in W·s / 3600",
    "energy-of-power-low": "the same, had power between two samples been the lower of them",
    "energy-of-power-high": "the same, had power between two samples been the higher of them",
    "flops": "6 × (parameters − those of all embedding tables) × tokens fed, padding included",
    "cuda-of-build": "CUDA's version, in the version of a build such as 2.9.0+cu128",
    "date-of-text": "the day of the date at the address, as it stands there",
    "early-stopping": "whether so many losses in a row were not better that the training ended",
    "embedding-tables": "numbers in all embedding tables of a model of this kind",
    "implied-count": "the one whole number that the rate and the time at the addresses allow",
    "mib-to-bytes": "MiB at the address × 2²⁰",
    "name-of-path": "the name of the file at the address, or of its folder where that says more",
    "version-in-text": "the version in the text at the address",
    "arms": "what two trainings differ in, by their records at the addresses, counted",
    "exact-mcnemar": "p-value of the exact McNemar test over the questions that both were asked",
    "effective-questions": "(rows)² / the sum over all questions of (rows of the question)²",
    "independent-questions": "questions that both were asked, each counted once",
    "paired-difference": "of the same questions: the second's share of points minus the first's",
    "paired-interval": "95 % interval of the paired difference, by a bootstrap over questions",
    "same-evaluation": "rows that are equal in both evaluations, counted",
    "sum-over-stages": "the sum of the values at the addresses, one a stage",
    "under-test": "prompts in which the text that the row is about does not stand, counted",
    "interval-measured": "95 % interval of the mean of what was measured, by a bootstrap over rows "
    "(of true and false Wilson's)",
    "interval-loss": "mean of the step losses since the loss was last logged",
    "left-out-over-seeds": "runs whose value at the addresses was not measured, by name",
    "loss-ratio": "loss at the end / loss at the start",
    "max-over-seeds": "the largest of the values at the addresses, one a seed",
    "maximum": "the largest value at the address",
    "mean": "the mean of the values at the address",
    "mean-answer-loss": "minus the log-likelihood of all expected answers / their tokens",
    "mean-rouge-l": "mean of ROUGE-L (F-measure, no stemmer) of answer and expected answer",
    "mean-measured": "mean of what a function of the author's says of each answer",
    "mean-word-f1": "mean of the F1 over the words of answer and expected answer, as SQuAD has it",
    "mean-over-seeds": "the mean of the values at the addresses, one a seed",
    "min-over-seeds": "the smallest of the values at the addresses, one a seed",
    "minimum": "the smallest value at the addresses",
    "padding-share": "1 − tokens without padding / tokens fed",
    "perplexity": "e to the power of the mean loss of the expected answers' tokens",
    "rate": "correct (or, for a pattern, matching) / examples",
    "run-loss": "mean of all step losses",
    "runs-over-seeds": "runs whose value at the addresses was measured",
    "sample-sd-over-seeds": "sample standard deviation (n − 1) of the values, one a seed",
    "share-trainable": "parameters of the adapter / parameters of model and adapter",
    "share-changed": "numbers that differ after training / numbers compared",
    "step-of-minimum": "the step of the smallest value at the addresses, the earliest of several",
    "steps-after-last-log": "steps that came after the last row of the loss table",
    "seconds-not-sampled": "seconds that the stages took − seconds between neighbouring samples",
    "sum": "the sum of the values at the address",
    "sum-over-segments": "the sum over all segments of the stage",
    "sum-of-redacted": "secrets that the journal says were cut out, of all kinds and stages",
    "throughput": "how many / seconds of the training loop",
    "wilson": "Wilson score interval of the rate, 95 %",
    "wilson-questions": "Wilson score interval of the rate, 95 %, with as many questions as the "
    "rows tell as much of: rows that ask the same count as one",
}


def sentence_of(rule: str) -> str:
    """What a rule means, also one that a kind of stage brings; empty for an unknown one."""
    of_kinds = (kind.rules[rule] for kind in kinds() if rule in kind.rules)
    return RULES.get(rule) or next(of_kinds, "")
