"""Whose machine it was, made anonymous: home directory, user name, host name.

Responsible for replacing them where a path, or `user@host`, shows what they are. A name that
stands alone stays: 'root' must not be cut out of 'square root'. Applying it twice changes nothing.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

from evidence.records.record import Record

HOME: Final = "~"
USER: Final = "user"
HOST: Final = "host"

_SLASH: Final = r"(?:\\{1,2}|/)"
_BEFORE: Final = r"(?:(?<![\w.~-])|(?<=\\[nrt]))"
_AFTER: Final = r"(?![\w-]|\.\w)"
_PARENTS: Final = r"(?:home|Users|users|user|scratch)"
_NO_HOSTS: Final = frozenset({"", "localhost"})
_MIN_HOST_CHARS: Final = 3


class Identity(Record, dict=True):
    """Names to be replaced; an empty one replaces nothing."""

    home: str = ""
    user: str = ""
    host: str = ""

    def anonymous(self, text: str) -> str:
        """`text` with `~`, `user` and `host` for these names, where a path or an @ shows them."""
        pieces, end = [], 0
        for start, stop in self._lines_with_names(text):
            pieces += [text[end:start], self.replaced(text[start:stop])]
            end = stop
        return "".join([*pieces, text[end:]]) if pieces else text

    def replaced(self, text: str) -> str:
        """The same, with every rule tried at every place."""
        for pattern, replacement in self._rules:
            text = pattern.sub(replacement, text)
        return text

    def _lines_with_names(self, text: str) -> list[tuple[int, int]]:
        """Start and end of the lines that hold a name, without their ends: no rule goes further."""
        if any("\n" in name for name in self._names):
            return [(0, len(text))]
        lines = {}
        for name in self._names:
            at = text.find(name)
            while at >= 0:
                stop = text.find("\n", at)
                stop = len(text) if stop < 0 else stop
                lines[text.rfind("\n", 0, at) + 1] = stop
                at = text.find(name, stop)
        return sorted(lines.items())

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """One of these is in all that a rule replaces."""
        home = max(re.split(r"[\\/]", self.home), key=len)
        return tuple(name for name in dict.fromkeys((home, self.user, *self._hosts)) if name)

    @cached_property
    def _hosts(self) -> tuple[str, ...]:
        hosts = {self.host, self.host.partition(".")[0]} - _NO_HOSTS
        return tuple(sorted((h for h in hosts if len(h) >= _MIN_HOST_CHARS), key=len)[::-1])

    @cached_property
    def _rules(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(pattern), replacement) for pattern, replacement in self._sources())

    def _sources(self) -> list[tuple[str, str]]:
        rules = []
        parts = [part for part in re.split(r"[\\/]", self.home) if part]
        if parts:
            root = "" if re.match(r"[A-Za-z]:", self.home) else _SLASH
            path = root + _SLASH.join(map(re.escape, parts))
            rules.append((_BEFORE + path + _AFTER, HOME))
        user = re.escape(self.user)
        host = "|".join(map(re.escape, self._hosts))
        if user:
            rules.append((f"(?<=/)({_PARENTS})/{user}{_AFTER}", rf"\1/{USER}"))
            rules.append((f"({_SLASH})({_PARENTS})({_SLASH}){user}{_AFTER}", rf"\1\2\3{USER}"))
        if user and host:
            rules.append((f"{_BEFORE}{user}@(?:{host})(?![\\w-])", f"{USER}@{HOST}"))
        if host:
            rules.append((f"(?<=@)(?:{host})(?![\\w-])", HOST))
            rules.append((f"(?<=://)(?:{host})(?=[:/\\s]|$)", HOST))
        return rules
