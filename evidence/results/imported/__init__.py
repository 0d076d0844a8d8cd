"""Values of an imported pack: only from the facts in its originals, each with its place.

Pure: the same sources give the same rows, values and findings, at import and at verify.
"""
