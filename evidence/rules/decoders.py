"""Models whose linear layers are known by the type in config.json alone. Pure."""

from __future__ import annotations

from typing import Final

PLAIN: Final = ("llama", "mistral", "gemma", "gemma2", "gemma3_text", "qwen2", "qwen3")
"""Types whose layers have the linear layers of LINEAR, and no others."""
LINEAR: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Last parts of their names."""
HEAD: Final = "lm_head"
"""The output head, which is one more."""
