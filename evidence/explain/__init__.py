"""Where a number of a pack comes from."""
