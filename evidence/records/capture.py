"""What the probes observed of the machine, the repository and the installed packages."""

from typing import Literal

from evidence.records.availability import Unavailable
from evidence.records.record import Number, Record

HeldBy = Literal["commit", "patch", "pointer", "submodule", "nothing"]
FileState = Literal["modified", "added", "deleted", "renamed", "untracked", "unmerged"]


class CpuRecord(Record):
    """The processor and what of it we may use."""

    model: str | Unavailable
    architecture: str | Unavailable
    num_physical_cores: int | Unavailable
    num_logical_cores: int | Unavailable
    num_usable_cores: int | Unavailable
    max_mhz: Number | Unavailable
    flags: tuple[str, ...] | Unavailable


class GpuPartRecord(Record):
    """One part of a GPU that is partitioned (MIG)."""

    uuid: str | Unavailable
    memory_bytes: int | Unavailable


class GpuRecord(Record):
    """One GPU as NVML sees it."""

    index: int
    name: str | Unavailable
    uuid: str | Unavailable
    memory_bytes: int | Unavailable
    compute_capability: str | Unavailable
    """sm_90 and the like."""
    architecture: str | Unavailable
    """Hopper, Blackwell, …"""
    sm_clock_mhz: int | Unavailable
    memory_clock_mhz: int | Unavailable
    power_limit_w: Number | Unavailable
    ecc: bool | Unavailable
    mig: bool | Unavailable
    parts: tuple[GpuPartRecord, ...] | Unavailable = ()
    """Of a partitioned card, what a process gets in its place."""


class HardwareRecord(Record):
    """hardware.json"""

    schema: Literal["hardware.v1"]
    cpu: CpuRecord
    memory_bytes: int | Unavailable
    disk_total_bytes: int | Unavailable
    disk_free_bytes: int | Unavailable
    gpus: tuple[GpuRecord, ...] | Unavailable
    driver_version: str | Unavailable
    driver_cuda_version: str | Unavailable
    os: str | Unavailable
    kernel: str | Unavailable
    container: str | Unavailable


class TorchRecord(Record):
    """The training framework as the worker that completed saw it."""

    torch_version: str
    transformers_version: str
    cuda_version: str | Unavailable
    cudnn_version: str | Unavailable
    device: str
    device_name: str | Unavailable
    num_threads: int
    num_interop_threads: int
    deterministic_algorithms: bool
    matmul_precision: str
    cpu_capability: str | None = None
    """Instructions that the kernels for processors are chosen by (AVX2, DEFAULT, …). None: not
    recorded."""
    device_uuid: str | None = None
    """Of the GPU that computed, as PyTorch says it. None: not recorded, or it has none."""


class JaxRecord(Record):
    """JAX and what stands on it, as the worker that completed saw them."""

    jax_version: str
    jaxlib_version: str
    flax_version: str
    optax_version: str
    tunix_version: str
    transformers_version: str
    """Of the tokenizer and of the model's configuration: no model of it runs."""
    platform: Literal["cpu", "gpu", "tpu"]
    device: str
    """As JAX calls it: cpu:0, cuda:0."""
    device_name: str | Unavailable
    num_devices: int
    """Of this platform; one was used."""
    num_threads: int
    matmul_precision: str
    x64: bool
    """Whether double precision is allowed at all."""
    deterministic_ops: bool
    """Whether XLA was told to take operations alone that give the same bits again."""
    xla_flags: str
    """XLA_FLAGS; empty where it is not set."""

    @property
    def deterministic_algorithms(self) -> bool:
        """Whether the same bits come again: always on a CPU, elsewhere where XLA was told to."""
        return self.deterministic_ops or self.platform == "cpu"


FrameworkRecord = TorchRecord | JaxRecord
"""What a worker computes with."""


class EnvironmentRecord(Record):
    """environment.json"""

    schema: Literal["environment.v1"]
    python_version: str | Unavailable
    python_implementation: str | Unavailable
    python_compiler: str | Unavailable
    locale: str | Unavailable
    timezone: str | Unavailable
    started_utc: str | Unavailable
    variables: dict[str, str] | Unavailable
    """Allow-listed environment variables that are set."""
    framework: TorchRecord | JaxRecord | Unavailable


class GitFileRecord(Record):
    """A file that differs from HEAD."""

    path: str
    state: FileState
    sha256: str | Unavailable


class LeftOutRecord(Record):
    """Changed files that are not named one by one."""

    num_files: int
    sha256: str
    """Of what would have been said of them: a canonical JSON line each, in order."""
    reason: str


class LeftOutTagsRecord(Record):
    """Tags of a commit that are not named."""

    num_tags: int
    sha256: str
    """Of their names: a JSON line each, in order."""
    reason: str


