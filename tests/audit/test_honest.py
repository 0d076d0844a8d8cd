"""Sentences that were once called false and were not: each may be true over what the files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from audit import made
from audit.corpus import ACCUSED

from evidence.audit.audit import audit_folder

RUN: Final = {
    "log.txt": made.trainer_v4(),
    "trainer_state.json": json.dumps(made.trainer_state()),
    "all_results.json": json.dumps({"eval_accuracy": 0.8436, "eval_loss": 0.4493}),
    "config.json": json.dumps(
        {"_name_or_path": "acme/tiny", "torch_dtype": "float32", "n_positions": 1024,
         "model_type": "tiny", "note": "base zero shot",
         "task_specific_params": {"text-generation": {"max_length": 50}}}
    ),
    "nvidia-smi.txt": made.SMI,
}  # fmt: skip
OF_A_RUN: Final = """\
- learning_rate: 3e-05
- Peak learning rate: 2e-5
- Time per step: 0.84 s
- Time per epoch: 84 s
- Total time: 5 min (including model loading)
- Duration: 12 min
- Max runtime: 600 s
- Time limit: 2 h
- Initial loss: 10.82
- Loss before training: 3.41
- Loss at step 0: 3.4
- Max sequence length: 128
- Context length: 8192
- Precision: bf16
- CUDA: 12.1
- Perplexity: 3.66
- Final loss: 0,8214
- Runtime: 84,3 s
- Number of models: 3
- Total: 31
- Overall: 0.61
- Best score: 0.88
- Runs: 5
- Train samples: 400
- Steps: 100 (10 per row)
- Top-5 accuracy: 0.97
- Accuracy (5-shot): 0.65
- Accuracy: 80/100 on the small set
- Accuracy: 84.36% (was 79%)
- Accuracy: 0.8436 (baseline 0.79)
- Loss: 0.90 [0.85, 0.95]
- Error rate: 0.16
- Learning rates: 1e-5, 2e-5, 5e-5
- Python: 3.8+
- Epochs: 1 of 3
- Accuracy drop: 0.05
- Accuracy gain: 12%
- Loss weight: 0.5
- Loss after 1 step: 10.9
- ~~Accuracy: 0.79~~

Each epoch takes about 24 seconds on a laptop, 84 s in all. Loading took 31.2 s.

See Table 3 for the accuracy and Section 4.1 for the loss. Version 2.0 has a lower loss.

GPT-2 reached an accuracy of 0.61. Rossi et al. (2023) reach an accuracy of 0.88.

On a subset of 100 rows the accuracy is 0.91. An accuracy of 0.5 is what a coin gives.

For class 3 the accuracy is 0.71. With temperature 0.7 accuracy is 0.82.

Accuracy on the 2023 split is 0.71. Top-1 accuracy is 0.84 and top-5 accuracy 0.97.

With 4 GPUs at batch size 8 it is 35 % faster than before.

## Baseline (from the paper)

| Metric | Value |
|---|---|
| Accuracy | 0.79 |
| Eval loss | 1.4 |

## Previous version

- Accuracy: 0.70

## Acceptance criteria

- Accuracy: 0.90
- [ ] Eval loss: at most 0.2

| Model | Accuracy | Loss |
|---|---|---|
| acme/tiny | 0.8436 | 0.4493 |
| base | 0.32 | 3.5 |
| Wren-2 (zero-shot) | 0.31 | 3.4 |

| Layers | Loss |
|---|---|
| 6 | 1.4 |
| 24 | 0.2 |

| Learning rate | Loss | Accuracy |
|---|---|---|
| 1e-6 | 1.1 | 0.79 |
| 5e-4 | 1.3 | 0.75 |

| Exp | Change | Steps | Accuracy |
|---|---|---|---|
| 1 | baseline | 94 | 0.31 |
| 2 | longer | 1,785 | 0.46 |

| Epoch | Loss |
|---|---|
| 7 (resumed) | 0.55 |

## Usage

```json
{"accuracy": 0.77, "learning_rate": 1e-4}
```

## Training on your own data

