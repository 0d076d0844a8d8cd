"""Only an intact pack is pushed, never what is withheld, never over another, SHA256SUMS last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from failed import failed_toy
from toy import MODEL, intact_bytes, toy, write

from evidence import layout
from evidence.encoding import jsonio, schema
from evidence.errors import PackBrokenError, SecretFoundError, UsageError
from evidence.stores.push import push
from evidence.stores.store import Store
from tests.command import evidence
from tests.stores.hub import Hub, served

fsspec = pytest.importorskip("fsspec", reason="the extra [stores] is not installed")
TO = "memory://bucket/pack"


@pytest.fixture
def memory() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write(tmp_path / "M1", intact_bytes())


def there(memory: Any) -> dict[str, bytes]:
    return {name.removeprefix("/bucket/pack/"): memory.cat(name) for name in memory.store}


def test_what_is_there_afterwards_is_the_pack_without_what_is_withheld(
    memory: Any, pack: Path
) -> None:
    done = push(pack, TO)
    kept = {name: data for name, data in intact_bytes().items() if name != MODEL}
    assert there(memory) == kept
    assert (done.num_sent, done.num_files, done.num_withheld) == (len(kept), len(kept), 1)
    assert evidence("verify", TO).exit == 0
    assert push(pack, TO).num_sent == 0, "again, nothing is sent"


def test_sums_go_last_and_a_push_that_broke_off_goes_on(
    memory: Any, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    original = Store.write

    def write_some(self: Store, name: str, source: Any) -> None:
        if len(sent) == 5:
            raise UsageError("the line is cut")
        sent.append(name)
        original(self, name, source)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", write_some)
        with pytest.raises(UsageError, match="cut"):
            push(pack, TO)
    assert layout.SUMS not in there(memory), "what is half there is no sealed pack"
    memory.pipe(f"/bucket/pack/{sent[0]}", b"x" * len(intact_bytes()[sent[0]]))
    sent.clear()
    names: list[str] = []
    monkeypatch.setattr(
        Store,
        "write",
        lambda self, name, source: (names.append(name), original(self, name, source)),
    )
    done = push(pack, TO)
    assert names[-1] == layout.SUMS
    assert done.num_sent == done.num_files - 4, "what is there is read, not believed"
    assert evidence("verify", TO).exit == 0


def test_another_pack_or_other_files_at_the_place_are_never_overwritten(
    memory: Any, pack: Path
) -> None:
    memory.pipe(f"/bucket/pack/{layout.SUMS}", b"another\n")
    with pytest.raises(UsageError, match="another pack"):
        push(pack, TO)
    memory.rm("/bucket/pack", recursive=True)
    memory.pipe("/bucket/pack/theirs.txt", b"other\n")
    with pytest.raises(UsageError, match=r"theirs\.txt"):
        push(pack, TO)
    assert there(memory) == {"theirs.txt": b"other\n"}


def test_what_is_not_intact_or_not_complete_is_not_pushed(
    memory: Any, pack: Path, tmp_path: Path
) -> None:
    files = failed_toy().seal().all_bytes()
    failed = write(tmp_path / "F1", {k: v for k, v in files.items() if v is not None})
    with pytest.raises(UsageError, match="UNFINISHED"):
        push(failed, TO)
    (pack / layout.RESULTS).write_bytes(b"{}\n")
    with pytest.raises(PackBrokenError):
        push(pack, TO)
    assert evidence("push", str(tmp_path / "none"), TO).exit == 2
    assert memory.store == {}


def test_a_secret_in_a_file_keeps_the_pack_here_and_is_not_shown(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hf_" + "Zk3Y" * 9
    monkeypatch.setenv("HF_TOKEN", secret)
    made = toy()
    for moment in ("start", "end"):
        made.docs[layout.GIT][moment]["branch"] = f"fix-{secret}"
    files = made.seal().all_bytes()
    pack = write(tmp_path / "M2", {k: v for k, v in files.items() if v is not None})
    with pytest.raises(SecretFoundError) as caught:
        push(pack, TO)
    assert layout.GIT in caught.value.message
    assert secret not in caught.value.message
    assert memory.store == {}


def test_the_words_and_json_of_a_push(memory: Any, pack: Path) -> None:
    said = evidence("push", str(pack), TO, "--json")
    assert said.exit == 0
    assert schema.validate("pushed.v1", jsonio.load_document(said.out.encode())) == ()
    assert "there already" in evidence("push", str(pack), TO).out
    assert evidence("push", str(pack), TO, "--create-pr").exit == 2


def on_the_hub(endpoint: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """huggingface_hub reads endpoint, home and token where it is imported."""
    return subprocess.run(
        [sys.executable, "-m", "evidence", *words],
        env=os.environ
        | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_TOKEN": TOKEN, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


TOKEN = "hf_" + "Qw7E" * 9


@pytest.mark.parametrize("pull_request", [False, True], ids=["commit", "pull request"])
def test_on_a_hub_all_is_one_commit_and_the_token_is_in_no_word_and_no_file(
    pull_request: bool, pack: Path, tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra [stores] is not installed")
    hub = Hub({".gitattributes": b"* lfs\n", "README.md": b"theirs\n"})
    extra = ["--create-pr"] if pull_request else []
    with served(hub) as endpoint:
        done = on_the_hub(endpoint, tmp_path, "push", str(pack), "hf:owner/name", "--json", *extra)
        assert done.returncode == 0, (done.stdout, done.stderr, hub.asked)
        said = json.loads(done.stdout)
        assert TOKEN not in done.stdout + done.stderr
        assert hub.tokens - {None} == {f"Bearer {TOKEN}"}
        assert len(hub.commits) == 1
        commit = hub.commits[0]
        assert commit.create_pr is pull_request
        assert commit.parent == hub.sha_before
        kept = {f"M1/{name}": data for name, data in intact_bytes().items() if name != MODEL}
        assert commit.files == kept
        assert not any(TOKEN.encode() in data for data in commit.files.values())
        assert said["link"]
        if not pull_request:
            assert on_the_hub(endpoint, tmp_path, "verify", "hf:owner/name/M1").returncode == 0
            again = on_the_hub(endpoint, tmp_path, "push", str(pack), "hf:owner/name")
            assert "there already" in again.stdout, again
            hub.files[f"M1/{layout.SUMS}"] = b"another\n"
            other = on_the_hub(endpoint, tmp_path, "push", str(pack), "hf:owner/name")
            assert other.returncode == 2
            assert "another pack" in other.stderr
            assert len(hub.commits) == 1
