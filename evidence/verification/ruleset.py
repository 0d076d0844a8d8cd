"""The number of the rule set that this version of verify applies.

Responsible for one constant, importable by the run that writes it into a manifest. A check that
is added later names a higher number, so that a pack of an older rule set is not asked for what
it could not know.
"""

from __future__ import annotations

from typing import Final

RULESET: Final = 1