def why_left_out(num_files: int, num_named: int) -> str:
    """The reason of a LeftOutRecord."""
    return f"{num_files} files differ from the commit; only the first {num_named} are named"


class GitStateRecord(Record):
    """The repository at one moment."""

    commit: str
    tree: str
    branch: str | Unavailable
    tags: tuple[str, ...]
    commit_utc: str
    subject: str
    dirty: bool
    files: tuple[GitFileRecord, ...]
    shallow: bool
    num_not_checked_out: int
    """Files of the commit that a sparse checkout leaves out."""
    left_out: LeftOutRecord | None = None
    """What `files` does not name. None: it names every file."""
    left_out_tags: LeftOutTagsRecord | None = None
    """What `tags` does not name. None: it names every tag."""

    @property
    def num_changed_files(self) -> int:
        """Files that differ from the commit, named or not."""
        return len(self.files) + (0 if self.left_out is None else self.left_out.num_files)


class InputPlaceRecord(Record):
    """An input of the run, and what holds its bytes."""

    input: str
    """Key of the milestone that names it, such as data.train.path; `milestone` for the file."""
    path: str
    """From the top of the working tree; as the milestone names it where it lies elsewhere."""
    held_by: HeldBy
    """pointer: a Git LFS pointer to these bytes. nothing: whoever has the commit lacks it."""
    reason: str
    """Why nothing holds it; else empty."""


class GitRecord(Record):
    """git.json: state at start and at end of the run."""

    schema: Literal["git.v1"]
    remote: str | Unavailable
    start: GitStateRecord | Unavailable
    end: GitStateRecord | Unavailable
    changed_during_run: bool | Unavailable
    patch_sha256: str | Unavailable
    prefix: str | None = None
    """The project's folder from the top of the working tree, with a slash at its end; empty where
    it is the top. None: not recorded."""
    inputs: tuple[InputPlaceRecord, ...] | None = None
    """What holds each input that is a file or a folder. None: not recorded."""


class PackageRecord(Record):
    """One installed distribution."""

    name: str
    version: str
    installer: str | Unavailable
    origin: str | Unavailable
    """PEP 610 direct_url, credentials removed."""
    record_sha256: str | Unavailable
    shadowed: bool = False
    """Whether another version comes earlier on the path: that one is imported, not this."""


class PackagesRecord(Record):
    """packages.json"""

    schema: Literal["packages.v1"]
    packages: tuple[PackageRecord, ...] | Unavailable

    @property
    def known(self) -> tuple[PackageRecord, ...]:
        """Those that are known of."""
        return () if isinstance(self.packages, Unavailable) else self.packages

    @property
    def imported(self) -> tuple[PackageRecord, ...]:
        """Those that an import finds."""
        return tuple(one for one in self.known if not one.shadowed)


class WorkerRecord(Record):
    """worker.json: the Python that the workers of an attempt ran under, where it is another one
    than that of the supervisor, of which environment.json and packages.json tell."""

    schema: Literal["worker.v1"]
    interpreter: str
    """As the milestone names it."""
    executable: str
    """As it calls itself."""
    python_version: str
    python_implementation: str
    python_compiler: str
    packages: tuple[PackageRecord, ...]

    @property
    def as_packages(self) -> PackagesRecord:
        """Its packages in the form of packages.json."""
        return PackagesRecord(schema="packages.v1", packages=self.packages)


class FrozenFileRecord(Record):
    """A frozen file. None: the file was not there at that moment."""

    path: str
    before_sha256: str | None
    after_sha256: str | Unavailable | None
    ref_sha256: str | Unavailable | None


class FrozenSetRecord(Record):
    """One [[frozen]] of the milestone, before and after."""

    name: str
    ref: str | None
    ref_commit: str | Unavailable
    policy: Literal["fail", "record"]
    unchanged_during_run: bool
    equal_to_ref: bool | Unavailable
    files: tuple[FrozenFileRecord, ...]


class FrozenRecord(Record):
    """frozen.json"""

    schema: Literal["frozen.v1"]
    sets: tuple[FrozenSetRecord, ...] | Unavailable

    @property
    def known(self) -> tuple[FrozenSetRecord, ...]:
        """Those that are known of."""
        return () if isinstance(self.sets, Unavailable) else self.sets


class TelemetryRow(Record, gc=False, omit_defaults=True):
    """One line of telemetry.jsonl: our worker and its accelerator at one moment."""

    attempt: str
    stage: str
    elapsed_s: Number
    """Monotonic seconds since the run began."""
    rss_bytes: int | Unavailable
    cpu_percent: Number | Unavailable
    gpu_memory_bytes: int | Unavailable
    gpu_utilisation_percent: Number | Unavailable
    gpu_power_w: Number | Unavailable
    cpu_energy_j: Number | Unavailable | None = None
    """Of all packages since the last sample; None in packs from before it was asked."""
