"""What agents do overnight: edit train.py, run it, keep the change if the printed number fell.

The rates to try are fixed here, so that the loop is the same each time. It works on a copy of
train.py, and leaves that and results.tsv in its output folder.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RATES = ("0.01", "0.03", "0.001")


def run(script):
    """The number that the script prints."""
    printed = subprocess.run(
        [sys.executable, script.name],
        cwd=script.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    print(printed, end="", flush=True)
    return float(re.search(r"^val_loss: (\S+)$", printed, re.MULTILINE).group(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("agent_loop_out"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    script = Path(shutil.copy(HERE / "train.py", out / "train.py"))
    results = Path(shutil.copy(HERE / "results.tsv", out / "results.tsv"))
    best = None
    for number, rate in enumerate(RATES, 1):
        kept = script.read_text(encoding="utf-8")
        changed = re.sub(r"^RATE = .*$", f"RATE = {rate}", kept, flags=re.MULTILINE)
        script.write_text(changed, encoding="utf-8")
        loss = run(script)
        is_better = best is None or loss < best
        best = loss if is_better else best
        if not is_better:
            script.write_text(kept, encoding="utf-8")
        with results.open("a", encoding="utf-8") as table:
            status = "keep" if is_better else "discard"
            table.write(f"{number}\t{loss:.9f}\t{status}\tlearning rate {rate}\n")


if __name__ == "__main__":
    main()
