"""The `stub` backend: a whole stage without any ML framework, for tests of the supervisor.

Responsible for the same events and files as a real backend, in milliseconds, with numbers drawn
from the data by hashing. On request it misbehaves: `orders`.
"""

from __future__ import annotations

import json
import signal
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from evidence import layout
from evidence.data.examples import probe_texts, questions, training_examples
from evidence.data.facts import field_names
from evidence.data.read import load_data
from evidence.data.text_told import text_record
from evidence.data.tokens import Coder, Example
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.inputs import FileDigest, ModelRecord, SpecialToken, TokenizerRecord
from evidence.records.milestone import ModelSpec
from evidence.records.run import PredictionRow, StepRow
from evidence.rules import scoring
from evidence.rules.arithmetic import (
    epoch_after_step,
    learning_rate_used,
    steps_per_epoch,
    total_steps,
)
from evidence.rules.vocabulary import read_vocabulary
from evidence.worker.interface import Emit, Job, Stopped
from evidence.worker.recorder import STATE_FILE, FedRow, Recorder
from stub_backend.orders import (
    NUM_THREADS,
    enlarge,
    framework,
    loss_factor,
    misbehave,
    num_threads_at_end,
    order,
    start_sha256,
    text_of,
)

HIDDEN: Final = 8
VOCABULARY: Final = 256
EOS_ID: Final = 1


def run_stage(job: Job, emit: Emit) -> None:
    """Run one stage in milliseconds."""
    misbehave(job, 0, emit)
    emit("ready", framework=encode(framework(job)), num_threads=NUM_THREADS)
    _train(job, emit) if job.stage == "train" else _evaluate(job, emit)


def encode_bytes(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """One token a character, its code point modulo the vocabulary."""
    return [ord(c) % VOCABULARY for c in text], [(i, i + 1) for i in range(len(text))]


CODER: Final = Coder(encode_bytes, lambda ids: "".join(map(chr, ids)), None, EOS_ID)
TOKENIZER: Final[dict[str, Any]] = {
    "added_tokens": [{"id": EOS_ID, "content": "<eos>"}],
    "decoder": {"type": "Fuse"},
    "model": {"type": "WordLevel", "vocab": {chr(one): one for one in range(VOCABULARY)}},
}


def _train(job: Job, emit: Emit) -> None:
    plan, root, spec = job.plan, Path(job.root), job.plan.train
    data = load_data(root, spec.data, plan.data[spec.data])
    examples = training_examples(plan, data, CODER)
    _, eval_sha256, _ = questions(plan, root)
    emit(
        "inputs",
        model=encode(_model_record(plan.model, root, start_sha256(job))),
        tokenizer=encode(_tokenizer_record()),
        text=encode(text_record(plan, CODER, examples)),
        data={spec.data: data.content.sha256, plan.eval.data: eval_sha256},
    )
    probed = len(probe_texts(plan, data, root))
    emit("probe", moment="before", loss=5.0, num_examples=probed)
    print(f"training the stub on {len(examples)} rows", flush=True)
    began_s = time.monotonic()
    recorder = _steps(job, examples, emit)
    runtime_s = time.monotonic() - began_s
    seen = recorder.record(job.stage, plan.data[spec.data], field_names(data.rows), examples)
    emit("seen", record=encode(seen))
    emit("probe", moment="after", loss=2.5, num_examples=probed)
    folder = Path(job.output) / layout.FINAL_MODEL
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, seen.stream_sha256)
    emit("model", path=str(folder))
    flos = 6 * HIDDEN * seen.num_fed_tokens
    emit(
        "done",
        runtime_s=runtime_s,
        total_flos=flos,
        peak_memory_bytes=1 << 20,
        num_threads=num_threads_at_end(),
    )


def _steps(job: Job, examples: Sequence[Example], emit: Emit) -> Recorder:
    spec = job.plan.train
    per_step = spec.batch_size * spec.gradient_accumulation
    per_epoch = steps_per_epoch(len(examples), spec.batch_size, spec.gradient_accumulation)
    last = total_steps(spec.epochs, per_epoch, spec.max_steps)
    recorder = Recorder(last, spec.seed, spec.max_length, read_vocabulary(TOKENIZER).pieces)
    first = 1
    if job.resume is not None:
        state = json.loads((Path(job.resume) / STATE_FILE).read_text("utf-8"))
        recorder.restore(state)
        first = state["step"]
    emit(
        "schedule",
        num_rows=len(examples),
        num_steps=last,
        steps_per_epoch=per_epoch,
        resumed_from_step=first - 1,
    )
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    began_s = time.monotonic()
    for step in range(first, last + 1):
        misbehave(job, step, emit)
        epoch, place = divmod(step - 1, per_epoch)
        order = list(range(len(examples)))
        Random(spec.seed + epoch).shuffle(order)
        rows = [examples[i] for i in order[place * per_step : (place + 1) * per_step]]
        fed = [FedRow(row.source_row, row.ids, row.labels) for row in rows]
        recorder.feed(fed, len(fed) * max(len(row.ids) for row in fed))
        emit("step", row=encode(_step_row(job, step, last, len(examples), recorder, began_s)))
        due = spec.checkpoint_every_steps and step % spec.checkpoint_every_steps == 0
        if (due or asked) and step < last:
            _checkpoint(job, step, recorder, emit)
        if asked and step < last:
            emit("stopped", step=step)
            raise Stopped(f"after step {step}, as asked")
    return recorder


