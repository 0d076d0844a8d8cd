"""Say a number, a step or a file of your program's own: for what cannot be hooked.

    from evidence.report import artifact, metric, step

    step(12, loss=0.42, learning_rate=3e-4)
    metric("accuracy", 0.91, step=12)
    artifact("out/model.bin", name="weights")

Does nothing outside a recorded run, and never raises: what cannot be written down is said to have
been refused. Standard library only. A program in another language appends the same JSON lines to a
file `$EVIDENCE_SPOOL/<any name>.jsonl`.
"""

from __future__ import annotations

import binascii
import json
import math
import os
import re
import time
from typing import Any, Dict, Optional, Tuple

__all__ = ["artifact", "metric", "step"]

_MAX_NAME = 200
_MAX_VALUES = 100
_MAX_PATH = 4096
_MAX_REFUSALS = 100
_NAME = re.compile(r"[^\x00-\x1f\x7f]+\Z")

_files: Dict[Tuple[int, str], str] = {}
_num_refused = 0


def step(n: int, **values: float) -> None:
    """Numbers of one step of training: the step's own number, then any values by name."""
    try:
        number = _count(n)
        if number is None:
            _refuse("step", "", "the step is no whole number from 0 on: " + _shown(n))
            return
        known = {}
        for name, value in list(values.items())[:_MAX_VALUES]:
            found = _number(value)
            if found is None or not _is_name(name):
                _refuse("step", name, "the value is no number: " + _shown(value), step=number)
            else:
                known[name] = found
        if len(values) > _MAX_VALUES:
            _refuse("step", "", "more than {} values".format(_MAX_VALUES), step=number)
        _write({"what": "step", "step": number, "values": known})
    except Exception:
        return


def metric(name: str, value: float, unit: str = "", step: Optional[int] = None) -> None:
    """One result by name, with its unit, and with its step where it has one."""
    try:
        found, number = _number(value), None if step is None else _count(step)
        if not _is_name(name):
            _refuse("metric", "", "the name is no text of at most {} signs".format(_MAX_NAME))
        elif found is None:
            _refuse("metric", name, "the value is no number: " + _shown(value))
        elif step is not None and number is None:
            _refuse("metric", name, "the step is no whole number from 0 on: " + _shown(step))
        elif not isinstance(unit, str) or len(unit) > _MAX_NAME:
            _refuse("metric", name, "the unit is no text of at most {} signs".format(_MAX_NAME))
        else:
            _write({"what": "metric", "name": name, "value": found, "unit": unit, "step": number})
    except Exception:
        return


def artifact(path: Any, name: str = "") -> None:
    """A file or folder that the program made and that belongs to its results."""
    try:
        text = os.fsdecode(os.fspath(path)) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not text or "\0" in text or len(text) > _MAX_PATH:
            _refuse("artifact", "", "the path is no path: " + _shown(path))
        elif name and not _is_name(name):
            _refuse("artifact", "", "the name is no text of at most {} signs".format(_MAX_NAME))
        else:
            _write({"what": "artifact", "name": name, "path": os.path.abspath(text)})
    except Exception:
        return


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and len(name) <= _MAX_NAME and _NAME.match(name) is not None


def _count(value: Any) -> Optional[int]:
    """A whole number from 0 on, of whatever integer type."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    number = value.__index__()
    return number if 0 <= number < 2**63 else None


def _number(value: Any) -> Any:
    """A number as JSON has it: of NumPy, JAX and others by their own conversion."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        return None
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    try:
        found = float(value)
    except Exception:  # of a type that we do not know, anything
        return None
    return found if math.isfinite(found) else repr(found)


def _shown(value: Any) -> str:
    try:
        return repr(value)[:100]
    except Exception:
        return type(value).__name__


def _refuse(what: str, name: Any, why: str, **more: Any) -> None:
    """What was to be reported and could not: it is said, and the program goes on."""
    global _num_refused
    _num_refused += 1
    if _num_refused <= _MAX_REFUSALS:
        line = {"what": what, "name": name if _is_name(name) else "", "refused": why[:300]}
        _write(dict(line, **more))


def _write(values: Dict[str, Any]) -> None:
    """Append one whole line to the spool of the recorded run, if there is one."""
    folder = os.environ.get("EVIDENCE_SPOOL", "")
    if not folder:
        return
    line = dict({"event": "reported", "t": time.monotonic(), "pid": os.getpid()}, **values)
    data = json.dumps(line, allow_nan=False).encode("ascii") + b"\n"
    key = (os.getpid(), folder)
    if key not in _files:
        token = binascii.hexlify(os.urandom(4)).decode("ascii")
        _files[key] = os.path.join(folder, "{}-{}-reported.jsonl".format(os.getpid(), token))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(_files[key], flags, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
