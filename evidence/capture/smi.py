"""nvidia-smi's own report, for people to read: gpu_snapshot.txt.

Responsible for running a tool that may be missing, fail, hang, print without end, or print
bytes that act on a terminal, and for saying in words which of them it was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.capture.driver import MISMATCH, SMI_FOLDERS
from evidence.capture.process import (
    ProgramOutput,
    TooLongError,
    TooSlowError,
    collect_output,
    up_to,
)
from evidence.text.escape import visible

_PROCESS_TABLE: Final = re.compile(r"^(?:\+[-=]+\+[ \t]*\n)?\|[ \t]*Processes:", re.MULTILINE)
_REPORT: Final = "NVIDIA-SMI"
_STATUSES: Final = {
    4: "no permission to ask the GPU",
    6: "it found no GPU to ask",
    8: "a power cable of the GPU is not attached",
    9: "the NVIDIA driver is not loaded",
    12: "the NVML library was not found",
    14: "the GPU's infoROM is corrupted",
    15: "the GPU has fallen off the bus",
    18: MISMATCH.says,
}
"""Of nvidia-smi(1), 'return value', and NVML's mismatch: what a person can do something about."""
_NO_DEVICES: Final = "No devices were found"


def gpu_snapshot() -> str:
    """nvidia-smi verbatim, minus its table of other people's processes; or why there is nothing."""
    path = _find()
    if path is None:
        return f"nvidia-smi is not on PATH, nor in {', '.join(SMI_FOLDERS)}.\n"
    text, problem = _report(str(Path(path).absolute()))
    return f"nvidia-smi gave nothing to show: {problem}.\n" if problem else text


def _find() -> str | None:
    return shutil.which("nvidia-smi") or shutil.which(
        "nvidia-smi", path=os.pathsep.join(SMI_FOLDERS)
    )


def _report(path: str) -> tuple[str, str]:
    """The report, and what is wrong with it."""
    try:
        ended = _run(path)
    except TooSlowError:
        return "", f"it did not answer within {limits.NVIDIA_SMI_TIMEOUT_S:g} s"
    except TooLongError:
        return "", f"it printed more than {limits.MAX_NVIDIA_SMI_BYTES} bytes"
    except OSError as error:
        return "", f"it cannot be started ({error.strerror})"
    text = visible(ended.output.decode("utf-8", "replace").replace("\r\n", "\n"))
    if ended.status != 0:
        meaning = _STATUSES.get(ended.status)
        return "", f"it ended with status {ended.status}" + (f", {meaning}" if meaning else "")
    if text.strip() == _NO_DEVICES:
        return "", "a driver is there, but it found no GPU"
    # Neither is quoted: it could be the processes of other people, or pass for a report.
    if _REPORT not in text:
        return "", "what it printed is not its report" if text.strip() else "it printed nothing"
    cut = _PROCESS_TABLE.search(text)
    text = text[: cut.start()] if cut else text
    return text if text.endswith("\n") else f"{text}\n", ""


def _run(path: str) -> ProgramOutput[bytes]:
    process = subprocess.Popen(
        [path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,
    )
    return collect_output(process, limits.NVIDIA_SMI_TIMEOUT_S, up_to(limits.MAX_NVIDIA_SMI_BYTES))
