"""Evidence as programs leave it, made here: no line of it was copied from anywhere.

Responsible for the bytes of each format. What a page says of them stands in the texts.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

Folder = Mapping[str, bytes]

LOSSES = (2.4131, 1.9027, 1.5518, 1.3306, 1.1749, 1.0582, 0.9713, 0.9041, 0.8567, 0.8214)
STEPS = tuple(range(10, 101, 10))
RATES = tuple(f"{2e-5 * (100 - step + 1) / 100:.4e}" for step in STEPS)
TOTALS = "'train_runtime': 84.316, 'train_samples_per_second': 4.744, "
MEAN = "1.2984843902587891"


def _dict(parts: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"'{name}': {value}" for name, value in parts.items()) + "}"


def trainer_v4() -> str:
    """Rows with bare numbers between redraws of a bar."""
    lines = ["Loading checkpoint shards: done"]
    for step, loss, rate in zip(STEPS, LOSSES, RATES, strict=True):
        bar = f"{step}%|####      | {step}/100 [00:{step // 2:02d}<00:40,  1.19it/s]"
        row = {"loss": str(loss), "grad_norm": f"{20 / step + 3:.4f}", "learning_rate": rate}
        lines.append(f"{bar}\r{_dict(row | {'epoch': str(step / 100)})}")
    lines.append("{" + TOTALS + f"'train_steps_per_second': 1.186, 'train_loss': {MEAN}, "
                 "'epoch': 1.0}")  # fmt: skip
    return "\n".join(lines) + "\n"


def utf16(text: str) -> bytes:
    """As a redirection of PowerShell 5 writes it."""
    return text.replace("\n", "\r\n").encode("utf-16")


def trainer_v5() -> str:
    """Every value in quotes, with four significant digits."""
    rows = [
        _dict({"loss": f"'{loss:.4g}'", "grad_norm": "'4.21'", "learning_rate": f"'{rate}'",
               "epoch": f"'{step / 50:.4g}'"})
        for step, loss, rate in zip(STEPS, LOSSES, RATES, strict=True)
    ]  # fmt: skip
    rows.insert(5, "{'eval_loss': '1.207', 'eval_runtime': '2.114', 'epoch': '1'}")
    rows.append("{'eval_loss': '0.9876', 'eval_runtime': '2.107', 'epoch': '2'}")
    rows.append("{'train_runtime': '61.05', 'train_samples_per_second': '13.1', "
                "'train_steps_per_second': '1.638', 'train_loss': '1.299', "
                "'epoch': '2'}")  # fmt: skip
    return "\n".join(rows) + "\n"


def trainer_state() -> dict[str, Any]:
    """Three epochs of 40 steps, an evaluation after each."""
    history: list[dict[str, Any]] = []
    found = ((0.5127, 0.8142), (0.4268, 0.8471), (0.4493, 0.8436))
    for epoch, (loss, score) in enumerate(found, 1):
        for half in (20, 40):
            step = (epoch - 1) * 40 + half
            shown = round(1.6 / (1 + step / 30), 4)
            history.append({"epoch": step / 40, "grad_norm": 2.5, "loss": shown,
                            "learning_rate": 3e-5 * (1 - step / 120), "step": step})  # fmt: skip
        history.append({"epoch": float(epoch), "eval_accuracy": score, "eval_loss": loss,
                        "eval_f1": round(score - 0.0117, 4), "eval_runtime": 4.2183,
                        "eval_samples_per_second": 206.7, "step": epoch * 40})  # fmt: skip
    history.append({"epoch": 3.0, "step": 120, "total_flos": 418573988659200.0,
                    "train_loss": 0.68712, "train_runtime": 187.4415,
                    "train_samples_per_second": 20.487,
                    "train_steps_per_second": 0.64})  # fmt: skip
    return {"best_metric": 0.8471, "epoch": 3.0, "global_step": 120, "log_history": history,
            "logging_steps": 20, "max_steps": 120, "num_train_epochs": 3,
            "total_flos": 418573988659200.0, "train_batch_size": 32}  # fmt: skip


ALL_RESULTS = {"epoch": 2.0, "eval_exact_match": 71.3884, "eval_f1": 81.2047, "eval_loss": 1.1326,
               "eval_samples": 1066, "train_loss": 1.5471, "train_runtime": 512.8064,
               "train_samples": 8533, "train_samples_per_second": 33.28}  # fmt: skip
CONFIG_YAML = """\
model:
  model_id: acme/tiny-2b
  revision: 9d1b6c2f4e8a7035bd61c0f2a94e7d3358b1c6fa
