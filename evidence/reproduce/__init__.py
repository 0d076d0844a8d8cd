"""A pack run again from its own commit, and how close it came."""
