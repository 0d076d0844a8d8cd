"""Records are read by any number of threads at once, also those of a kind that none read before."""

from __future__ import annotations

import subprocess
import sys

ROUNDS = 60
PROGRAM = f"""
import sys, threading, types
from evidence.encoding.codec import decode
from evidence.records.record import Record

sys.setswitchinterval(1e-6)
KINDS = '''
from __future__ import annotations
from evidence.records.record import Record
class A(Record):
    a: int
class B(Record):
    a: A
    c: tuple[A, ...] = ()
class C(Record):
    b: B
    e: tuple[B, ...] = ()
'''
ONE = {{"a": 1}}
VALUES = {{"A": ONE, "B": {{"a": ONE, "c": [ONE]}}, "C": {{"b": {{"a": ONE}}}}}}
for number in range({ROUNDS}):
    module = types.ModuleType(f"kinds{{number}}")
    sys.modules[module.__name__] = module
    exec(KINDS, module.__dict__)
    together = threading.Barrier(4)

    def read(name):
        together.wait()
        decode(getattr(module, name), VALUES[name])

    threads = [threading.Thread(target=read, args=(name,)) for name in "CBCA"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
"""


def test_threads_that_meet_a_kind_of_record_at_once_read_it() -> None:
    """In a process of its own: without a lock in `codec` it ends by SIGSEGV in nearly every run."""
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
