"""The toy pack with what a run on a GPU has besides."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any, Final

from toy import toy

from evidence import layout
from evidence.self_test.forger import ForgedPack
from evidence.text import endings

_SETTINGS: Final = {
    "[train]": 'data = "train"\nschedule = "linear"\nweight_decay = 0.01\nmax_grad_norm = 1.0\n'
    'optimizer = "adafactor"\nexecution = "fast"\ndeterministic = true',
    "[eval]": 'data = "eval"\nid_field = "id"\ntarget_field = "final_answer"\nbatch_size = 4\n'
    'prompt = "{{ prompt }}"',
    'path = "data/train.jsonl"': 'loss = "completion"\nappend_eos = true\n'
    "answer_may_be_unseen = false",
    'backend = "transformers"': "threads = 2\ntimeout_s = 3600\nno_progress_timeout_s = 600",
    'name = "all steps"': 'required = true\non_stand_in = "check"',
    "[narrative]": 'quote = "As it was."\nimpact = "None."\nconclusion = "It ran."\n'
    'next_steps = "Rest."\nobservations = "Quiet."\nlessons = ["Patience."]',
    "[publish]": "pseudonyms = false",
}
"""More settings of the milestone, each behind the first line that reads so."""


_WHY: Final = endings.set_aside(endings.none_of_the_runs("file"))
RECOVERED: Final = {
    "reason": "it was killed",
    "after": "killed",
    "from_step": None,
    "num_step_rows_cut": 0,
    "num_predictions_cut": 0,
    "num_incomplete_bytes": 3,
    "allowed": [{"sha256": "5" * 64, "reason": "A test value."}],
    "differences": ["another kernel"],
    "set_aside": [
        {"path": "pack/.DS_Store", "sha256": "6" * 64, "size_bytes": 7, "reason": _WHY},
        {"path": "pack/pipe", "sha256": None, "size_bytes": None, "reason":
         endings.set_aside(endings.none_of_the_runs("pipe"))},
    ],
}  # fmt: skip


def rich_toy() -> ForgedPack:
    """The toy as a real backend would have left it on a machine with a GPU."""
    made = toy()
    text = (made.files[layout.MILESTONE] or b"").replace(b'"stub"', b'"transformers"')
    for old, new in _SETTINGS.items():
        text = text.replace(old.encode(), f"{old}\n{new}".encode(), 1)
    made.files[layout.MILESTONE] = text
    made.journal_milestone()
    made.event("attempt-started", number=2)["data"]["backend"] = "transformers"
    _machine(made)
    _facts(made)
    _logs(made)
    return made.seal()


def _logs(made: ForgedPack) -> None:
    """What our own backend prints, every five steps."""
    rows = made.docs[layout.METRICS]
    seam = made.docs[layout.INPUTS]["text"]["seam"]
    lines = [
        f"evaluation feeds … {seam['fed']!r}; the training text goes on {seam['continuation']!r}",
        f"the first token that carries loss: {seam['first_target']!r}",
        f"the probe measures {seam['probe_wanted']!r} after … {seam['probe_given']!r}",
        f"training models/toy on {rows[0]['num_rows'] * 9 + 1} rows",
    ]
    for at in range(0, len(rows), 5):
        some = rows[at : at + 5]
        mean = math.fsum(one["loss"] for one in some) / len(some)
        rate, epoch = some[-1]["learning_rate"], some[-1]["epoch"]
        lines.append(
            f"step {some[-1]['step']}/{len(rows)}  loss {mean!r}  learning_rate {rate!r}  "
            f"epoch {epoch!r}"
        )
    made.files[layout.TRAINING_LOG] = "".join(f"{line}\n" for line in lines).encode()
    made.files[layout.EVAL_LOG] = b"evaluating 5 of 8 questions with the saved model\n"


def _machine(made: ForgedPack) -> None:
    hardware = made.docs[layout.HARDWARE]
    hardware["gpus"] = [
        {
            "index": 0,
            "name": "NVIDIA H100 80GB HBM3",
            "uuid": "GPU-1",
            "memory_bytes": 80 * 10**9,
            "compute_capability": "sm_90",
            "architecture": "Hopper",
            "sm_clock_mhz": 1980,
            "memory_clock_mhz": 2619,
            "power_limit_w": 700.0,
            "ecc": True,
            "mig": False,
        }
    ]
    hardware |= {"driver_version": "580.10", "driver_cuda_version": "13.0"}
    framework = made.docs[layout.ENVIRONMENT]["framework"]
    framework |= {
        "torch_version": "2.9.0+cu130",
        "cuda_version": "13.0",
        "cudnn_version": "91000",
        "device": "cuda:0",
        "device_name": "NVIDIA H100 80GB HBM3",
        "device_uuid": "GPU-1",
    }
    made.docs[layout.ENVIRONMENT]["variables"] = {"CUDA_VISIBLE_DEVICES": "0", "LANG": "C.UTF-8"}
    for row in made.docs[layout.TELEMETRY]:
        row |= {"gpu_memory_bytes": 10**9, "gpu_utilisation_percent": 80.0, "gpu_power_w": 300.0}
        row |= {"cpu_energy_j": 41.5}
    made.files[layout.GPU_SNAPSHOT] = b"NVIDIA-SMI 580.10\nNVIDIA H100 80GB HBM3\n"


def _facts(made: ForgedPack) -> None:
    """Events that the stub does not report."""
    stage = {"stage": "train", "segment": 1}
    execution = {**stage, "execution": "fast", "rows_per_forward": 2, "accumulation": 1}
    execution |= {"device": "cuda:0", "num_devices": 1}
    first = made.docs[layout.METRICS][0]
    loss = {**stage, "step": 1, "num_rows": first["num_rows"]}
    loss |= {"ours": first["loss"], "framework": first["loss"]}
    generation = {
        "stage": "eval",
        "segment": 1,
        "settings": {"max_new_tokens": "12", "do_sample": "false"},
        "set_aside": {"temperature": "0.7"},
        "end_tokens": [{"id": 0, "text": "<bos>", "declared_by": ["tokenizer"]}],
    }
    _behind(made, "captured", "recovered", RECOVERED, moment="start")
    _behind(made, "probe", "execution", execution)
    _behind(made, "execution", "loss", loss)
    _behind(made, "schedule", "generation", generation, stage="eval")
    num = made.docs[layout.INPUTS]["model"]["num_parameters"]
    tables = made.docs[layout.INPUTS]["model"]["num_embedding_parameters"]
    made.event("stage-finished", stage="train")["data"]["weights"] = {
        "compared_every": 1,
        "num_compared": num,
        "num_changed": num - 2,
        "num_compared_in_embeddings": tables,
        "num_changed_in_embeddings": tables - 2,
        "num_optimizer_steps": 20,
    }
    made.docs[layout.INPUTS]["text"]["seam"] = {
        "fed": "1 + 1? ",
        "continuation": "2",
        "first_target": " t2",
        "waits_for": "Answer:",
        "probe_given": f"{made.docs[layout.PREDICTIONS][0]['prompt']} Answer:",
        "probe_wanted": made.docs[layout.PREDICTIONS][0]["target"],
        "mismatches": [],
    }
    made.docs[layout.MANIFEST]["parents"] = [
        {"milestone": "M90", "root_sha256": "a" * 64, "relation": "reproduces"}
    ]
    for moment in ("start", "end"):
        made.docs[layout.GIT][moment] |= {"tags": ["v1"]}
    made.docs[layout.GIT]["remote"] = "https://example.org/toy.git"
    made.docs[layout.HARDWARE]["cpu"]["flags"] = ["avx", "avx2"]
    made.docs[layout.INPUTS]["model"]["embedding_tables"] = [
        {"name": "model.embed_tokens.weight", "num_elements": tables}
    ]


def _behind(made: ForgedPack, earlier: str, name: str, data: dict[str, Any], **where: Any) -> None:
    """One more event directly behind the first one that is called so."""
    events = made.docs[layout.JOURNAL]
    place = next(
        i
        for i, one in enumerate(events)
        if one["event"] == earlier and where.items() <= one["data"].items()
    )
    events.insert(place + 1, {**deepcopy(events[place]), "event": name, "data": data})
