"""The worker's side of the event pipe: one JSON object a line, written whole."""

from __future__ import annotations

import os
from typing import Any

from evidence.encoding import jsonio
from evidence.worker.interface import event


class EventPipe:
    """Sends events to the supervisor through an inherited file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def emit(self, name: str, **data: Any) -> None:
        """Send one event. Raises BrokenPipeError when the supervisor is gone."""
        view = memoryview(jsonio.dump_row(event(name, **data)))
        while view:
            view = view[os.write(self._descriptor, view) :]
