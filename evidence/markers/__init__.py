"""Numbers in a page of the user's own, each marked with the evidence that it comes from."""
