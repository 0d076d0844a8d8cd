"""The HTML writer: a page of ours and the data in it, rendered and escaped for a browser."""
