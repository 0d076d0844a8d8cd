"""Whether the documents of a pack can all be true at once."""
