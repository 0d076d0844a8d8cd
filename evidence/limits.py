"""Every cap on what is read from a pack or a milestone, in one place.

Responsible for the numbers only; the modules that read enforce them. Each cap bounds memory or
time spent on a stranger's bytes and is far above anything an honest pack needs.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

MAX_FILES: Final = 20_000
MAX_STAGES: Final = 200
"""Of a milestone, with one for each seed, checkpoint and data set."""
MAX_DIRECTORIES: Final = 20_000
MAX_PATH_BYTES: Final = 200
MAX_DEPTH: Final = 6

MAX_SUMS_BYTES: Final = 8 * MIB
MAX_MANIFEST_BYTES: Final = 4 * MIB
MAX_TOML_BYTES: Final = 64 * KIB
MAX_TOML_KEY_PARTS: Final = 16
MAX_JSON_BYTES: Final = 16 * MIB
MAX_JSON_DEPTH: Final = 32
MAX_JSON_BRACKETS: Final = 200_000
MAX_JSON_COMMAS: Final = 1_000_000
"""Objects, arrays and commas of one document: 15 MB of `{},` take 650 MB once parsed."""
MAX_JSONL_BYTES: Final = 144 * MIB
"""Of all JSON lines files of a pack together: 200,000 steps take 70 MB of it, which leaves 700
bytes a row for 100,000 answers, with their questions, besides samples of a year."""
MAX_JSONL_LINE_BYTES: Final = MIB
MAX_JSONL_LINES: Final = 200_000
"""Of one file: optimizer steps, answers, samples."""
MAX_DATA_ROWS: Final = 1_000_000
"""Of a data set, which is in no pack."""
MAX_JOURNAL_BYTES: Final = 16 * MIB
MAX_DOCUMENTS_BYTES: Final = MAX_JSONL_BYTES + 256 * MIB
"""Of all files together that verify keeps in memory to parse them."""
MAX_NUMBER_CHARS: Final = 64
MAX_TEXT_BYTES: Final = 64 * MIB
MAX_SAFETENSORS_HEADER_BYTES: Final = 8 * MIB
MAX_SAFETENSORS_HEADERS_BYTES: Final = 32 * MIB
"""Of all files together: a header is kept until the weights have been judged."""
MAX_TENSORS: Final = 20_000
MAX_RENDERED_BYTES: Final = 64 * MIB
"""The whole rendered set with what was attached."""

MAX_NOTE_BYTES: Final = MIB
"""Of notes.md, and of each note that is attached."""
MAX_ATTACHED_BYTES: Final = 4 * MIB
"""Of all that is attached to a pack, together."""
MAX_MODEL_JSON_BYTES: Final = 64 * MIB
"""Of all JSON files of the final model that are looked into, together."""

MAX_MESSAGE_CHARS: Final = 200
"""Longest excerpt of foreign text inside a message of ours."""

RESERVE_BYTES: Final = 16 * KIB
"""Kept on disk for the record of why a run stopped, which is smaller."""
MAX_REASON_CHARS: Final = 2000
MAX_LAST_LINE_CHARS: Final = 4000
"""Of each line of a log that an outcome repeats."""
MAX_CHANGED_FILES: Final = 20_000
MAX_CHANGED_FILES_BYTES: Final = 4 * MIB
"""Of the changed files that git.json names at one moment, and of their names: of the rest it has
a count and a digest."""
MAX_CAPTURED_CHARS: Final = 8 * KIB
"""Of each text that a probe found, longer than any path of a system: the rest is a digest."""
MAX_PACKAGES: Final = 10_000
MAX_VARIABLES: Final = 500
MAX_TAGS: Final = 1_000
"""Of one commit that git.json names."""
MAX_GROUP_VALUE_CHARS: Final = 200
MAX_ASKED_BYTES: Final = 256 * KIB
"""Of what one row of the evaluation set brings to its line of predictions.jsonl."""

MAX_FROZEN_FILES: Final = 20_000
"""That the promises of a milestone name, and that a commit has of one of them besides."""

MAX_FROZEN_BYTES: Final = 12 * MIB
"""Of frozen.json: files that match a promise may come while a run goes on."""

MAX_PATCH_BYTES: Final = 8 * MIB
MAX_PATCHED_BYTES: Final = 256 * MIB
"""Of the changed files together: more is not even tried to be made a patch of."""
MAX_NVIDIA_SMI_BYTES: Final = 256 * KIB
PROBE_TIMEOUT_S: Final = 10.0
NVIDIA_SMI_TIMEOUT_S: Final = 5.0
GPU_SAMPLE_TIMEOUT_S: Final = 2.0
INTERPRETER_TIMEOUT_S: Final = 30.0
"""For another Python to say what is installed in it: a second, and many on a cold network disk."""
MAX_INTERPRETER_BYTES: Final = 8 * MIB
"""Of that answer."""

MAX_SIGNATURE_BYTES: Final = 8 * KIB
"""Of one SSHSIG file: far above RSA-16384, and small enough to wait in a pipe."""
MAX_TRUST_FILE_BYTES: Final = MIB
SSH_KEYGEN_TIMEOUT_S: Final = 10.0
SSH_SIGN_TIMEOUT_S: Final = 300.0
"""Signing may wait for a passphrase or for a touch on a security key."""

MAX_PROSE_NUMBERS: Final = 10_000
"""Numbers in one text of the author that are looked at."""

MAX_TOKENIZER_BYTES: Final = 3 * MIB
"""Of a tokenizer.json in which the text of tokens is looked up: parsed, it is 20 times that."""
MAX_PATTERN_CHARS: Final = 200
MAX_PATTERN_PROGRAM_BYTES: Final = 64 * KIB
"""Of a compiled pattern: the time it takes grows with it, and with nothing else but the text."""
MAX_PATTERN_TEXT_CHARS: Final = 64 * KIB
"""Of an output in which a pattern is looked for."""
MAX_WILDCARD_PATTERNS: Final = 100
"""In one list of paths of a milestone: each is held against each file."""
MAX_ROWS_LISTED: Final = 100_000
"""Rows of a data set for which something is recorded one by one."""

MAX_ORIGINALS: Final = 10_000
"""Files of one folder that is imported."""
MAX_ORIGINAL_BYTES: Final = 256 * MIB
"""Of one of them: a larger one is named by its digest, and left out."""
MAX_ORIGINALS_BYTES: Final = 4096 * MIB
"""Of all of them together that are copied."""

MAX_INDEX_CELL_BYTES: Final = MIB
"""Of one cell of the index of many packs."""
INDEX_QUERY_TIMEOUT_S: Final = 60.0
"""For an index to answer; of 100,000 packs it takes a tenth of a second."""
INDEX_LOCK_TIMEOUT_S: Final = 5.0

MAX_FETCHED_BYTES: Final = 2048 * MIB
"""Of a pack in a store that is fetched to be verified, without what may be withheld."""

MAX_PROCESSORS_W: Final = 20_000.0
"""More than all processors of one machine draw."""
COUNTER_APART_S: Final = 10.0
"""A counter of energy is not read in the moment that the time of its sample is."""


def most_processors_j(since_s: float) -> float:
    """More joules than a machine's processors draw in so many seconds between two samples."""
    return MAX_PROCESSORS_W * (since_s + COUNTER_APART_S)
