"""Laws of verdicts, one small folder of evidence and one sentence at a time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evidence.audit.audit import audit_folder
from evidence.audit.report import ClaimRecord

LOG = """\
{'loss': 2.2065, 'grad_norm': 65.5, 'learning_rate': 1.8e-05, 'epoch': 0.25}
{'loss': 1.4243, 'grad_norm': 13.75, 'learning_rate': 1.2e-05, 'epoch': 0.5}
{'eval_loss': 1.5312, 'eval_accuracy': 0.7125, 'eval_runtime': 3.1, 'epoch': 0.5}
{'loss': 0.9465, 'grad_norm': 10.375, 'learning_rate': 6e-06, 'epoch': 0.75}
{'loss': 0.7612, 'grad_norm': 8.9375, 'learning_rate': 1e-06, 'epoch': 1.0}
{'eval_loss': 1.1021, 'eval_accuracy': 0.8034, 'eval_runtime': 3.0, 'epoch': 1.0}
{'train_runtime': 73.222, 'train_samples_per_second': 7.511, 'train_loss': 1.3346, 'epoch': 1.0}
"""
CONFIG = """\
model:
  model_id: acme/tiny-1b
training:
  optimizer: adafactor
  dtype: bfloat16
  batch_size: 4
  logging_steps: 10
  learning_rate: 2.0e-5
  adam_beta1: 0.8
  label_smoothing_factor: 0.1
"""
SNAPSHOT = """\
Date: 2026-01-08 12:45:53
Commit: 68667e1ffafb191eb0ac5de54daea4098d587252
Python: Python 3.12.10
PyTorch: 2.11.0+cu128
GPU: NVIDIA GeForce RTX 5090
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "logs"
    root.mkdir()
    (root / "train.log").write_text(LOG, "utf-8")
    (root / "config.yaml").write_text(CONFIG, "utf-8")
    (root / "env.txt").write_text(SNAPSHOT, "utf-8")
    for seed, score in ((1, 0.80), (2, 0.82), (3, 0.87)):
        (root / f"seed_{seed}").mkdir()
        text = json.dumps({"exact_match": score, "num_examples": 200})
        (root / f"seed_{seed}/results.json").write_text(text, "utf-8")
    return root


def audited(folder: Path, page: str) -> list[ClaimRecord]:
    document = folder.parent / "page.md"
    document.write_text(page, "utf-8")
    return list(audit_folder([document], [], folder).claims)


def verdicts(folder: Path, page: str) -> list[tuple[str, str]]:
    return [(one.value, one.verdict) for one in audited(folder, page)]


