"""Texts over logs of trainings: Trainer, state files, key:value logs, TensorBoard, MLflow."""

from __future__ import annotations

from audit import made
from audit.corpus import Edit, Text

_LOG = {
    "run/train.log": made.utf16(made.trainer_v4()),
    "run/config.yaml": made.CONFIG_YAML.encode(),
}
_V5 = {"log.txt": made.trainer_v5().encode()}
_STATE = {"trainer_state.json": made.dumped(made.trainer_state()),
          "requirements.txt": made.FREEZE.encode()}  # fmt: skip
_BITS = {"records/train.log": made.bits_log().encode()}

TEXTS = (
    Text("name and value over a log in UTF-16", _LOG, """\
# Run summary

| Metric | Value |
|---|---|
| **Starting loss (step 10)** | 2.4131 |
| **Final train loss** | 0.82 |
| **Mean train loss** | 1.298 |
| **Runtime** | 84.3 s |
| **Samples per second** | 4.74 |
| **Optimizer steps** | 100 |
| **Learning rate** | 2e-5 |
| **Gradient accumulation** | 4 |
""", (
        Edit("| 0.82 |", "| 1.30 |", "train.log", "'train_loss'"),
        Edit("84.3 s", "48.3 s", "train.log", "'train_runtime'"),
        Edit("| 4.74 |", "| 47.4 |", "train.log", "'train_runtime'"),
        Edit("accumulation** | 4 |", "accumulation** | 8 |", "config.yaml", "/gradient_accum"),
        Edit("| 2e-5 |", "| 2e-4 |", "config.yaml", "/learning_rate"),
        Edit("| 2.4131 |", "| 1.9027 |", "train.log", "1.9027"),
    )),
    Text("table of steps whose numbers follow from how often was logged", _LOG, """\
## Loss curve

| Step | Epoch | Training loss | Learning rate |
|-----:|------:|--------------:|--------------:|
| 10 | 0.10 | 2.4131 | 1.82e-5 |
| 50 | 0.50 | 1.1749 | 1.02e-5 |
| 100 | 1.00 | 0.8214 | 2.0e-7 |
""", (
        Edit("| 1.1749 |", "| 1.3306 |", "train.log", "1.3306"),
        Edit("| 0.8214 |", "| 0.6214 |", "train.log", "0.8214"),
        Edit("| 1.02e-5 |", "| 1.82e-6 |", "train.log", "1.0200e-05"),
    )),
    Text("prose over a log", _LOG, """\
We fine-tuned acme/tiny-2b for one epoch. The training loss fell from 2.41 to 0.82, a 66.0%
reduction. Training took 84.3 seconds at 4.74 samples per second. At step 40 the loss was 1.33, and
the average training loss over the run is 1.298. The optimizer was Adafactor.
""", (
        Edit("to 0.82,", "to 0.62,", "train.log", "0.8214"),
        Edit("66.0%", "76.0%", ""),
        Edit("1.33,", "1.55,", "train.log", "1.5518"),
        Edit("4.74 samples", "7.44 samples", "train.log", "'train_runtime'"),
        Edit("is 1.298", "is 1.398", "train.log", "'train_loss'"),
    )),
    Text("bullets with bold labels over quoted rows", _V5, """\
### Results

- **Final training loss:** 0.821
- **Final validation loss:** 0.988
- **Best validation loss:** 0.988
- **Training time:** 61.05 seconds
- **Throughput:** 13.1 samples/second
- **Epochs:** 2
""", (
        Edit("validation loss:** 0.988\n- **Best", "validation loss:** 0.821\n- **Best", "log.txt",
             "0.8214"),
        Edit("- **Best validation loss:** 0.988", "- **Best validation loss:** 0.898", "log.txt",
             "0.9876"),
        Edit("61.05 seconds", "61.05 minutes", "log.txt", "train_runtime"),
        Edit("Epochs:** 2", "Epochs:** 3", "log.txt", ""),
        Edit("training loss:** 0.821", "training loss:** 1.299", "log.txt", "train_runtime"),
    )),
    Text("model card that Trainer wrote", _STATE, """\
---
license: apache-2.0
tags:
- generated_from_trainer
metrics:
- accuracy
- f1
model-index:
- name: tiny-tagger
  results:
  - task:
      name: Text Classification
      type: text-classification
    metrics:
    - name: Accuracy
      type: accuracy
      value: 0.8436
    - name: F1
      type: f1
      value: 0.8319
---

# tiny-tagger

This model is a fine-tuned version of [acme/tiny](https://example.org/acme/tiny) on an unknown
dataset. It achieves the following results on the evaluation set:
- Loss: 0.4493
- Accuracy: 0.8436
- F1: 0.8319

### Training hyperparameters

The following hyperparameters were used during training:
- learning_rate: 3e-05
- train_batch_size: 32
- eval_batch_size: 64
- seed: 42
- optimizer: Use adamw_torch with betas=(0.9,0.999) and epsilon=1e-08 and no additional arguments
- lr_scheduler_type: linear
- num_epochs: 3

### Training results

| Training Loss | Epoch | Step | Validation Loss | Accuracy | F1     |
|:-------------:|:-----:|:----:|:---------------:|:--------:|:------:|
| 0.6857        | 1.0   | 40   | 0.5127          | 0.8142   | 0.8025 |
| 0.4364        | 2.0   | 80   | 0.4268          | 0.8471   | 0.8354 |
| 0.32          | 3.0   | 120  | 0.4493          | 0.8436   | 0.8319 |

### Framework versions

- Transformers 4.46.3
- Pytorch 2.5.1+cu124
- Datasets 3.1.0
- Tokenizers 0.20.3
""", (
        Edit("| 0.4268 ", "| 0.4628 ", "trainer_state.json", "/log_history/5/eval_loss"),
        Edit("| 0.8354 |", "| 0.8534 |", "trainer_state.json", "/log_history/5/eval_f1"),
        Edit("- F1: 0.8319", "- F1: 0.8619", "trainer_state.json", ""),
        Edit("train_batch_size: 32", "train_batch_size: 16", "trainer_state.json", "/train_batch"),
        Edit("num_epochs: 3", "num_epochs: 5", "trainer_state.json", ""),
        Edit("Transformers 4.46.3", "Transformers 4.45.0", "requirements.txt", "transformers=="),
        Edit("2.5.1+cu124", "2.4.1+cu121", "requirements.txt", "torch=="),
        Edit("| 0.6857 ", "| 0.4364 ", "trainer_state.json", ""),
        Edit("value: 0.8319", "value: 0.9319", "trainer_state.json", ""),
    )),
    Text("transposed table of a state file", _STATE, """\
| | Epoch 1 | Epoch 2 | Epoch 3 |
|---|---|---|---|
| Validation loss | 0.513 | 0.427 | 0.449 |
| Accuracy | 81.4% | 84.7% | 84.4% |

Best accuracy: 84.71%. Total training time was 3 minutes 7 seconds.
""", (
        Edit("84.71%", "87.41%", "trainer_state.json", ""),
        Edit("| 0.427 |", "| 0.472 |", "trainer_state.json", "/eval_loss"),
        Edit("3 minutes 7", "7 minutes 3", "trainer_state.json", "/train_runtime"),
    )),
    Text("validation loss of another epoch, in prose", _STATE, """\
After epoch 2 the validation loss is 0.4268 and the accuracy is 0.8471. The final validation loss
is 0.4493. Training ran for 120 steps in 187.4 seconds (20.5 samples per second).
""", (
        Edit("final validation loss\nis 0.4493", "final validation loss\nis 0.4268",
             "trainer_state.json", "/eval_loss"),
        Edit("accuracy is 0.8471", "accuracy is 0.8142", "trainer_state.json", "/eval_accuracy"),
        Edit("for 120 steps", "for 210 steps", "trainer_state.json", ""),
        Edit("20.5 samples", "25.0 samples", "trainer_state.json", ""),
    )),
    Text("README of a pull request over a key:value log", _BITS, """\
## Record: 9 layers, int8

- Stopped at step 1000 of 1200.
- Post-quant: `final_int8_roundtrip val_loss:2.8713 val_bpb:1.6402`
- Code size: 51,377 bytes
- Total submission size: 15,730,244 bytes
- Peak memory allocated: 9816 MiB

| Step | Train loss | Val loss | val_bpb |
|---|---|---|---|
| 200 | 3.6778 | 3.7302 | 2.1667 |
| 600 | 3.2333 | 3.2907 | 1.9000 |
| 1000 | 2.7889 | 2.8511 | 1.6333 |
""", (
        Edit("val_bpb:1.6402`", "val_bpb:1.6204`", "train.log", "final_int8"),
        Edit("51,377", "57,133", "train.log", "Code size"),
        Edit("15,730,244", "15,370,244", "train.log", "Total submission"),
        Edit("| 3.2907 |", "| 3.2333 |", "train.log", "step:600"),
        Edit("| 1.6333 |", "| 1.6402 |", "train.log", "step:1000"),
        Edit("9816 MiB", "9186 MiB", "train.log", "peak memory"),
    )),
    Text("notes over lines of nanoGPT", {"out/log.txt": made.nano_log().encode()}, """\
# Character model

At step 1000 the train loss is 1.2000 and the val loss 1.2780. At step 500 the val loss was 1.9651.

* Final val loss: 1.278
* Final train loss: 1.200
""", (
        Edit("val loss 1.2780", "val loss 1.2000", "log.txt", "step 1000"),
        Edit("was 1.9651", "was 1.9156", "log.txt", "step 500"),
        Edit("Final val loss: 1.278", "Final val loss: 1.187", "log.txt", "step 1000"),
    )),
    Text("scalars of TensorBoard", {
        "tb/events.out.tfevents.171.host.1.0": made.tensorboard(
            "train/loss", {1: 2.75, 2: 2.25, 3: 1.875, 4: 1.625}),
        "tb/events.out.tfevents.172.host.1.1": made.tensorboard(
            "eval/accuracy", {2: 0.59375, 4: 0.703125}),
    }, """\
| Step | Loss |
|---|---|
| 1 | 2.750 |
| 3 | 1.875 |
| 4 | 1.625 |

Accuracy after step 4: 70.3%. The final training loss is 1.625.
""", (
        Edit("| 1.875 |", "| 1.785 |", "events.out.tfevents.171"),
        Edit("loss is 1.625", "loss is 1.265", "events.out.tfevents.171"),
        Edit("70.3%", "73.0%", "events.out.tfevents.172"),
    )),
    Text("files of MLflow", made.mlflow(), """\
- Optimizer: SGD
- Learning rate: 5e-4
- Batch size: 24
- Final validation accuracy: 0.734
- Final train loss: 1.2913
- Loss at step 20: 1.4476
""", (
        Edit("Optimizer: SGD", "Optimizer: AdamW", "params/optimizer"),
        Edit("5e-4", "5e-3", "params/learning_rate"),
        Edit("size: 24", "size: 48", "params/batch_size"),
        Edit("accuracy: 0.734", "accuracy: 0.743", "metrics/val_accuracy"),
        Edit("step 20: 1.4476", "step 20: 1.2913", "metrics/train_loss"),
    )),
)  # fmt: skip
