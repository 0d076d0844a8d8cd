"""Starts the instrumentation in an interpreter that a recorded run has begun, then makes way.

Responsible for loading the room beside this folder by its location, under a private name, and for
running the `sitecustomize` that the program would have had. Nothing here may stop the program, or
show in it: this file is read by any Python 3, however old.
"""

import importlib.machinery
import importlib.util
import os
import sys

NAME = "_evidence_instrument"
OLDEST = (3, 9)


def _begin(folder: str) -> None:
    """Load the room and start it. A failure is written down where it can be, never raised."""
    spool = os.environ.get("EVIDENCE_SPOOL", "")
    if not spool or NAME in sys.modules:
        return
    room = os.path.dirname(folder)
    try:
        if sys.version_info < OLDEST:
            raise RuntimeError("the hooks need Python {}.{}".format(*OLDEST))
        spec = importlib.util.spec_from_file_location(
            NAME, os.path.join(room, "__init__.py"), submodule_search_locations=[room]
        )
        if spec is None or spec.loader is None:
            return
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
        module.start(spool)
    except Exception as error:
        sys.modules.pop(NAME, None)
        _write_failure(spool, error)


def _write_failure(spool: str, error: Exception) -> None:
    import json

    why = "{}: {}".format(type(error).__name__, error)[:300]
    python = ".".join(str(part) for part in sys.version_info[:3])
    who = {"event": "process", "pid": os.getpid(), "ppid": os.getppid(), "python": python}
    line = {"event": "hook-failed", "t": 0.0, "hook": "start", "why": why, "from_step": 1}
    try:
        path = os.path.join(spool, "{}-00000000.jsonl".format(os.getpid()))
        with open(path, "a", encoding="ascii") as file:
            for one in (dict(who, executable=sys.executable), line):
                file.write(json.dumps(one) + "\n")
    except OSError:
        return


def _run_the_programs_own(folder: str) -> None:
    """The next `sitecustomize` on the path takes this one's place, as it would without us."""
    path = [entry for entry in sys.path if os.path.realpath(entry or ".") != folder]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_folder = os.path.dirname(os.path.realpath(__file__))
_begin(_folder)
_run_the_programs_own(_folder)