training:
  optimizer: adafactor
  learning_rate: 2.0e-5
  batch_size: 1
  gradient_accumulation_steps: 4
  num_train_epochs: 1
  logging_steps: 10
  weight_decay: 0.01
  seed: 1234
  max_seq_length: 192
"""
CONFIG_TOML = """\
seed = 20240917
[model]
base_model = "acme/wren-400m"
dtype = "bfloat16"
[optim]
optimizer = "adamw"
learning_rate = 3e-4
weight_decay = 0.1
scheduler = "cosine"
warmup_steps = 250
[data]
batch_size = 48
block_size = 2048
"""
SMI = """\
Tue Mar 18 09:41:07 2025
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 550.90.07              Driver Version: 550.90.07      CUDA Version: 12.4     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
|=========================================+========================+======================|
|   0  NVIDIA L40S                    On  |   00000000:17:00.0 Off |                    0 |
| N/A   61C    P0            301W /  350W |   31744MiB /  46068MiB |     98%      Default |
+-----------------------------------------+------------------------+----------------------+
"""
ENVIRONMENT = """\
Collecting environment information...
PyTorch version: 2.5.1+cu124
Is debug build: False
CUDA used to build PyTorch: 12.4
OS: Ubuntu 22.04.4 LTS (x86_64)
Python version: 3.11.9 (main, Apr  6 2024, 17:59:24) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: True
GPU models and configuration: GPU 0: NVIDIA L40S
Nvidia driver version: 550.90.07
cuDNN version: Could not collect
"""
FREEZE = """\
accelerate==1.1.1
datasets==3.1.0
numpy==2.1.3
peft==0.13.2
tokenizers==0.20.3
torch==2.5.1+cu124
transformers==4.46.3
trl==0.12.1
"""
KERAS = """\
epoch,accuracy,loss,val_accuracy,val_loss
0,0.6124,0.8931,0.6833,0.7725
1,0.7438,0.6017,0.7412,0.6248
2,0.8019,0.4772,0.7655,0.5893
3,0.8366,0.4018,0.7719,0.5981
"""
AGENT_TSV = (
    "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
    "a1f09c2\t1.0837\t17.4\tkeep\tbaseline\n"
    "b77e310\t1.0791\t17.4\tkeep\twarmdown doubled\n"
    "c05d9ab\t1.0852\t17.6\tdiscard\tgelu for relu squared\n"
    "d9412fe\t1.0764\t18.1\tkeep\tembedding rate 0.8\n"
    "e3360b8\t1.0779\t22.9\tdiscard\twidth 640\n"
    "f18ac47\t1.0748\t18.1\tkeep\tvalue residual\n"
)


def bits_log() -> str:
    """`step:N/M key:value`, a last evaluation after quantization, and sizes."""
    rows = []
    for step in range(200, 1001, 200):
        spent = step * 43
        rows.append(f"step:{step}/1200 train_loss:{3.9 - step / 900:.4f} train_time:{spent}ms "
                    "step_avg:43.00ms")  # fmt: skip
        rows.append(f"step:{step}/1200 val_loss:{3.95 - step / 910:.4f} "
                    f"val_bpb:{2.3 - step / 1500:.4f} train_time:{spent}ms")  # fmt: skip
    rows += ["peak memory allocated: 9816 MiB reserved: 10120 MiB", "Code size: 51377 bytes",
             "Total submission size: 15730244 bytes",
             "final_int8_roundtrip val_loss:2.8713 val_bpb:1.6402 eval_time:1893ms"]  # fmt: skip
    return "\n".join(rows) + "\n"


def nano_log() -> str:
    """nanoGPT's lines."""
    rows = ["number of parameters: 10.65M"]
    for step in range(0, 1001, 250):
        train, val = 4.2 / (1 + step / 400), 4.25 / (1 + step / 430)
        rows.append(f"step {step}: train loss {train:.4f}, val loss {val:.4f}")
        rows.append(f"iter {step}: loss {train * 1.01:.4f}, time 212.34ms, mfu 17.85%")
    return "\n".join(rows) + "\n"


