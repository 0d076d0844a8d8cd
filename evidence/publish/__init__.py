"""What is made of sealed packs beside them: summaries, the index, signatures, notes."""
