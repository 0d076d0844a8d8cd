"""The tokenizers that the program made or loaded.

Responsible for the event `tokenizer` and for the file that holds a fast tokenizer whole. They are
said when training begins, because a program changes them after loading, and again at the end where
they have changed since. Only weak references are kept.
"""

from __future__ import annotations

import functools
import hashlib
import os
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .torch_hooks import Torch

MAX_TOKENIZERS = 20
MAX_PIECES = 200_000
MAX_FILE_BYTES = 64_000_000


class Tokenizers:
    """Of this process."""

    def __init__(self, torch: Torch) -> None:
        self._torch = torch
        self._made: list[Any] = []
        self._said: dict[int, str] = {}
        torch.before_first_step.append(self.say)
        torch.context.at_end("tokenizer", 5, self.end)

    def watch(self, base: Any) -> None:
        """Be told of each tokenizer that is made."""
        original = base.__init__
        made = self._torch.context.guard.hook("tokenizer", self._note, nested=True)

        @functools.wraps(original)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(self, *args, **kwargs)
            made(self)

        base.__init__ = __init__

    def _note(self, tokenizer: Any) -> None:
        if len(self._made) < MAX_TOKENIZERS:
            self._made.append(weakref.ref(tokenizer))

    def say(self) -> None:
        """Describe those that are there and were not yet described as they are."""
        for reference in self._made:
            tokenizer = reference()
            if tokenizer is not None:
                self._say(tokenizer, pieces=False)

    def end(self) -> None:
        """Once more, with the texts of ids where there is no file."""
        for reference in self._made:
            tokenizer = reference()
            if tokenizer is not None:
                self._say(tokenizer, pieces=True)

    def _say(self, tokenizer: Any, pieces: bool) -> None:
        text = _backend_text(tokenizer)
        described = {
            "class": type(tokenizer).__name__,
            "name_or_path": str(getattr(tokenizer, "name_or_path", "") or "") or None,
            "vocab_size": len(tokenizer),
            "pad_id": tokenizer.pad_token_id,
            "eos_id": tokenizer.eos_token_id,
            "bos_id": tokenizer.bos_token_id,
            "chat_template_sha256": _template_digest(tokenizer),
            "file": None if text is None else self._file(text),
            "pieces": self._pieces(tokenizer) if text is None and pieces else None,
        }
        mark = repr(sorted(described.items(), key=lambda item: item[0]))
        if self._said.get(id(tokenizer)) != mark:
            self._said[id(tokenizer)] = mark
            self._torch.context.spool.write("tokenizer", **described)

    def _file(self, text: str) -> str | None:
        """The tokenizer, whole, beside the spool's lines."""
        data = text.encode("utf-8")
        if len(data) > MAX_FILE_BYTES:
            return None
        name = "tokenizer-{}.json".format(hashlib.sha256(data).hexdigest()[:12])
        folder = self._torch.context.spool.folder
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            partial = "{}.{}.partial".format(path, os.getpid())
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(partial, path)
        return name

    def _pieces(self, tokenizer: Any) -> dict[str, str] | None:
        ids = sorted(self._torch.writer.sequences.kept_ids)[:MAX_PIECES]
        if not ids:
            return None
        return {str(number): str(tokenizer.decode([number])) for number in ids if number >= 0}


def _backend_text(tokenizer: Any) -> str | None:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    to_str = getattr(backend, "to_str", None)
    return None if to_str is None else str(to_str())


def _template_digest(tokenizer: Any) -> str | None:
    template = getattr(tokenizer, "chat_template", None)
    if not isinstance(template, str):
        return None
    return hashlib.sha256(template.encode("utf-8")).hexdigest()
