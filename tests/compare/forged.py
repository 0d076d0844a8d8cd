"""Documents of a second run, made from those of a first: honest ones, and ones with a fault.

A stub's pack has losses, rates, rows and predictions of its own making; tensors, logits and a
framework are added here, so that the laws of comparing need no framework.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from evidence import layout
from evidence.compare.pair import Pair
from evidence.compare.reasons import reasons
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import JaxRecord, TorchRecord
from evidence.records.comparison import ReasonRecord
from evidence.records.tensors import LogitsRecord, LogitsRow, TensorMovement, WeightsRecord
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import STEPS
from tests.documents import replaced

NONE: Final = Unavailable("a test")
TORCH: Final = TorchRecord("2.9.0", "5.0", NONE, NONE, "cpu", NONE, 2, 1, True, "highest")
JAX: Final = JaxRecord(
    jax_version="0.10.2", jaxlib_version="0.10.2", flax_version="0.12", optax_version="0.2",
    tunix_version="0.1.7", transformers_version="5.0", platform="cpu", device="cpu:0",
    device_name=NONE, num_devices=1, num_threads=2, matmul_precision="highest", x64=False,
    deterministic_ops=False, xla_flags="",
)  # fmt: skip
START: Final = "5" * 64
NUM_LAYERS: Final = 4
NORMS: Final = ("input_layernorm", "post_attention_layernorm")
MATRICES: Final = ("self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj")

Change = Callable[[Documents], Documents]


def tensors(seed: int = 1, *, norms_at_zero: bool = True) -> tuple[TensorMovement, ...]:
    """Those of a small Gemma, as a training moves them."""
    random, found = Random(seed), []
    for layer in range(NUM_LAYERS):
        for name in MATRICES:
            start, moved = 0.02 * random.uniform(0.9, 1.1), 0.004 * random.uniform(0.7, 1.3)
            found.append(_tensor(f"model.layers.{layer}.{name}.weight", (8, 8), start, moved))
        for name in NORMS:
            start = 0.0 if norms_at_zero else random.uniform(0.1, 0.4)
            moved = 0.01 * random.uniform(0.8, 1.2)
            found.append(_tensor(f"model.layers.{layer}.{name}.weight", (8,), start, moved))
    return tuple(sorted(found, key=lambda one: one.name))


def _tensor(name: str, shape: tuple[int, ...], start: float, moved: float) -> TensorMovement:
    end = math.sqrt(start**2 + moved**2)
    return TensorMovement(name, shape, math.prod(shape), start, end, moved)


def with_noise(share: float, seed: int = 2) -> Callable[[TensorMovement], TensorMovement]:
    """Other rounding: every number of a movement off by up to a share."""
    random = Random(seed)

    def change(one: TensorMovement) -> TensorMovement:
        moved = one.rms_moved * (1 + share * random.uniform(-1, 1))
        return replace(one, rms_moved=moved, rms_end=math.sqrt(one.rms_start**2 + moved**2))

    return change


def pulled(share: float) -> Callable[[TensorMovement], TensorMovement]:
    """Every matrix shrunk by a share of itself, as decay does it; vectors are not decayed."""

    def change(one: TensorMovement) -> TensorMovement:
        if len(one.shape) < 2:
            return one
        start, kept = one.rms_start, 1 - share
        moved = math.sqrt(one.rms_moved**2 + (share * start) ** 2)
        return replace(
            one, rms_moved=moved, rms_end=math.sqrt((kept * start) ** 2 + one.rms_moved**2)
        )

    return change


def exchanged(
    found: Sequence[TensorMovement], fields: Sequence[str], names: tuple[str, str] = NORMS
) -> tuple[TensorMovement, ...]:
    """Both norms of every layer with each other's numbers."""
    by_name = {one.name: one for one in found}
    made = []
    for one in found:
        partner = one.name
        for here, there in (names, names[::-1]):
            if f".{here}." in one.name:
                partner = one.name.replace(here, there)
        made.append(replace(one, **{key: getattr(by_name[partner], key) for key in fields}))
    return tuple(made)


def started(documents: Documents, start: str | None = START) -> Documents:
    """With a digest of the start weights."""
    model = documents.inputs.model
    assert not isinstance(model, Unavailable)
    return replace(
        documents, inputs=replace(documents.inputs, model=replace(model, weights_sha256=start))
    )


def with_tensors(
    documents: Documents, found: Sequence[TensorMovement], end: str = "e" * 64, start: str = START
) -> Documents:
    record = WeightsRecord("weights.v1", start, end, 1, tuple(found))
    return replace(documents, of_stages={**documents.of_stages, layout.WEIGHTS: record})


def with_logits(documents: Documents, shift: float = 0.0, vocabulary: int = 300) -> Documents:
    """After every prompt, 64 logits; of each prompt the second one off by `shift`."""
    ids = tuple(range(0, 256, 4))
    rows = []
    for one in documents.rows(PREDICTIONS):
        random = Random(one.id)
        kept = [random.uniform(-5, 5) for _ in ids]
        kept[1] += shift
        rows.append(LogitsRow(one.index, one.num_prompt_tokens, 6.0, ids, tuple(kept)))
    record = LogitsRecord("logits.v1", vocabulary, tuple(rows))
    return replace(documents, of_stages={**documents.of_stages, layout.LOGITS: record})


def within(framework: Any) -> Change:
    """What the worker computed with."""

    def change(documents: Documents) -> Documents:
        environment = replace(documents.environment, framework=framework)
        return replace(documents, environment=environment)

    return change


def with_losses(off: Callable[[int], float], grad_norm: float = 0.0) -> Change:
    """Each step's loss off by a share; the norm of the first gradient by another."""

    def change(documents: Documents) -> Documents:
        steps = tuple(
            replace(
                row,
                loss=row.loss * (1 + off(row.step)),
                grad_norm=row.grad_norm * (1 + (grad_norm if row.step == 1 else off(row.step))),
                elapsed_s=row.elapsed_s * 1.01,
            )
            for row in documents.rows(STEPS)
        )
        return replaced(documents, steps=steps)

    return change


def as_rounding(step: int) -> float:
    """A difference that begins in the last place and grows slowly, with either sign."""
    return 1e-7 * 1.3 ** (step - 1) * (-1) ** step


def whole(documents: Documents) -> Documents:
    """All that a first pack can have."""
    made = started(within(TORCH)(documents))
    return with_logits(with_tensors(made, tensors()))


def found(first: Documents, other: Documents) -> dict[str, ReasonRecord]:
    """The reasons by kind."""
    return {one.kind: one for one in reasons(Pair(first, other))}
