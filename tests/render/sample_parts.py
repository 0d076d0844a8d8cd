"""What the sample packs say of machine, repository, inputs and attempts."""

from __future__ import annotations

from typing import Final

from evidence.encoding.digest import sha256_hex
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    CpuRecord,
    EnvironmentRecord,
    FrozenFileRecord,
    FrozenRecord,
    FrozenSetRecord,
    GitRecord,
    GitStateRecord,
    HardwareRecord,
    TelemetryRow,
    TorchRecord,
)
from evidence.records.inputs import (
    DataRecord,
    FieldCoverage,
    InputsRecord,
    Lengths,
    ModelRecord,
    OverlapRecord,
    ScorerRecord,
    SeenBatch,
    SeenRecord,
    SeenRow,
    SpecialToken,
    TextRecord,
    TokenizerRecord,
)
from evidence.records.run import OutcomeRecord

NUM_ROWS: Final = 550
NUM_STEPS: Final = 138
GIT_COMMIT: Final = "c0ffee" * 6 + "c0ff"


def environment_record(framework: TorchRecord | Unavailable) -> EnvironmentRecord:
    return EnvironmentRecord(
        schema="environment.v1",
        python_version="3.11.7",
        python_implementation="CPython",
        python_compiler="GCC 12",
        locale="C.UTF-8",
        timezone="UTC",
        started_utc="2026-01-08T20:00:05.000000Z",
        variables={},
        framework=framework,
    )


TORCH: Final = TorchRecord(
    torch_version="2.9.0+cpu",
    transformers_version="5.1.0",
    cuda_version=Unavailable("a build of PyTorch without CUDA"),
    cudnn_version=Unavailable("a build of PyTorch without CUDA"),
    device="cpu",
    device_name=Unavailable("no accelerator"),
    num_threads=2,
    num_interop_threads=1,
    deterministic_algorithms=True,
    matmul_precision="highest",
)
HARDWARE: Final = HardwareRecord(
    schema="hardware.v1",
    cpu=CpuRecord("Intel(R) Xeon(R) CPU @ 2.60GHz", "x86_64", 1, 2, 2, 2600.0, ("avx2",)),
    memory_bytes=16_780_000_000,
    disk_total_bytes=10**12,
    disk_free_bytes=10**11,
    gpus=Unavailable("no NVIDIA driver: NVML Shared Library Not Found"),
    driver_version=Unavailable("no NVIDIA driver"),
    driver_cuda_version=Unavailable("no NVIDIA driver"),
    os="Debian GNU/Linux 12 (bookworm)",
    kernel="6.1",
    container="docker",
)
STATE: Final = GitStateRecord(
    commit=GIT_COMMIT,
    tree="7" * 40,
    branch="main",
    tags=(),
    commit_utc="2026-01-08T19:00:00Z",
    subject="Run M43",
    dirty=False,
    files=(),
    shallow=False,
    num_not_checked_out=0,
)
GIT: Final = GitRecord(
    schema="git.v1",
    remote=Unavailable("no remote"),
    start=STATE,
    end=STATE,
    changed_during_run=False,
    patch_sha256=Unavailable("clean"),
)
ZIP: Final = sha256_hex(b"zip")
FROZEN: Final = FrozenRecord(
    schema="frozen.v1",
    sets=(
        FrozenSetRecord(
            name="submission",
            ref="HEAD",
            ref_commit=GIT_COMMIT,
            policy="fail",
            unchanged_during_run=True,
            equal_to_ref=True,
            files=(FrozenFileRecord("submission.zip", ZIP, ZIP, ZIP),),
        ),
    ),
)
MODEL: Final = ModelRecord(
    id="models/tiny",
    source="random",
    revision_requested=None,
    revision=Unavailable("random weights have no revision"),
    init_seed=42,
    config_sha256=sha256_hex(b"config"),
    files=Unavailable("random weights"),
    num_parameters=1_234_567,
    num_embedding_parameters=234_567,
    dtype="float32",
)
TOKENIZER: Final = TokenizerRecord(
    id="models/tiny",
    sha256=sha256_hex(b"tok"),
    vocab_size=4096,
    adds_bos=True,
    adds_eos=False,
    special_tokens=(SpecialToken("bos_token", "<bos>", 2), SpecialToken("eos_token", "<eos>", 1)),
    chat_template=None,
)
TEXT: Final = TextRecord(
    data="train",
    template="{{ prompt }} {{ final_answer }}",
    chat_template_applied=False,
    num_rows=NUM_ROWS,
    length_tokens=Lengths(20, 61, 90, 101, 150),
    rows_without_bos=(),
    rows_doubled_bos=(),
    rows_without_eos=(3, 77),
    rows_doubled_eos=(),
    rows_not_round_trip=(),
)


