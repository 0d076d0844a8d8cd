"""Writes the project's own data: training set, evaluation set, and the frozen M42 submission.

    python milestones/data/generate.py           rewrite the files
    python milestones/data/generate.py --check   exit 1 where a file is not what this gives

Responsible for seeds, file names and the archive's texts. Which questions there are is `compose`'s,
their format `rows`'s. The same seeds give the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random

from compose import evaluation_questions, training_drafts
from rows import archive, evaluation_row, jsonl, training_row

SEED = 42
EVALUATION_SEED = 4242
HERE = Path(__file__).parent
TRAINING, EVALUATION = HERE / "dev-reasoning.jsonl", HERE / "eval.jsonl"
SUBMISSION = HERE.parent / "frozen" / "m42_submission.zip"

README = """# M42 submission

Frozen. It holds the configuration and a sample of the predictions that were handed in.
No later milestone may change a byte of it; each says in its evidence whether it did.
"""
CONFIG = """{
  "model": "google/gemma-2b",
  "submission": "M42",
  "max_new_tokens": 64
}
"""


def files() -> dict[Path, bytes]:
    """Every generated file with its bytes."""
    drafts = training_drafts(Random(SEED))
    training = [training_row(i, kind, draft, SEED) for i, (kind, draft) in enumerate(drafts)]
    prompts = {draft.prompt for _, draft in drafts}
    questions = evaluation_questions(Random(EVALUATION_SEED), prompts)
    evaluation = [evaluation_row(i, question) for i, question in enumerate(questions)]
    sample = [{"id": row["id"], "answer": row["expected_answer"]} for row in evaluation[:5]]
    submission = {
        "README.md": README.encode(),
        "config.json": CONFIG.encode(),
        "predictions.jsonl": jsonl(sample),
    }
    return {
        TRAINING: jsonl(training),
        EVALUATION: jsonl(evaluation),
        SUBMISSION: archive(submission),
    }


def main() -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the project's own data.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    check: bool = parser.parse_args().check
    status = 0
    for path, data in files().items():
        if path.is_file() and path.read_bytes() == data:
            continue
        print(f"{'differs' if check else 'written'}: {path.relative_to(HERE.parent.parent)}")
        status = int(check)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return status


if __name__ == "__main__":
    sys.exit(main())
