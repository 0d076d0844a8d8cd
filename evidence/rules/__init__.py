"""What recorder and verifier compute alike: arithmetic, scoring, row stream, token text."""
