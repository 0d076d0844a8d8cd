"""The one exit code of several packs: unsafe is graver than untrue, untrue than unfinished."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner
from toy import intact_bytes, write

from evidence import layout
from evidence.cli.verify import command
from evidence.errors import ExitCode, gravest


def test_of_several_codes_the_gravest_counts() -> None:
    order = [ExitCode.REFUSED, ExitCode.FINDINGS, ExitCode.UNFINISHED, ExitCode.ORIGIN]
    for place, code in enumerate(order):
        for codes in permutations([*order[place:], ExitCode.DONE]):
            assert gravest(codes) is code
    assert gravest([]) is ExitCode.DONE


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_of_a_refused_and_a_broken_pack_refused_wins(jobs: str, tmp_path: Path) -> None:
    """Whichever comes first: 5, as with one pack that is both."""
    paths = [write(tmp_path / name, intact_bytes()) for name in ("T1-a", "T1-b", "T1-c")]
    (paths[0] / "link").symlink_to("notes.md")
    (paths[1] / layout.EVAL_LOG).write_bytes(b"other\n")
    for some, code in ((paths[1:], 1), (paths, 5), (paths[::-1], 5), ([paths[0]], 5)):
        words = [*map(str, some), "--quiet", "--jobs", jobs]
        result = CliRunner().invoke(command, words)
        assert result.exit_code == code, result.output
        assert len(result.output.splitlines()) == len(some)
