"""verify, tested on a copy of a pack that is broken in one way after the other."""
