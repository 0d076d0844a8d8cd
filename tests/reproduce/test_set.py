"""Laws of reproducing a run with settings of the command line: it is run again with the same."""

from __future__ import annotations

from evidence import layout
from evidence.encoding import jsonio
from evidence.milestone.overrides import read_settings
from evidence.progress import Silent
from evidence.reproduce.reproduce import ReproduceOptions, reproduce
from evidence.running.signals import StopRequest
from evidence.verification.verification import open_verified, verify_pack
from tests.project import Project

SET = read_settings(["train.seed=9", "eval.limit=3", "attempt.stub.train.learning_rate=0.02"])


def test_a_run_that_was_set_is_reproduced_with_the_same_and_over_seeds(project: Project) -> None:
    project.run(settings=SET)
    with StopRequest() as stop:
        options = ReproduceOptions(project.root, num_seeds=1)
        made = reproduce(project.pack, options, Silent(), stop)
    assert made.record.verdict == "bitwise"
    assert verify_pack(project.pack).verdict == "INTACT"
    again = open_verified(made.pack).documents
    assert again.overrides == open_verified(project.pack).documents.overrides
    sealed = jsonio.load_document((made.pack / layout.OVERRIDES).read_bytes())
    assert sealed == project.read(layout.OVERRIDES)
    (other,) = (open_verified(one).documents for one in made.others)
    assert other.milestone.train.seed == 10
    assert [one.key for one in other.overrides] == ["eval.limit", SET[2].key]
    assert (other.milestone.eval.limit, other.results is not None) == (3, True)
