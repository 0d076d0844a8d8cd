"""`python -m evidence`: the same as the `evidence` command."""

from __future__ import annotations

from evidence.cli.start import main

if __name__ == "__main__":
    main()
