"""Which framework computed a run, as its worker said. Pure."""

from __future__ import annotations

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import JaxRecord


def framework_of(documents: Documents) -> str | Unavailable:
    """PyTorch or JAX; unavailable where no worker said what it computed with."""
    found = documents.environment.framework
    if isinstance(found, Unavailable):
        return found
    return "JAX" if isinstance(found, JaxRecord) else "PyTorch"


def framework_version(documents: Documents) -> str | Unavailable:
    """The same with its version."""
    found = documents.environment.framework
    if isinstance(found, Unavailable):
        return found
    if isinstance(found, JaxRecord):
        return f"JAX {found.jax_version}, Tunix {found.tunix_version}"
    return f"PyTorch {found.torch_version}, transformers {found.transformers_version}"


def are_of_two_frameworks(first: Documents, other: Documents) -> bool:
    """Whether it is known that they are."""
    names = [framework_of(one) for one in (first, other)]
    return all(isinstance(name, str) for name in names) and names[0] != names[1]