LM_EVAL = {
    "results": {
        "arc_easy": {"alias": "arc_easy", "acc,none": 0.6847643, "acc_stderr,none": 0.0095332,
                     "acc_norm,none": 0.6321549, "acc_norm_stderr,none": 0.0098948},
        "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.3464746,
                  "exact_match_stderr,strict-match": 0.0131072,
                  "exact_match,flexible-extract": 0.3918120,
                  "exact_match_stderr,flexible-extract": 0.0134470},
        "hellaswag": {"alias": "hellaswag", "acc,none": 0.4531966, "acc_stderr,none": 0.0049678,
                      "acc_norm,none": 0.6018721, "acc_norm_stderr,none": 0.0048851},
    },
    "n-shot": {"arc_easy": 0, "gsm8k": 5, "hellaswag": 10},
    "versions": {"arc_easy": 1.0, "gsm8k": 3.0, "hellaswag": 1.0},
    "n-samples": {"gsm8k": {"original": 1319, "effective": 1319}},
    "config": {"model": "hf", "model_args": "pretrained=acme/wren-1b,dtype=float16",
               "batch_size": "16", "num_fewshot": None, "limit": None},
    "git_hash": "4c1e9d7",
    "total_evaluation_time_seconds": "941.275",
}  # fmt: skip
SEEDS = {11: (0.7713, 0.5922), 23: (0.7856, 0.5718), 47: (0.7684, 0.6031)}


def lightning(score: float, loss: float) -> str:
    """One metric group a row, steps from 0."""
    return ("epoch,step,train_loss,val_acc,val_loss\n0,24,1.1031,,\n0,49,,0.7012,0.7719\n"
            f"1,74,0.8123,,\n1,99,,{score},{loss}\n")  # fmt: skip


def seeds() -> Folder:
    """A folder for each seed."""
    return {
        f"seed_{seed}/version_0/metrics.csv": lightning(*values).encode()
        for seed, values in SEEDS.items()
    }


def jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A JSON object a line."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def dumped(value: Any) -> bytes:
    """As `json.dump` with an indent writes it."""
    return json.dumps(value, indent=2).encode()


def metrics_jsonl() -> bytes:
    """A row every 50 steps, an evaluation every 100."""
    rows: list[dict[str, Any]] = []
    for step in range(50, 401, 50):
        rows.append({"step": step, "train/loss": round(3.1 / (1 + step / 150), 4), "lr": 4e-4})
        if step % 100 == 0:
            rows.append({"step": step, "eval/loss": round(3.2 / (1 + step / 170), 4),
                         "eval/ppl": round(2.0 + 900 / (step + 50), 3)})  # fmt: skip
    return jsonl(rows)


def predictions() -> bytes:
    """Twenty questions, of which 13 are answered right."""
    wrong = (2, 5, 6, 9, 14, 17, 18)
    return jsonl([
        {"id": number, "prompt": f"What is {number} + {number + 3}?",
         "expected_answer": str(2 * number + 3),
         "predicted_answer": str(2 * number + (4 if number in wrong else 3)),
         "correct": number not in wrong}
        for number in range(20)
    ])  # fmt: skip


def mlflow() -> Folder:
    """The file store: a file for each metric."""
    root = "mlruns/0/5f3c2b"
    loss = _metric({10: 1.8842, 20: 1.4476, 30: 1.2913})
    accuracy = _metric({10: 0.6113, 20: 0.6984, 30: 0.7342})
    return {f"{root}/metrics/train_loss": loss.encode(),
            f"{root}/metrics/val_accuracy": accuracy.encode(),
            f"{root}/params/learning_rate": b"0.0005", f"{root}/params/batch_size": b"24",
            f"{root}/params/optimizer": b"sgd"}  # fmt: skip


def _metric(values: Mapping[int, float]) -> str:
    return "".join(f"17100000{step}000 {value} {step}\n" for step, value in values.items())


def tensorboard(tag: str, values: Mapping[int, float]) -> bytes:
    """Frames of `Event` messages; the checksums are left at 0, since no reader of ours looks."""
    made = b""
    for step, value in values.items():
        name = tag.encode()
        inner = bytes((0x0A, len(name))) + name + b"\x15" + struct.pack("<f", value)
        summary = bytes((0x0A, len(inner))) + inner
        event = b"\x10" + _varint(step) + b"\x2a" + bytes((len(summary),)) + summary
        made += struct.pack("<Q", len(event)) + bytes(4) + event + bytes(4)
    return made


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes((*made, number))
