"""Laws of LoRA, from a milestone to a verified pack."""
