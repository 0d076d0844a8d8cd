"""The secrets and names that this process knows: the one place of `redact` that looks at the
environment."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from evidence.records.milestone import AllowSpec
from evidence.redact.identity import Identity
from evidence.redact.known import Secrets, known_secrets

TAKE_OUT: Final = (
    "Take it out, and revoke it if others can have seen it. Programs read such values from "
    "environment variables."
)
"""What to do about a secret that was found, for every message that names one."""


def secrets_of_this_process(allow: Iterable[AllowSpec] = ()) -> Secrets:
    """Values of its variables and its command line that are secrets.

    `allow`: what the author says is none.
    """
    allowed = frozenset(one.sha256 for one in allow)
    return replace(known_secrets(os.environ, sys.argv), allowed=allowed)


def identity_of_this_process() -> Identity:
    """Home, user and machine, as far as they are known."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no entry
        user = ""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    return Identity("" if home == "~" else home, user, socket.gethostname())
