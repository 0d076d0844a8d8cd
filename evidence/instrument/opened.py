"""The files that the program opens: inputs that nobody declared, and what it writes.

Responsible for the event `opened`. It sees what Python's own `open` and `os.open` are asked for
(PEP 578); a library that opens files in C tells nothing here, and has its own hook or none. What
belongs to the interpreter, its packages and the system is left out.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from typing import Any, Callable

from .context import Context

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/", "/usr/share/zoneinfo/")
IN_MEMORY = "/dev/shm/"  # noqa: S108 - read, not written
USERS_OWN = (IN_MEMORY, "/run/media/", "/run/user/")
"""Where people do keep data, below what is the system's."""
OF_PREFIX = ("bin", "etc", "include", "lib", "lib64", "share")
"""Folders of an interpreter. Projects lie below a prefix, too: /usr/src/app is one."""
UNNAMED = ("sem.", "torch_", "pym-", "__KMP_")
"""What libraries keep there for themselves."""
LEFT_OUT_ENDINGS = (".pyc", ".so", ".dylib", ".dll", ".pth", ".pyd")
LEFT_OUT_FOLDERS = ("/.git/", "/__pycache__/", "/site-packages/", "/dist-packages/")
MAX_PATHS = 20_000
HOWS = ("safetensors", "cache_files", "data_files")
MAX_DATA_FILES = 1_000


def watch(context: Context, exec_begins: Callable[[], None]) -> None:
    """Be told of every file that is opened, by the one audit hook that there is."""
    files = _Opened(context)
    context.after_fork(files.after_fork)
    context.at_end("opened", 80, files.say_written)
    context.at_end("opened", 81, files.say_sources)
    note = context.guard.hook("opened", files.note)
    sys.addaudithook(_audit(note, exec_begins))
    by_library = {how: context.guard.hook(how, files.by_library) for how in HOWS}
    context.after_import("safetensors", functools.partial(_watch_safe_open, by_library))
    context.after_import("safetensors.torch", functools.partial(_watch_save_file, by_library))
    context.after_import("datasets.load", functools.partial(_watch_datasets, by_library))


def _audit(
    note: Callable[..., None], exec_begins: Callable[[], None]
) -> Callable[[str, Any], None]:
    def audit(event: str, arguments: Any) -> None:
        if event == "open" and not str(arguments[0]).endswith(LEFT_OUT_ENDINGS):
            note(*arguments)
        elif event == "os.exec":
            exec_begins()

    return audit


def _watch_safe_open(by_library: Any, module: Any) -> None:
    """safetensors reads in Rust, of which Python's own `open` knows nothing."""
    original, note = module.safe_open, by_library["safetensors"]

    @functools.wraps(original)
    def safe_open(filename: Any, *args: Any, **kwargs: Any) -> Any:
        note(filename, "read", "safetensors")
        return original(filename, *args, **kwargs)

    module.safe_open = safe_open


