"""Bytes to values and back: canonical JSON, records, schemas, digests."""
