"""Laws of several processes: a training divided among them, and programs with a launcher."""
