"""Showing single rows of a pack that withholds them."""
