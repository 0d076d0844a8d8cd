"""Laws of rows that are withheld, and of single ones that are shown."""
