"""What a worker does: read data, train, evaluate, and say what it sees.

Runs in a process of its own. `data`, `text` and `requirements` are also used by the supervisor
and import no ML framework; backends are found by name and imported only by the worker.
"""

from __future__ import annotations