def inputs_record(
    model: ModelRecord | Unavailable, tokenizer: TokenizerRecord | Unavailable
) -> InputsRecord:
    return InputsRecord(
        schema="inputs.v1",
        data={
            "train": data_record("train", "data/traces.jsonl", NUM_ROWS),
            "eval": data_record("eval", "data/eval.jsonl", 100),
        },
        model=model,
        tokenizer=tokenizer,
        text=TEXT if isinstance(model, ModelRecord) else model,
        scorers=tuple(ScorerRecord(name, "rule", 1, None) for name in ("exact", "numeric")),
    )


def data_record(name: str, path: str, num_rows: int) -> DataRecord:
    duplicates = (7, 9) if name == "train" else ()
    return DataRecord(
        name=name,
        path=path,
        hub=None,
        revision=None,
        sha256=sha256_hex(name.encode()),
        sha256_lf=sha256_hex(name.encode()),
        git_blob="1" * 40,
        size_bytes=280_494,
        line_ends="lf",
        num_rows=num_rows,
        field_names=("prompt", "final_answer"),
        num_schema_violations=0,
        length_chars=Lengths(30, 120, 200, 230, 1500),
        num_duplicate_rows=len(duplicates),
        duplicate_rows=duplicates,
        normalised_duplicate_rows=duplicates,
        num_conflicting_prompts=0,
        conflicting_rows=(),
        overlap=OverlapRecord((), (), (), ())
        if name == "train"
        else Unavailable("this is the evaluation set itself"),
    )


def seen_row(text: str, target: str, source_row: int = 0) -> SeenRow:
    """A row whose last `len(target)` ids (one id a character) carry loss."""
    ids = tuple(range(1, len(text) + 1))
    prompt_chars = len(text) - len(target)
    labels = tuple(-100 if i < prompt_chars else n for i, n in enumerate(ids))
    return SeenRow(source_row, ids, labels, pieces=tuple(text))


SEEN: Final = SeenRecord(
    schema="seen.v1",
    stage="train",
    text_template="{{ prompt }} {{ final_answer }}",
    num_rows=NUM_ROWS,
    num_rows_fed=NUM_ROWS,
    times_seen_min=1,
    times_seen_max=1,
    times_seen=(1,) * NUM_ROWS,
    num_tokens=33_000,
    num_fed_tokens=35_200,
    num_target_tokens=11_000,
    rows_truncated=(3, 77),
    tokens_cut=(9, 22),
    num_tokens_cut=31,
    coverage=(
        FieldCoverage("prompt", False, NUM_ROWS, 0, ()),
        FieldCoverage("final_answer", True, NUM_ROWS, 548, (3, 77)),
        FieldCoverage("meta", False, 0, 0, ()),
    ),
    stream_sha256="5" * 64,
    batches=(
        SeenBatch(
            step=1,
            rows=(
                seen_row(
                    "<bos>Reverse the string 'reason'.\nTake each character from the end to the "
                    "start.\nAnswer: nosaer<eos>",
                    "Answer: nosaer<eos>",
                    source_row=13,
                ),
                seen_row("<bos>What is 12 × 12?\nAnswer: 144<eos>", "Answer: 144<eos>", 401),
            ),
        ),
    ),
)
TELEMETRY: Final = tuple(
    TelemetryRow(
        attempt="stand-in",
        stage="train",
        elapsed_s=float(second),
        rss_bytes=700 * 2**20 + second,
        cpu_percent=150.0,
        gpu_memory_bytes=Unavailable("no GPU"),
        gpu_utilisation_percent=Unavailable("no GPU"),
        gpu_power_w=Unavailable("no GPU"),
    )
    for second in range(1, 5)
)
JAX: Final = OutcomeRecord(
    schema="outcome.v1",
    number=1,
    name="jax",
    backend="tunix",
    outcome="requirement-not-met",
    reason="no NVIDIA GPU; tunix is not installed",
    missing=("This machine has no NVIDIA GPU.", "The package google-tunix is not installed."),
    remedies=("Run on a machine with one.", "pip install 'evidence-pack[jax]'"),
    resolution="The same model and data go to the PyTorch attempt.",
    exit_status=None,
    signal=None,
    duration_s=0.0,
    last_lines=(),
)