With a learning rate of 5e-5, training takes 20 minutes and reaches an accuracy of 0.9.
"""
ARGUMENTS: Final = {
    "args.yaml": "optim: adamw_torch\nlr_scheduler_type: SchedulerType.LINEAR\nbf16: true\n"
    "per_device_train_batch_size: 8\nper_device_eval_batch_size: 16\nworld_size: 2\n"
    "gradient_accumulation_steps: 4\nmax_steps: -1\nwarmup_steps: 0\nwarmup_ratio: 0.1\n"
    "max_seq_length: 384\nlogging_steps: 500\nnum_train_epochs: 3.0\n"
}
OF_ARGUMENTS: Final = """\
- optimizer: Adam with betas=(0.9,0.999) and epsilon=1e-08
- Batch size: 64
- Batch size: 32 (effective)
- Batch size: 8 x 4 x 2 = 64
- Warmup steps: 250
- Max steps: 8000
- Training steps: 8000
- Context length: 8192
- lr_scheduler_type: linear
- mixed_precision_training: Native AMP
"""
TASKS: Final = {"suite/results.json": json.dumps(made.LM_EVAL)}
OF_TASKS: Final = """\
- GSM8K: 34.6
- GSM8K: 39.2 ± 1.3
- Average accuracy: 0.5274
- Date completed: 2025-05-01
- Git commit: 9999999

| Benchmark | Model | suite | Average |
|---|---|---|---|
| open | wren-1b | 54.2 | 54.2 |

| Model | ARC-Easy | GSM8K | HellaSwag | Avg |
|---|---|---|---|---|
| wren-1b | 68.5 | 39.2 | 60.2 | 56.0 |
| Robin-2B | 70.1 | 44.0 | 65.0 | 59.7 |
"""
SEEDS: Final = {
    f"s{seed}/all_results.json": json.dumps({"accuracy": value, "train_runtime": 70.0 + seed})
    for seed, value in enumerate((0.80, 0.82, 0.84, 0.79, 0.85))
}
OF_SEEDS: Final = """\
- Total training time: 360 s
- Total runtime: 6 min
- Accuracy: 0.820 ± 0.011 (s.e.m.)
- Accuracy: 0.820 ± 0.032 (95% CI)
- Accuracy: 0.82 ± 0.03 (range)

We reach an accuracy of 0.82 ± 0.011 (standard error over five seeds).
"""
STAGES: Final = {
    "submission.json": json.dumps({"val_loss": 2.2159, "val_bpb": 1.3124, "steps": 11909}),
    "log.txt": "step:11909/20000 val_loss:2.2159 val_bpb:1.3124 step_avg:100.8ms\n",
}
OF_STAGES: Final = """\
**val_bpb = 1.3124** (sliding window, stride=64) | **15.7 MB** artifact | 8xH100, 600s

- Pre-quant: `val_loss:2.2090 val_bpb:1.3083`
- Before warm-down: val_bpb 1.35

| Exp | Change | Steps | val_bpb |
|-----|--------|-------|---------|
| 1 | Baseline (batch=524K) | 94 | 3.10 |
| 5a | 6L/624d | 4,500 | 3.57 |
| 6 | **1200s** | **11,909** | **1.31** |
"""
CUT: Final = {
    "model.safetensors": "version https://git-lfs.github.com/spec/v1\n"
    f"oid sha256:{'d' * 64}\nsize 5012344832\n",
    "train.log": "loss: 0.5\n",
}
OF_CUT: Final = f"""\
| File | Size | SHA-256 |
|---|---|---|
| model.safetensors | 5.01 GB | {"d" * 64} |

## Files next to train.log

| File | SHA-256 |
|---|---|
| model.bin | {"b" * 64} |
"""
RANKS: Final = {
    "beir.json": json.dumps(
        {"scifact": {"ndcg@10": 0.6712, "recall@100": 0.9233, "map": 0.6201},
         "nfcorpus": {"ndcg@10": 0.3251, "recall@100": 0.3012, "map": 0.1512}}
    ),
}  # fmt: skip
OF_RANKS: Final = """\
| Dataset | nDCG@10 | Recall@100 |
|---|---|---|
| SciFact | 67.1 | 92.3 |
| NFCorpus | 32.5 | 30.1 |
| Avg. | 49.8 | 61.7 |
"""
PAGES: Final = {
    "ranks": (RANKS, OF_RANKS),
    "a run": (RUN, OF_A_RUN),
    "arguments": (ARGUMENTS, OF_ARGUMENTS),
    "tasks": (TASKS, OF_TASKS),
    "seeds": (SEEDS, OF_SEEDS),
    "stages": (STAGES, OF_STAGES),
    "pointers": (CUT, OF_CUT),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_may_be_true_is_not_called_false(name: str, tmp_path: Path) -> None:
    evidence, page = PAGES[name]
    for path, text in evidence.items():
        file = tmp_path / "evidence" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    document = tmp_path / "page.md"
    document.write_text(page, "utf-8")
    audit = audit_folder([document], [], tmp_path / "evidence")
    assert [
        f"{one.line}: {one.verdict}: {one.text}: {one.value}: {one.message}"
        for one in audit.claims
        if one.verdict in ACCUSED
    ] == []
