"""Laws of size and machine: what no machine of this kind and no model of these shapes can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from damaged import damaged_toy
from judged import evidence_of, said, said_of
from lies import event, milestone, put
from toy import CONFIG, toy

from evidence import layout
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

Edit = Callable[[ForgedPack], object]
NO = {"unavailable": "not known"}
PARAMETERS = "inputs.json#/model/num_parameters"
SNAPSHOT = layout.ENV_SNAPSHOT
FRAMEWORK = "environment.json#/framework"


def config(**values: Any) -> Edit:
    """More keys of config.json; None takes one away."""

    def edit(pack: ForgedPack) -> None:
        merged = {**json.loads(pack.file(CONFIG)), **values}
        kept = {key: value for key, value in merged.items() if value is not None}
        pack.replace(CONFIG, json.dumps(kept).encode())

    return edit


def model(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.INPUTS]["model"].update(values)


def framework(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.ENVIRONMENT]["framework"].update(values)


def hardware(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.HARDWARE].update(values)


def gpu(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.HARDWARE]["gpus"][0].update(values)


def trained(pack: ForgedPack, **values: Any) -> None:
    pack.event("stage-finished", stage="train")["data"].update(values)


def both(*edits: Edit) -> Edit:
    def edit(pack: ForgedPack) -> None:
        for one in edits:
            one(pack)

    return edit


def address_of(pack: ForgedPack, key: str, name: str = "stage-finished") -> str:
    return f"journal.jsonl#L{pack.event(name, stage='train')['seq'] + 1}/data/{key}"


PLAIN = config(intermediate_size=4, num_hidden_layers=2)
HEADS = config(num_attention_heads=8, head_dim=64)
SHAPES: dict[str, tuple[Edit, list[str]]] = {
    "fewer than the embedding": (
        model(num_parameters=255),
        [f"{PARAMETERS}: fewer than the embedding of {CONFIG} has"],
    ),
    "more than its shapes have": (
        both(PLAIN, model(num_parameters=10**6)),
        [f"{PARAMETERS}: more than a model of the shapes in {CONFIG} can have"],
    ),
    "a narrow embedding of its own": (
        both(config(embedding_size=2), model(num_parameters=255)), []
    ),
    "wide heads": (both(PLAIN, HEADS, model(num_parameters=10**5)), []),
    "long positions": (
        both(PLAIN, config(max_position_embeddings=10**6), model(num_parameters=10**6)), []
    ),
    "no inner size, as of another kind of model": (model(num_parameters=10**6), []),
    **{
        f"parts of another kind: {key}": (
            both(PLAIN, config(**{key: 4}), model(num_parameters=10**6)), []
        )
        for key in ("num_experts", "vision_config", "audio_config", "text_config",
                    "encoder_layers", "decoder_layers", "hidden_size_per_layer_input")
    },
    "a width that is no number": (both(config(hidden_size="4"), model(num_parameters=1)), []),
    "a width that is a truth": (both(config(hidden_size=True), model(num_parameters=1)), []),
    "no vocabulary": (both(config(vocab_size=None), model(num_parameters=1)), []),
    "a list for a config": (
        lambda pack: (pack.replace(CONFIG, b"[]"), model(num_parameters=1)(pack)), []
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SHAPES)
def test_parameters_fit_the_shapes_of_the_config(case: str) -> None:
    edit, expected = SHAPES[case]
    pack = toy()
    edit(pack)
    assert said(pack, "model-size").lines == expected


def test_the_most_that_a_plain_transformer_has_is_a_number_with_room() -> None:
    pack = toy()
    PLAIN(pack)
    model(num_parameters=10**6)(pack)
    layer = 4 * 4 * 4 + 3 * 4 * 4 + 16 * (4 + 4 + 4)
    assert said(pack, "model-size").findings[0].expected == f"at most {4 * (2 * layer + 128 * 4)}"


def test_a_model_that_is_not_known_is_of_no_size() -> None:
    judged = said(damaged_toy(), "model-size")
    assert (judged.outcome, judged.reason) == (
        "not_checked", "the model is not known: no attempt completed"
    )  # fmt: skip


def test_weights_take_half_of_their_bytes_at_least_over_all_devices() -> None:
    pack = rich_toy()
    num = pack.docs[layout.INPUTS]["model"]["num_parameters"]
    trained(pack, peak_memory_bytes=2 * num - 1)
    place = address_of(pack, "peak_memory_bytes")
    assert said(pack, "model-size").lines == [f"{place}: too little memory for {num} parameters"]
    trained(pack, peak_memory_bytes=2 * num)
    assert said(pack, "model-size").lines == []
    pack.event("execution")["data"]["num_devices"] = 2
    trained(pack, peak_memory_bytes=num)
    assert said(pack, "model-size").lines == []
    trained(pack, peak_memory_bytes=None)
    assert said(pack, "model-size").lines == []


RATES: dict[str, tuple[Edit, float, bool]] = {
    "two processors": (lambda pack: None, 1.1e13, True),
    "two processors at their best": (lambda pack: None, 0.9e13, False),
    "a card, of which nothing is known": (framework(device="cuda:0"), 2.1e16, True),
    "a card at its best": (framework(device="cuda:0"), 1.9e16, False),
    "processors that nobody counted": (
        lambda pack: pack.docs[layout.HARDWARE]["cpu"].update(num_logical_cores=NO), 1e17, False
    ),
    "a framework that is not known": (put(layout.ENVIRONMENT, "framework", value=NO), 1e17, False),
}  # fmt: skip


@pytest.mark.parametrize("case", RATES)
def test_a_loop_computes_what_its_machine_can(case: str) -> None:
    edit, flops_per_s, found = RATES[case]
    pack = toy()
    edit(pack)
    trained(pack, total_flos=int(flops_per_s), runtime_s=1.0)
    text = "more operations a second than this machine can do"
    expected = [f"{address_of(pack, 'total_flos')}: {text}"] if found else []
    assert said(pack, "model-size").lines == expected


@pytest.mark.parametrize("values", [{"total_flos": None}, {"runtime_s": None}, {"segment": 2}])
def test_of_a_loop_that_says_no_rate_none_is_asked(values: dict[str, Any]) -> None:
    pack = toy()
    trained(pack, **{"total_flos": 10**16, "runtime_s": 1.0, **values})
    assert said(pack, "model-size").lines == []


def test_the_snapshot_is_what_the_documents_give() -> None:
    pack = toy()
    whole = pack.file(SNAPSHOT)
    assert said(pack, "env-snapshot").outcome == "pass"
    pack.replace(SNAPSHOT, whole + b"\n")
    assert said_of_snapshot(pack) == [f"{SNAPSHOT}: not as many lines as the documents give"]
    first, _, rest = whole.partition(b"\n")
    pack.replace(SNAPSHOT, first + b"!\n" + rest + b"more\n")
    assert said_of_snapshot(pack) == [f"{SNAPSHOT}#L1: not what the documents give here"]
    away = said(toy(), "env-snapshot", without=(SNAPSHOT,))
    assert away.reason == f"{SNAPSHOT} is not there, or too large"
    closed = said(damaged_toy(), "env-snapshot")
    assert closed.reason == "the run was closed when its files were damaged"
    assert (away.outcome, closed.outcome) == ("not_checked", "not_checked")


def said_of_snapshot(pack: ForgedPack) -> list[str]:
    """What is said of a pack whose forger forgets the snapshot."""
    return said_of(evidence_of(pack.seal(("snapshot",))), "env-snapshot").lines


def without_package(name: str) -> Edit:
    def edit(pack: ForgedPack) -> None:
        packages = pack.docs[layout.PACKAGES]["packages"]
        packages[:] = [one for one in packages if one["name"] != name]

    return edit


def executed_on(device: str) -> Edit:
    return event("execution", "device", device)


DEVICE_OF_FRAMEWORK = "another device than the framework had"
BUILDS: dict[str, tuple[Edit, list[str]]] = {
    "as it was": (lambda pack: None, []),
    "no framework": (
        put(layout.ENVIRONMENT, "framework", value=NO),
        [f"{FRAMEWORK}: a run that completed knows its framework"],
    ),
    "a build for CPUs on a GPU": (
        framework(torch_version="2.9.0+cpu"),
        [f"{FRAMEWORK}/device: a build for CPUs alone computes on no GPU",
         f"{FRAMEWORK}/cuda_version: a build for CPUs alone has no CUDA"],
    ),
    "a build without CUDA on a GPU": (
        framework(torch_version="2.9.0", cuda_version=NO),
        [f"{FRAMEWORK}/device: a GPU was used, and this build has no CUDA"],
    ),
    "a build for ROCm, which calls its cards cuda": (
        framework(torch_version="2.9.0+rocm6.3", cuda_version=NO), []
    ),
    "another CUDA": (
        framework(cuda_version="12.8"),
        [f"{FRAMEWORK}/cuda_version: another CUDA than the build names"],
    ),
    "a CUDA that is not known": (
        framework(cuda_version=NO),
        [f"{FRAMEWORK}/device: a GPU was used, and this build has no CUDA"],
    ),
    "a card too many": (
        both(framework(device="cuda:1"), executed_on("cuda:1")),
        [f"{FRAMEWORK}/device: there is no card of this number"],
    ),
    "a card too many, of cards that nobody counted": (
        both(framework(device="cuda:1"), executed_on("cuda:1"), hardware(gpus=NO)), []
    ),
    "another device": (executed_on("cpu"), [DEVICE_OF_FRAMEWORK]),
    "another card": (executed_on("cuda:1"), [DEVICE_OF_FRAMEWORK]),
    "a card without its number": (executed_on("cuda"), []),
    "no PyTorch": (
        without_package("torch"),
        [f"{FRAMEWORK}/torch_version: PyTorch is not among the packages"],
    ),
    "no PyTorch of a package, as a build of one's own": (
        both(without_package("torch"), framework(torch_version="2.9.0a0+gitabc")), []
    ),
    "no transformers": (
        without_package("transformers"),
        [f"warning {FRAMEWORK}/transformers_version: is not among the packages: perhaps it was "
         "imported from a folder"],
    ),
    "no packages": (put(layout.PACKAGES, "packages", value=[]), []),
    "other threads": (
        framework(num_threads=3), [f"{FRAMEWORK}/num_threads: not as this attempt asks"]
    ),
    "threads that nobody asked for": (
        both(framework(num_threads=3), milestone("threads = 2\n", "")), []
    ),
    "more threads between operations": (
        framework(num_interop_threads=2),
        [f"{FRAMEWORK}/num_interop_threads: not as this attempt asks"],
    ),
    "other algorithms": (
        framework(deterministic_algorithms=False),
        [f"{FRAMEWORK}/deterministic_algorithms: not as this attempt asks"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BUILDS)
def test_a_framework_computes_where_it_says(case: str) -> None:
    edit, expected = BUILDS[case]
    pack = rich_toy()
    edit(pack)
    lines = said(pack, "framework-build").lines
    if expected == [DEVICE_OF_FRAMEWORK]:
        expected = [f"{address_of(pack, 'device', 'execution')}: {DEVICE_OF_FRAMEWORK}"]
    assert lines == expected


def test_another_backend_is_not_asked_for_what_ours_always_does() -> None:
    pack = toy()
    framework(num_threads=3, num_interop_threads=2, deterministic_algorithms=False)(pack)
    without_package("torch")(pack)
    judged = said(pack, "framework-build")
    assert (judged.outcome, judged.lines) == ("pass", [])


def test_a_framework_of_another_backend_may_be_unknown() -> None:
    pack = toy()
    put(layout.ENVIRONMENT, "framework", value=NO)(pack)
    judged = said(pack, "framework-build")
    assert judged.outcome == "not_checked"
    assert judged.reason == "the framework is not known: not known"


def sample(**values: Any) -> Edit:
    return lambda pack: pack.docs[layout.TELEMETRY][1].update(values)


NO_GPU = "there is no GPU that could show this"
MORE = "more than this machine has"
SAMPLES: dict[str, tuple[Edit, list[str]]] = {
    "as they were": (lambda pack: None, []),
    "more memory than the cards": (
        sample(gpu_memory_bytes=81 * 10**9), [f"#L2/gpu_memory_bytes: {MORE}"]
    ),
    "cards whose memory is not known": (
        both(gpu(memory_bytes=NO), sample(gpu_memory_bytes=10**15)), []
    ),
    "more power than twice the limit": (
        sample(gpu_power_w=1401.0), [f"#L2/gpu_power_w: {MORE}"]
    ),
    "cards whose power is not known": (both(gpu(power_limit_w=NO), sample(gpu_power_w=1e6)), []),
    "more energy than processors draw": (
        sample(cpu_energy_j=1e9), ["#L2/cpu_energy_j: more than processors draw in this time"]
    ),
    "the energy of a busy machine": (sample(cpu_energy_j=900.0), []),
    "more use than there is": (
        sample(gpu_utilisation_percent=101.0), [f"#L2/gpu_utilisation_percent: {MORE}"]
    ),
    "a value that is not known": (sample(gpu_power_w=NO), []),
    "no driver": (
        hardware(gpus={"unavailable": "no NVIDIA driver"}),
        [f"#L{line}/{key}: {NO_GPU}" for line in range(1, 6)
         for key in ("gpu_memory_bytes", "gpu_utilisation_percent", "gpu_power_w")],
    ),
    "no card": (
        hardware(gpus=[]),
        [f"#L{line}/{key}: {NO_GPU}" for line in range(1, 6)
         for key in ("gpu_memory_bytes", "gpu_utilisation_percent", "gpu_power_w")],
    ),
    "cards that nobody could ask": (hardware(gpus={"unavailable": "the driver hangs"}), []),
    "more memory than eight times the machine's": (
        sample(rss_bytes=8 * 16 * 2**30 + 1), [f"#L2/rss_bytes: {MORE}"]
    ),
    "a machine whose memory is not known": (
        both(hardware(memory_bytes=NO), sample(rss_bytes=10**15)), []
    ),
    "more processors than twice the machine's": (
        sample(cpu_percent=401.0), [f"#L2/cpu_percent: {MORE}"]
    ),
    "processors that nobody counted": (
        lambda pack: (pack.docs[layout.HARDWARE]["cpu"].update(num_logical_cores=NO),
                      sample(cpu_percent=9999.0)(pack)), []
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAMPLES)
def test_samples_show_what_the_machine_can(case: str) -> None:
    edit, expected = SAMPLES[case]
    pack = rich_toy()
    edit(pack)
    found = said(pack, "telemetry-machine")
    assert found.lines == [f"{layout.TELEMETRY}{one}" for one in expected]


def test_without_samples_nothing_is_said_of_them() -> None:
    pack = toy()
    pack.docs[layout.TELEMETRY] = []
    judged = said(pack, "telemetry-machine")
    assert (judged.outcome, judged.reason) == ("not_checked", "there are no samples")


def test_samples_are_of_stages_that_ran_and_long_stages_have_one() -> None:
    pack = toy()
    sample(stage="eval", attempt="big")(pack)
    text = "the journal started no such stage of this attempt"
    assert said(pack, "telemetry-there").lines == [f"{layout.TELEMETRY}#L2/stage: {text}"]
    pack = toy()
    pack.event("stage-finished", stage="train")["data"]["duration_s"] = 61.0
    pack.event("stage-finished", stage="eval")["data"]["duration_s"] = 60.5
    (line,) = said(pack, "telemetry-there").lines
    text = "there is no sample of the eval stage, which took this long"
    assert line == f"warning journal.jsonl#L15/data/duration_s: {text}"
    pack.event("stage-finished", stage="eval")["data"]["duration_s"] = 60.0
    assert said(pack, "telemetry-there").lines == []
