"""A text written by hand, held against evidence: claim by claim, and nobody falsely accused."""
