"""The index over many packs."""
