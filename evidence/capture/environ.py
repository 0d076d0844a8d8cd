"""Python, locale, time zone, and environment variables that can matter.

Responsible for what the process knows of itself. The framework is told by the worker.
"""

from __future__ import annotations

import locale
import platform
import time
from collections.abc import Mapping

from evidence.capture.packages import without_credentials
from evidence.capture.variables import is_recorded
from evidence.records.availability import Unavailable
from evidence.records.capture import EnvironmentRecord
from evidence.text.escape import visible


def capture_environment(started_utc: str, variables: Mapping[str, str]) -> EnvironmentRecord:
    """environment.json, before a worker has said what its framework is."""
    return EnvironmentRecord(
        schema="environment.v1",
        python_version=platform.python_version(),
        python_implementation=platform.python_implementation(),
        python_compiler=platform.python_compiler(),
        locale=_locale(),
        timezone=time.strftime("%z"),
        started_utc=started_utc,
        variables={
            name: visible(without_credentials(value))
            for name, value in sorted(variables.items())
            if is_recorded(name)
        },
        framework=Unavailable("no attempt completed"),
    )


def _locale() -> str:
    try:
        return ".".join(part for part in locale.getlocale() if part) or "C"
    except ValueError:  # a name the C library took and Python does not know
        try:
            return visible(locale.setlocale(locale.LC_CTYPE))
        except (locale.Error, ValueError):  # or that is no text
            return "not said"
