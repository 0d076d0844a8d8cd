"""Names and secrets that this process knows, for what no later step cleans.

Responsible for building them; cutting them out is `redact`'s.
"""

from __future__ import annotations

import getpass
import os
import socket

from evidence.redact.identity import Identity
from evidence.redact.known import Secrets
from evidence.redact.privacy import Privacy


def privacy(secrets: Secrets) -> Privacy:
    """What a name of a file or a field must not show."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no entry
        user = ""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    return Privacy(secrets, Identity("" if home == "~" else home, user, socket.gethostname()))
