"""Laws of the one error boundary: what is told is told once, whatever arrives meanwhile."""

from __future__ import annotations

import signal

import click
import pytest

from evidence.cli import boundary
from evidence.errors import StoppedError
from tests.command import handlers_kept

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stopped(*, while_unwinding: int | None) -> click.Command:
    """A command that was asked to stop, and is asked again before that is told."""

    @click.command()
    def command() -> None:
        try:
            raise StoppedError("stopped, as asked", hint="go on: type this", by_sigterm=False)
        finally:
            if while_unwinding is not None:
                signal.raise_signal(while_unwinding)

    return command


def ended(command: click.Command, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with handlers_kept(), pytest.raises(SystemExit) as left:
        boundary.guarded(command)
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize("number", [None, *SIGNALS])
def test_a_second_signal_on_the_way_takes_nothing_from_what_is_told(
    number: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["evidence"])
    code, said = ended(stopped(while_unwinding=number), capsys)
    assert code == 130
    assert "Stopped, as asked" in said
    assert "go on: type this" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_it_is_told_changes_nothing(
    number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["evidence"])
    tell = boundary.echo

    def interrupted(*words: object, **options: object) -> None:
        signal.raise_signal(number)
        tell(*words, **options)

    monkeypatch.setattr(boundary, "echo", interrupted)
    code, said = ended(stopped(while_unwinding=None), capsys)
    assert code == 130
    assert "go on: type this" in said
