"""The tests. They bring a backend of their own, as a user would: as an installed package.

`plug_ins` is to them what `site-packages` is to a user, for this process and all that it starts.
"""

import os
import sys
from pathlib import Path

PLUG_INS = str(Path(__file__).parent / "plug_ins")
if PLUG_INS not in sys.path:
    sys.path.insert(0, PLUG_INS)
_inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if PLUG_INS not in _inherited:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PLUG_INS, *_inherited)))
