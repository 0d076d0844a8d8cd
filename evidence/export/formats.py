"""Which formats there are, and the module that writes each.

Responsible for the table alone: `--help` reads it, and a module is loaded when it is asked for. A
module has `files(account)`: what it writes, by path below the output folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from evidence.errors import UsageError
from evidence.export.facts import Account
from evidence.export.tree import Content

FORMATS: Final = {
    "model-card": "README.md with model-index, and .eval_results, for the Hugging Face hub.",
    "bagit": "A bag of BagIt 1.0 around a copy of the pack, for an archive.",
    "croissant": "Each data set, as loaders of data read it (Croissant 1.1).",
    "cyclonedx": "A bill of materials of the model (CycloneDX 1.7, ML-BOM).",
    "in-toto": "Statements of in-toto: SLSA provenance, and the gates as a test result.",
    "mlflow": "A run for MLflow: metrics with curves, parameters, tags (its file store).",
    "oms": "A signature of the model's folder (OpenSSF Model Signing); needs --key.",
    "numbers": "A LaTeX macro for each value, and a BibTeX entry.",
    "ro-crate": "A Process Run Crate (RO-Crate 1.1) with a copy of the pack.",
    "tensorboard": "A run for TensorBoard: curves, numbers, texts (its events file).",
    "trackio": "A run for trackio: curves, numbers, configuration (its database).",
}
"""By the name that is typed, what a reader needs it for."""


SIGNED: Final = ("in-toto", "oms")
"""Formats that a key signs."""


def files_of(name: str, account: Account) -> Mapping[str, Content]:
    """The files of a format. Raises UsageError where this pack has nothing to say in it."""
    made: Mapping[str, Content] = _module(name).files(account)
    return made


def signed_files_of(name: str, account: Account, key: Path) -> Mapping[str, Content]:
    """The same, signed with the key in a file. Raises UsageError where the format has no such form,
    and for a key that cannot be used."""
    if name not in SIGNED:
        raise UsageError(
            f"nothing in the format {name} is signed by a key",
            hint=f"Those that are: {', '.join(SIGNED)}. `evidence sign` signs the pack itself.",
        )
    from evidence.export.envelope import read_key  # cryptography, which few exports need

    made: Mapping[str, Content] = _module(name).signed_files(account, read_key(key))
    return made


def _module(name: str) -> Any:
    return import_module(f"evidence.export.{name.replace('-', '_')}")
