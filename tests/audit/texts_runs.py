"""Texts over what a run was: machine, packages, settings, files, and runs beside one another."""

from __future__ import annotations

import hashlib

from audit import made
from audit.corpus import MISSING, Edit, Text

_MACHINE = {"nvidia-smi.txt": made.SMI.encode(), "env.txt": made.ENVIRONMENT.encode()}
_WEIGHTS = bytes(range(256)) * 24
_NOTES = b"first line\nsecond line\n"
_FILES = {"out/adapter.bin": _WEIGHTS, "out/notes.txt": _NOTES,
          "out/eval.json": made.dumped({"accuracy": 0.5117, "num_examples": 943})}  # fmt: skip
_WEIGHTS_SHA = hashlib.sha256(_WEIGHTS).hexdigest()
_NOTES_SHA = hashlib.sha256(_NOTES).hexdigest()
_PAIR = {
    "base/metrics.json": made.dumped({"accuracy": 0.6125, "eval_loss": 1.4113, "latency_ms": 41.8}),
    "tuned/metrics.json": made.dumped({"accuracy": 0.745, "eval_loss": 0.9021, "latency_ms": 43.6}),
}
_STATES = {
    "run.log": b"""\
date: 2025-03-18
device: NVIDIA L40S
model load time: 12.4s
train_time: 1835.2s
peak memory: 18.6 GB
tokens: 52428800
tokens_per_sec: 28568.4
checkpoint size: 4.12 GB
exit: all checks passed after the second attempt
"""
}
_TOML = {"config.toml": made.CONFIG_TOML.encode()}

