"""The `evidence` command: arguments in, use cases called, words and exit codes out."""
