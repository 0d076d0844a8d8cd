"""The kinds of stage: what each may leave in a pack, and what must hold of it."""
