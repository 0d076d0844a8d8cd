"""What the two stages of the `tunix` backend do, in order, once JAX is set up.

Responsible for the same facts in the same order as the `transformers` backend reports. Training and
evaluation are done in `training` and `evaluation`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from transformers import GenerationConfig

from evidence import layout
from evidence.backends import identity
from evidence.backends.fit import refuse_unfit
from evidence.backends.generation import declared, greedy, recorded, storable
from evidence.backends.said import begin_evaluation, begin_training, show_seam, warn
from evidence.backends.steps import num_steps_of
from evidence.backends.tokenizer import (
    able_to_pad,
    coder,
    load_tokenizer,
    pad_id,
    tokenizer_record,
    vocabulary,
)
from evidence.backends.tunix.compiling import Compiling
from evidence.backends.tunix.configuration import model_config, refuse_settings
from evidence.backends.tunix.environment import device_named, num_threads, peak_memory_bytes
from evidence.backends.tunix.evaluation import logits_record, predict, probe_loss
from evidence.backends.tunix.model import make, shapes, tensors_of
from evidence.backends.tunix.movement import Movement, digest_of
from evidence.backends.tunix.names import EMBEDDING, Tensors
from evidence.backends.tunix.start import config_of, discard, weights_folder
from evidence.backends.tunix.tensors import read_folder, write_file
from evidence.backends.tunix.training import train
from evidence.data.chat_seen import chat_seen
from evidence.data.examples import (
    ProbeText,
    fields_told,
    probe_texts,
    questions,
    seam_record,
    token_warnings,
    training_examples,
)
from evidence.data.read import load_data
from evidence.data.text_told import text_record
from evidence.encoding.codec import encode
from evidence.records.inputs import TensorRecord
from evidence.records.milestone import ModelSpec
from evidence.rules.arithmetic import training_flops
from evidence.worker.interface import Emit, Job
from evidence.worker.recorder import Recorder


def train_stage(job: Job, emit: Emit) -> None:
    """From the model and the data of the milestone to a trained model on disk."""
    plan, root, compiling = job.plan, Path(job.root), Compiling()
    refuse_settings(plan.train)
    spec = plan.data[plan.train.data]
    data = load_data(root, plan.train.data, spec)
    tokenizer = load_tokenizer(plan.model, root)
    plain = coder(tokenizer, plan.model)
    examples = training_examples(plan, data, plain)
    seam = seam_record(plan, data, root, plain, examples)
    config = config_of(plan.model, root)
    gemma = model_config(config.to_dict())
    asked, eval_sha256, _ = questions(plan, root, plain.chat)
    show_seam(seam)
    warnings = (
        *token_warnings(plan, data, root, plain, examples),
        *refuse_unfit(config, gemma.num_embed, plain, ((data, examples),), asked, plan.eval),
    )
    warn(emit, warnings)
    tensors = read_folder(weights_folder(job, plan.model, root), shapes(gemma), plan.train.dtype)
    counted = _counted(tensors, plan.train.dtype)
    started = identity.model_record(plan.model, root, _as_saved(config, plan.train.dtype), counted)
    emit(
        "inputs",
        model=encode(started),
        tokenizer=encode(tokenizer_record(plan.model, root, tokenizer)),
        text=encode(replace(text_record(plan, plain, examples), seam=seam)),
        data={plan.train.data: data.content.sha256, plan.eval.data: eval_sha256},
    )
    model = make(gemma, tensors, config.pad_token_id)
    movement = Movement(tensors, counted.weights_sha256)
    del tensors
    discard(job)
    texts = probe_texts(plan, data, root, plain.chat)  # both times the same
    _probe("before", texts, model, tokenizer, emit)
    num_steps, pieces = num_steps_of(plan.train, len(examples)), vocabulary(tokenizer)
    recorder = Recorder(num_steps, plan.train.seed, plan.train.max_length, pieces)
    begin_training(plan.model, len(examples))
    facts = train(job, model, pad_id(tokenizer), examples, recorder, emit, compiling)
    chat = chat_seen(spec, data.rows, plain, examples)
    seen = recorder.record(job.stage, spec, fields_told(spec, data), examples, chat)
    emit("seen", record=encode(seen))
    after = tensors_of(model)
    emit("weights", record=encode(movement.record(after)))
    _probe("after", texts, model, tokenizer, emit)
    saved = Path(job.output) / layout.FINAL_MODEL
    _save(saved, after, config, plan.train.dtype, _generation(plan.model, root, config))
    tokenizer.save_pretrained(saved)
    emit("model", path=str(saved))
    emit("compilation", **encode(compiling.record()))
    emit(
        "done",
        runtime_s=facts["runtime_s"],
        total_flos=training_flops(
            started.num_parameters, started.num_embedding_parameters, seen.num_fed_tokens
        ),
        weights=movement.facts(after, facts["num_optimizer_steps"]),
        **_at_end(job),
    )


def eval_stage(job: Job, emit: Emit) -> None:
    """From the model on disk to predictions."""
    plan, root, compiling = job.plan, Path(job.root), Compiling()
    folder = Path(job.output) / layout.FINAL_MODEL
    saved = ModelSpec(path=str(folder))  # from disk, as anyone else would load it
    tokenizer = able_to_pad(load_tokenizer(saved, folder))
    asked, sha256, available = questions(plan, root, coder(tokenizer, plan.model).chat)
    emit("read", data={plan.eval.data: sha256})
    config = config_of(saved, folder)
    gemma = model_config(config.to_dict())
    tensors = read_folder(folder, shapes(gemma), plan.train.dtype)
    model = make(gemma, tensors, config.pad_token_id)
    begin_evaluation(emit, len(asked), available)
    own = declared(folder) or GenerationConfig.from_model_config(config)
    _, generation = greedy(config, own, tokenizer, plan.eval)
    emit("generation", **recorded(generation))
    emit("logits", record=encode(logits_record(model, tokenizer, asked)))
    began_s = time.monotonic()
    with device_named(plan):
        for row in predict(model, tokenizer, asked, plan.eval, generation):
            emit("prediction", row=encode(row))
    runtime_s = time.monotonic() - began_s
    emit("compilation", **encode(compiling.record()))
    emit("done", runtime_s=runtime_s, total_flos=None, **_at_end(job))


def _counted(tensors: Tensors, dtype: str) -> identity.Counted:
    return identity.Counted(
        num_parameters=sum(one.size for one in tensors.values()),
        dtype=dtype,
        embedding_tables=(TensorRecord(EMBEDDING, tensors[EMBEDDING].size),),
        buffers=(),
        num_kept_in_float32=0,
        weights_sha256=digest_of(tensors),
    )


def _as_saved(config: Any, dtype: str) -> Any:
    """The configuration as that of a model in this number format."""
    config.dtype = dtype
    return config


def _generation(spec: ModelSpec, root: Path, config: Any) -> GenerationConfig:
    """What the model declares of generation: in its folder, on the hub, or in its configuration."""
    folder = spec.config or spec.path
    found = None if folder is None else declared(root / folder)
    if folder is None:
        try:
            found = GenerationConfig.from_pretrained(spec.id, revision=spec.revision or "main")
        except OSError:  # it has none
            found = None
    return found or GenerationConfig.from_model_config(config)


def _save(
    folder: Path, tensors: Tensors, config: Any, dtype: str, generation: GenerationConfig
) -> None:
    """A folder that transformers loads."""
    folder.mkdir(parents=True, exist_ok=True)
    config.architectures = ["GemmaForCausalLM"]
    _as_saved(config, dtype).save_pretrained(folder)
    storable(generation).save_pretrained(folder)
    write_file(folder / "model.safetensors", tensors)


def _probe(moment: str, texts: Sequence[ProbeText], model: Any, tokenizer: Any, emit: Emit) -> None:
    loss = probe_loss(model, tokenizer, texts)
    emit("probe", moment=moment, loss=loss, num_examples=len(texts))


def _at_end(job: Job) -> dict[str, Any]:
    return {
        "peak_memory_bytes": peak_memory_bytes(job.plan),
        "num_threads": num_threads(job.plan),
    }
