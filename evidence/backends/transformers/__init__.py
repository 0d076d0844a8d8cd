"""The `transformers` backend: PyTorch. The only room that imports it."""
