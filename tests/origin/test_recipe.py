"""Laws of the recipe in docs/without_installing.md: what stock tools accept and reject."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import UsageError
from evidence.pack.sign import sign_files
from evidence.self_test.bench import Bench
from evidence.self_test.edits import halved_losses
from evidence.self_test.forger import ForgedPack
from evidence.verification import recipe as recipe_module
from evidence.verification.recipe import BEGIN, END, embed, recipe
from tests.origin.conftest import WHO, Signed, make_key, trust_file

PAGE = Path(__file__).parents[2] / "docs/without_installing.md"


def extract(page: str) -> str:
    """The script that stands in a page."""
    block = page.partition(BEGIN)[2].partition(END)[0]
    return block.partition("```bash\n")[2].rpartition("```")[0]


def check(signed: Signed, trust: Path | None = None) -> subprocess.CompletedProcess[str]:
    script = signed.pack.parent / "check-pack.sh"
    script.write_text(extract(PAGE.read_text("utf-8")))
    return subprocess.run(
        ["bash", str(script), str(signed.pack), str(trust or signed.trust), WHO],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_page_holds_the_recipe_that_the_code_makes() -> None:
    page = PAGE.read_text("utf-8")
    assert embed(page) == page, f"run: python -m evidence.verification.recipe {PAGE}"
    assert extract(page) == recipe()


@pytest.mark.parametrize("page", ["", "no markers", BEGIN, END, f"{END}\n{BEGIN}\n"])
def test_a_page_without_markers_gets_no_recipe(page: str) -> None:
    with pytest.raises(UsageError, match="there is no <!-- recipe -->"):
        embed(page)


def test_the_command_writes_the_recipe_into_each_page_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [tmp_path / "one.md", tmp_path / "two.md"]
    for page in pages:
        page.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter — é\n", "utf-8")
    monkeypatch.setattr(sys, "argv", ["recipe", *map(str, pages)])
    runpy.run_path(recipe_module.__file__, run_name="__main__")
    for page in pages:
        text = page.read_text("utf-8")
        assert extract(text) == recipe()
        assert text.startswith(f"Before\n{BEGIN}\n")
        assert text.endswith(f"{END}\nAfter — é\n")
    assert sorted(tmp_path.iterdir()) == pages


def test_a_good_signed_pack_is_accepted(signed: Signed) -> None:
    (signed.pack / "attached").mkdir()
    (signed.pack / "attached/notes-001.md").write_text("Later.\n")
    done = check(signed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("ACCEPTED: sha256:")


def extra(pack: Path) -> None:
    (pack / "extra.txt").write_text("hello\n")


def extra_nested(pack: Path) -> None:
    (pack / "plots/SHA256SUMS").write_text("hello\n")


def extra_hidden(pack: Path) -> None:
    (pack / ".DS_Store").write_text("hello\n")


def like_a_summary(pack: Path) -> None:
    (pack / "t1_summary.md.exe").write_text("hello\n")


def newline(pack: Path) -> None:
    (pack / "plots" / "a.svg\nrendered.json").write_text("hello\n")


def symlink(pack: Path) -> None:
    target = pack / layout.HARDWARE
    target.rename(pack.parent / "hardware.json")
    target.symlink_to("../hardware.json")


def folder_link(pack: Path) -> None:
    (pack / "more").symlink_to(pack.parent)


def hard_link(pack: Path) -> None:
    os.link(pack / layout.HARDWARE, pack.parent / "hardware.json")


def fifo(pack: Path) -> None:
    (pack / layout.HARDWARE).unlink()
    os.mkfifo(pack / layout.HARDWARE)


def missing(pack: Path) -> None:
    (pack / layout.HARDWARE).unlink()


def flipped(pack: Path) -> None:
    data = bytearray((pack / layout.METRICS).read_bytes())
    data[40] ^= 1
    (pack / layout.METRICS).write_bytes(data)


def list_flipped(pack: Path) -> None:
    data = bytearray((pack / layout.SUMS).read_bytes())
    data[3] ^= 1
    (pack / layout.SUMS).write_bytes(data)


def unsigned(pack: Path) -> None:
    (pack / layout.SIGNATURE).unlink()


def resealed(pack: Path) -> None:
    """A consistent forgery, and the old signature beside it."""
    bench = Bench(pack, pack.parent / "bench")
    forged = ForgedPack(bench)
    halved_losses(forged)
    bench.put(forged.seal().all_bytes())
    pack.rename(pack.parent / "true")
    bench.pack.rename(pack)


def resealed_and_signed(pack: Path) -> None:
    resealed(pack)
    sums = (pack / layout.SUMS).read_bytes()
    sign_files(pack, {layout.SUMS: sums}, make_key(pack.parent / "keys", "mallory"))


BAD: tuple[Callable[[Path], None], ...] = (
    extra,
    extra_nested,
    extra_hidden,
    like_a_summary,
    newline,
    symlink,
    folder_link,
    hard_link,
    fifo,
    missing,
    flipped,
    list_flipped,
    unsigned,
    resealed,
    resealed_and_signed,
)


@pytest.mark.parametrize("change", BAD, ids=lambda change: change.__name__)
def test_everything_else_is_rejected(change: Callable[[Path], None], signed: Signed) -> None:
    change(signed.pack)
    done = check(signed)
    assert done.returncode != 0, done.stdout
    assert "ACCEPTED" not in done.stdout


def test_another_signer_than_the_trusted_one_is_rejected(signed: Signed, tmp_path: Path) -> None:
    trust = trust_file(tmp_path, alice=make_key(tmp_path, "other"))
    assert check(signed, trust).returncode != 0
