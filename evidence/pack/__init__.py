"""What a pack is made of: documents, journal, seal, signatures."""
