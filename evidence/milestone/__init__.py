"""A milestone file: parsed, checked, and resolved into attempts."""
