"""An existing repository made ready: what trains in it, and the files that ask for evidence."""
