"""evidence-pack: run a milestone and leave evidence that a stranger can check.

What scripts and notebooks may use is in `__all__`, and nothing else. A name is loaded when it is
first asked for, so that `import evidence` costs nothing. No module or folder of this package is
called like one of these names.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = [
    "BusyError",
    "CheckResult",
    "DurabilityError",
    "EvidenceError",
    "ExitCode",
    "Finding",
    "MilestoneError",
    "NotMeasuredError",
    "Observer",
    "PackBrokenError",
    "RanOutError",
    "Report",
    "Results",
    "RunResult",
    "SecretFoundError",
    "StoppedError",
    "UnfinishedRunError",
    "UnknownValueError",
    "UnsafePackError",
    "UsageError",
    "Value",
    "WorkerLostError",
    "__version__",
    "read_results",
    "run",
    "verify",
    "verify_all",
]

TYPE_CHECKING = False  # type checkers take this name for true; `typing` is not imported for it
if TYPE_CHECKING:
    from evidence.api.run import run as run
    from evidence.api.values import Results as Results
    from evidence.api.values import Value as Value
    from evidence.api.values import read_results as read_results
    from evidence.api.verify import verify as verify
    from evidence.api.verify import verify_all as verify_all
    from evidence.errors import BusyError as BusyError
    from evidence.errors import DurabilityError as DurabilityError
    from evidence.errors import EvidenceError as EvidenceError
    from evidence.errors import ExitCode as ExitCode
    from evidence.errors import MilestoneError as MilestoneError
    from evidence.errors import NotMeasuredError as NotMeasuredError
    from evidence.errors import PackBrokenError as PackBrokenError
    from evidence.errors import RanOutError as RanOutError
    from evidence.errors import SecretFoundError as SecretFoundError
    from evidence.errors import StoppedError as StoppedError
    from evidence.errors import UnfinishedRunError as UnfinishedRunError
    from evidence.errors import UnknownValueError as UnknownValueError
    from evidence.errors import UnsafePackError as UnsafePackError
    from evidence.errors import UsageError as UsageError
    from evidence.errors import WorkerLostError as WorkerLostError
    from evidence.progress import Observer as Observer
    from evidence.records.finding import CheckResult as CheckResult
    from evidence.records.finding import Finding as Finding
    from evidence.records.finding import Report as Report
    from evidence.running.run import RunResult as RunResult
else:  # out of sight of type checkers: with a `__getattr__` they would accept any name
    _NAMES_OF = {
        "api.run": ("run",),
        "api.values": ("Results", "Value", "read_results"),
        "api.verify": ("verify", "verify_all"),
        "progress": ("Observer",),
        "records.finding": ("CheckResult", "Finding", "Report"),
        "running.run": ("RunResult",),
    }
    _HOMES = {name: home for home, names in _NAMES_OF.items() for name in names}

    def __getattr__(name):
        """A public name, loaded now and kept (PEP 562)."""
        home = _HOMES.get(name) or ("errors" if name in __all__ else None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = found
        return found

    def __dir__():
        """The public names, for completion."""
        return sorted(__all__)
