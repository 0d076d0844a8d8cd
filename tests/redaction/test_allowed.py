"""S4: what only looks like a secret is refused with the way out: its digest, and a reason."""

from __future__ import annotations

import json
import re

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.errors import ExitCode, MilestoneError, SecretFoundError
from evidence.verification.verification import verify_pack
from tests.project import Project, rows, write_rows
from tests.redaction.canaries import CANARIES, ENCODINGS
from tests.tiers import sampled

TOKEN = CANARIES[0]
SHA256 = sha256_hex(TOKEN.text.encode())
REASON = "the example of the documentation, valid nowhere"


def in_data(project: Project, text: str) -> None:
    values = [{"prompt": f"p{i}", "answer": f"a{i}"} for i in range(13)]
    write_rows(project.root / "data/train.jsonl", [*values, {"prompt": "p", "answer": text}])
    project.git("commit", "-qam", "data")


def pasted(error: MilestoneError | SecretFoundError) -> str:
    """The lines of a message that are meant for the milestone, with a reason filled in."""
    lines = error.hint[error.hint.index("[[secrets.allow]]") :].split("\n\nThen: ")[0]
    return "\n" + lines.replace('reason = ""', f'reason = "{REASON}"') + "\n"


def allow(project: Project, lines: str) -> None:
    path = project.root / "milestones/T1.toml"
    path.write_text(path.read_text() + lines)
    project.git("commit", "-qam", "allowed")


@pytest.mark.parametrize("encoding", sampled(["plain", "base64", "hex"], ["base64"]))
def test_what_the_message_says_to_paste_lets_the_run_go_on(encoding: str, project: Project) -> None:
    """S4: the refusal has a way out."""
    in_data(project, ENCODINGS[encoding](TOKEN.text))
    with pytest.raises(MilestoneError) as caught:
        project.run()
    assert TOKEN.secret not in caught.value.message + caught.value.hint
    assert f'sha256 = "{SHA256}"' in caught.value.hint
    assert "# data/train.jsonl:14: hf-token" in caught.value.hint
    allow(project, pasted(caught.value))
    assert project.run().exit_code == ExitCode.DONE
    assert verify_pack(project.pack).exit_code == ExitCode.DONE
    assert project.read(layout.RESULTS)["values"]["run.num_secrets_allowed"]["value"] == 1
    summary = (project.pack / "t1_summary.md").read_text()
    assert f"| Looks like a secret, allowed by the author | 1: {REASON} |" in summary


def test_a_reason_is_asked_for(project: Project) -> None:
    in_data(project, TOKEN.text)
    allow(project, f'\n[[secrets.allow]]\nsha256 = "{SHA256}"\nreason = ""\n')
    with pytest.raises(MilestoneError, match=r"secrets\.allow"):
        project.run()


def test_one_that_is_allowed_lets_no_other_through(project: Project) -> None:
    in_data(project, f"{TOKEN.text} {CANARIES[5].text}")
    allow(project, f'\n[[secrets.allow]]\nsha256 = "{SHA256}"\nreason = "an example"\n')
    with pytest.raises(MilestoneError, match=r"data/train.jsonl:14: github-token\n"):
        project.run()


def test_what_is_found_after_hours_of_training_can_be_allowed_and_the_run_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"stage": "train", "at": 2, "do": "metadata", "hex": TOKEN.text.encode().hex()}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    for _ in range(2):  # to no avail without the lines
        with pytest.raises(SecretFoundError) as caught:
            project.run(**({"resume": True} if project.runs.exists() else {}))
    assert "evidence run T1 --resume" in caught.value.hint
    allow(project, pasted(caught.value))
    assert project.run(resume=True).exit_code == ExitCode.DONE
    report = verify_pack(project.pack)
    assert [one for one in report.findings if one.severity == "error"] == []
    events = [e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered"]
    assert [e["data"]["after"] for e in events] == ["secret-found", "secret-found"]
    assert events[-1]["data"]["allowed"] == [{"sha256": SHA256, "reason": REASON}]
    assert sum(e["event"] == "stage-started" for e in rows(project.pack / layout.JOURNAL)) == 2
    assert project.read(layout.RESULTS)["values"]["run.num_secrets_allowed"]["value"] == 1
    assert REASON in (project.pack / "t1_summary.md").read_text()


def test_what_is_allowed_stays_in_logs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(project, f'\n[[secrets.allow]]\nsha256 = "{SHA256}"\nreason = "an example"\n')
    text = f"{TOKEN.text} {CANARIES[5].text}\n"
    order = {"stage": "train", "at": 2, "do": "print", "hex": text.encode().hex()}
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(order))
    assert project.run().exit_code == ExitCode.DONE
    log = (project.pack / layout.TRAINING_LOG).read_text()
    assert re.search(re.escape(TOKEN.text) + r" \[redacted:github-token\]", log)
