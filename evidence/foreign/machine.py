"""What machines and installations say of themselves: nvidia-smi, collect_env, pip freeze.

Responsible for the few fields that are stable across versions; the rest of such files is left
alone. Names of devices are as they stand, cut where the tool cut them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from evidence.foreign import numbers
from evidence.foreign.facts import Fact, Place
from evidence.foreign.lines import Line

_DRIVER: Final = re.compile(
    r"NVIDIA-SMI\s+(?P<smi>[\d.]+)\s+(?:Driver Version|KMD Version):\s*(?P<driver>[\d.]+)"
    r"\s+CUDA Version:\s*(?P<cuda>[\d.]+)"
)
_HEAD: Final = "NVIDIA-SMI"
_RUNNING: Final = re.compile(
    r"(?:Running|Using) (?P<name>PyTorch|Python|Triton|CUDA|JAX|TensorFlow|transformers)"
    r"(?: version:?)? v?(?P<version>\d{1,4}\.\d{1,4}[\w.+-]{0,40})"
)
_GPU: Final = re.compile(r"^\|\s+(?P<index>\d{1,3})\s{1,4}(?P<name>\S.*?)\s{2,}")
_MEMORY: Final = re.compile(r"(?P<used>\d{1,9})MiB\s{0,4}/\s{0,4}(?P<total>\d{1,9})MiB")
_PACKAGE: Final = re.compile(
    r"^\s*(?:\[(?:pip3?|conda)\]\s+)?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,100})\s*"
    r"(?:==(?P<version>[A-Za-z0-9.+!_-]{1,80})|@\s+(?P<url>\S{1,400}))\s*(?:;.*|--hash.*|#.*)?$"
)
_ENVIRONMENT: Final = re.compile(r"^(?P<name>[A-Za-z][A-Za-z0-9 ()/._-]{1,60}?):\s+(?P<text>\S.*)$")
NOT_A_VALUE: Final = ("could not collect", "n/a", "[n/a]", "[not supported]")


class NvidiaSmi:
    """The table of nvidia-smi: driver, CUDA of the driver, each GPU with its memory. What follows
    under *Processes* is left."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._scope: tuple[str, ...] = ()
        self._is_inside = False

    def takes(self, line: Line) -> bool:
        """Whether a line is of the table: from its head to the processes."""
        if _HEAD in line.text and _DRIVER.search(line.text):
            self._is_inside = True
        elif self._is_inside and (
            "Processes:" in line.text or not (not line.text.strip() or line.text[0] in "|+ ")
        ):
            self._is_inside = False
        return self._is_inside

    def facts(self, line: Line) -> Iterator[Fact]:
        """Of a line of the table."""
        place = Place(self._file, line.number)
        head = _DRIVER.search(line.text) if _HEAD in line.text else None
        if head is not None:
            for name, key in (("driver_version", "driver"), ("cuda_version", "cuda")):
                yield Fact(name, head[key], head[key], place)
        memory = _MEMORY.search(line.text)
        gpu = _GPU.match(line.text) if memory is None else None
        if gpu is not None:
            self._scope = (f"gpu {gpu['index']}",)
            yield Fact("gpu_name", gpu["name"], gpu["name"], place, scope=self._scope)
        if memory is not None and self._scope:
            for key in ("used", "total"):
                value, name = int(memory[key]), f"memory_{key}_mib"
                yield Fact(name, value, memory[key], place, scope=self._scope)


def nvidia_smi(lines: Iterable[Line], file: str) -> Iterator[Fact]:
    """Of a file that is such a table, or several."""
    table = NvidiaSmi(file)
    for line in lines:
        if table.takes(line):
            yield from table.facts(line)


def version(line: Line, file: str) -> Iterator[Fact]:
    """`Running PyTorch 2.10.0 compiled for CUDA 12.8`, where a line begins so."""
    found = _RUNNING.match(line.text)
    if found is not None:
        yield Fact(found["name"], found["version"], found["version"], Place(file, line.number))


def packages(lines: Iterable[Line], file: str) -> Iterator[Fact]:
    """`name==version` and `name @ address`, one a line."""
    for line in lines:
        found = _PACKAGE.match(line.text[:1_000])
        if found is not None:
            said = found["version"] or found["url"]
            yield Fact(found["name"], said, said, Place(file, line.number), scope=("package",))


def environment(lines: Iterable[Line], file: str) -> Iterator[Fact]:
    """`Name: value` lines, as torch's collect_env has them. What it could not collect is none."""
    for line in lines:
        text = line.text[:1_000]
        package, pair = _PACKAGE.match(text), _ENVIRONMENT.match(text)
        if package is not None and package["version"]:
            said, scope = package["version"], ("package",)
            yield Fact(package["name"], said, said, Place(file, line.number), scope=scope)
        elif pair is not None and pair["text"].strip().lower() not in NOT_A_VALUE:
            said = pair["text"].strip()
            yield Fact(pair["name"], numbers.read(said), said, Place(file, line.number))
