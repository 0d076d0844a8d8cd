"""What Tunix's Gemma can be made of: the configuration of a model of transformers, or why not.

Responsible for refusing, by name, whatever the configuration asks for and Tunix's model would do
otherwise. Nothing is ignored in silence. Judging needs no Tunix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from evidence.records.training import TrainSpec
from evidence.worker.interface import StageFailure

if TYPE_CHECKING:
    from tunix.models.gemma.model import ModelConfig

_TYPE: Final = "gemma"
_USE_TRANSFORMERS: Final = 'or use an attempt with backend = "transformers"'
_ACTIVATIONS: Final = ("gelu_pytorch_tanh", "gelu")
"""For Gemma transformers takes both for the same one."""
_ROPE_THETA: Final = 10_000.0
_EPSILON: Final = 1e-6


def model_config(settings: Mapping[str, Any]) -> ModelConfig:
    """Tunix's configuration of a model. `settings` are those of transformers' config.json."""
    from tunix.models.gemma.model import AttentionType, ModelConfig

    refuse(settings)
    num_layers = int(settings["num_hidden_layers"])
    return ModelConfig(
        num_layers=num_layers,
        num_embed=int(settings["vocab_size"]),
        embed_dim=int(settings["hidden_size"]),
        hidden_dim=int(settings["intermediate_size"]),
        num_heads=int(settings["num_attention_heads"]),
        head_dim=int(settings["head_dim"]),
        num_kv_heads=int(settings["num_key_value_heads"]),
        final_logit_softcap=None,
        use_post_attn_norm=False,
        use_post_ffw_norm=False,
        attention_types=(AttentionType.GLOBAL,) * num_layers,
    )


def refuse(settings: Mapping[str, Any]) -> None:
    """Raise StageFailure where Tunix's Gemma is another model than the one described."""
    kind = settings.get("model_type")
    if kind != _TYPE:
        raise StageFailure(
            "requirement-not-met",
            f"the model is of the type {kind!r}, and the backend tunix has the first Gemma only "
            f"(model_type {_TYPE!r}: google/gemma-2b, gemma-7b and their like): take such a model, "
            f"{_USE_TRANSFORMERS}",
        )
    problems = [*_problems(settings)]
    if problems:
        raise StageFailure(
            "requirement-not-met",
            f"the model's config.json asks for what Tunix's Gemma does not do: "
            f"{'; '.join(problems)}. Take a model without it, {_USE_TRANSFORMERS}",
        )


def refuse_settings(spec: TrainSpec) -> None:
    """Raise StageFailure for what of [train] this backend cannot do."""
    if spec.dtype == "float16":
        raise StageFailure(
            "requirement-not-met",
            'dtype = "float16" in [train]: the number that Tunix masks attention with is no '
            f'float16. Set dtype = "bfloat16" or "float32", {_USE_TRANSFORMERS}',
        )


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings.get("attention_bias"):
        yield "attention_bias is true, and its projections have no bias"
    if settings.get("attention_dropout"):
        yield f"attention_dropout is {settings['attention_dropout']}, and it drops nothing"
    if settings.get("hidden_act") not in _ACTIVATIONS:
        yield f"hidden_act is {settings.get('hidden_act')!r}, and it has {_ACTIVATIONS[0]!r}"
    if settings.get("rms_norm_eps") != _EPSILON:
        yield f"rms_norm_eps is {settings.get('rms_norm_eps')}, and it has {_EPSILON}"
    if not settings.get("tie_word_embeddings", True):
        yield "tie_word_embeddings is false, and it uses the embedding for its output"
    if settings.get("use_bidirectional_attention"):
        yield "use_bidirectional_attention is true, and each token sees those before it alone"
    if settings.get("quantization_config"):
        yield "quantization_config is there, and its weights are float"
    heads, shared = settings.get("num_attention_heads"), settings.get("num_key_value_heads")
    if isinstance(heads, int) and isinstance(shared, int) and (shared < 1 or heads % shared):
        yield f"num_attention_heads is {heads}, no multiple of num_key_value_heads, {shared}"
    if int(settings.get("head_dim") or 0) % 2:
        yield f"head_dim is {settings.get('head_dim')}, and positions turn pairs of numbers"
    yield from _positions(settings)


def _positions(settings: Mapping[str, Any]) -> Iterator[str]:
    rope = settings.get("rope_parameters") or {}
    theta = rope.get("rope_theta", settings.get("rope_theta", _ROPE_THETA))
    kind = rope.get("rope_type", "default")
    if theta != _ROPE_THETA:
        yield f"rope_theta is {theta}, and it has {_ROPE_THETA}"
    if kind != "default":
        yield f"rope_type is {kind!r}, and it scales no positions"
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        yield f"partial_rotary_factor is {rope['partial_rotary_factor']}, and it turns all"
