"""Secrets do not come into a pack by any of the ways in which a program can tell something."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recording.programs import PYTHON, TELLING, make_repository, program, record, run

SECRET = "ghp_" + "a1B2" * 9
KNOWN = "correct-horse-battery-staple"
"""Without a form: known by the name of its variable alone."""
SOURCE = """
S = os.environ["SECRETS_OF_TEST"].split()
P = os.environ["MY_PASSWORD"]
process(argv=["train.py", "--token=" + S[0], P], cwd="/x/" + S[0])
step(1, loss_rule="loss of " + S[0])
for one in (S[0], P):
    print(one)
    tell("reported", what="metric", name="acc_" + one, value=0.5, unit=one)
    tell("reported", what="step", step=1, values={"loss_" + one: 0.5, "word_" + one: "no"})
    tell("reported", what="artifact", name=one, path="/x/" + one)
    tell("reported", what="metric", name=one, refused="no number: " + one)
    tell("odd " + one)
    tell("step", num=one)
    tell("unseen", what=one, why=one)
    tell("hook-failed", hook=one, why=one)
    tell("patched", what=one, by=one)
    tell("opened", path="/x/" + one + "/data.jsonl", mode="read", how="open")
    tell("logged", by=one, step=1, values={one: 0.5})
    tell("model", **{"class": one, "name_or_path": one, "dtypes": {one: 1}, "devices": [one]})
    tell("tokenizer", **{"class": one, "name_or_path": one, "eos_id": 0, "pieces": {"0": one}})
    tell("sequence", ids=[0, 0], labels=[0, 0])
    tell("batch", step=1, forward=0, rows=[{"ids": [0, 0], "labels": [0, 0]}])
    tell("library", name="transformers" + one, version=one)
    tell("framework", name=one, version=one, device=one)
    tell("loss-function", name=one, reduction=one, num_calls=1)
    os.makedirs("out/" + one)
    open("out/" + one + "/plain.json", "w").write("{}")
    open("out/holds-" + str(len(one)) + ".json", "w").write(one)
    with open("rows.jsonl", "a") as file:
        file.write(json.dumps({"field_" + one: one, "answer": one}) + chr(10))
tell("opened", path=os.path.abspath("rows.jsonl"), mode="read", how="open")
"""


@pytest.mark.parametrize("ends", ["", "raise SystemExit(S[0])\n"])
def test_whatever_a_program_tells_its_pack_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setenv("SECRETS_OF_TEST", SECRET)
    monkeypatch.setenv("MY_PASSWORD", KNOWN)
    root = make_repository(tmp_path / "project")
    words = [PYTHON, "-I", program(root, SOURCE + ends)[1]]
    made = record(root, words, collect=("out/**", "rows.jsonl"))
    assert made.result.status == ("failed" if ends else "complete")
    assert made.verified().verdict == ("UNFINISHED" if ends else "INTACT")
    for path in made.pack.rglob("*"):
        assert SECRET not in path.name
        held = path.read_bytes() if path.is_file() else b""
        for one in (SECRET, KNOWN):
            assert one.encode() not in held, path
    assert "[redacted:" in made.log


def test_names_stay_where_the_author_asks_for_no_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_repository(tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
    source = "process()\nstep(1)\ntell('sequence', ids=[0, 1], labels=[0, 1])\n"
    source += "tell('tokenizer', eos_id=1, pieces={'0': 'q', '1': 'r'})\n"
    source += "os.makedirs(os.environ['HOME']); mine = os.environ['HOME'] + '/rows.jsonl'\n"
    source += "open(mine, 'w').write(open('data.jsonl').read())\n"
    source += "tell('opened', path=mine, mode='read', how='open', size_bytes=1)\n"
    (root / "train.py").write_text(TELLING + source, encoding="utf-8")
    paths = {}
    for name, more in (("R1", ""), ("R2", "[publish]\npseudonyms = false\n")):
        text = f'schema = "milestone.v1"\nid = "{name}"\ntitle = "t"\nkind = "recorded-program"\n'
        text += f'objective = "o"\n{more}[command]\nrun = ["{PYTHON}", "-I", "train.py"]\n'
        text += '[[attempt]]\nname = "a"\nbackend = "command"\n'
        (root / f"milestones/{name}.toml").write_text(text, encoding="utf-8")
        made = run(root, name)
        seen, files = made.read("program/seen.json"), made.read("program/files.json")
        paths[name] = {one["path"] for one in (*seen["data"], *files["opened"])}
        assert len({one["path"] for one in seen["data"]} & paths[name]) == 1
        (root / "../somebody/rows.jsonl").unlink()
        (root / "../somebody").rmdir()
    assert paths == {"R1": {"~/rows.jsonl"}, "R2": {str(tmp_path / "somebody/rows.jsonl")}}
