"""The `transformers` backend: PyTorch training and evaluation of causal language models.

Responsible for the order of a stage and for what it reports. Training and evaluation are done in
`training` and `evaluation`, models come from `models`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from msgspec.structs import replace

from evidence import layout
from evidence.backends.fit import refuse_unfit
from evidence.backends.functions import load_functions, scored_by_functions
from evidence.backends.generation import declared, recorded, storable
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
from evidence.backends.transformers.causality import refuse_encoder
from evidence.backends.transformers.devices import device_of, peak_memory_bytes, refuse_unable
from evidence.backends.transformers.evaluation import (
    logits_record,
    make_greedy,
    predict,
    probe_loss,
)
from evidence.backends.transformers.models import (
    framework_record,
    load_model,
    make_repeatable,
    model_record,
)
from evidence.backends.transformers.ranks import Ranks, joined, rank_record
from evidence.backends.transformers.sharding import num_held, shard, whole_state
from evidence.backends.transformers.training import train
from evidence.backends.transformers.weights import Movement, parameters_sha256
from evidence.data.chat_seen import chat_seen
from evidence.data.examples import (
    ProbeText,
    fields_told,
    questions,
    training_examples,
)
from evidence.data.later import of_later
from evidence.data.read import load_data
from evidence.data.text_told import text_record
from evidence.data.validation import validation_set
from evidence.encoding.codec import encode
from evidence.records.inputs import ModelRecord
from evidence.records.milestone import FSDP, ModelSpec
from evidence.records.ranks import RanksRecord
from evidence.records.run import AttemptPlan
from evidence.records.training import saves_adapter
from evidence.worker.interface import Emit, Job, StageFailure
from evidence.worker.recorder import Recorder


def run_stage(job: Job, emit: Emit) -> None:
    """Run one stage; every fact goes to the supervisor through `emit`."""
    make_repeatable(job.plan)
    refuse_unable(job.plan)
    ranks = joined(job)
    with nullcontext() if ranks.leads else redirect_stdout(StringIO()):
        _run(job, emit if ranks.leads else _silent, ranks)


def _silent(event: str, **data: Any) -> None:
    """Of several processes one reports, and prints: the others would say the same."""


def _run(job: Job, emit: Emit, ranks: Ranks) -> None:
    framework = framework_record(job.plan)
    emit("ready", framework=encode(framework), num_threads=torch.get_num_threads())
    if job.stage == "train":
        _train(job, emit, ranks)
    else:
        _evaluate(job, emit)


def _train(job: Job, emit: Emit, ranks: Ranks) -> None:
    plan, root = job.plan, Path(job.root)
    if ranks.leads:
        load_functions(plan, root, emit)
    spec = plan.data[plan.train.data]
    data = load_data(root, plan.train.data, spec)
    tokenizer = load_tokenizer(plan.model, root)
    plain = coder(tokenizer, plan.model)
    examples = training_examples(plan, data, plain)
    validated = validation_set(plan, root, plain)
    later = of_later(plan, root, data, plain, examples)
    own = _declared(plan.model, root)
    model = load_model(
        plan.model, root, _dtype(plan.train.dtype), device_of(plan), own, plan.train.quantise
    )
    if later.seam is not None:
        show_seam(later.seam)
    asked, sets = (later.asked, plan.given_eval), ((data, examples), *validated.sets)
    unfit = refuse_unfit(model.config, _num_embedded(model), plain, sets, *asked)
    warn(emit, (*later.warnings, *unfit))
    started = model_record(plan.model, root, model, plan.train.dtype, plan.train.quantise)
    emit(
        "inputs",
        model=encode(started),
        tokenizer=encode(tokenizer_record(plan.model, root, tokenizer)),
        text=encode(replace(text_record(plan, plain, examples), seam=later.seam)),
        data={plan.train.data: data.content.sha256, **later.data, **validated.read},
    )
    refuse_encoder(model, examples)
    _begin_together(plan, model, ranks, emit)
    is_needed = ranks.leads or plan.strategy == FSDP  # for whatever is done with shares of weights
    if is_needed:
        _probe("before", later.probed, model, tokenizer, emit)
    num_steps, pieces = num_steps_of(plan.train, len(examples)), vocabulary(tokenizer)
    recorder = Recorder(num_steps, plan.train.seed, plan.train.max_length, pieces)
    begin_training(plan.model, len(examples))
    model, moving = _trainable(plan, model, started)
    with moving as movement:
        begun = (job, model, pad_id(tokenizer), examples, recorder, emit, ranks)
        facts, feed = train(*begun, validated.examples, movement.sha256)
    if ranks.several:
        fed = feed.record(movement.sha256(), peak_memory_bytes(device_of(job.plan)))
        emit("ranks-fed", **encode(fed))
    if plan.strategy != FSDP:
        ranks.leave()
    if not is_needed:
        return
    chat = chat_seen(spec, data.rows, plain, examples)
    seen = recorder.record(job.stage, spec, fields_told(spec, data), examples, chat)
    emit("seen", record=encode(seen))
    emit("weights", record=encode(movement.record()))
    moved = movement.facts()
    model = _finished(plan, model, started, emit)
    _probe("after", later.probed, model, tokenizer, emit)
    saved = _saved(job, model, tokenizer, ranks)
    emit("model", path=str(saved))
    emit("done", **_at_end(job), **facts, weights=moved)


def _begin_together(plan: AttemptPlan, model: Any, ranks: Ranks, emit: Emit) -> None:
    """Divide the weights where that is asked, and name each process with what it holds of them."""
    if not ranks.several:
        return
    if plan.strategy == FSDP:
        shard(model, ranks, device_of(plan))
    every = ranks.every(rank_record(ranks, plan, num_held(model)))
    emit("ranks", **encode(RanksRecord(tuple(every))))


def _trainable(plan: AttemptPlan, model: Any, started: ModelRecord) -> tuple[Any, Movement]:
    """The model as it is trained, and what holds its weights against those of now."""
    if plan.train.lora is None:
        return model, Movement(model, started.weights_sha256)
    lora = _lora()
    made = lora.adapted(model, plan.train.lora, plan.model, plan.train.seed)
    return made, Movement(made, digest=lora.adapter_sha256, named=lora.saved_name)


def _lora() -> ModuleType:
    """What is done with adapters: it needs peft, which whoever asks for none may be without."""
    try:
        from evidence.backends.transformers import lora
    except ModuleNotFoundError as error:
        if error.name != "peft":
            raise
        text = 'train.lora needs the Python package peft: pip install "evidence-pack[lora]"'
        raise StageFailure("requirement-not-met", text) from error
    return lora


def _finished(plan: AttemptPlan, model: Any, started: ModelRecord, emit: Emit) -> Any:
    """The model as it is saved: an adapter is told of, and merged where that is asked."""
    if plan.train.lora is None:
        return model
    lora = _lora()
    record = lora.adapter_record(model, plan.train.lora, started.weights_sha256 or "")
    if plan.train.lora.merge:
        model = model.merge_and_unload()
        record = replace(record, merged_sha256=parameters_sha256(model))
    emit("adapter", record=encode(record))
    return model


def _saved(job: Job, model: Any, tokenizer: Any, ranks: Ranks) -> Path:
    """The folder of the final model, which the first process writes. All put its weights together
    for that, where they are divided."""
    folder, state = Path(job.output) / layout.FINAL_MODEL, None
    if job.plan.strategy == FSDP:
        state = whole_state(model, is_kept=ranks.leads)
        ranks.leave()
    if ranks.leads:
        _save(job.plan, model, folder, state)
        tokenizer.save_pretrained(folder)
    return folder


def _save(plan: AttemptPlan, model: Any, folder: Path, state: dict[str, Any] | None) -> None:
    if saves_adapter(plan.train):
        _lora().save_adapter(model, folder)
        return
    model.generation_config = storable(model.generation_config)
    model.save_pretrained(folder, state_dict=state)


def _evaluate(job: Job, emit: Emit) -> None:
    plan, root = job.plan, Path(job.root)
    folder = Path(job.output) / layout.FINAL_MODEL
    saved = ModelSpec(path=str(folder))  # from disk, as anyone else would load it
    given = plan.model if job.evaluates_given else saved
    tokenizer = able_to_pad(load_tokenizer(given, root))
    plain = coder(tokenizer, plan.model)
    asked, sha256, available = questions(plan, root, plain.chat)
    emit("read", data={plan.eval.data: sha256})
    model = _evaluated(job, given)
    if job.evaluates_given:
        told = {"model": encode(model_record(given, root, model, plan.numerics.dtype))}
        if plan.given_train is None:  # no training has told of it, nor looked at what is asked
            told["tokenizer"] = encode(tokenizer_record(given, root, tokenizer))
            found = refuse_unfit(model.config, _num_embedded(model), plain, (), asked, plan.eval)
            warn(emit, found)
        emit("evaluated", **told)
    begin_evaluation(emit, len(asked), available)
    emit("generation", **recorded(make_greedy(model, tokenizer, plan.eval)))
    emit("logits", record=encode(logits_record(model, tokenizer, asked)))
    began_s = time.monotonic()
    with scored_by_functions(plan, root, emit) as scored:
        for row in predict(model, tokenizer, asked, plan.eval):
            emit("prediction", row=encode(scored(row)))
    runtime_s = time.monotonic() - began_s
    emit("done", runtime_s=runtime_s, total_flos=None, **_at_end(job))


def _evaluated(job: Job, given: ModelSpec) -> Any:
    """The model that is asked: a whole one, or the adapter that was trained beside its base."""
    plan, root = job.plan, Path(job.root)
    dtype, device = _dtype(plan.numerics.dtype), device_of(plan)
    if job.evaluates_given or not saves_adapter(plan.train):
        return load_model(given, root, dtype, device)
    own = _declared(plan.model, root)
    base = load_model(plan.model, root, dtype, device, own, plan.train.quantise)
    return _lora().with_adapter(base, Path(job.output))


def _declared(spec: ModelSpec, root: Path) -> Any:
    """What the folder of a model declares of generation; None where it has no folder here."""
    folder = spec.config or spec.path
    return None if folder is None else declared(root / folder)


def _num_embedded(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def _probe(moment: str, texts: Sequence[ProbeText], model: Any, tokenizer: Any, emit: Emit) -> None:
    if not texts:
        return  # nothing is evaluated
    loss = probe_loss(model, tokenizer, texts)
    emit("probe", moment=moment, loss=loss, num_examples=len(texts))


def _dtype(name: str) -> torch.dtype:
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _at_end(job: Job) -> dict[str, Any]:
    return {
        "peak_memory_bytes": peak_memory_bytes(device_of(job.plan)),
        "num_threads": torch.get_num_threads(),
    }
