"""Whether a pack is what it says: everything recomputed, nothing trusted, nothing executed."""
