"""`python -m evidence.backends.tunix_ready`: whether this Python is one that the JAX path works in.

Responsible for the last word of `make jax`: it imports what a worker would, and has JAX compile
something. With `--quick FOLDER` it imports nothing and only looks whether all is there, and whether
`evidence` is that of the folder.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

MODULES: Final = ("jax", "flax", "optax", "qwix", "tunix", "transformers", "safetensors")
_SHOWN: Final = (("JAX", "jax"), ("Flax", "flax"), ("Optax", "optax"), ("Tunix", "google-tunix"))


def main(arguments: list[str]) -> int:
    """Exit status 0 where it works."""
    if arguments[:1] == ["--quick"]:
        ours = Path(__file__).resolve().parents[2] == Path(arguments[1]).resolve()
        return 0 if ours and all(find_spec(name) for name in MODULES) else 1
    from importlib import import_module

    jax, *_ = (import_module(name) for name in MODULES)
    total = float(jax.jit(lambda numbers: numbers.sum())(jax.numpy.arange(4.0)))
    if total != 6.0:
        print(f"JAX is there, and computes 0 + 1 + 2 + 3 = {total}", file=sys.stderr)
        return 1
    versions = ", ".join(f"{title} {version(name)}" for title, name in _SHOWN)
    devices = ", ".join(sorted({f"{one.platform} ({one.device_kind})" for one in jax.devices()}))
    print(f"the JAX path works: {versions}, on {devices}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
