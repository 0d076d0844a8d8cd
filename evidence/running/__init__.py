"""A run, from a milestone file to a sealed pack, also after a kill."""
