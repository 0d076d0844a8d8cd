"""Laws of secrets: rows S1 to S4 of the threat matrix."""
