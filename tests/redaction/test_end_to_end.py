"""S1, S3: whole runs with secrets in them: redacted, or refused with exit 2; never published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.errors import ExitCode, MilestoneError, SecretFoundError, UsageError
from evidence.publish.notes import attach_note
from evidence.verification.verification import verify_pack
from tests.project import Project, write_rows
from tests.redaction.canaries import CANARIES, ENCODINGS, VARIABLES, traces

TOKEN = CANARIES[0]
KEY = next(canary for canary in CANARIES if "\n" in canary.text)
SHORT = [canary for canary in CANARIES if "\n" not in canary.text]


def _order(monkeypatch: pytest.MonkeyPatch, do: str, text: str, **more: object) -> None:
    """Told in hexadecimal, so that the order itself makes no secret known."""
    order = {"stage": "train", "at": 2, "do": do, "hex": text.encode().hex(), **more}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))


def _leaks(folder: Path) -> list[str]:
    """Canaries in names and bytes of everything below a folder, the order of the tests apart."""
    data = b"\n".join(
        path.name.encode() + b"\n" + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return [one.name for one in CANARIES if any(trace in data for trace in traces(one))]


def _everything() -> str:
    lines = [encode(one.text) for one in SHORT for encode in ENCODINGS.values()]
    keys = [one.text for one in CANARIES if "\n" in one.text]
    return "\n".join([*lines, *keys, "all said", ""])


@pytest.mark.parametrize("do", ["print", "write", "libc"])
def test_what_a_worker_says_is_published_without_its_secrets(
    do: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S1, S3: print, os.write and the C library."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    _order(monkeypatch, do, _everything())
    assert project.run().exit_code == ExitCode.DONE
    assert _leaks(project.pack) == []
    log = (project.pack / "training_log.txt").read_text()
    assert "all said" in log
    assert "[redacted:hf-token]" in log
    removed = project.read("results.json")["values"]["run.num_redactions"]["value"]
    assert removed == log.count("[redacted:") - _repeated_keys(log)
    assert f"| Redactions in logs | {removed} |" in (project.pack / "t1_summary.md").read_text()
    assert verify_pack(project.pack).exit_code == ExitCode.DONE


def _repeated_keys(log: str) -> int:
    """A private key counts once, however many lines it has."""
    keys = sum("\n" in one.text for one in CANARIES)
    return sum(line.count("[redacted:private-key]") for line in log.splitlines()) - keys


def test_a_failed_run_tells_its_reason_and_its_last_lines_without_the_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler = "x" * (1980 - len(TOKEN.text))  # the limit of a message would leave half of it
    _order(monkeypatch, "raise", f"{TOKEN.text} {filler} {TOKEN.text}")
    assert project.run().exit_code == ExitCode.UNFINISHED
    assert _leaks(project.pack) == []
    outcome = project.read("attempts/01-stub/outcome.json")
    assert "[redacted:hf-token]" in outcome["reason"]
    assert "[redacted:hf-token]" in "".join(outcome["last_lines"])
    assert verify_pack(project.pack).exit_code == ExitCode.UNFINISHED


@pytest.mark.parametrize("do", ["file", "metadata"])
def test_a_secret_in_what_the_worker_leaves_is_not_sealed(
    do: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    _order(monkeypatch, do, TOKEN.text)
    with pytest.raises(SecretFoundError) as caught:
        project.run()
    printed = caught.value.message + caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE
    assert "training_output/final_model/" in printed
    assert "hf-token" in printed
    assert TOKEN.secret not in printed
    assert not project.pack.exists()
    assert (project.runs / ".work" / "T1").is_dir()


def _in_milestone(project: Project) -> str:
    project.edit("Exercise the supervisor.", f"With {TOKEN.text}.")
    return "milestones/T1.toml:6: hf-token"


def _in_notes(project: Project) -> str:
    (project.root / "milestones/T1.notes.md").write_text(f"# Notes\n\nuse {TOKEN.text}\n")
    return "milestones/T1.notes.md:3: hf-token"


def _in_data(project: Project) -> str:
    values = [{"prompt": f"p{i}", "answer": f"a{i}"} for i in range(13)]
    write_rows(project.root / "data/train.jsonl", [*values, {"prompt": "p", "answer": TOKEN.text}])
    return "data/train.jsonl:14: hf-token"


def _in_model(project: Project) -> str:
    (project.root / "model/config.json").write_text(json.dumps({"token": TOKEN.text}))
    return "model/config.json:1: hf-token"


def _in_patch(project: Project) -> str:
    (project.root / "code.py").write_text("a = 1\nb = 2\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "code")
    (project.root / "code.py").write_text(f"a = 1\nb = 2\ntoken = '{TOKEN.text}'\n")
    return "code.py:3: hf-token (a change that is not committed)"


def _in_new_file(project: Project) -> str:
    (project.root / "env.sh").write_text(f"\nexport HF_TOKEN={TOKEN.text}\n")
    return "env.sh:2: hf-token (a change that is not committed)"


def _taken_away(project: Project) -> str:
    (project.root / "old.py").write_text(f"a = 1\ntoken = '{TOKEN.text}'\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "leak")
    (project.root / "old.py").write_text("a = 1\n")
    return "old.py:2 of the last commit: hf-token (a change that is not committed)"


def _key_taken_away(project: Project) -> str:
    (project.root / "old.pem").write_text(KEY.text)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "leak")
    (project.root / "old.pem").unlink()
    return "old.pem:1 of the last commit: private-key (a change that is not committed)"


def _in_binary_file(project: Project) -> str:
    (project.root / "cache.bin").write_bytes(b"\0\1\2\n" * 99 + TOKEN.text.encode())
    return "cache.bin:100: hf-token (a change that is not committed)"


INPUTS = (
    _in_milestone,
    _in_notes,
    _in_data,
    _in_model,
    _in_patch,
    _in_new_file,
    _taken_away,
    _key_taken_away,
    _in_binary_file,
)


@pytest.mark.parametrize("place", INPUTS, ids=lambda place: place.__name__)
def test_a_secret_in_an_input_stops_the_run_before_its_first_step(
    place: object, project: Project
) -> None:
    assert callable(place)
    where = place(project)
    with pytest.raises(MilestoneError) as caught:
        project.run()
    printed = caught.value.message + caught.value.hint
    assert caught.value.exit_code == ExitCode.USAGE
    assert where in caught.value.message.split("\n")
    assert TOKEN.secret not in printed
    assert not project.runs.exists()


def test_a_note_with_a_secret_is_not_attached(ran: Project) -> None:
    note = ran.root / "later.md"
    note.write_text(f"Lesson one.\n{TOKEN.text}\n")
    with pytest.raises(UsageError) as caught:
        attach_note(ran.pack, note)
    assert "later.md:2: hf-token" in caught.value.message
    assert TOKEN.secret not in caught.value.message
    assert not (ran.pack / "attached").exists()


def test_captured_facts_are_published_without_secrets_and_names(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project.root.parent))
    monkeypatch.setenv("SERVICE_PASSWORD", "correct horse battery")
    monkeypatch.setenv("LANG", f"C.{TOKEN.text}")
    monkeypatch.setenv("TZ", "correct horse battery")
    project.git("remote", "add", "origin", f"{project.root.parent}/x/{TOKEN.text}.git")
    assert project.run().exit_code == ExitCode.DONE
    assert _leaks(project.pack) == []
    assert project.read("environment.json")["variables"]["TZ"] == "[redacted:secret-variable]"
    assert project.read("git.json")["remote"] == "~/x/[redacted:hf-token].git"
    assert project.read("results.json")["values"]["run.num_redactions"]["value"] == 0


@pytest.mark.parametrize("switched", [True, False])
def test_a_milestone_may_switch_pseudonyms_off(
    switched: bool, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project.root.parent))
    path = f"{project.root.parent}/lib/x.py"
    project.edit("[narrative]", f"[publish]\npseudonyms = {str(switched).lower()}\n\n[narrative]")
    project.git("commit", "-q", "-a", "-m", "publish")
    _order(monkeypatch, "print", f"{path} and {TOKEN.text}\n")
    assert project.run().exit_code == ExitCode.DONE
    shown = "~/lib/x.py" if switched else path
    assert f"{shown} and [redacted:hf-token]\n" in (project.pack / "training_log.txt").read_text()
