"""What a forger does to the values of a pack, one lie a function.

Responsible for the edits alone; what each stands for and what must see through it is in
`forgeries`. All of them raise NotHereError where the pack has nothing to lie about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.milestone.parse import parse_milestone
from evidence.rules import scoring
from evidence.self_test.forger import Bent, NotHereError
from evidence.stages.registry import schema_for

Edit: TypeAlias = Callable[[Bent], object]


def step(key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one field of a step row in the middle."""

    def edit(bent: Bent) -> None:
        rows = bent.rows(layout.METRICS, 3)
        row = rows[len(rows) // 2]
        row[key] = change(row[key])

    return edit


def prediction(key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one field of a prediction."""

    def edit(bent: Bent) -> None:
        row = bent.rows(layout.PREDICTIONS)[-1]
        row[key] = change(row[key])

    return edit


def put(path: str, *keys: str | int, change: Callable[[Any], Any]) -> Edit:
    """Change one place of a document, where there is such a place with a value in it."""

    def edit(bent: Bent) -> None:
        target = bent.doc(path)
        try:
            for key in keys[:-1]:
                target = target[key]
            value = target[keys[-1]]
        except (LookupError, TypeError) as error:
            raise NotHereError(f"{path} has no such place") from error
        if value is None or (isinstance(value, dict) and value.keys() == {"unavailable"}):
            raise NotHereError(f"{path} has no such value")
        target[keys[-1]] = change(value)

    return edit


def event(name: str, key: str, change: Callable[[Any], Any], **where: Any) -> Edit:
    """Change one fact of one journal event."""

    def edit(bent: Bent) -> None:
        data = bent.event(name, **where)["data"]
        if data.get(key) is None:
            raise NotHereError(f"the journal's {name} has no {key}")
        data[key] = change(data[key])

    return edit


def milestone(pattern: str, replacement: Any) -> Edit:
    """Edit the milestone and the journal's digest of it."""
    return lambda bent: bent.milestone(pattern, replacement)


def boast(bent: Bent) -> None:
    """Claim a loss in words, where one was measured that the words contradict."""
    if bent.doc(layout.RESULTS)["values"]["train.loss_end"]["value"] is None:
        raise NotHereError("no loss was measured")
    bent.milestone(r"^(objective *= *).*", r'\1"Show that the final loss is 0.000123."')


def raw(path: str, change: Callable[[bytes], bytes]) -> Edit:
    """Change the bytes of a file."""
    return lambda bent: bent.replace(path, change(bent.file(path)))


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


def drop_step(bent: Bent) -> None:
    """Leave out a step row."""
    rows = bent.rows(layout.METRICS, 3)
    del rows[len(rows) // 2]


def drop_last_steps(bent: Bent) -> None:
    """Leave out the last two steps, and say so in seen.json."""
    rows = bent.rows(layout.METRICS, 3)
    del rows[-2:]
    bent.doc(layout.SEEN)["stream_sha256"] = rows[-1]["stream"]


def swap_steps(bent: Bent) -> None:
    """Let the first two steps change places."""
    rows = bent.rows(layout.METRICS, 3)
    rows[0], rows[1] = rows[1], rows[0]


def recorded_stream(bent: Bent) -> None:
    recorded = {batch["step"] for batch in bent.doc(layout.SEEN)["batches"]}
    for row in bent.rows(layout.METRICS):
        if row["step"] in recorded:
            row["stream"] = "a" * 64
            return
    raise NotHereError("no step was recorded")


def unrecorded_stream(bent: Bent) -> None:
    """A link of the row stream that no recorded batch and no checkpoint touches."""
    recorded = {batch["step"] for batch in bent.doc(layout.SEEN)["batches"]}
    recorded |= {one - 1 for one in recorded}
    for one in bent.doc(layout.JOURNAL):
        if one["event"] == "checkpoint":
            recorded.add(one["data"]["step"])
    for row in bent.rows(layout.METRICS)[:-1]:
        if row["step"] not in recorded:
            row["stream"] = "a" * 64
            return
    raise NotHereError("every step was recorded")


def drop_prediction(bent: Bent) -> None:
    """Leave out a prediction."""
    del bent.rows(layout.PREDICTIONS, 2)[-1]


def same_prediction(bent: Bent) -> None:
    """Use the id of another prediction."""
    rows = bent.rows(layout.PREDICTIONS, 2)
    rows[-1]["id"] = rows[0]["id"]


def flip_score(bent: Bent) -> None:
    """Turn a score around."""
    scores = bent.rows(layout.PREDICTIONS)[-1]["scores"]
    name = min(scores)
    scores[name] = not scores[name]


def better_answer(bent: Bent) -> None:
    """The right answer beside a wrong output."""
    row = next((r for r in bent.rows(layout.PREDICTIONS) if r["answer"] != r["target"]), None)
    if row is None:
        raise NotHereError("every answer is right")
    row["answer"] = row["target"]


def whole_prediction(bent: Bent) -> None:
    """An output that is right, with all that follows from it."""
    rows = bent.rows(layout.PREDICTIONS)
    row = next((r for r in rows if not any(r["scores"].values())), rows[0])
    start = row["output"].removesuffix(row["answer"])
    if row["answer"] == row["target"] or not row["output"].endswith(row["answer"]):
        raise NotHereError("no output can be bent this way")
    row["output"] = f"{start}{row['target']}"
    row["answer"] = row["target"]
    row["output_sha256"] = sha256_hex(row["output"].encode("utf-8"))
    row["scores"] = _scored(bent, row)


def _scored(bent: Bent, row: dict[str, Any]) -> dict[str, bool]:
    """The scores that this row has, as the output now gives them."""
    spec = parse_milestone(bent.file(layout.MILESTONE)).eval
    rules = tuple(name for name in row["scores"] if name in scoring.SCORERS)
    found = scoring.scores(
        replace(spec, scorers=rules), row["output"], row["answer"], row["target"]
    )
    return {name: found[name] for name in row["scores"]}


def bent_weights(bent: Bent) -> None:
    """Other weights of the same shape."""
    path = bent.weights()
    data = bytearray(bent.file(path))
    data[-1] ^= 1
    bent.replace(path, bytes(data))


def hidden_tail(bent: Bent) -> None:
    """Bytes behind the last tensor."""
    path = bent.weights()
    bent.replace(path, bent.file(path) + b"\0" * 64)
    for entry in bent.doc(layout.WITHHELD)["files"]:
        if entry["path"] == path:
            entry["size_bytes"] += 64


def wider_model(bent: Bent) -> None:
    """Another hidden size in config.json."""
    config = bent.model_json("config.json")
    if not isinstance(config.get("hidden_size"), int):
        raise NotHereError("config.json names no hidden size")
    config["hidden_size"] *= 2
    bent.replace(f"{layout.FINAL_MODEL}/config.json", jsonio.dump_document(config))


def code_in_config(bent: Bent) -> None:
    """A config.json that asks for code."""
    config = bent.model_json("config.json") | {"auto_map": {"AutoModel": "evil.Model"}}
    bent.replace(f"{layout.FINAL_MODEL}/config.json", jsonio.dump_document(config))


def outcome_path(bent: Bent) -> str:
    """Path of a failed attempt's outcome."""
    for path in bent.bench.names:
        if schema_for(path) == layout.OUTCOME_SCHEMA:
            return path
    raise NotHereError("no attempt failed")


def hide_attempt(bent: Bent) -> None:
    """Take away what a failed attempt left."""
    bent.replace(outcome_path(bent), None)


def other_reason(bent: Bent) -> None:
    """Another reason for a failed attempt."""
    bent.doc(outcome_path(bent))["reason"] = "it was tired"


def cut_journal(bent: Bent) -> None:
    """Take away the journal's last event."""
    del bent.doc(layout.JOURNAL)[-1]


def reorder_journal(bent: Bent) -> None:
    """Let two events of the journal change places."""
    events = bent.doc(layout.JOURNAL)
    events[1], events[2] = events[2], events[1]


def clock_back(bent: Bent) -> None:
    """Let the monotonic clock go back."""
    bent.doc(layout.JOURNAL)[-1]["monotonic_s"] -= 1e9


def unchained(bent: Bent) -> None:
    """An event edited, and the chain left as it was."""
    lines = bent.file(layout.JOURNAL).splitlines(keepends=True)
    bent.replace(layout.JOURNAL, b"".join([*lines[:1], *lines[2:]]))


def frozen(bent: Bent) -> None:
    """A frozen file that changed, and a promise that was kept."""
    for one in bent.doc(layout.FROZEN)["sets"]:
        if one["files"] and one["unchanged_during_run"]:
            one["files"][0]["after_sha256"] = "2" * 64
            return
    raise NotHereError("nothing was promised")


def other_data(bent: Bent) -> None:
    """Another digest of the data."""
    data = bent.doc(layout.INPUTS)["data"]
    data[min(data)]["sha256"] = "3" * 64


def withhold_evidence(bent: Bent) -> None:
    """Call the predictions withheld."""
    size = len(bent.file(layout.PREDICTIONS))
    bent.doc(layout.WITHHELD)["files"].append(
        {"path": layout.PREDICTIONS, "size_bytes": size, "reason": "private"}
    )


def escape_in_log(bent: Bent) -> None:
    """A log that acts on the terminal."""
    data = bent.file(layout.TRAINING_LOG) + b"\x1b]52;c;YQ==\x07\n"
    bent.replace(layout.TRAINING_LOG, data)


def other_machine(bent: Bent) -> None:
    """Another processor wherever it is named."""
    cpu = bent.doc(layout.HARDWARE)["cpu"]
    model = cpu["model"]
    if not isinstance(model, str) or not model:
        raise NotHereError("the processor is not known")
    cpu["model"] = "A better CPU"
    text = bent.file(layout.ENV_SNAPSHOT).replace(model.encode(), b"A better CPU")
    bent.replace(layout.ENV_SNAPSHOT, text)


def later(bent: Bent) -> None:
    """Move the run to another year."""
    for one in bent.doc(layout.JOURNAL):
        one["utc"] = f"2031{one['utc'][4:]}"


def halved(bent: Bent) -> None:
    """Halve every loss."""
    for row in bent.rows(layout.METRICS):
        row["loss"] /= 2


def less_memory(bent: Bent) -> None:
    """Halve the memory of a sample."""
    row = bent.rows(layout.TELEMETRY)[0]
    if not isinstance(row["rss_bytes"], int):
        raise NotHereError("memory was not sampled")
    row["rss_bytes"] //= 2


def result(group: str, key: str, change: Callable[[Any], Any]) -> Edit:
    """Change one value of results.json."""
    return put(layout.RESULTS, group, key, "value", change=change)
