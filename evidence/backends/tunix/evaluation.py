"""The evaluation stage: greedy generation, the logits after each prompt, and the loss probe.

Responsible for outputs; what they are worth is `scoring`'s. Rows are filled up to few widths, and
what fills them up is masked: it changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from tunix.models.gemma.model import Gemma

from evidence.backends.predictions import asked_ids, prediction_row, probe_ids
from evidence.backends.tokenizer import pad_id
from evidence.backends.tunix.loss import summed
from evidence.backends.tunix.model import logits_of
from evidence.backends.tunix.widths import padded, width_of, widths_for
from evidence.data.examples import EvalExample, ProbeText
from evidence.data.tokens import IGNORED, num_targets
from evidence.records.generation import GenerationRecord
from evidence.records.milestone import EvalSpec
from evidence.records.run import PredictionRow
from evidence.records.tensors import LogitsRecord, LogitsRow
from evidence.rules.logits import MAX_PROMPTS, NUM_HIGHEST, kept_ids


def predict(
    model: Gemma,
    tokenizer: Any,
    questions: Sequence[EvalExample],
    spec: EvalSpec,
    generation: GenerationRecord,
) -> Iterator[PredictionRow]:
    """One row a question, in order, generated in batches padded on the left."""
    ends = frozenset(one.id for one in generation.end_tokens)
    prompts = asked_ids(tokenizer, questions)
    widths = widths_for([len(one) for one in prompts])
    at_once = min(spec.batch_size, len(questions))
    stops = np.array(sorted(ends) or [-1], dtype=np.int32)
    for start in range(0, len(questions), at_once):
        batch = prompts[start : start + at_once]
        new = _generated(model, _filled(batch, at_once), widths, pad_id(tokenizer), stops, spec)
        asked = questions[start : start + at_once]
        for question, prompt, ids in zip(asked, batch, new, strict=False):
            yield prediction_row(question, ids, len(prompt), tokenizer, spec, ends)


def _filled(batch: Sequence[list[int]], at_once: int) -> list[list[int]]:
    """As many rows as ever: those that repeat the last are thrown away."""
    return [*batch, *[batch[-1]] * (at_once - len(batch))]


def _generated(
    model: Gemma,
    prompts: Sequence[list[int]],
    widths: Sequence[int],
    fill: int,
    ends: Any,
    spec: EvalSpec,
) -> list[list[int]]:
    width = width_of(max(map(len, prompts)), widths)
    ids = [[*[fill] * (width - len(one)), *one] for one in prompts]
    skipped = np.array([width - len(one) for one in prompts], dtype=np.int32)
    found = _generate(spec.max_new_tokens)(model, np.array(ids, dtype=np.int32), skipped, ends)
    rows: list[list[int]] = np.asarray(found).tolist()
    return rows


@cache
def _generate(max_new_tokens: int) -> Any:
    return nnx.jit(partial(greedy, max_new_tokens=max_new_tokens))


def greedy(model: Gemma, ids: Any, skipped: Any, ends: Any, *, max_new_tokens: int) -> Any:
    """The likeliest token after each row, again and again, until every row has come to an end.

    `skipped` tokens at the beginning of each row are filling. One program: prompt and cache.
    """
    num_rows, width = ids.shape
    size = width + max_new_tokens
    graph, state = nnx.split(model)
    slots = jnp.arange(size)
    dtype = model.embedder.input_embedding[...].dtype
    positions = jnp.maximum(jnp.arange(width) - skipped[:, None], 0)
    seen = slots[None, None, :] <= jnp.arange(width)[None, :, None]
    mask = seen & (slots[None, None, :] >= skipped[:, None, None])
    logits, cache = model(ids, positions, model.init_cache(num_rows, size, dtype), mask)
    first = jnp.argmax(logits[:, -1].astype(jnp.float32), axis=-1).astype(jnp.int32)
    out = jnp.zeros((num_rows, max_new_tokens), jnp.int32).at[:, 0].set(first)

    def goes_on(carry: Any) -> Any:
        done, _, ended, _ = carry
        return (done < max_new_tokens) & ~jnp.all(ended)

    def another(carry: Any) -> Any:
        done, out, ended, cache = carry
        last = jax.lax.dynamic_index_in_dim(out, done - 1, axis=1)
        at = width + done - 1
        open_slots = (slots[None, None, :] <= at) & (slots[None, None, :] >= skipped[:, None, None])
        again = nnx.merge(graph, state)
        logits, cache = again(last, (at - skipped)[:, None], cache, open_slots)
        token = jnp.argmax(logits[:, -1].astype(jnp.float32), axis=-1).astype(jnp.int32)
        out = jax.lax.dynamic_update_slice(out, token[:, None], (0, done))
        return done + 1, out, ended | _is_end(token, ends), cache

    return jax.lax.while_loop(goes_on, another, (1, out, _is_end(first, ends), cache))[1]


def _is_end(tokens: Any, ends: Any) -> Any:
    return jnp.any(tokens[:, None] == ends[None, :], axis=-1)


def logits_record(model: Gemma, tokenizer: Any, questions: Sequence[EvalExample]) -> LogitsRecord:
    """What the model says of the token after each of the first prompts, each fed by itself."""
    prompts = asked_ids(tokenizer, questions[:MAX_PROMPTS])
    widths, fill = widths_for([len(one) for one in prompts]), pad_id(tokenizer)
    after = nnx.jit(lambda model, ids, last: logits_of(model, ids)[0, last])
    rows, size = [], 0
    for index, prompt in enumerate(prompts):
        ids = np.array([padded(prompt, width_of(len(prompt), widths), fill)], dtype=np.int32)
        found = np.asarray(after(model, ids, np.int32(len(prompt) - 1)))
        size = found.size
        kept = kept_ids(size, np.argsort(-found, kind="stable")[:NUM_HIGHEST].tolist())
        rows.append(
            LogitsRow(
                index=index,
                num_prompt_tokens=len(prompt),
                log_sum_exp=_log_sum_exp(found),
                ids=kept,
                logits=tuple(found[list(kept)].astype(float).tolist()),
            )
        )
    return LogitsRecord(schema="logits.v1", vocab_size=size, rows=tuple(rows))


def _log_sum_exp(logits: Any) -> float:
    numbers = logits.astype(np.float64)
    highest = numbers.max()
    return float(highest + np.log(np.exp(numbers - highest).sum()))


def probe_loss(model: Gemma, tokenizer: Any, texts: Sequence[ProbeText]) -> float:
    """Mean loss in nats per token of `wanted` after `given`, over all texts."""
    rows = [probe_ids(tokenizer, one) for one in texts]
    widths, fill = widths_for([len(ids) for ids, _ in rows]), pad_id(tokenizer)
    measured = nnx.jit(summed)
    total = 0.0
    for ids, labels in rows:
        width = width_of(len(ids), widths)
        row = np.array([padded(ids, width, fill)], dtype=np.int32)
        targets = np.array([padded(labels, width, IGNORED)], dtype=np.int32)
        total += float(measured(model, row, targets))
    return total / sum(num_targets(labels) for _, labels in rows)
