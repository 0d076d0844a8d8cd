"""Packs of evidence that existed already: their names, and the checks that read it again."""