@pytest.mark.parametrize(
    ("sentence", "value", "verdict"),
    [
        ("The final training loss was 0.76.", "0.76", "supported"),
        ("The final training loss was 0.67.", "0.67", "contradicted"),
        ("The final training loss was 1.33.", "1.33", "mislabelled"),
        ("The mean training loss is 1.33.", "1.33", "supported"),
        ("Adam beta1: 0.8", "0.8", "supported"),
        ("Adam beta1: 0.9", "0.9", "contradicted"),
        ("| Adam beta1 |\n|---|\n| 0.7 |", "0.7", "contradicted"),
        ("Label smoothing: 0.10", "0.10", "supported"),
        ("Label smoothing was 0.2.", "0.2", "contradicted"),
        ("Loss fell from 2.21 to 0.76.", "0.76", "supported"),
        ("Loss fell from 2.21 to 0.76, a 65.5% reduction.", "65.5%", "supported"),
        ("Loss fell from 2.21 to 0.76, a 75.5% reduction.", "75.5%", "contradicted"),
        ("We expected a final training loss of 0.5.", "0.5", "not-checked"),
        ("Validation accuracy: 80.3%", "80.3%", "supported"),
        ("Validation accuracy: 83.0%", "83.0%", "contradicted"),
        ("Validation loss: 0.76", "0.76", "mislabelled"),
        ("Best validation accuracy: 80.3%", "80.3%", "supported"),
        ("Training took 73 seconds.", "73 seconds", "supported"),
        ("Training took about 75 seconds.", "75 seconds", "supported"),
        ("Training took under 2 minutes.", "2 minutes", "supported"),
        ("Runtime: 95 seconds", "95 seconds", "contradicted"),
        ("Throughput: 7.51 samples/s", "7.51 samples/s", "supported"),
        ("Throughput: 75.1 samples/s", "75.1 samples/s", "contradicted"),
        ("Batch size: 8", "8", "contradicted"),
        ("Learning rate: 2e-5", "2e-5", "supported"),
        ("Optimizer: AdamW", "AdamW", "contradicted"),
        ("Optimizer: Adafactor", "Adafactor", "supported"),
        ("Precision: fp16", "fp16", "contradicted"),
        ("Precision: bf16", "bf16", "supported"),
        ("GPU: RTX 5090", "RTX 5090", "supported"),
        ("GPU: RTX 4090", "RTX 4090", "contradicted"),
        ("GPU: a big one", "a big one", "unsupported"),
        ("PyTorch: 2.11", "2.11", "supported"),
        ("PyTorch: 2.9.1", "2.9.1", "contradicted"),
        ("CUDA: 12.8", "12.8", "supported"),
        ("Base model: acme/tiny-1b", "acme/tiny-1b", "supported"),
        ("Base model: acme/tiny-1b-it", "acme/tiny-1b-it", "contradicted"),
        ("Base model: my-own-tune", "my-own-tune", "unsupported"),
        ("Exact match: 0.83 ± 0.036", "0.83 ± 0.036", "supported"),
        ("Exact match: 0.83 ± 0.029", "0.83 ± 0.029", "supported"),
        ("Exact match: 0.83 ± 0.01", "0.83 ± 0.01", "contradicted"),
        ("Exact match: 0.845 ± 0.025", "0.845 ± 0.025", "mislabelled"),
        ("Commit: 68667e1", "68667e1", "supported"),
        ("Commit: 78667e1", "78667e1", "contradicted"),
        ("Date: 2026-01-08", "2026-01-08", "supported"),
        ("Date completed: 2025-12-01", "2025-12-01", "contradicted"),
        ("Date completed: 2026-02-01", "2026-02-01", "unsupported"),
        ("Metrics are in `seed_2/results.json`.", "seed_2/results.json", "supported"),
        ("Weights are in `model.safetensors`.", "model.safetensors", "unsupported"),
        ("The configuration is unchanged.", "unchanged", "not-checked"),
        ("Frobnication index: 3.21", "3.21", "unsupported"),
    ],
)
def test_a_sentence_has_its_verdict(folder: Path, sentence: str, value: str, verdict: str) -> None:
    assert (value, verdict) in verdicts(folder, sentence + "\n")


def test_a_step_that_the_log_does_not_say_follows_and_is_said(folder: Path) -> None:
    page = "| Step | Loss |\n|---|---|\n| 10 | 2.21 |\n| 20 | 1.24 |\n| 30 | 0.76 |\n"
    found = {one.value: one for one in audited(folder, page)}
    assert [found[value].verdict for value in ("2.21", "1.24", "0.76")] == [
        "supported",
        "contradicted",
        "mislabelled",
    ]
    assert "follows from how often was logged" in found["1.24"].message
    assert [(one.file, one.line) for one in found["1.24"].evidence] == [("train.log", 2)]


def test_a_seed_is_not_another_seed(folder: Path) -> None:
    page = "| Seed | Exact match |\n|---|---|\n| 1 | 0.80 |\n| 2 | 0.87 |\n| 3 | 0.97 |\n"
    assert verdicts(folder, page) == [
        ("0.80", "supported"),
        ("0.87", "mislabelled"),
        ("0.97", "contradicted"),
    ]


def test_copies_with_other_line_ends_are_told(folder: Path) -> None:
    data = (folder / "config.yaml").read_bytes()
    crlf = hashlib.sha256(data.replace(b"\n", b"\r\n")).hexdigest()
    (one,) = audited(folder, f"SHA-256 of the configuration: {crlf}\n")
    assert (one.verdict, one.message) == ("supported", "of the same text with CRLF line ends")


