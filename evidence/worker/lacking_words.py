"""Sentences about what is missing that `verify` holds against the other documents of a pack."""

from __future__ import annotations

from typing import Final

NOT_USABLE: Final = "no NVIDIA GPU is usable here: "
NO_CARD: Final = "a driver is there, but it reports no GPU"
NO_SUCH_GPU: Final = "there is no GPU"
UNKNOWN: Final = "whether an NVIDIA GPU is usable here cannot be measured because: "
AT_MOST: Final = "supports at most"
"""Before the newest CUDA of the driver, at the end of a sentence."""
