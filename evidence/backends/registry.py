"""Every backend there is: those that we ship, and those that other packages bring.

Responsible for what a milestone may name as `backend`, for what each is called and needs, and for
saying what is wrong with one that cannot be used. Imports no framework: a worker imports the
function that a record names. Ours are listed here and are no entry points, so that a checkout
without metadata has them, and so that nothing else can pass for one of them. Installed packages
are asked only when a run, a reproduction or the doctor needs a backend; whatever reads a pack uses
`title`, which is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from evidence.encoding.codec import decode, encode
from evidence.encoding.schema import nearest
from evidence.errors import MalformedError, UsageError
from evidence.text.package_name import normalised
from evidence.worker.interface import Backend, Package

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "evidence.backends"
"""Entry points of this group are names of backends; each leads to a `Backend`."""

_INSTALL_TORCH: Final = "pip install torch transformers accelerate"
_INSTALL_JAX: Final = 'make jax (or: pip install "evidence-pack[jax]")'
_TRANSFORMERS: Final = Backend(
    name="transformers",
    title="PyTorch/Transformers",
    run_stage="evidence.backends.transformers.stage:run_stage",
    packages=tuple(
        Package(name, _INSTALL_TORCH)
        for name in ("torch", "transformers", "accelerate", "safetensors", "tokenizers")
    ),
    launches=True,
    takes_checkpoints=True,
    takes_either=True,
    measures_likelihood=True,
    runs_functions=True,
    replays=True,
)
_TUNIX: Final = Backend(
    name="tunix",
    title="JAX/Tunix",
    run_stage="evidence.backends.tunix.stage:run_stage",
    packages=tuple(
        Package(name, _INSTALL_JAX)
        for name in ("jax", "flax", "optax", "tunix", "transformers", "safetensors", "tokenizers")
    ),
    lacks=(
        *("adam_beta1", "adam_beta2", "adam_epsilon", "optimizer = adamw_torch_fused"),
        "optimizer = adamw_8bit",
        *("label_smoothing", "neftune_noise_alpha", "gradient_checkpointing", "lora"),
        *("mixed_precision", "validate_every_steps"),
        *("early_stopping_patience", "early_stopping_threshold", "keep_best", "extra", "packing"),
        "quantise",
    ),
)
_COMMAND: Final = Backend(
    name="command",
    title="recorded",
    run_stage="evidence.recording.stage:run_stage",
)
SHIPPED: Final[Mapping[str, Backend]] = {one.name: one for one in (_TRANSFORMERS, _TUNIX, _COMMAND)}

_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def title(name: str) -> str | None:
    """What people call a backend that we ship; None for any other, whatever is installed here."""
    known = SHIPPED.get(name)
    return None if known is None else known.title


def find(name: str) -> Backend:
    """The backend of this name. Raises UsageError where there is none that can be used."""
    found = _installed()
    claims = found.get(name, ())
    shipped = SHIPPED.get(name)
    if shipped is not None and claims:
        raise UsageError(
            f"{_owner(claims[0])} brings a backend named {name!r}, and that name is one of ours",
            hint="Uninstall that package, or ask its authors for another name.",
        )
    if shipped is not None:
        return shipped
    if not claims:
        known = sorted({*SHIPPED, *found})
        raise UsageError(
            f"there is no backend {name!r} here; there are: {', '.join(known)}"
            f"{nearest(name, known)}",
            hint="A backend of another package is there once that package is installed in the "
            "environment of `evidence`.",
        )
    if len(claims) > 1:
        raise UsageError(
            f"{' and '.join(map(_owner, claims))} both bring a backend named {name!r}",
            hint="Uninstall one of them.",
        )
    return _load(name, claims[0])


def distribution_of(name: str) -> str | None:
    """The installed package that brings a backend, as packages.json spells it; None for ours."""
    claims = () if name in SHIPPED else _installed().get(name, ())
    owner = claims[0].dist if claims else None
    return None if owner is None else normalised(owner.name)


def every() -> Iterator[tuple[str, Backend | UsageError]]:
    """Each name with its backend, or with what is wrong with it; ours first."""
    others = sorted(_installed().keys() - SHIPPED.keys())
    for name in (*SHIPPED, *others):
        try:
            yield name, find(name)
        except UsageError as error:
            yield name, error


def _installed() -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points of our group by name.

    Not asked by `importlib.metadata.entry_points`: one unreadable file of any package ends that.
    """
    from importlib.metadata import distributions

    found: dict[str, tuple[EntryPoint, ...]] = {}
    seen: set[str] = set()
    for one in distributions():
        try:
            text = one.read_text("entry_points.txt") or ""
            if GROUP not in text or one.name in seen:
                continue
            seen.add(one.name)  # on the path twice: the first is what imports
            for entry in one.entry_points.select(group=GROUP):
                found[entry.name] = (*found.get(entry.name, ()), entry)
        except (OSError, ValueError, TypeError, KeyError):
            continue  # half of an installation, or no text at all
    return found


def _load(name: str, entry: EntryPoint) -> Backend:
    whose = f"the backend {name!r} of {_owner(entry)}"
    hint = "Repair or uninstall that package; its authors find the rules in docs/backends.md."
    try:
        loaded: object = entry.load()
    except (Exception, SystemExit) as error:  # a package may do anything when it is imported
        problem = f"{whose} cannot be imported ({entry.value}): {type(error).__name__}: {error}"
        raise UsageError(problem, hint=hint) from error
    if not isinstance(loaded, Backend):
        problem = f"{whose} is no Backend: {entry.value} is of type {type(loaded).__name__}"
        raise UsageError(problem, hint=hint)
    try:
        backend = decode(Backend, encode(loaded))  # holds each field against its type
    except MalformedError as error:
        raise UsageError(f"{whose} is no valid Backend: {error.message}", hint=hint) from error
    for wrong in _contradictions(name, backend):
        raise UsageError(f"{whose} is no valid Backend: {wrong}", hint=hint)
    return backend


def _contradictions(name: str, backend: Backend) -> Iterator[str]:
    if backend.name != name:
        yield f"it calls itself {backend.name!r}"
    where = backend.run_stage
    if isinstance(where, str) and _FUNCTION.fullmatch(where) is None:
        yield f"run_stage is {where!r}, not of the form module:function"
    for package in backend.packages:
        if not package.name.isidentifier():
            yield f"the package {package.name!r} has no name that can be imported"


def _owner(entry: EntryPoint) -> str:
    """The package that brings an entry point, with its version."""
    package = entry.dist
    return "a package" if package is None else f"the package {package.name} {package.version}"