TEXTS = (
    Text("results of an agent", {"results.tsv": made.AGENT_TSV.encode()}, """\
The agent ran 6 experiments, of which 4 were kept. The best val_bpb is 1.0748 (commit f18ac47).

| Commit | val_bpb | Memory (GB) | Status |
|---|---|---|---|
| a1f09c2 | 1.0837 | 17.4 | keep |
| d9412fe | 1.0764 | 18.1 | keep |
| e3360b8 | 1.0779 | 22.9 | discard |
| f18ac47 | 1.0748 | 18.1 | keep |
""", (
        Edit("6 experiments", "9 experiments", "results.tsv"),
        Edit("val_bpb is 1.0748", "val_bpb is 1.0764", "results.tsv", "f18ac47"),
        Edit("| 1.0779 |", "| 1.0797 |", "results.tsv", "e3360b8"),
        Edit("| a1f09c2 | 1.0837 |", "| a1f09c2 | 1.0791 |", "results.tsv", ""),
        Edit("| 22.9 |", "| 29.2 |", "results.tsv", "e3360b8"),
    )),
    Text("hardware", _MACHINE, """\
## Environment

- **GPU:** NVIDIA L40S (48 GB)
- **Driver:** 550.90.07
- **CUDA:** 12.4
- **PyTorch:** 2.5.1
- **Python:** 3.11.9
- **OS:** Ubuntu 22.04
""", (
        Edit("L40S (48 GB)", "H100 (48 GB)", "", "L40S"),
        Edit("550.90.07", "535.90.07", "", "550.90.07"),
        Edit("CUDA:** 12.4", "CUDA:** 11.8", "", "12.4"),
        Edit("2.5.1", "2.4.1", "env.txt", "PyTorch version"),
        Edit("3.11.9", "3.10.9", "env.txt", "Python version"),
    )),
    Text("packages", {"requirements.txt": made.FREEZE.encode()}, """\
| Package | Version |
|---|---|
| torch | 2.5.1+cu124 |
| transformers | 4.46.3 |
| peft | 0.13.2 |

Framework versions:

- TRL: 0.12.1
- Datasets: 3.1.0
""", (
        Edit("| 2.5.1+cu124 |", "| 2.6.0+cu124 |", "requirements.txt", "torch=="),
        Edit("| 4.46.3 |", "| 4.47.0 |", "requirements.txt", "transformers=="),
        Edit("| 0.13.2 |", "| 0.14.0 |", "requirements.txt", "peft=="),
        Edit("TRL: 0.12.1", "TRL: 0.11.1", "requirements.txt", "trl=="),
    )),
    Text("hyperparameters over TOML", _TOML, """\
| Hyperparameter | Value |
|---|---|
| Base model | acme/wren-400m |
| Optimizer | AdamW |
| Learning rate | 3e-4 |
| Weight decay | 0.1 |
| LR scheduler | cosine |
| Warmup steps | 250 |
| Batch size | 48 |
| Block size | 2048 |
| dtype | bfloat16 |
| Seed | 20240917 |
""", (
        Edit("acme/wren-400m", "acme/wren-700m", "config.toml", "/base_model"),
        Edit("| AdamW |", "| Adafactor |", "config.toml", "/optimizer"),
        Edit("| 3e-4 |", "| 3e-5 |", "config.toml", "/learning_rate"),
        Edit("| cosine |", "| linear |", "config.toml", "/scheduler"),
        Edit("| 250 |", "| 500 |", "config.toml", "/warmup_steps"),
        Edit("| 48 |", "| 64 |", "config.toml", "/batch_size"),
        Edit("| 2048 |", "| 4096 |", "config.toml", "/block_size"),
        Edit("| 20240917 |", "| 42 |", "config.toml", "/seed"),
    )),
    Text("settings in prose over YAML", {"config.yaml": made.CONFIG_YAML.encode()}, """\
We trained acme/tiny-2b with Adafactor at a learning rate of 2e-5 and a weight decay of 0.01, with
a batch size of 1 and 4 gradient accumulation steps. The maximum sequence length is 192, the seed
1234.
""", (
        Edit("rate of 2e-5", "rate of 5e-5", "config.yaml", "/learning_rate"),
        Edit("decay of 0.01", "decay of 0.1", "config.yaml", "/weight_decay"),
        Edit("length is 192", "length is 512", "config.yaml", "/max_seq_length"),
    )),
    Text("files with sizes and digests", _FILES, f"""\
## Files

| File | Size | SHA-256 |
|---|---|---|
| `out/adapter.bin` | 6,144 bytes | `{_WEIGHTS_SHA}` |
| `out/notes.txt` | 23 bytes | `{_NOTES_SHA}` |
| `out/eval.json` | | |

The folder holds 3 files. Accuracy is 51.2% on 943 examples.
""", (
        Edit(_WEIGHTS_SHA, _NOTES_SHA[:32] + _WEIGHTS_SHA[32:], "adapter.bin"),
        Edit("6,144 bytes", "6,414 bytes", "adapter.bin"),
        Edit("`out/eval.json`", "`out/evals.json`", "", "", MISSING),
        Edit("51.2%", "52.1%", "eval.json", "/accuracy"),
        Edit("943 examples", "1943 examples", "eval.json", "/num_examples"),
        Edit("23 bytes", "23 KB", "notes.txt"),
    )),
    Text("two runs in columns and how they differ", _PAIR, """\
| Metric | Base | Tuned | Change |
|---|---|---|---|
| Accuracy | 61.25% | 74.5% | +13.25 points |
| Eval loss | 1.4113 | 0.9021 | -36.1% |
| Latency | 41.8 ms | 43.6 ms | +1.8 ms |

Tuning raised accuracy from 61.25% to 74.5%, a relative improvement of 21.6%.
""", (
        Edit("| 74.5% |", "| 75.4% |", "tuned/metrics.json", "/accuracy"),
        Edit("| 61.25% | 74.5% |", "| 74.5% | 61.25% |", "metrics.json", "/accuracy"),
        Edit("-36.1%", "-63.1%", ""),
        Edit("| 43.6 ms |", "| 43.6 s |", "tuned/metrics.json", "/latency_ms"),
        Edit("improvement of 21.6%", "improvement of 12.6%", ""),
    )),
    Text("durations and sizes in other units", _STATES, """\
Training ran on 2025-03-18 on an NVIDIA L40S and took 30.6 minutes. The checkpoint size is 4.12 GB;
peak memory was 18.6 GB. It processed 52.4M tokens at 28,568 tokens per second. The log ends with
"all checks passed after the second attempt".

- Model load time: 12,400 ms
""", (
        Edit("30.6 minutes", "36.0 minutes", "run.log", "train_time"),
        Edit("size is 4.12 GB", "size is 4.12 MB", "run.log", "checkpoint size"),
        Edit("was 18.6 GB", "was 16.8 GB", "run.log", "peak memory"),
        Edit("28,568", "82,568", "run.log", "tokens_per_sec"),
        Edit("12,400 ms", "12,400 s", "run.log", "load time"),
        Edit("NVIDIA L40S", "NVIDIA A100", "run.log", "device"),
        Edit("second attempt", "first attempt", "", "", MISSING),
    )),
)  # fmt: skip
