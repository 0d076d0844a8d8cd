"""Why an NVIDIA driver gives no answer, in words, and what to do about each.

Responsible for telling apart a machine without a driver from one whose driver is out of reach.
Asking the driver is `gpu`'s and `smi`'s.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.record import Record

SMI_FOLDERS: Final = ("/usr/bin", "/usr/local/nvidia/bin", "/usr/lib/wsl/lib")
"""Where nvidia-smi lies besides PATH: of packages, of containers, of Windows' Linux."""
WSL_NVML: Final = "/usr/lib/wsl/lib/libnvidia-ml.so.1"
_VERSION: Final = re.compile(r"Kernel Module(?: for \S+)?\s+([0-9][0-9.]{2,30})")


_TRACES: Final = (
    "proc/driver/nvidia/version",
    "dev/nvidiactl",
    WSL_NVML.lstrip("/"),
    "dev/nvhost-gpu",
)
"""The last is of Jetson boards, whose CUDA works without NVML."""


class Trouble(Record):
    """One way of having no answer. `says` begins the reason that is recorded."""

    says: str
    remedy: str
    is_certain: bool = True
    """Whether no GPU can be used then; False where only the asking failed."""


NO_DRIVER: Final = Trouble(
    "no NVIDIA driver was found",
    "run on a machine with an NVIDIA GPU and its driver (https://www.nvidia.com/drivers)",
)
MISMATCH: Final = Trouble(
    "an NVIDIA driver is there; its library and its kernel module are of different versions; "
    "reboot",
    "reboot, so that the kernel loads the module of the installed driver (in a container: start it "
    "anew, so that it gets the library of the host)",
)
NO_LIBRARY: Final = Trouble(
    "an NVIDIA driver is there, but its NVML library (libnvidia-ml.so.1) is not found",
    "in a container add `utility` to NVIDIA_DRIVER_CAPABILITIES; elsewhere install the driver's "
    "libraries, or add their folder to LD_LIBRARY_PATH",
    is_certain=False,
)
NOT_LOADED: Final = Trouble(
    "the NVIDIA library is there, but the driver is not loaded",
    "load it (modprobe nvidia) or reboot; on a machine without an NVIDIA GPU there is nothing to "
    "load",
)
NO_DEVICE_FILES: Final = Trouble(
    "an NVIDIA driver is loaded, but its device files (/dev/nvidia*) are not here",
    "start the container with its GPUs (docker run --gpus all), or make the files: nvidia-modprobe",
)
NO_PERMISSION: Final = Trouble(
    "an NVIDIA driver is there, but this user has no permission to ask it",
    "get access to /dev/nvidia* (often by joining the group that owns them: video or render)",
)
LOST: Final = Trouble(
    "an NVIDIA driver is there, but the GPU is lost",
    "look for `Xid` in the kernel log (dmesg), then reset the GPU or reboot",
)
NO_START: Final = Trouble(
    "an NVIDIA driver may be there, but NVML does not start",
    "see what nvidia-smi and the kernel log (dmesg) say; a reboot often helps",
    is_certain=False,
)
NO_ANSWER: Final = Trouble(
    "NVML did not answer within",
    "see whether nvidia-smi hangs too; if so, look for `Xid` in the kernel log (dmesg) and reboot",
    is_certain=False,
)
NO_PACKAGE: Final = Trouble(
    "the package nvidia-ml-py is not installed",
    "install it: pip install nvidia-ml-py",
    is_certain=False,
)
_TROUBLES: Final = (
    NO_DRIVER, MISMATCH, NO_LIBRARY, NOT_LOADED, NO_DEVICE_FILES, NO_PERMISSION, LOST, NO_START,
    NO_ANSWER, NO_PACKAGE,
)  # fmt: skip
_BY_CODE: Final = {4: NO_PERMISSION, 15: LOST, 18: MISMATCH}
"""Of nvmlReturn_t, those that mean the same wherever they occur."""
_NOT_LOADED_CODE: Final = 9
_NO_LIBRARY_CODE: Final = 12


def why_no_start(code: int | None, words: str, root: Path = Path("/")) -> Unavailable:
    """The reason, from NVML's code and words and from what the driver left below `root`."""
    module = _module_version(root)
    trouble = _trouble(code, root)
    if trouble is MISMATCH and module:
        return Unavailable(f"{trouble.says} (kernel module {module}; NVML: {words})")
    return Unavailable(f"{trouble.says} ({words})" if words else trouble.says)


def remedy_for(reason: str) -> str:
    """What to do about a reason that this module gave, or the most general advice."""
    return _of(reason).remedy


def is_certain(reason: str) -> bool:
    """Whether a reason says that no GPU can be used, and not only that none could be asked."""
    return _of(reason).is_certain


def _of(reason: str) -> Trouble:
    return next((one for one in _TROUBLES if reason.startswith(one.says)), NO_START)


def _trouble(code: int | None, root: Path) -> Trouble:
    if code in _BY_CODE:
        return _BY_CODE[code]
    is_loaded = _is_loaded(root)
    if code == _NO_LIBRARY_CODE:
        return NO_LIBRARY if is_loaded else NO_DRIVER
    if code != _NOT_LOADED_CODE:
        return NO_START
    if not is_loaded:
        return NOT_LOADED
    control = root / "dev/nvidiactl"
    if not control.exists():
        return NO_DEVICE_FILES
    return NO_START if os.access(control, os.R_OK | os.W_OK) else NO_PERMISSION


def _is_loaded(root: Path) -> bool:
    """Whether a driver left traces. /dev/dxg alone is any GPU of Windows: its library counts."""
    try:
        return any((root / trace).exists() for trace in _TRACES)
    except OSError:
        return False


def _module_version(root: Path) -> str:
    try:
        text = (root / "proc/driver/nvidia/version").read_text("utf-8", "replace")
    except OSError:
        return ""
    found = _VERSION.search(text[:4096])
    return found[1] if found else ""
