"""What somebody demands of packs, and how each demand is answered."""