def _step_row(
    job: Job, step: int, last: int, num_rows: int, recorder: Recorder, began_s: float
) -> StepRow:
    spec, counts = job.plan.train, recorder.end_step()
    noise = int(counts.stream[:4], 16) / 65536
    return StepRow(
        kind="step",
        stage=job.stage,
        segment=job.segment,
        step=step,
        epoch=epoch_after_step(step, num_rows, spec.batch_size, spec.gradient_accumulation),
        loss=(4.0 * (1 - 0.8 * step / last) + noise / 10) * loss_factor(),
        learning_rate=learning_rate_used(
            step, last, spec.learning_rate, spec.schedule, spec.warmup_steps
        ),
        grad_norm=1.0 + noise,
        num_rows=counts.num_rows,
        num_tokens=counts.num_tokens,
        num_fed_tokens=counts.num_fed_tokens,
        num_target_tokens=counts.num_target_tokens,
        elapsed_s=time.monotonic() - began_s,
        stream=counts.stream,
    )


def _checkpoint(job: Job, step: int, recorder: Recorder, emit: Emit) -> None:
    folder = Path(job.scratch) / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    state = recorder.state()
    (folder / STATE_FILE).write_text(json.dumps(state), encoding="utf-8")
    enlarge(folder)
    emit("checkpoint", step=step, path=str(folder), stream=state["stream"])


def _evaluate(job: Job, emit: Emit) -> None:
    spec = job.plan.eval
    asked, sha256, available = questions(job.plan, Path(job.root))
    emit("read", data={spec.data: sha256})
    if job.evaluates_given:
        given = _model_record(job.plan.model, Path(job.root), start_sha256(job))
        emit("evaluated", model=encode(given))
    count = len(asked)
    emit(
        "schedule", num_rows=available, num_steps=count, steps_per_epoch=count, resumed_from_step=0
    )
    print(f"evaluating the stub on {count} of {available} questions", flush=True)
    began_s = time.monotonic()
    for number, question in enumerate(asked, 1):
        misbehave(job, number, emit)
        right = int(sha256_hex(question.id.encode())[:2], 16) % 2 == 0
        output_text = question.target if right else "nothing"
        output = f"{spec.answer_after or ''} {output_text}".strip()
        if order().get("do") == "long-output":
            output += " " + "w" * int(order()["chars"])
        answer = scoring.extract_answer(output, spec.answer_after)
        row = PredictionRow(
            index=question.index,
            id=question.id,
            prompt=question.prompt,
            target=question.target,
            output=output,
            answer=answer,
            finish_reason="length" if len(output) >= spec.max_new_tokens else "eos",
            num_prompt_tokens=len(question.prompt),
            num_output_tokens=min(len(output), spec.max_new_tokens),
            prompt_sha256=sha256_hex(question.prompt.encode("utf-8")),
            target_sha256=sha256_hex(question.target.encode("utf-8")),
            output_sha256=sha256_hex(output.encode("utf-8")),
            groups=question.groups,
            scores=scoring.scores(spec, output, answer, question.target),
            under_test=question.under_test,
        )
        emit("prediction", row=encode(row))
    runtime_s = max(time.monotonic() - began_s, 1e-3)
    emit(
        "done",
        runtime_s=runtime_s,
        total_flos=None,
        peak_memory_bytes=1 << 20,
        num_threads=num_threads_at_end(),
    )


def _tokenizer_record() -> TokenizerRecord:
    return TokenizerRecord(
        id="stub",
        sha256=sha256_hex(jsonio.dump_document(TOKENIZER)),
        vocab_size=VOCABULARY,
        adds_bos=CODER.adds_bos,
        adds_eos=CODER.adds_eos,
        special_tokens=(SpecialToken("eos_token", "<eos>", EOS_ID),),
        chat_template=None,
    )


def _model_record(spec: ModelSpec, root: Path, weights_sha256: str | None) -> ModelRecord:
    return ModelRecord(
        id=spec.called,
        source="hub" if spec.id else "local" if spec.path else "random",
        revision_requested=spec.revision,
        revision=Unavailable("the stub has no weights of its own"),
        init_seed=spec.init_seed,
        config_sha256=sha256_hex(jsonio.dump_document(CONFIG)),
        files=_files(root / str(spec.path))
        if spec.named
        else Unavailable("the stub is made in memory"),
        num_parameters=VOCABULARY * HIDDEN + HIDDEN,
        num_embedding_parameters=VOCABULARY * HIDDEN,
        dtype="float32",
        weights_sha256=weights_sha256,
    )


def _files(folder: Path) -> tuple[FileDigest, ...]:
    """Of a checkpoint that another stage left."""
    return tuple(
        FileDigest(path.name, sha256_hex(path.read_bytes()), path.stat().st_size)
        for path in sorted(folder.iterdir())
    )


CONFIG: Final[dict[str, Any]] = {
    "model_type": "stub",
    "hidden_size": HIDDEN,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": True,
}


def write_model(folder: Path, seed: str) -> None:
    """A valid safetensors file whose bytes depend on `seed` alone, and its config."""
    shapes = {"model.embed_tokens.weight": [VOCABULARY, HIDDEN], "model.norm.weight": [HIDDEN]}
    header: dict[str, Any] = {}
    if order().get("do") == "metadata":
        header["__metadata__"] = {"note": text_of(order())}
    body = b""
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        random = Random(f"{seed}{name}")
        data = struct.pack(f"<{count}f", *(random.random() for _ in range(count)))
        header[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    for number in range(order().get("files", 0)):
        (folder / f"part{number:05d}{'n' * 150}.json").write_bytes(b"{}")
    if order().get("do") == "file":
        (folder / text_of(order())).write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    (folder / "config.json").write_bytes(jsonio.dump_document(CONFIG))
    (folder / "tokenizer.json").write_bytes(jsonio.dump_document(TOKENIZER))
