"""Which formats there are, and the module that writes each.

Responsible for the table alone: `--help` reads it, and a module is loaded when it is asked for. A
module has `files(account)`: what it writes, by path below the output folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from evidence.export.facts import Account
from evidence.export.tree import Content

FORMATS: Final = {
    "model-card": "README.md with model-index, and .eval_results, for the Hugging Face hub.",
    "bagit": "A bag of BagIt 1.0 around a copy of the pack, for an archive.",
    "croissant": "Each data set, as loaders of data read it (Croissant 1.1).",
    "cyclonedx": "A bill of materials of the model (CycloneDX 1.7, ML-BOM).",
    "in-toto": "Statements of in-toto: SLSA provenance, and the gates as a test result.",
    "numbers": "A LaTeX macro for each value, and a BibTeX entry.",
    "ro-crate": "A Process Run Crate (RO-Crate 1.1) with a copy of the pack.",
}
"""By the name that is typed, what a reader needs it for."""


def files_of(name: str, account: Account) -> Mapping[str, Content]:
    """The files of a format. Raises UsageError where this pack has nothing to say in it."""
    module = import_module(f"evidence.export.{name.replace('-', '_')}")
    made: Mapping[str, Content] = module.files(account)
    return made
