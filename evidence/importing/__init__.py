"""A pack from evidence that exists already: imported, not observed."""