def test_a_digest_of_a_named_file_that_is_another_one_is_contradicted(folder: Path) -> None:
    (one,) = [
        x
        for x in audited(folder, f"| File | SHA-256 |\n|---|---|\n| `config.yaml` | {'0' * 64} |\n")
        if x.kind == "digest"
    ]
    assert one.verdict == "contradicted"


def test_quotations_are_looked_for_in_every_text(folder: Path) -> None:
    page = '> GPU: NVIDIA GeForce RTX 5090\n\nThe log says "the cat sat on the mat today".\n'
    assert [(one.kind, one.verdict) for one in audited(folder, page)] == [
        ("quotation", "supported"),
        ("quotation", "unsupported"),
    ]


def test_a_page_among_the_evidence_is_no_evidence(folder: Path) -> None:
    page = "Perplexity on news: 17.42\n"
    (folder / "README.md").write_text(page, "utf-8")
    assert verdicts(folder, page) == [("17.42", "unsupported")]
    claims = audit_folder([folder / "README.md"], [], folder).claims
    assert [one.verdict for one in claims] == ["unsupported"]


def test_numbers_in_a_listing_are_those_of_a_log(folder: Path) -> None:
    page = "```\n{'loss': 0.7612, 'grad_norm': 9.9375, 'epoch': 1.0}\n```\n"
    found = dict(verdicts(folder, page))
    assert found["0.7612"] == "supported"
    assert found["9.9375"] != "supported"


def test_json_and_tables_of_text_are_documents_too(folder: Path) -> None:
    document = folder.parent / "claims.json"
    document.write_text(json.dumps({"final_train_loss": 0.7612, "eval_accuracy": 0.9}), "utf-8")
    found = {one.value: one.verdict for one in audit_folder([document], [], folder).claims}
    assert found == {"0.7612": "supported", "0.9": "contradicted"}
    table = folder.parent / "claims.tsv"
    table.write_text("step\tloss\n10\t2.2065\n20\t1.4343\n", "utf-8")
    rows = [(one.value, one.verdict, one.line) for one in audit_folder([table], [], folder).claims]
    assert rows == [("2.2065", "supported", 2), ("1.4343", "contradicted", 3)]


def test_a_pointer_of_lfs_stands_for_its_file(folder: Path) -> None:
    oid = "d" * 64
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 5012344832\n"
    (folder / "model.safetensors").write_text(pointer, "utf-8")
    page = f"| File | Size | SHA-256 |\n|---|---|---|\n| `model.safetensors` | 5.01 GB | {oid} |\n"
    found = {one.kind: one for one in audited(folder, page)}
    assert {one.verdict for one in found.values()} == {"supported"}
    assert found["digest"].evidence[0].line == 2


def test_what_of_a_document_is_not_read_is_said(folder: Path) -> None:
    page = folder.parent / "page.md"
    long = " ".join(["0.5"] * 3_000)
    page.write_text(f"---\n[[[[\n---\n\n| Loss |\n|---|\n| {long} |\n", "utf-8")
    notes = audit_folder([page], [], folder).notes
    assert any("only the beginning is read" in one for one in notes)
    assert any("is no YAML" in one for one in notes)


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("The final training loss was 1.5.", "unsupported"),
        ("The mean training loss was 3.0.", "unsupported"),
        ("The first training loss was 4.5.", "supported"),
        ("The loss at step 70 was 1.5.", "supported"),
    ],
)
@pytest.mark.parametrize("word", ["nan", "inf", "-Infinity"])
def test_a_loss_that_ran_away_has_no_end_before_it_did(
    word: str, sentence: str, verdict: str, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    losses = [f"{5 - 0.5 * number}" if number < 8 else word for number in range(1, 11)]
    rows = [
        f"{{'loss': {loss}, 'learning_rate': 0.0001, 'epoch': {n / 10}, 'step': {10 * n}}}"
        for n, loss in enumerate(losses, 1)
    ]
    (folder / "train.log").write_text("\n".join(rows) + "\n", "utf-8")
    ((_, found),) = [one for one in verdicts(folder, f"{sentence}\n") if one[0] != "70"]
    assert found == verdict
