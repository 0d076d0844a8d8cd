"""Runs a program as it is and turns what its hooks, its log and its files say into evidence."""
