"""One attempt at a milestone: its worker processes supervised, what they say made evidence."""
