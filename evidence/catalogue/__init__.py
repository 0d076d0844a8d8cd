"""An index over many packs: what they say of themselves, to be found again. No verification."""
