"""A pack in a store is fetched within limits, judged as one on disk, and what stayed is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import MODEL, intact_bytes, write

from evidence import layout, limits
from evidence.errors import UnsafePackError, UsageError
from evidence.stores.address import HubAddress, address_of, is_address
from evidence.stores.fetch import fetched
from tests.command import evidence
from tests.stores.hub import SHA, Hub, served

fsspec = pytest.importorskip("fsspec", reason="the extra [stores] is not installed")


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's store in memory, with the toy as bucket/pack."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    for name, data in intact_bytes().items():
        store.pipe(f"/bucket/pack/{name}", data)
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies lie; nothing may stay there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def report(*words: str) -> Any:
    return json.loads(evidence("verify", *words, "--json").out)


URL = "memory://bucket/pack"


def test_a_pack_in_a_store_has_the_verdict_that_it_has_on_disk(
    memory: Any, tmp_path: Path, scratch: Path
) -> None:
    here = report(str(write(tmp_path / "pack", intact_bytes())))
    there = report(URL, "--weights")
    first, *rest = there["checks"]
    assert (first["id"], first["outcome"]) == ("fetched", "pass")
    assert URL in first["title"]
    assert there["pack"] == URL
    assert rest == here["checks"]
    assert {**there, "checks": 0, "pack": 0} == {**here, "checks": 0, "pack": 0}
    assert list(scratch.iterdir()) == []


def test_weights_stay_in_the_store_and_the_report_says_that_they_were_not_checked(
    memory: Any,
) -> None:
    memory.pipe(f"/bucket/pack/{MODEL}", b"other weights")
    said = report(URL)
    assert said["verdict"] == "INTACT"
    first = said["checks"][0]
    assert (first["id"], first["outcome"]) == ("fetched", "not_checked")
    assert MODEL in first["reason"]
    assert "withheld from the fetch" in first["reason"]
    assert report(URL, "--weights")["verdict"] == "NOT INTACT"
    assert report(URL, "--require-all")["verdict"] == "NOT INTACT", "what was left is missing"


def test_a_lie_in_a_store_is_found(memory: Any, scratch: Path) -> None:
    memory.pipe(f"/bucket/pack/{layout.RESULTS}", b"{}\n")
    ended = evidence("verify", URL)
    assert ended.exit == 1
    assert layout.RESULTS in ended.out
    memory.rm(f"/bucket/pack/{layout.JOURNAL}")
    assert evidence("verify", URL).exit == 1
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "../out", "a/../../out", "run.py", "model.pt", "a\\b", "con", "C:x", "x.", "a\x1b[31mb",
        "Manifest.json",
    ],
)  # fmt: skip
def test_a_name_that_must_not_be_written_is_refused_before_anything_is(
    name: str, memory: Any, scratch: Path
) -> None:
    memory.store[f"/bucket/pack/{name}"] = type(memory.store[f"/bucket/pack/{layout.SUMS}"])(
        memory, f"/bucket/pack/{name}", b"x"
    )
    ended = evidence("verify", URL)
    assert ended.exit == 5, ended
    assert "\x1b" not in ended.err
    assert list(scratch.iterdir()) == []
    assert not (scratch.parent / "out").exists()


def test_limits_hold_before_anything_is_fetched(
    memory: Any, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    for limit, value in (("MAX_FILES", 3), ("MAX_DIRECTORIES", 1), ("MAX_FETCHED_BYTES", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(limits, limit, value)
            assert evidence("verify", URL).exit == 5, limit
    assert list(scratch.iterdir()) == []


def test_a_store_that_gives_more_or_less_than_it_lists_is_refused(
    memory: Any, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    original = type(memory).ls

    for change in (-1, 1):

        def ls(
            self: Any, path: str, detail: bool = True, change: int = change, **kwargs: Any
        ) -> Any:
            return [
                {**one, "size": one["size"] + change}
                if one["name"].endswith(layout.RESULTS)
                else one
                for one in original(self, path, detail=True, **kwargs)
            ]

        monkeypatch.setattr(type(memory), "ls", ls)
        with pytest.raises(UnsafePackError, match="another size"), fetched(URL):
            pass
    assert list(scratch.iterdir()) == []


def test_a_link_on_a_file_store_is_refused(tmp_path: Path) -> None:
    pack = write(tmp_path / "pack", intact_bytes())
    assert evidence("verify", f"file://{pack}").exit == 0
    (pack / "extra").symlink_to("/etc/passwd")
    assert evidence("verify", f"file://{pack}").exit == 5


def test_where_there_is_no_pack_it_is_said_what_there_is(memory: Any) -> None:
    ended = evidence("verify", "memory://bucket")
    assert ended.exit == 2
    assert "pack" in ended.err
    assert evidence("verify", "memory://nowhere").exit == 2


@pytest.mark.parametrize(
    "text",
    [
        "zip://a.zip::s3://bucket/x", "simplecache::s3://bucket/x", "tar://x", "hf:owner",
        "hf:owner/na me", "s3://key:hidden@bucket/pack", "nosuchscheme://x/y", "hf:a/b/../c",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_in_a_sentence(text: str) -> None:
    ended = evidence("verify", text)
    assert ended.exit == 2, ended
    assert "hidden" not in ended.err
    assert "Traceback" not in ended.err


def test_addresses_of_the_hub_are_read_as_they_are_typed() -> None:
    assert address_of("hf:o/n/runs/M43@refs/pr/3") == HubAddress(
        "o/n", "model", "runs/M43", "refs/pr/3"
    )
    assert address_of("hf:datasets/o/n") == HubAddress("o/n", "dataset", "", None)
    assert address_of("hf://o/n@main").shown == "hf:o/n@main"
    for path in ("runs/M43", "/runs/M43", "C:\\runs", "./hf"):
        assert not is_address(path)


def test_a_folder_of_that_name_on_this_disk_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "hf:owner/name", intact_bytes())
    assert evidence("verify", "hf:owner/name").exit == 0


def test_options_that_do_not_go_with_a_store_are_refused(memory: Any, tmp_path: Path) -> None:
    assert evidence("verify", URL, "--self-test").exit == 2
    pack = write(tmp_path / "pack", intact_bytes())
    assert evidence("verify", str(pack), "--weights").exit == 2


def test_what_a_library_says_is_said_without_the_secrets_of_this_process(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hf_" + "k3Y" * 12
    monkeypatch.setenv("HF_TOKEN", secret)

    def ls(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"denied for {secret}")

    monkeypatch.setattr(type(memory), "ls", ls)
    with pytest.raises(UsageError) as caught, fetched(URL):
        pass
    assert "denied" in caught.value.message
    assert secret not in caught.value.message


def on_the_hub(endpoint: str, *words: str) -> subprocess.CompletedProcess[str]:
    """huggingface_hub reads its endpoint once, when it is imported: a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "evidence", "verify", *words],
        env=os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_pack_on_a_hub_is_read_at_one_commit_which_the_report_names() -> None:
    pytest.importorskip("huggingface_hub", reason="the extra [stores] is not installed")
    files = {f"runs/M1/{name}": data for name, data in intact_bytes().items()}
    hub = Hub({".gitattributes": b"* lfs\n", **files})
    with served(hub) as endpoint:
        done = on_the_hub(endpoint, "hf:owner/name/runs/M1@main", "--json")
        assert done.returncode == 0, (done.stdout, done.stderr, hub.asked)
        said = json.loads(done.stdout)
        assert SHA in said["checks"][0]["title"]
        assert said["pack"] == "hf:owner/name/runs/M1@main"
        reads = [one for one in hub.asked if "/resolve/" in one]
        assert reads
        assert all(SHA in one for one in reads), reads
        assert not [one for one in reads if MODEL in one], "weights stay where they are"
        hub.files[f"runs/M1/{layout.RESULTS}"] = b"{}\n"
        assert on_the_hub(endpoint, "hf:owner/name/runs/M1").returncode == 1
        hub.files = dict(intact_bytes()) | {".gitattributes": b"* lfs\n"}
        assert on_the_hub(endpoint, "hf:owner/name").returncode == 0
        gone = on_the_hub(endpoint, "hf:owner/other")
        assert gone.returncode == 2, gone
        assert "Traceback" not in gone.stderr


def test_verify_of_packs_on_this_disk_loads_no_store() -> None:
    program = (
        "import sys; import evidence.cli.verify; "
        "names = ('fsspec', 'huggingface_hub', 'evidence.stores.fetch', 'evidence.stores.store'); "
        "sys.exit(any(name in sys.modules for name in names))"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
