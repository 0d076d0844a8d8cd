"""Where a pack comes from: signatures, expectations, a clone, attached claims."""
