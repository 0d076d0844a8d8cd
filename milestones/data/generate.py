"""Writes the project's own data: training and evaluation sets, and the frozen M42 submission.

    python milestones/data/generate.py           rewrite the files
    python milestones/data/generate.py --check   exit 1 where a file is not what this gives
    python milestones/data/generate.py --sha256  print what a milestone declares of each file

Responsible for seeds, file names and the archive's texts. Which questions there are is the business
of `compose`, `curriculum` and `corrections`, their format `rows`'s. The same seeds give the same
bytes everywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from random import Random

from compose import evaluation_questions, training_drafts
from corrections import arms, checks
from curriculum import curriculum
from rows import archive, check_row, evaluation_row, jsonl, stage_row, training_row

SEED = 42
EVALUATION_SEED = 4242
CURRICULUM_SEED, ARMS_SEED, CHECKS_SEED = 45, 46, 47
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
        **later_files(prompts | {question.draft.prompt for question in questions}),
    }


def later_files(seen: set[str]) -> dict[Path, bytes]:
    """Stages, arms and checks of the milestones after M44. None of their questions is in `seen`,
    and none is in two of them but for the arms, which answer the same."""
    checked = checks(Random(CHECKS_SEED), seen)
    stages = curriculum(Random(CURRICULUM_SEED), seen)
    both = arms(Random(ARMS_SEED), seen)
    drafts = {f"curriculum-{name}": found for name, found in stages.items()}
    drafts |= {f"arm-{name}": found for name, found in both.items()}
    found = {
        HERE / f"{name}.jsonl": jsonl(stage_row(name, i, one) for i, one in enumerate(rows))
        for name, rows in drafts.items()
    }
    for name in ("clean", "injected"):
        rows = [check_row(i, one, injected=name == "injected") for i, one in enumerate(checked)]
        found[HERE / f"checks-{name}.jsonl"] = jsonl(rows)
    return found


def print_digests() -> None:
    """`path`, `sha256` and `rows` of each data set, as a milestone file has them."""
    for path, data in files().items():
        if path.suffix == ".jsonl":
            print(f'path = "{path.relative_to(HERE.parent.parent)}"')
            print(f'sha256 = "{hashlib.sha256(data).hexdigest()}"')
            print(f"rows = {len(data.splitlines())}", end="\n\n")


def main() -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the project's own data.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    parser.add_argument("--sha256", action="store_true", help="print digests; write nothing")
    given = parser.parse_args()
    check: bool = given.check
    if given.sha256:
        print_digests()
        return 0
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
