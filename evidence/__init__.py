"""evidence-pack: run a milestone and leave evidence that a stranger can check."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
