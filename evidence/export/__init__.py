"""A pack in other formats: what each can say, and in words what it cannot (docs/exports.md)."""
