"""Single flipped bits, and none of them overlooked (T1)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from failed import failed_toy
from packs.case import GOLDEN
from toy import MODEL, toy, write

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.pack.seal import format_sums
from evidence.verification.ledger import Ledger
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.sealed import read_directory
from tests.command import evidence
from tests.tiers import sampled

NUM_FLIPS, NUM_TYPED, NUM_SHARES = 10_000, 500, 10
TRUST = ("--allowed-signers", str(GOLDEN / "v1/allowed_signers"), "--signer", "author@example.org")


def found(folder: Path) -> bool:
    """Whether structure and digests alone find something."""
    ledger = Ledger()
    with SafeDirectory(folder) as root:
        read_directory(root, ledger)
    return ledger.failed


def flip(path: Path, place: int, bit: int) -> None:
    """Flip one bit in place; a second time brings it back."""
    with path.open("r+b", buffering=0) as stream:
        stream.seek(place)
        (byte,) = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte ^ 1 << bit]))


def every_bit(pack: Path) -> Iterator[tuple[Path, int, int]]:
    for path in sorted(p for p in pack.rglob("*") if p.is_file()):
        for place in range(path.stat().st_size):
            for bit in range(8):
                yield path, place, bit


def overlooked(pack: Path) -> list[tuple[Path, int, int]]:
    """Flips of all bits of a sealed set that structure and digests do not find."""
    missed = []
    for path, place, bit in every_bit(pack):
        flip(path, place, bit)
        if not found(pack):
            missed.append((path, place, bit))
        flip(path, place, bit)
    return missed


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a pack can be verified ten thousand times: in memory, if there is such a place."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    made = Path(tempfile.mkdtemp(dir=memory))
    yield made / "M90"
    shutil.rmtree(made)


def one_file_of_each_class() -> dict[str, bytes]:
    """A small sealed set."""
    small = toy()
    small_set = (layout.MILESTONE, layout.TRAINING_LOG, MODEL)
    small.files = {path: small.files[path] for path in small_set}
    small_set = (layout.METRICS, layout.PREDICTIONS, layout.JOURNAL, layout.MANIFEST)
    small.docs = {path: small.docs[path] for path in small_set}
    return small.seal().sealed_bytes()


def smallest_list() -> dict[str, bytes]:
    """The least that structure and digests can be asked about: a log, a manifest, their list."""
    small = toy()
    small.files = {layout.TRAINING_LOG: b"training\n"}
    small.docs = {layout.MANIFEST: small.docs[layout.MANIFEST]}
    size_bytes = len(small.files[layout.TRAINING_LOG])
    entries = [{"path": layout.TRAINING_LOG, "size_bytes": size_bytes}]
    small.docs[layout.MANIFEST]["files"] = entries
    contents = small.contents()
    sums = format_sums({path: sha256_hex(data) for path, data in contents.items()})
    return {**contents, layout.SUMS: sums}


@pytest.mark.parametrize("share", sampled(range(NUM_SHARES), (0, 1)))
def test_ten_thousand_random_bit_flips_are_all_found(share: int, folder: Path) -> None:
    contents = one_file_of_each_class()
    pack = write(folder, contents)
    random = Random(20260108 + share)
    files = sorted(contents)
    sizes = [len(contents[name]) for name in files]
    for number in range(NUM_FLIPS // NUM_SHARES):
        # Half of them weighted by size, half by file, so that small files get their share.
        name = random.choices(files, sizes if number % 2 else None)[0]
        place, bit = random.randrange(len(contents[name])), random.randrange(8)
        flip(pack / name, place, bit)
        assert found(pack), (name, place, bit)
        flip(pack / name, place, bit)
    assert not found(pack)


@pytest.mark.full  # of bits drawn at random the quick tests above and below hold it
def test_every_bit_of_the_smallest_list_counts(folder: Path) -> None:
    pack = write(folder, smallest_list())
    assert sum(path.stat().st_size for path in pack.iterdir()) < 4096
    assert not found(pack)
    assert overlooked(pack) == []


@pytest.mark.exhaustive
def test_every_bit_of_the_smallest_whole_pack_counts(folder: Path) -> None:
    pack = write(folder, failed_toy().sealed_bytes())
    assert not found(pack)
    assert overlooked(pack) == []


@pytest.mark.parametrize("share", sampled(range(NUM_SHARES), (0, 2, 4, 6, 8)))
def test_flips_are_found_by_the_command(share: int, folder: Path) -> None:
    shutil.copytree(GOLDEN / "v1/signed/M90", folder)
    random = Random(share)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    signed = {folder / layout.SIGNATURE, folder / layout.RENDERED_SIGNATURE}
    for number in range(NUM_TYPED // NUM_SHARES):
        path = files[(share * NUM_TYPED // NUM_SHARES + number) % len(files)]
        place, bit = random.randrange(path.stat().st_size), random.randrange(8)
        flip(path, place, bit)
        # A signature that nobody asks about cannot matter: those are checked with a trust file.
        ended = evidence("verify", str(folder), *(TRUST if path in signed else ()))
        where = (path.name, place, bit)
        if path == folder / layout.RENDERED_SIGNATURE and ended.exit == 0:
            # As after a note: the summary is what the evidence gives, and is said to be unsigned.
            assert "summary-unsigned" in ended.out, where
        else:
            assert ended.exit in (1, 5), where
            assert path.name in ended.out or path == folder / layout.SUMS, where
        flip(path, place, bit)
    assert evidence("verify", str(folder), *TRUST).exit == 0
