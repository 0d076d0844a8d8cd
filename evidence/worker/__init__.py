"""The worker's side of a stage: what it is asked, what it reports, what it records."""