def _watch_save_file(by_library: Any, module: Any) -> None:
    original, note = module.save_file, by_library["safetensors"]

    @functools.wraps(original)
    def save_file(tensors: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(tensors, filename, *args, **kwargs)
        note(filename, "written", "safetensors")
        return result

    module.save_file = save_file


def _watch_datasets(by_library: Any, module: Any) -> None:
    """A data set from the cache is mapped into memory; its files are named by itself. So are the
    user's own files that it was made of, which nobody opens any more once it is in the cache."""
    note = by_library["cache_files"]

    def watched(original: Any) -> Any:
        @functools.wraps(original)
        def load(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            for part in result.values() if isinstance(result, dict) else (result,):
                for file in getattr(part, "cache_files", None) or ():
                    note(file["filename"], "read", "cache_files")
            return result

        return load

    module.load_dataset = watched(module.load_dataset)
    module.load_from_disk = watched(module.load_from_disk)
    _watch_builders(by_library["data_files"], module)


def _watch_builders(note: Any, module: Any) -> None:
    original = module.load_dataset_builder

    @functools.wraps(original)
    def load_dataset_builder(*args: Any, **kwargs: Any) -> Any:
        builder = original(*args, **kwargs)
        files = getattr(getattr(builder, "config", None), "data_files", None)
        for names in list(files.values() if isinstance(files, dict) else ()):
            for name in list(names)[:MAX_DATA_FILES]:
                if isinstance(name, str) and os.path.isfile(name):
                    note(name, "read", "data_files")
        return builder

    module.load_dataset_builder = load_dataset_builder


class _Opened:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._left_out = tuple({folder for folder in _left_out_folders() if folder != "/"})
        self._spool = os.path.join(os.path.realpath(context.spool.folder), "")
        self.after_fork()

    def after_fork(self) -> None:
        self._seen: set[tuple[Any, Any]] = set()
        self._written: dict[str, None] = {}
        self._num = 0

    def note(self, path: Any, mode: Any, flags: Any) -> None:
        """A file is about to be opened."""
        if not isinstance(path, (str, bytes)) or (isinstance(path, str) and "\0" in path):
            return
        writes = bool(flags & WRITING) if isinstance(flags, int) else False
        if (path, writes) in self._seen and os.path.isabs(path):
            return
        name = os.path.abspath(os.fsdecode(path))
        if (name, writes) in self._seen:
            return
        if self._num >= MAX_PATHS:
            self._say_too_many()
            return
        self._seen.add((name, writes))
        if os.path.isabs(path):
            self._seen.add((path, writes))
        if self._is_left_out(name) or os.path.isdir(name):
            return
        self._num += 1
        if _is_unnameable(name):
            why = "its name is no UTF-8: {}".format(ascii(name)[:300])
            self._context.spool.write("unseen", what="a file that was opened", why=why)
            return
        if writes:
            self._written[name] = None
            self._context.spool.write(
                "opened", path=name, mode="written", how="open", **_facts(None)
            )
        elif name.endswith(".py"):
            script = os.path.abspath(sys.argv[0]) if getattr(sys, "argv", None) else ""
            if name != script and not name.startswith(os.path.join(os.getcwd(), "")):
                return
            self._seen.add((name, "source"))
            self.say(name, "source")
        else:
            self.say(name, "open")

    def _say_too_many(self) -> None:
        if self._num == MAX_PATHS:
            self._num += 1
            why = "only the first {} that this process opened are named".format(MAX_PATHS)
            self._context.spool.write("unseen", what="further files", why=why)

    def by_library(self, path: Any, mode: str, how: str) -> None:
        """A library has opened a file in its own way."""
        name = os.path.abspath(os.fsdecode(path))
        if (name, how) in self._seen or self._is_left_out(name):
            return
        self._seen.add((name, how))
        self._context.spool.write("opened", path=name, mode=mode, how=how, **_facts(name))

    def say(self, name: str, how: str) -> None:
        """A file that was read."""
        facts = _facts(name)
        if facts["size_bytes"] is not None:
            self._context.spool.write("opened", path=name, mode="read", how=how, **facts)

    def _is_left_out(self, name: str) -> bool:
        is_system = name.startswith(SYSTEM) and not name.startswith(USERS_OWN)
        if is_system or name.startswith(self._spool) or name.endswith(LEFT_OUT_ENDINGS):
            return True
        if name.startswith(IN_MEMORY) and os.path.basename(name).startswith(UNNAMED):
            return True
        if any(folder in name for folder in LEFT_OUT_FOLDERS):
            return True
        return os.path.realpath(name).startswith((*self._left_out, self._spool))

    def say_written(self) -> None:
        """What was written, again, with the size that it has at the end."""
        for name in self._written:
            facts = _facts(name)
            if facts["size_bytes"] is not None:
                self._context.spool.hold("opened", path=name, mode="written", how="open", **facts)
        self._context.spool.flush()

    def say_sources(self) -> None:
        """The program's own modules, from below the working folder; its script was opened."""
        below = tuple(
            {os.path.join(path, "") for path in (os.getcwd(), os.path.realpath(os.getcwd()))}
        )
        main = sys.modules.get("__main__")
        for module in (main, *list(sys.modules.values())):
            name = getattr(module, "__dict__", {}).get("__file__")  # lazy modules stay lazy
            if not isinstance(name, str) or not name.endswith(".py"):
                continue
            name = os.path.abspath(name)
            own = module is main or name.startswith(below)
            if own and not self._is_left_out(name) and (name, "source") not in self._seen:
                self._seen.add((name, "source"))
                self.say(name, "source")


def _is_unnameable(name: str) -> bool:
    try:
        return not name.encode("utf-8")
    except UnicodeEncodeError:
        return True


def _left_out_folders() -> list[str]:
    """Those of the interpreter and its packages, and this room."""
    paths = sysconfig.get_paths()
    folders = [paths.get(key, "") for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, paths.get("data", sys.prefix)}:
        folders += [os.path.join(prefix, each) for each in OF_PREFIX]
    folders.append(os.path.dirname(__file__))
    return [os.path.join(os.path.realpath(folder), "") for folder in folders if folder]


def _facts(name: str | None) -> dict[str, int | None]:
    if name is not None:
        try:
            found = os.stat(name)
        except OSError:
            return {"size_bytes": None, "mtime_ns": None}
        return {"size_bytes": found.st_size, "mtime_ns": found.st_mtime_ns}
    return {"size_bytes": None, "mtime_ns": None}
