"""Secrets and names kept out of what is published."""
