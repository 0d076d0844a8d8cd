"""The recipe for people who will not install this project: stock tools check a signed pack.

Responsible for the text of the script and for its place in docs/without_installing.md, between two
markers. `python -m evidence.verification.recipe PAGE` writes it there; a test runs it from there.
What it cannot do (consistency, summaries) is said in it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.errors import UsageError
from evidence.pack import sshsig
from evidence.system.durable import write_file

BEGIN: Final = "<!-- recipe -->"
END: Final = "<!-- /recipe -->"

_SCRIPT: Final = r"""
#!/usr/bin/env bash
# usage: bash check-pack.sh PACK ALLOWED_SIGNERS WHO
# Accepts a pack whose every sealed byte WHO signed. Needs bash, coreutils, findutils, OpenSSH 8.2.
# Checks no number and no summary: that needs `evidence verify`. Withheld files count as missing.
set -eu
export LC_ALL=C
signers=$(realpath -- "$2") who=$3
cd -- "$1"
reject() { echo "REJECTED: $1"; exit 1; }
for file in @SUMS@ @SIG@; do
  if [ ! -f "$file" ] || [ -L "$file" ]; then reject "no plain file $file"; fi
done
odd=$(find . ! -type d ! -type f -print -quit) || reject "cannot be listed"
[ -z "$odd" ] || reject "a link, FIFO or device"
odd=$(find . -type f -links +1 -print -quit)
[ -z "$odd" ] || reject "a hard link"
odd=$(find . -name '*[!A-Za-z0-9._-]*' -print -quit)
[ -z "$odd" ] || reject "a name that no pack holds"
ssh-keygen -Y verify -f "$signers" -I "$who" -n @NAMESPACE@ -s @SIG@ < @SUMS@ ||
  reject "not signed by $who"
if grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9._/-]*$' @SUMS@; then reject "an odd line"; fi
if cut -c67- @SUMS@ | grep -qE '(^|/)\.{0,2}(/|$)'; then reject "an odd path"; fi
listed=$(cut -c67- @SUMS@ | sort)
found=$(find . -type f ! -path './@SUMS@' ! -path './@SIG@' | sed 's|^\./||' |
  { grep -vxE '@RENDERED@' || true; } | sort)
[ "$found" = "$listed" ] || reject "files and list differ"
sha256sum -c --strict --quiet @SUMS@ || reject "changed bytes"
echo "ACCEPTED: sha256:$(sha256sum < @SUMS@ | cut -c-64)"
"""


def recipe() -> str:
    """The script, with every name of a pack taken from `layout`."""
    text = _SCRIPT.lstrip("\n")
    names = {
        "@SUMS@": layout.SUMS,
        "@SIG@": layout.SIGNATURE,
        "@NAMESPACE@": sshsig.EVIDENCE_NAMESPACE,
        "@RENDERED@": layout.RENDERED_PATTERN,
    }
    for mark, value in names.items():
        text = text.replace(mark, value)
    return text


def embed(page: str) -> str:
    """The page with the recipe between its markers. Raises UsageError where there are none."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise UsageError(f"there is no {BEGIN} … {END} in this page")
    return f"{before}{BEGIN}\n```bash\n{recipe()}```\n{END}{after}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        write_file(path, embed(path.read_text("utf-8")).encode("utf-8"))
