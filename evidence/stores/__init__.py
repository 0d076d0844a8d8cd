"""Packs that lie elsewhere: in a bucket, on the Hub. The only room that reads a network."""
