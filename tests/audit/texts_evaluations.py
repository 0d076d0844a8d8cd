"""Texts over evaluations: lm-eval, results of Trainer, predictions, tables of epochs, seeds."""

from __future__ import annotations

import json

from audit import made
from audit.corpus import Edit, Text

_LM = {"wren/results_2025-05-06.json": made.dumped(made.LM_EVAL)}
_SEEDS = dict(made.seeds())
_ALL = {"all_results.json": made.dumped(made.ALL_RESULTS)}
_KERAS = {"history.csv": made.KERAS.encode()}
_JSONL = {"metrics.jsonl": made.metrics_jsonl()}
_EPOCHS = {"history.csv": b"epoch,train_loss,val_loss,test_acc\n1,0.9131,0.8012,0.6871\n"
           b"2,0.6442,0.6517,0.7436\n3,0.5179,0.6228,0.7619\n"}  # fmt: skip

TEXTS = (
    Text("table that lm-eval prints", _LM, """\
| Tasks   |Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
|---------|------:|----------------|-----:|-----------|---|-----:|---|-----:|
|arc_easy |      1|none            |     0|acc        |↑  |0.6848|±  |0.0095|
|         |       |none            |     0|acc_norm   |↑  |0.6322|±  |0.0099|
|gsm8k    |      3|flexible-extract|     5|exact_match|↑  |0.3918|±  |0.0134|
|         |       |strict-match    |     5|exact_match|↑  |0.3465|±  |0.0131|
|hellaswag|      1|none            |    10|acc        |↑  |0.4532|±  |0.0050|
|         |       |none            |    10|acc_norm   |↑  |0.6019|±  |0.0049|
""", (
        Edit("|0.6848|", "|0.6884|", "results_", "/arc_easy/acc"),
        Edit("|0.3918|", "|0.3981|", "results_", "/gsm8k/exact_match,flexible"),
        Edit("|0.6019|", "|0.6091|", "results_", "/hellaswag/acc_norm"),
        Edit("|strict-match    |     5|", "|strict-match    |     8|", "results_", "/n-shot/gsm8k"),
    )),
    Text("scores of several models in one table", _LM, """\
## Benchmarks

| Model | ARC-Easy | GSM8K | HellaSwag |
|---|---|---|---|
| acme/wren-1b (ours) | 68.5 | 39.2 | 60.2 |
| Llama-3.2-1B (published) | 61.4 | 44.4 | 61.2 |
""", (
        Edit("| 68.5 |", "| 65.8 |", "results_", "/arc_easy"),
        Edit("| 39.2 |", "| 49.2 |", "results_", "/gsm8k"),
    )),
    Text("prose and bullets over lm-eval", _LM, """\
Our model reaches an accuracy of 68.5% on arc_easy and 45.3% on hellaswag.

- gsm8k (5-shot, strict match): 34.6%
- gsm8k exact match, flexible-extract: 0.392
- hellaswag acc_norm: 60.19
- Evaluation took 941.3 s in total.
""", (
        Edit("68.5% on", "86.5% on", "results_", "/arc_easy"),
        Edit("45.3% on", "68.5% on", "results_", ""),
        Edit("strict match): 34.6%", "strict match): 36.4%", "results_", "/gsm8k"),
        Edit("extract: 0.392", "extract: 0.932", "results_", "/gsm8k"),
        Edit("acc_norm: 60.19", "acc_norm: 45.32", "results_", "/hellaswag"),
    )),
    Text("answers counted", {"eval/predictions.jsonl": made.predictions()}, """\
The model answered 13 of 20 questions correctly, an accuracy of 65%.

| Metric | Value |
|---|---|
| Questions | 20 |
| Accuracy | 13/20 (65.0%) |
""", (
        Edit("13 of 20 questions", "15 of 20 questions", "predictions.jsonl"),
        Edit("accuracy of 65%", "accuracy of 75%", "predictions.jsonl"),
        Edit("| Questions | 20 |", "| Questions | 200 |", "predictions.jsonl"),
        Edit("13/20 (65.0%)", "14/20 (70.0%)", "predictions.jsonl"),
    )),
    Text("results of Trainer in a pull request", _ALL, """\
## What this changes

Fine-tunes the reader for 2 epochs.

* **Exact match**: 71.39
* **F1**: 81.2
* **Eval loss**: 1.133
* Evaluated on 1,066 samples, trained on 8,533 samples
* Training took 8.5 minutes (33.3 samples/s), mean training loss 1.547
""", (
        Edit("match**: 71.39", "match**: 73.19", "all_results.json", "/eval_exact_match"),
        Edit("F1**: 81.2", "F1**: 71.4", "all_results.json", ""),
        Edit("loss**: 1.133", "loss**: 1.547", "all_results.json", ""),
        Edit("on 1,066", "on 1,660", "all_results.json", "/eval_samples"),
        Edit("on 8,533", "on 85,330", "all_results.json", "/train_samples"),
        Edit("8.5 minutes", "5.8 minutes", "all_results.json", "/train_runtime"),
        Edit("loss 1.547", "loss 1.457", "all_results.json", "/train_loss"),
    )),
    Text("epochs counted from 1 where the file counts from 0", _KERAS, """\
| Epoch | Loss | Accuracy | Val loss | Val accuracy |
|---|---|---|---|---|
| 1 | 0.893 | 0.612 | 0.773 | 0.683 |
| 2 | 0.602 | 0.744 | 0.625 | 0.741 |
| 3 | 0.477 | 0.802 | 0.589 | 0.766 |
| 4 | 0.402 | 0.837 | 0.598 | 0.772 |

The best validation loss is 0.589.
""", (
        Edit("| 0.741 |", "| 0.714 |", "history.csv", "1,0.7438"),
        Edit("loss is 0.589", "loss is 0.598", "history.csv", "2,0.8019"),
        Edit("| 0.598 | 0.772 |", "| 0.958 | 0.772 |", "history.csv", "3,0.8366"),
    )),
    Text("epochs of a CSV in bullets", _EPOCHS, """\
Training for three epochs.

- Epoch 1: train loss 0.913, val loss 0.801
- Epoch 2: train loss 0.644, val loss 0.652
- Epoch 3: train loss 0.518, val loss 0.623

Final test accuracy: 76.2%
""", (
        Edit("val loss 0.652", "val loss 0.625", "history.csv", "2,0.6442"),
        Edit("loss 0.518", "loss 0.158", "history.csv", "3,0.5179"),
        Edit("76.2%", "74.4%", "history.csv", ""),
    )),
    Text("JSON lines in prose and in a table of steps", _JSONL, """\
At step 200 the training loss is 1.329 and the eval loss 1.470. The final eval loss is 0.954 at a
perplexity of 4.00.

| Step | Train loss | Eval loss | Eval ppl |
|---|---|---|---|
| 100 | 1.860 | 2.015 | 8.000 |
| 300 | 1.033 | 1.157 | 4.571 |
| 400 | 0.846 | 0.954 | 4.000 |
""", (
        Edit("eval loss 1.470", "eval loss 1.329", "metrics.jsonl", '"step": 200'),
        Edit("eval loss is 0.954", "eval loss is 0.846", "metrics.jsonl", '"step": 400'),
        Edit("perplexity of 4.00", "perplexity of 4.57", "metrics.jsonl", ""),
        Edit("| 4.571 |", "| 5.600 |", "metrics.jsonl", '"step": 300'),
        Edit("| 2.015 |", "| 2.051 |", "metrics.jsonl", '"step": 100'),
    )),
    Text("seeds in rows with their mean", _SEEDS, """\
| Seed | Val acc | Val loss |
|---|---|---|
| 11 | 0.7713 | 0.5922 |
| 23 | 0.7856 | 0.5718 |
| 47 | 0.7684 | 0.6031 |
| Mean | 0.7751 | 0.5890 |
""", (
        Edit("| 0.7856 |", "| 0.7684 |", "seed_23", "1,99"),
        Edit("| 47 | 0.7684 | 0.6031 |", "| 47 | 0.7684 | 0.6301 |", "seed_47", "1,99"),
        Edit("| Mean | 0.7751 |", "| Mean | 0.7856 |", ""),
    )),
    Text("mean and spread over seeds", _SEEDS, """\
Over three seeds the final val acc is 0.775 ± 0.009.

- Final val loss: 0.589 ± 0.016
- Val acc of each seed: 0.7713, 0.7856, 0.7684
""", (
        Edit("0.775 ± 0.009", "0.778 ± 0.009", ""),
        Edit("0.589 ± 0.016", "0.589 ± 0.061", ""),
        Edit("0.7856, 0.7684", "0.7856, 0.7784", ""),
    )),
    Text("summary in JSON", _ALL, json.dumps(
        {"eval_exact_match": 71.39, "eval_f1": 81.2, "eval_loss": 1.133, "train_loss": 1.547,
         "train_runtime": 512.8, "train_samples": 8533}, indent=1), (
        Edit('"eval_f1": 81.2', '"eval_f1": 82.1', "all_results.json", "/eval_f1"),
        Edit("512.8", "521.8", "all_results.json", "/train_runtime"),
        Edit("1.547", "1.133", "all_results.json", "/"),
        Edit("8533", "8353", "all_results.json", "/train_samples"),
    ), "summary.json"),
    Text("table of steps in TSV", _JSONL, """\
step\ttrain_loss\teval_loss
100\t1.86\t2.0148
200\t1.3286\t1.4703
400\t0.8455\t0.9544
""", (
        Edit("1.4703", "1.7403", "metrics.jsonl", '"step": 200'),
        Edit("0.8455", "0.9544", "metrics.jsonl", '"step": 400'),
    ), "page.tsv"),
    Text("seeds in CSV", _SEEDS, """\
seed,val_acc,val_loss
11,0.7713,0.5922
23,0.7856,0.5718
47,0.7684,0.6031
""", (
        Edit("0.5718", "0.5178", "seed_23", ""),
        Edit("47,0.7684", "47,0.7713", "seed_47", ""),
    ), "page.csv"),
)  # fmt: skip
