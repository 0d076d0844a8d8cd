"""Models and tokenizers: loaded from the hub, a folder, or made with seeded random weights.

Responsible for what starts training and for saying exactly what it is. PyTorch and transformers
live here and in the modules beside it; only the worker imports them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from evidence.backends.transformers.weights import (
    embedding_tables,
    num_kept_in_float32,
    saved_buffers,
)
from evidence.data.tokens import Coder
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.capture import TorchRecord
from evidence.records.inputs import FileDigest, ModelRecord, SpecialToken, TokenizerRecord
from evidence.records.milestone import ModelSpec
from evidence.records.run import AttemptPlan
from evidence.rules.vocabulary import Vocabulary, read_spelling
from evidence.worker.interface import StageFailure
from evidence.worker.model_folders import causal_types, why_not_causal
from evidence.worker.recorder import Pieces

_NOT_CONFIGURED: Final = ("_name_or_path", "transformers_version")
"""What transformers adds to a configuration: where it was read, and by which version. Both are
recorded elsewhere, and neither makes it another configuration."""


def device_of(plan: AttemptPlan) -> torch.device:
    """Where the plan runs: the first GPU where it asks for one, else the CPU."""
    return torch.device("cuda", 0) if plan.requires.accelerator == "nvidia" else torch.device("cpu")


def make_repeatable(plan: AttemptPlan) -> None:
    """Fix threads, seeds and kernels before anything is computed."""
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    torch.set_num_interop_threads(1)
    transformers.set_seed(plan.train.seed)
    if plan.train.deterministic:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def framework_record(plan: AttemptPlan) -> TorchRecord:
    """The framework as this worker sees it."""
    device = device_of(plan)
    on_gpu = device.type == "cuda"
    cudnn: int | None = None
    if torch.cuda.is_available():
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]  # torch leaves it so
    return TorchRecord(
        torch_version=str(torch.__version__),
        transformers_version=str(transformers.__version__),
        cuda_version=torch.version.cuda or Unavailable("this torch build has no CUDA"),
        cudnn_version=str(cudnn) if cudnn else Unavailable("no CUDA device in use"),
        device=str(device),
        device_name=_device_name(device) if on_gpu else Unavailable("no GPU is in use"),
        num_threads=torch.get_num_threads(),
        num_interop_threads=torch.get_num_interop_threads(),
        deterministic_algorithms=torch.are_deterministic_algorithms_enabled(),
        matmul_precision=torch.get_float32_matmul_precision(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
    )


def _device_name(device: torch.device) -> str | Unavailable:
    try:
        return torch.cuda.get_device_name(device)
    except UnicodeDecodeError:
        return Unavailable("the driver gives a name that is not UTF-8 text")


def load_model(
    spec: ModelSpec,
    root: Path,
    dtype: torch.dtype,
    device: torch.device,
    declared: GenerationConfig | None = None,
) -> Any:
    """The model before training, on its device. Hub access uses the user's own cache and token.

    `declared` is what its folder declares of generation; without it transformers looks by itself.
    """
    if spec.config is not None:
        config = AutoConfig.from_pretrained(root / spec.config)
        torch.manual_seed(spec.init_seed or 0)
        _refuse_class(config)
        with torch.device(device):  # made where it is used: no float32 copy of 2B weights first
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        model.generation_config = declared or model.generation_config
        return refuse_other_class(model)
    source = str(root / spec.path) if spec.path is not None else spec.id
    revision = spec.revision or "main"
    _refuse_class(AutoConfig.from_pretrained(source, revision=revision))
    model = AutoModelForCausalLM.from_pretrained(
        source, revision=revision, dtype=dtype, use_safetensors=True, generation_config=declared
    )
    return refuse_other_class(model).to(device)


def refuse_other_class(model: Any) -> Any:
    """The model. What is saved has its own configuration, which may be a part of the one that was
    read (the text model of mllama), and must be one that evaluation can load."""
    _refuse_class(model.config)
    return model


def _refuse_class(config: Any) -> None:
    """One sentence in place of the names of 200 classes."""
    reason = why_not_causal(config.to_dict(), causal_types())
    if reason:
        raise StageFailure("requirement-not-met", f"the model cannot be trained on: {reason}")


def load_tokenizer(spec: ModelSpec, root: Path) -> Any:
    """The fast tokenizer of the model, or the one the milestone names."""
    if spec.tokenizer is not None:
        return AutoTokenizer.from_pretrained(root / spec.tokenizer)
    if spec.path is not None:
        return AutoTokenizer.from_pretrained(root / spec.path)
    return AutoTokenizer.from_pretrained(spec.id, revision=spec.revision or "main")


def pad_id(tokenizer: Any) -> int:
    """What fills a row up. Masks leave it out, so that without a pad token any id will do."""
    found = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(int(one) for one in found if one is not None)


def able_to_pad(tokenizer: Any) -> Any:
    """The tokenizer, with a pad token in memory where it has none. Never saved."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_id(tokenizer))
    return tokenizer


