"""How the stub misbehaves when a test tells it to.

Responsible for everything a worker can do wrong, for real where a small process can. EVIDENCE_STUB
holds a JSON object such as `{"stage": "train", "at": 5, "do": "raise"}`, with `"attempt"` for one
attempt only; at 0 is before its first word. `do` is one of raise, exit, kill, signal (`number`),
abort (`hex` on stderr), hang, spawn, oom, gpu-oom, gpu-lost, gpu-assert, offline, disk-full, nan,
system (the error `name`, in words of Rust where `rust`), limit (a real one, FSIZE or NOFILE),
edit (`hex` is appended to the file at `path`), remove (that file),
require, babble, threads, slow, large (every checkpoint has a file of `size_bytes`, with a hole),
shift (every loss, `by` a share); and of print, write, libc, raise,
file, metadata, which put the text told by `hex`, or read `from` a file, on stdout (by print,
os.write or the C library), into an exception, a file name, or the model's metadata. With
`"frameworks": true` it says that it computes with PyTorch, or with JAX where its attempt is called
so, from weights with the digest `start`.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from evidence.records.availability import Unavailable
from evidence.records.capture import JaxRecord, TorchRecord
from evidence.system import posix
from evidence.worker.interface import Emit, Job, StageFailure

HANG_S: Final = 3600
NUM_THREADS: Final = 1


def order() -> dict[str, Any]:
    """What the test asked for; empty where it asked for nothing."""
    asked: dict[str, Any] = json.loads(os.environ.get("EVIDENCE_STUB", "{}"))
    return asked


def text_of(asked: dict[str, Any]) -> str:
    """The text of an order: in hexadecimal, or all of a file's where it is too long for that."""
    if "from" in asked:
        return Path(asked["from"]).read_text("utf-8")
    return bytes.fromhex(asked.get("hex", "")).decode("utf-8")


def num_threads_at_end() -> int:
    """Threads at the end of a stage: as many as at its start, unless told otherwise."""
    return NUM_THREADS + (order().get("do") == "threads")


def loss_factor() -> float:
    """What every loss is multiplied by: other kernels, for a test, with the same rows."""
    asked = order()
    return 1.0 + (float(asked["by"]) if asked.get("do") == "shift" else 0.0)


def framework(job: Job) -> TorchRecord | JaxRecord | Unavailable:
    """What the stub says that it computes with."""
    none = Unavailable("the stub uses no framework")
    if not order().get("frameworks"):
        return none
    if "jax" not in job.plan.name:
        torch, transformers = map(_installed, ("torch", "transformers"))
        return TorchRecord(torch, transformers, none, none, "cpu", none, 1, 1, True, "highest")
    names = ("jax", "jaxlib", "flax", "optax", "google-tunix", "transformers")
    return JaxRecord(
        *map(_installed, names), "cpu", "cpu:0", none, 1, 1, "highest", False, False, ""
    )


def _installed(name: str) -> str:
    """As packages.json has it, which verify holds it against."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "1.0"


def start_sha256(job: Job) -> str | None:
    """Digest of the weights that it says to start from: with `start`, those of JAX have another."""
    asked = order()
    if not asked.get("frameworks"):
        return None
    return str(asked.get("start", "5")) * 64 if "jax" in job.plan.name else "5" * 64


def enlarge(checkpoint: Path) -> None:
    """Make a checkpoint as large as the weights of a real model, without the blocks on disk."""
    asked = order()
    if asked.get("do") == "large":
        with (checkpoint / "weights.bin").open("wb") as file:
            file.truncate(asked["size_bytes"])


def misbehave(job: Job, at: int, emit: Emit) -> None:
    """Do what was asked for this step or example."""
    asked = order()
    if asked.get("attempt", job.plan.name) != job.plan.name:
        return
    if asked.get("do") in ("slow", "large"):
        time.sleep(asked.get("seconds", 0.05))
    if asked.get("stage") == job.stage and asked.get("at") == at:
        _fail(asked, at)
        _act(asked, emit)


def _fail(asked: dict[str, Any], at: int) -> None:
    match asked["do"]:
        case "raise":
            raise RuntimeError(f"the stub was told to raise {text_of(asked)}")
        case "oom":
            raise MemoryError("the stub was told to run out of memory")
        case "gpu-oom":
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        case "gpu-lost":
            raise RuntimeError("CUDA error: unspecified launch failure")
        case "gpu-assert":
            raise RuntimeError("CUDA error: device-side assert triggered")
        case "offline":
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        case "require":
            raise StageFailure("requirement-not-met", "no GPU is visible")
        case "disk-full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "checkpoint")
        case "system":
            raise _of_system(asked)
        case "nan":
            raise StageFailure("diverged", f"the loss of step {at} is nan")


def _of_system(asked: dict[str, Any]) -> Exception:
    number = int(getattr(errno, asked["name"]))
    if asked.get("rust"):
        return RuntimeError(f"I/O error: {os.strerror(number)} (os error {number})")
    return OSError(number, os.strerror(number), "checkpoint")


def _reach(name: str) -> None:
    """Do what a limit of the system forbids: a file that is too large, one file too many."""
    import resource  # not on every system

    which = getattr(resource, f"RLIMIT_{name}")
    resource.setrlimit(which, (64, resource.getrlimit(which)[1]))
    with tempfile.TemporaryFile() as large:
        if name == "FSIZE":
            large.write(bytes(1000))
            large.flush()
        files = [large]
        while True:
            files.append(os.fdopen(os.dup(large.fileno()), "rb"))


def _act(asked: dict[str, Any], emit: Emit) -> None:
    match asked["do"]:
        case "limit":
            _reach(asked["name"])
        case "edit":
            with Path(asked["path"]).open("ab") as file:
                file.write(bytes.fromhex(asked["hex"]))
        case "remove":
            Path(asked["path"]).unlink()
        case "print" | "write" | "libc":
            _speak(asked)
        case "exit":
            os._exit(asked.get("status", 7))
        case "signal":
            os.kill(os.getpid(), asked["number"])
            time.sleep(1)
        case "abort":
            os.write(2, text_of(asked).encode() + b"\n")
            os.abort()
        case "kill":
            posix.kill_group(0)  # our own group: the worker leads it
        case "hang":
            time.sleep(HANG_S)
        case "spawn":
            command = [sys.executable, "-c", f"import time; time.sleep({HANG_S})"]
            subprocess.Popen(command, cwd="/").wait()
        case "babble":
            emit("nonsense", value=1)


def _speak(asked: dict[str, Any]) -> None:
    """Say it, past Python too, in two writes: whoever listens must not rely on whole lines."""
    if asked["do"] == "print":
        print(text_of(asked), flush=True)
        return
    data = text_of(asked).encode()
    middle = len(data) // 2
    for piece in (data[:middle], data[middle:]):
        if asked["do"] == "write":
            os.write(1, piece)
        else:
            ctypes.CDLL(None).write(2, piece, len(piece))
        time.sleep(0.2)
