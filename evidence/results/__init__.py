"""Evidence to numbers: every value that a summary may show."""
