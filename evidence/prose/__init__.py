"""Measurements that somebody typed into prose, and what the evidence says to them.

Responsible for telling a measurement in a text from a version, an identifier or a year
(`literals`), and for judging it against the values of a run (`support`). Pure. Does not read
numbers written as words ("three epochs"), nor judge what a sentence means.
"""

from evidence.prose.literals import Literal, measurements
from evidence.prose.support import Finding, Known, judge, known_of
from evidence.prose.texts import author_texts, judge_pack, judge_text

__all__ = [
    "Finding",
    "Known",
    "Literal",
    "author_texts",
    "judge",
    "judge_pack",
    "judge_text",
    "known_of",
    "measurements",
]
