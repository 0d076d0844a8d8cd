"""Data sets: rows read strictly, made into text and tokens, and the facts about them."""
