"""Files that others wrote, read into facts: logs, metrics, states, configurations.

Responsible for what a file says, digit for digit, with its line or address; what it means together
with other files is judged elsewhere. Nothing here runs anything, opens a socket or writes.
"""
