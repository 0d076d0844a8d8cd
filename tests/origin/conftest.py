"""Keys and signed packs for the laws of origin."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence.publish.signing import sign_pack
from tests.project import make_project

WHO = "alice@example.org"


def make_key(folder: Path, name: str, passphrase: str = "") -> Path:
    """A real ed25519 key."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(key)],
        check=True,
    )
    return key


def trust_file(folder: Path, **who: Path) -> Path:
    """An allowed_signers file; keyword: local part of the name, value: key."""
    lines = [
        f"{name}@example.org {key.with_name(key.name + '.pub').read_text()}"
        for name, key in who.items()
    ]
    path = folder / "allowed_signers"
    path.write_text("".join(lines))
    return path


@dataclass(frozen=True)
class Signed:
    """A signed pack with the key that did it and a trust file that names it."""

    pack: Path
    key: Path
    trust: Path


@pytest.fixture(scope="session")
def _signed_once(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        project = make_project(folder / "project")
        project.run()
    key = make_key(folder, "alice")
    sign_pack(project.pack, key)
    return Signed(project.pack, key, trust_file(folder, alice=key))


@pytest.fixture
def signed(_signed_once: Signed, tmp_path: Path) -> Signed:
    """A fresh copy of a signed pack."""
    pack = tmp_path / "T1"
    shutil.copytree(_signed_once.pack, pack)
    return Signed(pack, _signed_once.key, _signed_once.trust)
