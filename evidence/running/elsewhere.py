"""A run that goes on elsewhere: on another machine, with other packages, at another commit.

Responsible for telling two kinds of difference apart. What enters training and can be put back
(packages that compute, the version of Python, variables that set threads and precision) refuses:
the run would go on as another one. Everything else (processor, GPU, driver, other packages, the
commit, which holds no code that trains) is said and recorded, and refuses nothing: a machine cannot
be put back, and another GPU may give other last digits.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from evidence import __version__, layout
from evidence.attempt.attempt import fixed_variables
from evidence.backends import registry
from evidence.capture.environ import capture_environment
from evidence.capture.git import capture_state
from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu
from evidence.capture.packages import capture_packages
from evidence.capture.repository import open_repository
from evidence.capture.variables import changes_numbers
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    GitRecord,
    HardwareRecord,
    PackageRecord,
    PackagesRecord,
)
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.running.secrets import cleaned, privacy_of
from evidence.system import threads
from evidence.text.escape import one_line

T = TypeVar("T")

COMPUTES: Final = frozenset(
    (
        "torch", "transformers", "tokenizers", "numpy", "safetensors", "accelerate", "triton",
        "jinja2", "sentencepiece", "tiktoken", "peft", "jax", "jaxlib", "flax", "optax",
        "google-tunix", "qwix", "evidence-pack",
    )
)  # fmt: skip
"""Packages whose code reads, renders, tokenises or computes what is trained on; besides these the
package that brings the backend."""
_LIBRARIES: Final = re.compile(r"nvidia-(?!ml-py$)[a-z0-9-]+|jax-cuda[a-z0-9-]+|libtpu")
MAX_NAMED: Final = 8
MAX_CHARS: Final = 400


def refusing(
    staging: Path, milestone: Milestone, plans: Collection[AttemptPlan], tool_version: str
) -> Iterator[str]:
    """What enters training, is another one by now and can be put back, in a sentence each."""
    environment = _read(EnvironmentRecord, staging / layout.ENVIRONMENT)
    before, now = environment.python_version, platform.python_version()
    if isinstance(before, str) and minor(before) != minor(now):
        yield f"Python is {now} now, and was {before} when the run began"
    own = {registry.distribution_of(plan.backend) for plan in plans}
    packages = versions(_read(PackagesRecord, staging / layout.PACKAGES))
    for name, then, here in differing(packages, _packages_now(milestone)):
        if computes(name) or name in own:
            yield f"the package {name} is {here} now, and was {then} when the run began"
    if "evidence-pack" not in packages and tool_version != __version__:
        yield f"evidence-pack is {__version__} now, and was {tool_version} when the run began"
    fixed = set.intersection(*(set(fixed_variables(plan)) for plan in plans)) if plans else set()
    for name, then, here in differing(_known(environment.variables), _variables_now(milestone)):
        if changes_numbers(name) and name not in fixed:
            yield f"the variable {name} is {here} now, and was {then} when the run began"


def _known(variables: Mapping[str, str] | Unavailable) -> Mapping[str, str]:
    return {} if isinstance(variables, Unavailable) else variables


def said(root: Path, staging: Path, milestone: Milestone) -> tuple[str, ...]:
    """What else is another one than at the start; it refuses nothing."""
    clean = privacy_of(milestone).clean
    return tuple(one_line(clean(line), MAX_CHARS) for line in _said(root, staging, milestone))


def _packages_now(milestone: Milestone) -> Mapping[str, str]:
    """As they are recorded at a start: without secrets and names."""
    return versions(cleaned(capture_packages(), PackagesRecord, privacy_of(milestone)))


def _variables_now(milestone: Milestone) -> Mapping[str, str]:
    """As they are recorded at a start: a path with a name in it is no other one."""
    now = capture_environment("", os.environ)
    return _known(cleaned(now, EnvironmentRecord, privacy_of(milestone)).variables)


def _said(root: Path, staging: Path, milestone: Milestone) -> Iterator[str]:
    hardware = _read(HardwareRecord, staging / layout.HARDWARE)
    with threads.pool() as pool:
        cpu, gpus = pool.submit(capture_cpu), pool.submit(capture_gpus)
        packages = pool.submit(_packages_now, milestone)
        state = capture_state(open_repository(root))
    found = gpus.result()
    environment = _read(EnvironmentRecord, staging / layout.ENVIRONMENT)
    facts = {
        "the processor": (hardware.cpu.model, cpu.result().model),
        "the number of usable cores": (
            hardware.cpu.num_usable_cores,
            cpu.result().num_usable_cores,
        ),
        "the GPU": (_gpus(hardware.gpus), _gpus(found.gpus)),
        "the GPU's driver": (hardware.driver_version, found.driver_version),
        "Python": (environment.python_version, platform.python_version()),
    }
    start = _read(GitRecord, staging / layout.GIT).start
    if not isinstance(start, Unavailable) and not isinstance(state, Unavailable):
        facts["the commit that is checked out"] = (start.commit, state.commit)
    for what, (then, here) in facts.items():
        if _shown(then) != _shown(here):
            yield f"{what} is {_shown(here)} now, and was {_shown(then)} at the start"
    variables = _known(environment.variables)
    for name, was, now in differing(variables, _variables_now(milestone)):
        if not changes_numbers(name):
            yield f"the variable {name} is {now} now, and was {was} at the start"
    before = versions(_read(PackagesRecord, staging / layout.PACKAGES))
    others = [
        f"{name} ({then} → {here})"
        for name, then, here in differing(before, packages.result())
        if not computes(name)
    ]
    if others:
        more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        yield f"other packages than at the start: {', '.join(others[:MAX_NAMED])}{more}"


def _read(kind: type[T], path: Path) -> T:
    return decode(kind, jsonio.load_document(path.read_bytes()))


def computes(name: str) -> bool:
    """Whether a package takes part in what enters or makes the training."""
    return name in COMPUTES or _LIBRARIES.fullmatch(name) is not None


def versions(packages: PackagesRecord) -> Mapping[str, str]:
    """The version of each package that an import finds."""
    return {one.name: _version(one) for one in packages.imported}


def _version(one: PackageRecord) -> str:
    """Of a package from a repository with its commit, which its version need not tell."""
    from_git = isinstance(one.origin, str) and one.origin.startswith("git+")
    return f"{one.version} ({str(one.origin).rpartition('@')[2]})" if from_git else one.version


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name, value before and value now of each that differs."""
    for name in sorted(before.keys() | now.keys()):
        then, here = before.get(name, "not there"), now.get(name, "not there")
        if then != here:
            yield name, then, here


def minor(version: str) -> str:
    """3.11 of 3.11.7."""
    return ".".join(version.split(".")[:2])


def _gpus(gpus: Any) -> str:
    if isinstance(gpus, Unavailable):
        return "none that is known"
    return ", ".join(sorted(_shown(one.name) for one in gpus)) or "none"


def _shown(value: object) -> str:
    return "not known" if isinstance(value, Unavailable) else str(value)
