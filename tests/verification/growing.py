"""Packs in which one thing is there as often as is asked: sealed consistently, true or not.

Responsible for the things a pack can have many of. What verifying them may cost is the tests'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from toy import prediction, toy, write

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.self_test.forger import ForgedPack, _dumped

Grow = Callable[[ForgedPack, int], None]


def grown(folder: Path, name: str, count: int) -> Path:
    """A pack with `count` of the thing of this name, on disk. Its summary is not there."""
    pack = toy()
    results = pack.docs.pop(layout.RESULTS)
    pack.files[layout.RESULTS] = _dumped(layout.RESULTS, results)
    GROWN[name](pack, count)
    pack.seal(forget=["results"] if layout.RESULTS in pack.docs else [])
    files = pack.sealed_bytes() | pack.attached
    return write(folder, {path: data for path, data in files.items() if data is not None})


def _at(pack: ForgedPack, event: str, **where: Any) -> int:
    journal = pack.doc(layout.JOURNAL)
    return next(
        i
        for i, one in enumerate(journal)
        if one["event"] == event and where.items() <= one["data"].items()
    )


def _insert(pack: ForgedPack, place: int, events: Iterator[dict[str, Any]]) -> None:
    journal = pack.doc(layout.JOURNAL)
    like = journal[place - 1]
    journal[place:place] = [{**deepcopy(like), **one} for one in events]


RECOVERED: Final = {
    "reason": "killed",
    "after": "killed",
    "from_step": 0,
    "num_step_rows_cut": 0,
    "num_predictions_cut": 0,
    "num_incomplete_bytes": 0,
    "allowed": [],
}


def segments(pack: ForgedPack, count: int) -> None:
    """Each resumed from a checkpoint of the one before."""
    journal, rows = pack.doc(layout.JOURNAL), pack.doc(layout.METRICS)
    schedule = deepcopy(journal[_at(pack, "schedule", stage="train")]["data"])
    checkpoint = deepcopy(journal[_at(pack, "checkpoint")]["data"])
    place = _at(pack, "checkpoint") + 1

    def events() -> Iterator[dict[str, Any]]:
        for n in range(2, count + 1):
            yield {"event": "recovered", "data": {**RECOVERED, "from_step": n - 1}}
            started = {"stage": "train", "segment": n, "resumed_from_step": n - 1}
            yield {"event": "stage-started", "data": started}
            yield {"event": "schedule", "data": {**schedule, "resumed_from_step": n - 1}}
            yield {"event": "checkpoint", "data": {**checkpoint, "segment": n, "step": n}}

    _insert(pack, place, events())
    like = rows[-1]
    rows[:] = [{**like, "segment": n, "step": n} for n in range(1, count + 1)]


def events_of(name: str, data: dict[str, Any]) -> Grow:
    def grow(pack: ForgedPack, count: int) -> None:
        place = _at(pack, "schedule", stage="train") + 1
        _insert(pack, place, ({"event": name, "data": deepcopy(data)} for _ in range(count)))

    return grow


def recoveries(pack: ForgedPack, count: int) -> None:
    place = _at(pack, "stage-started", stage="train")
    _insert(pack, place, ({"event": "recovered", "data": dict(RECOVERED)} for _ in range(count)))


def steps(pack: ForgedPack, count: int) -> None:
    rows = pack.doc(layout.METRICS)
    rows[:] = [{**rows[0], "step": n, "stream": f"{n:064x}"} for n in range(1, count + 1)]


def predictions(pack: ForgedPack, count: int) -> None:
    rows = pack.doc(layout.PREDICTIONS)
    rows[:] = [prediction(n, f"Well. Answer: {n}") for n in range(count)]


def groups(pack: ForgedPack, count: int) -> None:
    predictions(pack, count)
    for n, row in enumerate(pack.doc(layout.PREDICTIONS)):
        row["groups"] = {"section": f"s{n}"}


def telemetry(pack: ForgedPack, count: int) -> None:
    rows = pack.doc(layout.TELEMETRY)
    rows[:] = [{**rows[0], "elapsed_s": n / count} for n in range(count)]


def many(path: str, *keys: str | int, named: str = "") -> Grow:
    """So many of the first entry of a list; `named` is the key that each has for itself."""

    def grow(pack: ForgedPack, count: int) -> None:
        inner = pack.doc(path)
        for key in keys:
            inner = inner[key]
        first = inner[0]
        inner[:] = [
            {**deepcopy(first), **({named: f"{first[named]}{n}"} if named else {})}
            if isinstance(first, dict)
            else n
            for n in range(count)
        ]

    return grow


def numbers(path: str, *keys: str | int) -> Grow:
    """A list of so many rising numbers."""

    def grow(pack: ForgedPack, count: int) -> None:
        inner = pack.doc(path)
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = list(range(count))

    return grow


def answer_of(text: Callable[[int], tuple[str, str]]) -> Grow:
    """Three predictions whose answer and target are so long."""

    def grow(pack: ForgedPack, count: int) -> None:
        pack.milestone(r"scorers = .*", 'scorers = ["exact", "normalised", "numeric", "contains"]')
        answer, target = text(count)
        rows = pack.doc(layout.PREDICTIONS)
        del rows[3:]
        for row in rows:
            row |= {"output": f"Answer: {answer}", "answer": answer, "target": target}
            for key in ("output", "target"):
                row[f"{key}_sha256"] = sha256_hex(row[key].encode())

    return grow


def notes(text: str) -> Grow:
    def grow(pack: ForgedPack, count: int) -> None:
        pack.replace(layout.NOTES, (text * (count // len(text)))[:count].encode())

    return grow


def attached(text: str) -> Grow:
    def grow(pack: ForgedPack, count: int) -> None:
        pack.attached["attached/notes-001.md"] = (text * (count // len(text)))[:count].encode()

    return grow


def notes_attached(pack: ForgedPack, count: int) -> None:
    for n in range(count):
        pack.attached[f"attached/notes-{n:05d}.md"] = b"It took 87.5 s.\n"


def words_and_values(pack: ForgedPack, count: int) -> None:
    """So many numbers typed, and so many values that they could be."""
    values = pack.doc(layout.RESULTS)["values"]
    like = values["train.loss_end"]
    for n in range(count):
        values[f"x.{n}"] = {**like, "value": n + 0.5}
    pack.replace(layout.NOTES, "".join(f"loss of 0.{n:05d}1 \n" for n in range(count)).encode())


def literals(pack: ForgedPack, count: int) -> None:
    """So many numbers typed and declared, as far as a milestone has room."""
    lines = "".join(f'"{n}.5 s" = "seen"\n' for n in range(count))
    pack.milestone(r"\Z", f"\n[narrative.literals]\n{lines}")
    pack.replace(layout.NOTES, "".join(f"It took {n}.25 s. \n" for n in range(count)).encode())


def long_groups(pack: ForgedPack, count: int) -> None:
    groups(pack, 2000)
    for n, row in enumerate(pack.doc(layout.PREDICTIONS)):
        row["groups"] = {"section": f"{n}" + "g" * count}


def group_keys(pack: ForgedPack, count: int) -> None:
    key = "k" * count
    pack.milestone(r"group_by = .*", f'group_by = ["{key}"]')
    predictions(pack, 2000)
    for n, row in enumerate(pack.doc(layout.PREDICTIONS)):
        row["groups"] = {key: f"v{n}"}


def many_keys(pack: ForgedPack, count: int) -> None:
    keys = [f"k{n}" for n in range(count)]
    pack.milestone(r"group_by = .*", f"group_by = {json.dumps(keys)}")
    predictions(pack, 200)
    for n, row in enumerate(pack.doc(layout.PREDICTIONS)):
        row["groups"] = dict.fromkeys(keys, f"v{n}")


def model_files(pack: ForgedPack, count: int) -> None:
    """JSON files of the model: so many of a megabyte."""
    for n in range(count):
        words = json.dumps({f"k{i}": "x" * 1000 for i in range(1000)})
        pack.replace(f"{layout.FINAL_MODEL}/part{n}.json", words.encode())


def sealed_files(pack: ForgedPack, count: int) -> None:
    for n in range(count):
        pack.replace(f"damaged/{n}.txt", b"x")


def stage_ends(pack: ForgedPack, count: int) -> None:
    """So many segments that end, over so many steps."""
    steps(pack, count)
    end = deepcopy(pack.doc(layout.JOURNAL)[_at(pack, "stage-finished", stage="train")])
    place = _at(pack, "stage-finished", stage="train")
    _insert(pack, place, ({"event": end["event"], "data": end["data"]} for _ in range(count)))


def embedding_widths(pack: ForgedPack, count: int) -> None:
    """So many widths in config.json, and so many embeddings."""
    path = f"{layout.FINAL_MODEL}/config.json"
    config = json.loads(pack.file(path))
    config |= {f"x{n}_embedding_size": 10**6 + n for n in range(count)}
    pack.replace(path, json.dumps(config).encode())
    tables: dict[str, Any] = {
        f"x{n}.embed_tokens.weight": {
            "dtype": "F32", "shape": [3, 1], "data_offsets": [12 * n, 12 * n + 12]
        }
        for n in range(count)
    }  # fmt: skip
    header = json.dumps(tables).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(12 * count)
    pack.replace(pack.weights(), weights)


def patterns_and_files(pack: ForgedPack, count: int) -> None:
    """So many files of a promise, each named by itself."""
    files = pack.doc(layout.FROZEN)["sets"][0]["files"]
    files[:] = [{**files[0], "path": f"x/{n:06d}"} for n in range(count)]
    named = ", ".join(f'"x/{n:06d}"' for n in range(count))
    pack.milestone(r"^paths = .*", f"paths = [{named}]")


GROWN: Final[dict[str, Grow]] = {
    "segments": segments,
    "recoveries": recoveries,
    "steps": steps,
    "predictions": predictions,
    "groups": groups,
    "telemetry": telemetry,
    "long-groups": long_groups,
    "group-keys-long": group_keys,
    "group-keys": many_keys,
    "contains-run": answer_of(lambda n: ("a" * n, "a" * (n // 2) + "a")),
    "contains-word": answer_of(lambda n: ("ab" * n, "a" + "b" * 3 + "c")),
    "contains-cut": answer_of(lambda n: ("xaa" * n + "x", "a")),
    "contains-digits": answer_of(lambda n: ("1 " * n + "x", "1 1")),
    "numbers-in-answer": answer_of(lambda n: ("1,2 " * n, "9")),
    "notes": notes("word *emphasis* [link](https://e.org) `code`\n\n- item\n"),
    "notes-brackets": notes("[[(`*"),
    "notes-numbers": notes("It took 87.5 s. "),
    "notes-line": notes("word "),
    "attached": attached("word *emphasis* [link](https://e.org) `code`\n\n- item\n"),
    "attached-notes": notes_attached,
    "words-and-values": words_and_values,
    "literals": literals,
    "packages": many(layout.PACKAGES, "packages", named="name"),
    "frozen-files": many(layout.FROZEN, "sets", 0, "files", named="path"),
    "data-duplicates": numbers(layout.INPUTS, "data", "train", "duplicate_rows"),
    "coverage": many(layout.SEEN, "coverage", named="field"),
    "rows-cut": numbers(layout.SEEN, "coverage", 0, "rows_cut"),
    "rows-truncated": numbers(layout.SEEN, "rows_truncated"),
    "gates": many(layout.RESULTS, "gates"),
    "loss-table": many(layout.RESULTS, "loss_table"),
    "model-files": model_files,
    "stage-ends": stage_ends,
    "embedding-widths": embedding_widths,
    "patterns-and-files": patterns_and_files,
    "sealed-files": sealed_files,
    "events-execution": events_of(
        "execution",
        {"stage": "train", "segment": 1, "execution": "as-written", "rows_per_forward": 1,
         "accumulation": 2, "device": "cpu", "num_devices": 1},
    ),
    "events-loss": events_of(
        "loss",
        {"stage": "train", "segment": 1, "step": 1, "ours": 4.5, "framework": 4.5, "num_rows": 2},
    ),
    "events-probe": events_of("probe", {"moment": "before", "loss": 4.5, "num_examples": 5}),
    "events-redacted": events_of("redacted", {"stage": "train", "segment": 1, "counts": {"x": 1}}),
    "events-checkpoint": events_of(
        "checkpoint",
        {"stage": "train", "segment": 1, "step": 10, "stream": "1" * 64,
         "files": [{"path": "m", "sha256": "1" * 64, "size_bytes": 1}]},
    ),
    "events-schedule": events_of(
        "schedule",
        {"stage": "train", "resumed_from_step": None, "steps_per_epoch": 10, "num_rows": 19,
         "num_steps": 20},
    ),
}  # fmt: skip
