"""Probes: what the machine, the repository and the installation are at one moment.

Each probe is a file and returns records. Nothing that is merely not there raises: it is an
`Unavailable` with its reason. When probes run, and what their results mean, is decided above.
"""

from __future__ import annotations