def coder(tokenizer: Any) -> Coder:
    """The tokenizer as plain functions: special tokens and exact offsets in, none of them out."""

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        found = tokenizer(text, return_offsets_mapping=True, verbose=False)
        return found["input_ids"], [tuple(pair) for pair in found["offset_mapping"]]

    def decode(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    unknown = {tokenizer.unk_token}  # a text that becomes it is lost
    specials = frozenset(set(tokenizer.all_special_tokens) - unknown)
    return Coder(encode, decode, tokenizer.bos_token_id, tokenizer.eos_token_id, specials)


def vocabulary(tokenizer: Any) -> Pieces:
    """The text of each id, as verify will look it up in tokenizer.json.

    Where `evidence.rules.vocabulary` does not know the decoder, each id is decoded by itself.
    """
    fast = tokenizer.backend_tokenizer
    try:
        spelling = read_spelling(json.loads(fast.decoder.__getstate__()) if fast.decoder else None)
    except MalformedError:
        return lambda ids: tuple(tokenizer.decode([one]) for one in ids)
    special = {one: token.content for one, token in fast.get_added_tokens_decoder().items()}
    return Vocabulary(fast.id_to_token, special, spelling).pieces


def model_record(spec: ModelSpec, root: Path, model: Any, dtype: str) -> ModelRecord:
    """What the model is, for inputs.json."""
    total, tables = sum(one.numel() for one in model.parameters()), embedding_tables(model)
    config = {k: v for k, v in model.config.to_dict().items() if k not in _NOT_CONFIGURED}
    folder = spec.path or spec.config
    if spec.config is not None:
        revision: str | Unavailable = Unavailable("weights are random, drawn from init_seed")
    elif spec.id is None:
        revision = Unavailable("a local folder has no revision")
    else:
        resolved = getattr(model.config, "_commit_hash", None)
        revision = resolved or Unavailable("the hub did not say which commit it gave")
    return ModelRecord(
        id=spec.id or str(folder),
        source="hub" if spec.id is not None else "local" if spec.path is not None else "random",
        revision_requested=spec.revision,
        revision=revision,
        init_seed=spec.init_seed,
        config_sha256=sha256_hex(json.dumps(config, sort_keys=True, default=str).encode("utf-8")),
        files=_digests(root, folder) if folder is not None else Unavailable("named by revision"),
        num_parameters=total,
        num_embedding_parameters=sum(table.num_elements for table in tables),
        dtype=dtype,
        embedding_tables=tables,
        buffers=saved_buffers(model),
        num_kept_in_float32=num_kept_in_float32(model, dtype),
    )


def tokenizer_record(spec: ModelSpec, root: Path, tokenizer: Any) -> TokenizerRecord:
    """What the tokenizer is, for inputs.json."""
    folder = spec.tokenizer or spec.path
    file = None if folder is None else root / folder / "tokenizer.json"
    digest: str | Unavailable = Unavailable("its folder has no tokenizer.json")
    if file is not None and file.is_file():
        digest = sha256_hex(file.read_bytes())
    elif folder is None:
        digest = _cached_digest(spec)
    plain = coder(tokenizer)
    return TokenizerRecord(
        id=folder or str(spec.id),
        sha256=digest,
        vocab_size=len(tokenizer),
        adds_bos=plain.adds_bos,
        adds_eos=plain.adds_eos,
        special_tokens=tuple(
            SpecialToken(name, str(text), int(tokenizer.convert_tokens_to_ids(str(text))))
            for name, text in sorted(tokenizer.special_tokens_map.items())
            if not isinstance(text, (list, tuple))
        ),
        chat_template=chat_template(tokenizer.chat_template),
    )


def chat_template(brought: str | dict[str, str] | None) -> str | None:
    """What a tokenizer brings along: its template, or several of them as JSON, by name.

    Recorded as it is, and never rendered: what one gives need be no function of the row (those of
    Llama 3 write the day on which they are rendered).
    """
    if isinstance(brought, dict):
        return jsonio.dump_row(brought).decode("utf-8").rstrip("\n") if brought else None
    return brought


def _cached_digest(spec: ModelSpec) -> str | Unavailable:
    """Digest of the tokenizer.json that the hub gave, from the user's own cache."""
    revision = spec.revision or "main"
    path = try_to_load_from_cache(str(spec.id), "tokenizer.json", revision=revision)
    if not isinstance(path, str):
        return Unavailable("the hub's tokenizer.json is not in the local cache")
    return sha256_hex(Path(path).read_bytes())


def _digests(root: Path, folder: str) -> tuple[FileDigest, ...]:
    found = []
    for path in sorted(p for p in (root / folder).rglob("*") if p.is_file()):
        with path.open("rb", buffering=0) as stream:
            sha256, size_bytes = sha256_stream(stream)
        found.append(FileDigest(path.relative_to(root).as_posix(), sha256, size_bytes))
    return tuple(found)
