"""A toy whose workers ran under another Python, of which worker.json tells."""

from __future__ import annotations

from typing import Any, Final

from toy_machine import NO

from evidence import layout
from evidence.self_test.forger import ForgedPack

INTERPRETER: Final = ".venv-jax/bin/python"
VERSIONS: Final = {
    "flax": "0.12.0", "google-tunix": "0.1.7", "jax": "0.10.2", "jaxlib": "0.10.2",
    "optax": "0.2.6", "torch": "2.9.0", "transformers": "5.1.0",
}  # fmt: skip


def worker() -> dict[str, Any]:
    """worker.json"""
    packages = [
        {
            "name": name,
            "version": version,
            "installer": "pip",
            "origin": {**NO},
            "record_sha256": {**NO},
            "shadowed": False,
        }
        for name, version in VERSIONS.items()
    ]
    packages[0]["origin"], packages[0]["record_sha256"] = "file:///flax", "4" * 64
    packages[1]["installer"] = {**NO}
    return {
        "schema": "worker.v1",
        "interpreter": INTERPRETER,
        "executable": f"~/project/{INTERPRETER}",
        "python_version": "3.12.1",
        "python_implementation": "CPython",
        "python_compiler": "GCC",
        "packages": packages,
    }


def under_another(made: ForgedPack) -> ForgedPack:
    """The toy, of which the completed attempt names an interpreter."""
    text = (made.files[layout.MILESTONE] or b"").decode()
    head, place, rest = text.partition('name = "toy"\n')
    assert place
    changed = f'{head}{place}interpreter = "{INTERPRETER}"\n{rest}'
    made.files[layout.MILESTONE] = changed.encode()
    made.journal_milestone()
    made.docs[layout.WORKER] = worker()
    return made
