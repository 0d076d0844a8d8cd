"""Packs side by side: setup, then results."""
