"""Laws of ssh-keygen and keys: a tool that lies, is old or is not there; keys that cannot sign."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import UsageError
from evidence.publish.signing import sign_pack
from tests.origin.conftest import Signed, make_key, trust_file
from tests.origin.test_signatures import verified


def test_without_ssh_keygen_signing_and_checking_say_so(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="ssh-keygen is not on PATH"):
        sign_pack(signed.pack, signed.key)
    report = verified(signed)
    assert report.exit_code == 3
    assert "not on PATH" in next(c.reason for c in report.checks if c.id == "signature")


@pytest.mark.parametrize("says", ["exit 0", "echo Good; exit 0", "echo $* >&2; exit 1"])
def test_a_tool_that_only_says_yes_is_not_believed(
    says: str, signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bin" / "ssh-keygen"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{says}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    assert verified(signed).exit_code == 1


def test_a_tool_in_the_current_directory_is_never_run(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "ssh-keygen"
    fake.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".::{os.environ['PATH']}")
    assert verified(signed).verdict == "VERIFIED"
    assert not (tmp_path / "ran").exists()


def test_an_old_tool_is_called_old(
    signed: Signed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bin" / "ssh-keygen"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'unknown option -- Y' >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(UsageError, match="too old"):
        sign_pack(signed.pack, signed.key)
    assert verified(signed).exit_code == 3


def test_what_is_wrong_with_a_key_is_said(signed: Signed, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no key file"):
        sign_pack(signed.pack, tmp_path / "nothing")
    (tmp_path / "text").write_text("no key\n")
    with pytest.raises(UsageError, match="could not sign"):
        sign_pack(signed.pack, tmp_path / "text")
    make_key(tmp_path, "public")
    (tmp_path / "public").unlink()
    with pytest.raises(UsageError, match="not at hand"):
        sign_pack(signed.pack, tmp_path / "public.pub")


def test_a_passphrase_without_a_terminal_is_asked_for_by_name(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evidence.pack.sign._has_terminal", lambda: False)
    monkeypatch.delenv("DISPLAY", raising=False)
    key = make_key(tmp_path, "locked", "secret words")
    before = (signed.pack / layout.SIGNATURE).read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "sign", str(signed.pack), "--key", str(key)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # no controlling terminal
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "passphrase" in done.stderr
    assert "ssh-add" in done.stderr
    assert (signed.pack / layout.SIGNATURE).read_bytes() == before


def test_a_key_in_the_agent_signs_by_its_public_half(
    signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path, "agent")
    out = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    found = dict(part.split("=", 1) for part in out.replace("\n", " ").split("; ") if "=" in part)
    monkeypatch.setenv("SSH_AUTH_SOCK", found["SSH_AUTH_SOCK"])
    monkeypatch.setenv("SSH_AGENT_PID", found["SSH_AGENT_PID"])
    try:
        subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)
        trust = trust_file(tmp_path, alice=key)
        key.unlink()
        sign_pack(signed.pack, tmp_path / "agent.pub")
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True)
    assert verified(signed, allowed_signers=trust).verdict == "VERIFIED"
