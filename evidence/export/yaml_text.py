"""YAML that every reader takes alike: each text in double quotes, each number a number.

Responsible for that form. YAML 1.1 and 1.2 disagree about what an unquoted `1e3`, `no` or `12:30`
is, and a text of a pack may be any of them.
"""

from __future__ import annotations

import math
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Quotes texts, leaves keys plain, wraps nothing and shares nothing by anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Every place says its value itself."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')


def _mapping(dumper: _Dumper, value: dict[str, Any]) -> yaml.MappingNode:
    pairs = [
        (yaml.ScalarNode("tag:yaml.org,2002:str", key), dumper.represent_data(one))
        for key, one in value.items()
    ]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=False)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)


def dump(value: Any) -> str:
    """The YAML of plain values; keys are ours and keep their order."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=math.inf,
    )
    return text
