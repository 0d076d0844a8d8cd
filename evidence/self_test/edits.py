"""Forged edits of the values of a pack, one a function.

Responsible for the edits alone; what each stands for and what must see through it is in
`forgeries`. All of them raise NotPossibleError where the pack has nothing of the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec import convert
from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.milestone.effective import effective
from evidence.records.choices import ChoicesRow
from evidence.rules import scoring
from evidence.self_test.forger import ForgedPack, NotPossibleError
from evidence.stages.registry import schema_for

Edit: TypeAlias = Callable[[ForgedPack], object]


def step(key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one field of a step row in the middle."""

    def edit(pack: ForgedPack) -> None:
        rows = pack.rows(layout.METRICS, 3)
        row = rows[len(rows) // 2]
        row[key] = change(row[key])

    return edit


def prediction(key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one field of a prediction."""

    def edit(pack: ForgedPack) -> None:
        row = pack.rows(layout.PREDICTIONS)[-1]
        row[key] = change(row[key])

    return edit


def put(path: str, *keys: str | int, change: Callable[[Any], Any]) -> Edit:
    """Change one place of a document, where there is such a place with a value in it."""

    def edit(pack: ForgedPack) -> None:
        target = _table_with(pack, path, keys)
        value = target[keys[-1]]
        if value is None or (isinstance(value, dict) and value.keys() == {"unavailable"}):
            raise NotPossibleError(f"{path} has no such value")
        target[keys[-1]] = change(value)

    return edit


def _table_with(pack: ForgedPack, path: str, keys: tuple[str | int, ...]) -> Any:
    """The table that has the last key: in the document, else in that of the first stage that has
    one, or under the name that the value of a stage has there."""
    ways = [(pack.at(path), keys)]
    ways += [(one, keys) for one in pack.names if one != layout.without_stage(one) == path]
    if path == layout.RESULTS and keys[0] == "values":
        named = (one for one in pack.doc(path)["values"] if one.endswith(f".{keys[1]}"))
        stages = {one.split("/")[1] for one in pack.names if one.startswith(f"{layout.STAGES}/")}
        ways += [
            (path, ("values", one, *keys[2:])) for one in named if one.partition(".")[0] in stages
        ]
    for where, inside in ways:
        target = pack.doc(where)
        try:
            for key in inside[:-1]:
                target = target[key]
            target[inside[-1]]
        except (LookupError, TypeError):
            continue
        return target
    raise NotPossibleError(f"{path} has no such place")


def event(name: str, key: str, change: Callable[[Any], Any], **where: Any) -> Edit:
    """Change one fact of one journal event."""

    def edit(pack: ForgedPack) -> None:
        data = pack.event(name, **where)["data"]
        if data.get(key) is None:
            raise NotPossibleError(f"the journal's {name} has no {key}")
        data[key] = change(data[key])

    return edit


def milestone(pattern: str, replacement: Any) -> Edit:
    """Edit the milestone and the journal's digest of it."""
    return lambda pack: pack.milestone(pattern, replacement)


def claimed_loss(pack: ForgedPack) -> None:
    """Claim a loss in words, where one was measured that the words contradict."""
    loss = pack.doc(layout.RESULTS)["values"].get("train.loss_end")
    if loss is None or loss["value"] is None:
        raise NotPossibleError("no loss was measured, or one of each stage")
    pack.milestone(r"^(objective *= *).*", r'\1"Show that the final loss is 0.000123."')


def raw(path: str, change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of a file."""
    return lambda pack: pack.replace(pack.at(path), change(pack.file(path)))


def plus(more: float | str) -> Callable[[Any], Any]:
    """A change that adds to a number, or to a text."""
    return lambda value: value + more


def becomes(value: Any) -> Callable[[Any], Any]:
    """A change to a fixed value."""
    return lambda _: value


def more(match: Any) -> str:
    """A number of the milestone, one larger."""
    return f"{match[1]}{int(match[2]) + 1}"


def double(match: Any) -> str:
    """A number of the milestone, twice as large."""
    return f"{match[1]}{2 * float(match[2])!r}"


def drop_step(pack: ForgedPack) -> None:
    """Leave out a step row."""
    rows = pack.rows(layout.METRICS, 3)
    del rows[len(rows) // 2]


def drop_last_steps(pack: ForgedPack) -> None:
    """Leave out the last two steps, and say so in seen.json."""
    rows = pack.rows(layout.METRICS, 3)
    del rows[-2:]
    pack.doc(layout.SEEN)["stream_sha256"] = rows[-1]["stream"]


def swap_steps(pack: ForgedPack) -> None:
    """Let the first two steps change places."""
    rows = pack.rows(layout.METRICS, 3)
    rows[0], rows[1] = rows[1], rows[0]


def recorded_stream(pack: ForgedPack) -> None:
    recorded = {batch["step"] for batch in pack.doc(layout.SEEN)["batches"]}
    for row in pack.rows(layout.METRICS):
        if row["step"] in recorded:
            row["stream"] = "a" * 64
            return
    raise NotPossibleError("no step was recorded")


def unrecorded_stream(pack: ForgedPack) -> None:
    """A link of the row stream that no recorded batch and no checkpoint touches."""
    recorded = {batch["step"] for batch in pack.doc(layout.SEEN)["batches"]}
    recorded |= {one - 1 for one in recorded}
    for one in pack.doc(layout.JOURNAL):
        if one["event"] == "checkpoint":
            recorded.add(one["data"]["step"])
    for row in pack.rows(layout.METRICS)[:-1]:
        if row["step"] not in recorded:
            row["stream"] = "a" * 64
            return
    raise NotPossibleError("every step was recorded")


def drop_prediction(pack: ForgedPack) -> None:
    """Leave out a prediction."""
    del pack.rows(layout.PREDICTIONS, 2)[-1]


def same_prediction(pack: ForgedPack) -> None:
    """Use the id of another prediction."""
    rows = pack.rows(layout.PREDICTIONS, 2)
    rows[-1]["id"] = rows[0]["id"]


def flip_score(pack: ForgedPack) -> None:
    """Turn a score around."""
    scores = pack.rows(layout.PREDICTIONS)[-1]["scores"]
    name = min(scores)
    scores[name] = not scores[name]


def better_answer(pack: ForgedPack) -> None:
    """The right answer beside a wrong output."""
    row = next((r for r in pack.rows(layout.PREDICTIONS) if r["answer"] != r["target"]), None)
    if row is None:
        raise NotPossibleError("every answer is right")
    row["answer"] = row["target"]


def whole_prediction(pack: ForgedPack) -> None:
    """An output that is right, with all that follows from it."""
    rows = pack.rows(layout.PREDICTIONS)
    row = next((r for r in rows if not any(r["scores"].values())), rows[0])
    start = row["output"].removesuffix(row["answer"])
    if row["answer"] == row["target"] or not row["output"].endswith(row["answer"]):
        raise NotPossibleError("no output can be made right this way")
    row["output"] = f"{start}{row['target']}"
    row["answer"] = row["target"]
    row["output_sha256"] = sha256_hex(row["output"].encode("utf-8"))
    row["scores"] = _scored(pack, row)


def _scored(pack: ForgedPack, row: dict[str, Any]) -> dict[str, bool]:
    """The scores that this row has, as the output now gives them."""
    sealed = pack.file(layout.OVERRIDES) if layout.OVERRIDES in pack.names else None
    spec = effective(pack.file(layout.MILESTONE), sealed).eval
    rules = tuple(name for name in row["scores"] if name in scoring.SCORERS)
    asked = replace(spec, scorers=rules)
    choices = row.get("choices") and convert(row["choices"], ChoicesRow)
    found = scoring.scores(asked, row["output"], row["answer"], row["target"], choices)
    return {name: found[name] for name in row["scores"]}


def likelier_choice(pack: ForgedPack) -> None:
    """Another choice is the likeliest, and the one that was picked is left."""
    row = next((r for r in pack.rows(layout.PREDICTIONS) if r.get("choices")), None)
    if row is None:
        raise NotPossibleError("no likelihoods of choices were measured")
    found = row["choices"]
    other = 1 if found["picked"] == 0 else 0
    found["log_likelihoods"][other] = max(found["log_likelihoods"]) / 1000


def other_weights(pack: ForgedPack) -> None:
    """Other weights of the same shape."""
    path = pack.weights()
    data = bytearray(pack.file(path))
    data[-1] ^= 1
    pack.replace(path, bytes(data))


def hidden_tail(pack: ForgedPack) -> None:
    """Bytes behind the last tensor."""
    path = pack.weights()
    pack.replace(path, pack.file(path) + b"\0" * 64)
    for entry in pack.doc(layout.WITHHELD)["files"]:
        if entry["path"] == path:
            entry["size_bytes"] += 64


def wider_model(pack: ForgedPack) -> None:
    """Another hidden size in config.json."""
    config = pack.model_json("config.json")
    if not isinstance(config.get("hidden_size"), int):
        raise NotPossibleError("config.json names no hidden size")
    config["hidden_size"] *= 2
    pack.replace(pack.at(f"{layout.FINAL_MODEL}/config.json"), jsonio.dump_document(config))


def code_in_config(pack: ForgedPack) -> None:
    """A config.json that asks for code."""
    config = pack.model_json("config.json") | {"auto_map": {"AutoModel": "evil.Model"}}
    pack.replace(pack.at(f"{layout.FINAL_MODEL}/config.json"), jsonio.dump_document(config))


def outcome_path(pack: ForgedPack) -> str:
    """Path of a failed attempt's outcome."""
    for path in pack.names:
        if schema_for(path) == layout.OUTCOME_SCHEMA:
            return path
    raise NotPossibleError("no attempt failed")


def hide_attempt(pack: ForgedPack) -> None:
    """Take away what a failed attempt left."""
    pack.replace(outcome_path(pack), None)


def other_reason(pack: ForgedPack) -> None:
    """Another reason for a failed attempt."""
    pack.doc(outcome_path(pack))["reason"] = "it was tired"


def cut_journal(pack: ForgedPack) -> None:
    """Take away the journal's last event."""
    del pack.doc(layout.JOURNAL)[-1]


def reorder_journal(pack: ForgedPack) -> None:
    """Let two events of the journal change places."""
    events = pack.doc(layout.JOURNAL)
    events[1], events[2] = events[2], events[1]


def clock_back(pack: ForgedPack) -> None:
    """Let the monotonic clock go back."""
    pack.doc(layout.JOURNAL)[-1]["monotonic_s"] -= 1e9


def unchained(pack: ForgedPack) -> None:
    """An event edited, and the chain left as it was."""
    lines = pack.file(layout.JOURNAL).splitlines(keepends=True)
    pack.replace(layout.JOURNAL, b"".join([*lines[:1], *lines[2:]]))


def broken_promise(pack: ForgedPack) -> None:
    """A frozen file that changed, and a promise that was kept."""
    for one in pack.doc(layout.FROZEN)["sets"]:
        if one["files"] and one["unchanged_during_run"]:
            one["files"][0]["after_sha256"] = "2" * 64
            return
    raise NotPossibleError("nothing was promised")


def other_data(pack: ForgedPack) -> None:
    """Another digest of the data."""
    data = pack.doc(layout.INPUTS)["data"]
    if not data:
        raise NotPossibleError("no data set is known")
    data[min(data)]["sha256"] = "3" * 64


def withhold_evidence(pack: ForgedPack) -> None:
    """Call the predictions withheld."""
    size = len(pack.file(layout.PREDICTIONS))
    pack.doc(layout.WITHHELD)["files"].append(
        {"path": pack.at(layout.PREDICTIONS), "size_bytes": size, "reason": "private"}
    )


def escape_in_log(pack: ForgedPack) -> None:
    """A log that acts on the terminal."""
    data = pack.file(layout.TRAINING_LOG) + b"\x1b]52;c;YQ==\x07\n"
    pack.replace(pack.at(layout.TRAINING_LOG), data)


def other_machine(pack: ForgedPack) -> None:
    """Another processor wherever it is named."""
    cpu = pack.doc(layout.HARDWARE)["cpu"]
    model = cpu["model"]
    if not isinstance(model, str) or not model:
        raise NotPossibleError("the processor is not known")
    cpu["model"] = "A better CPU"


def another_year(pack: ForgedPack) -> None:
    """Move the run to another year."""
    for one in pack.doc(layout.JOURNAL):
        one["utc"] = f"2031{one['utc'][4:]}"
    environment = pack.doc(layout.ENVIRONMENT)
    if isinstance(environment["started_utc"], str):
        environment["started_utc"] = f"2031{environment['started_utc'][4:]}"


def halved_losses(pack: ForgedPack) -> None:
    """Halve every loss, those that the journal holds against a first step's, and the log's."""
    for row in pack.rows(layout.METRICS):
        row["loss"] /= 2
    stage = pack.stage_of(layout.METRICS)
    for event in pack.doc(layout.JOURNAL):
        if event["event"] == "loss" and stage in ("", event["data"].get("stage")):
            data = event["data"]
            held = {key: data[key] for key in ("ours", "framework") if data[key] is not None}
            data.update({key: value / 2 for key, value in held.items()})
    if pack.at(layout.TRAINING_LOG) in pack.names:
        log = pack.file(layout.TRAINING_LOG).decode("utf-8")
        said = re.sub(r"(?<=  loss )\S+", lambda match: repr(float(match[0]) / 2), log)
        pack.replace(pack.at(layout.TRAINING_LOG), said.encode("utf-8"))


def less_memory(pack: ForgedPack) -> None:
    """Halve the memory of a sample."""
    row = pack.rows(layout.TELEMETRY)[0]
    if not isinstance(row["rss_bytes"], int):
        raise NotPossibleError("memory was not sampled")
    row["rss_bytes"] //= 2


def result(group: str, key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one value of results.json."""
    return put(layout.RESULTS, group, key, "value", change=change)
