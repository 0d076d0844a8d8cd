"""Each key of a milestone file is read in every combination, or said where nothing reads it."""

from __future__ import annotations

import pytest

from evidence.milestone.idle_keys import idle_keys, told_idle
from evidence.milestone.keys import tables
from evidence.milestone.parse import document_of, judged

HEAD = """
schema = "milestone.v1"
id = "T1"
title = "Idle keys"
kind = "fine-tune-and-eval"
objective = "Be told what has no effect."
"""
MODEL = '[model]\npath = "model"\n'
DATA = """
[data.train]
path = "train.jsonl"
text = "{{ prompt }}{{ answer }}"
answer = ["answer"]

[data.eval]
path = "eval.jsonl"
"""
TRAIN = "[train]\nbatch_size = 1\ngradient_accumulation = 1\nlearning_rate = 0.1\n"
EVAL = "[eval]\nmax_new_tokens = 4\n"
ATTEMPT = '[[attempt]]\nname = "cpu"\nbackend = "transformers"\n'
OF_ATTEMPT = f"{TRAIN}{EVAL}{ATTEMPT}"
STAGE = '[[stage]]\nname = "A"\nkind = "train"\n'
CHECK = '[[stage]]\nname = "check"\nkind = "eval"\n'
GATE = '[[gate]]\nname = "low"\nmetric = "train.loss_end"\nop = "<"\n'
CHAT = '[data.eval]\npath = "eval.jsonl"\nformat = "messages"\n'
VALIDATION = '[data.validation]\npath = "v.jsonl"\ntext = "{{ prompt }}"\nloss = "all"\n'
PROGRAM = f'{HEAD}{ATTEMPT}[command]\nrun = ["true"]\n'


def whole(more: str = "", *, train: str = "", evaluate: str = "", attempt: str = "") -> str:
    return f"{HEAD}{MODEL}{DATA}{TRAIN}{train}{EVAL}{evaluate}{ATTEMPT}{attempt}{more}"


def on(table: str, line: str) -> str:
    """The milestone with a line in a table of its own."""
    return whole().replace(f"{table}\n", f"{table}\n{line}\n", 1)


REFUSED: tuple[tuple[str, str, str, str], ...] = (
    # (key, milestone, pointer, words)
    ("seeds", f"seeds = [1, 2]{whole(STAGE)}", "/seeds", "write them there"),
    ("model.init_seed", on("[model]", "init_seed = 1"), "/model/init_seed", "of `config`"),
    ("model.revision", on("[model]", 'revision = "main"'), "/model/revision", "of `id`"),
    (
        "model.tokenizer_sha256",
        on("[model]", f'tokenizer_sha256 = "{"0" * 64}"'),
        "/model/tokenizer_sha256",
        "of `tokenizer`",
    ),
    ("model.chat_values", on("[model]", "chat_values = { a = 1 }"), "/model/chat_values", "format"),
    ("data.answer", on("[data.eval]", 'answer = ["a"]'), "/data/eval/answer", "write `text`"),
    ("data.loss", on("[data.eval]", 'loss = "all"'), "/data/eval/loss", "write `text`"),
    ("data.append_eos", on("[data.eval]", "append_eos = false"), "/data/eval/append_eos", "text"),
    (
        "data.answer_may_be_unseen",
        on("[data.eval]", "answer_may_be_unseen = true"),
        "/data/eval/answer_may_be_unseen",
        "write `text`",
    ),
    ("data.under_test", on("[data.train]", 'under_test = "e"'), "/data/train/under_test", "evalu"),
    ("data.learn", on("[data.eval]", 'learn = "all"'), "/data/eval/learn", "format"),
    ("data.text", whole().replace("[data.eval]\n", f"{CHAT}text = 'a'\n[data.o]\n"),
     "/data/eval/text", "chat template"),
    ("train.validation_data", whole(train='validation_data = "eval"\n'),
     "/train/validation_data", "validate_every_steps = 50"),
    ("train.warmup_steps", whole(train='schedule = "constant"\nwarmup_steps = 2\n'),
     "/train/warmup_steps", "constant_with_warmup"),
    ("train.warmup_ratio", whole(train='schedule = "constant"\nwarmup_ratio = 0.1\n'),
     "/train/warmup_ratio", "constant_with_warmup"),
    ("train.early_stopping_patience", whole(train="early_stopping_patience = 2\n"),
     "/train/early_stopping_patience", "validate_every_steps"),
    ("train.early_stopping_threshold", whole(train="early_stopping_threshold = 0.1\n"),
     "/train/early_stopping_threshold", "patience"),
    ("train.keep_best", whole(train="keep_best = true\n"), "/train/keep_best", "validate_every"),
    ("train.adam_beta1", whole(train="adam_beta1 = 0.5\n"), "/train/adam_beta1", "AdamW"),
    ("train.adam_beta2", whole(train="adam_beta2 = 0.5\n"), "/train/adam_beta2", "AdamW"),
    ("train.adam_epsilon", whole(train="adam_epsilon = 0.5\n"), "/train/adam_epsilon", "AdamW"),
    ("train.mixed_precision", whole(train='mixed_precision = "bf16"\n'),
     "/train/mixed_precision", "float32"),
    ("train.seed", f"seeds = [1, 2]{whole(train='seed = 7')}".replace("7[", "7\n["),
     "/train/seed", "seed of each"),
    ("eval.before_target", whole(evaluate='before_target = " "\n'), "/eval/before_target", "mean_"),
    ("eval.dtype", whole(evaluate='dtype = "float32"\n'), "/eval/dtype", "trains nothing"),
    ("attempt.model", PROGRAM.replace("[command]", '[attempt.model]\npath = "m"\n[command]'),
     "/attempt/0/model", "runs a program"),
    ("attempt.train", PROGRAM.replace("[command]", "[attempt.train]\nseed = 1\n[command]"),
     "/attempt/0/train", "runs a program"),
    ("attempt.eval", PROGRAM.replace("[command]", "[attempt.eval]\nlimit = 1\n[command]"),
     "/attempt/0/eval", "runs a program"),
    ("attempt.interpreter", PROGRAM.replace("[command]", 'interpreter = "py"\n[command]'),
     "/attempt/0/interpreter", "command line"),
    ("attempt.requires.vram_gib", whole("[attempt.requires]\nvram_gib = 24\n"),
     "/attempt/0/requires/vram_gib", "nvidia"),
    ("attempt.requires.gpu", whole("[attempt.requires]\ngpu = 1\n"),
     "/attempt/0/requires/gpu", "nvidia"),
    ("attempt.requires.hub", whole("[attempt.requires]\nhub = true\n"),
     "/attempt/0/requires/hub", "no model of the hub"),
    ("gate.factor", whole(f"{GATE}value = 1\nfactor = 2\n"), "/gate/0/factor", "`other`"),
    ("publish.reason", whole('[publish]\nreason = "large"\n'), "/publish/reason", "withhold"),
    ("collect.paths", whole('[[collect]]\npaths = ["a"]\n'), "/collect", "[command]"),
    ("metric.name", whole('[[metric]]\nname = "a"\nfile = "a"\n'), "/metric", "[command]"),
    ("stage.init", whole(f'{STAGE}{CHECK}init = "stage:A"\n'), "/stage/1/init", "of training"),
    ("stage.of", whole(f'{STAGE}of = ["base"]\n'), "/stage/0/of", "evaluation stages"),
    ("stage.train", whole(f"{STAGE}{CHECK}[stage.train]\nseed = 1\n"), "/stage/1/train", "trains"),
    ("stage.eval", whole(f"{STAGE}[stage.eval]\nlimit = 1\n"), "/stage/0/eval", "has no [eval]"),
    ("stage.seeds", whole(f"{STAGE}{CHECK}seeds = [1, 2]\n"), "/stage/1/seeds", "of training"),
    ("arms.stages", whole('[[arms]]\nstages = ["A", "B"]\nvaries = ["data"]\n'), "/arms", "no [["),
)  # fmt: skip
TOLD: tuple[tuple[str, str, str, str], ...] = (
    ("train.epochs", whole(train="epochs = 2\nmax_steps = 5\n"), "/train/epochs", "max_steps"),
    ("data.path", whole(VALIDATION), "/data/validation", "validate_every_steps = 50"),
)
WITH_THE_DATA = {"eval.prompt", "eval.target_field"}
"""Refused by preflight, which knows that rows are conversations (tests/chat)."""
READ = {
    "": {"schema", "id", "title", "kind", "objective"},
    "model": {"pack", "id", "path", "config", "tokenizer", "chat_template", "license"},
    "data": {"file_format", "sha256", "rows", "fields", "where", "format", "license"},
    "data.hub": {"id", "split", "revision", "config"},
    "train": {
        *("data", "max_steps", "batch_size", "gradient_accumulation", "learning_rate", "schedule"),
        *("weight_decay", "max_grad_norm", "label_smoothing", "neftune_noise_alpha", "optimizer"),
        *("gradient_checkpointing", "validate_every_steps", "dtype", "max_length"),
        *("log_every_steps", "checkpoint_every_steps", "execution", "deterministic", "packing"),
        "quantise",
        "extra",
    },
    "train.lora": {"rank", "alpha", "dropout", "target_modules", "use_rslora", "merge"},
    "eval": {
        *("data", "limit", "id_field", "group_by", "answer_after", "max_new_tokens", "batch_size"),
        *("scorers", "metric", "metrics"),
    },
    "eval.scorer": {"name", "kind", "pattern"},
    "eval.choices": {"field", "right", "normalise"},
    "attempt": {
        *("name", "backend", "stand_in", "manual", "threads", "timeout_s", "resolution"),
        "no_progress_timeout_s",
    },
    "attempt.requires": {"accelerator"},
    "gate": {"name", "metric", "op", "value", "other", "required", "on_stand_in"},
    "frozen": {"name", "paths", "ref", "policy"},
    "policy": {"git", "clock", "threads"},
    "narrative": {
        *("summary", "quote", "observations", "impact", "conclusion", "next_steps", "lessons"),
        "literals",
    },
    "publish": {"withhold", "withhold_rows", "keep_checkpoints", "pseudonyms"},
    "secrets.allow": {"sha256", "reason"},
    "collect": {"max_bytes"},
    "metric": {"file", "pointer", "column", "pattern", "row", "unit"},
    "stage": {"name", "kind", "data", "where"},
    "arms": {"varies"},
    "launch": {"processes", "strategy"},
    "command": {"run", "resume", "cwd", "environment"},
}
"""Keys that are read whatever stands beside them, once their table is."""


def wrong(text: str) -> list[tuple[str, str]]:
    milestone, found = judged(document_of(text))
    return found or ([] if milestone is None else idle_keys(milestone))


def said(text: str) -> list[tuple[str, str]]:
    milestone, found = judged(document_of(text))
    assert milestone is not None
    assert not found
    assert idle_keys(milestone) == []
    return told_idle(milestone)


def test_what_is_read_is_accepted_without_a_word() -> None:
    assert wrong(whole()) == []
    assert said(whole()) == []


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[0])
def test_a_key_that_nothing_reads_is_refused_where_it_stands(
    case: tuple[str, str, str, str],
) -> None:
    _, text, pointer, words = case
    found = [message for place, message in wrong(text) if place == pointer]
    assert len(found) == 1, wrong(text)
    assert words in found[0]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case[0])
def test_what_may_be_meant_for_another_time_is_said(case: tuple[str, str, str, str]) -> None:
    _, text, pointer, words = case
    found = [message for place, message in said(text) if place == pointer]
    assert len(found) == 1, said(text)
    assert words in found[0]


def test_every_key_is_read_always_or_said_where_it_is_not() -> None:
    known = [case[0] for case in (*REFUSED, *TOLD)]
    known += [*WITH_THE_DATA]
    known += [f"{table}.{key}".lstrip(".") for table, keys in READ.items() for key in keys]
    assert len(known) == len(set(known))
    assert {key.path for table in tables() for key in table.keys} == set(known)


@pytest.mark.parametrize(
    ("text", "of"),
    [
        (whole(train="validate_every_steps = 1\n", more=VALIDATION), "a validation set"),
        (whole(evaluate='before_target = " "\nmetrics = ["mean_loss"]\n'), "a likelihood"),
        (whole(evaluate='before_target = " "\n[eval.choices]\n'), "choices"),
        (whole(train="warmup_steps = 1\n"), "a warm-up"),
        (on("[data.eval]", 'under_test = "e"'), "what is under test"),
        (whole('[attempt.requires]\naccelerator = "nvidia"\nvram_gib = 2\n'), "a GPU"),
        (whole('[attempt.requires]\naccelerator = "amd"\ngpu = 1\n'), "one of several GPUs"),
        (whole(f'{GATE}other = "eval.exact.rate"\nfactor = 2\n'), "a factor"),
    ],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_a_key_that_is_read_is_let_alone(text: str, of: str) -> None:
    assert of
    assert wrong(text) == []
    assert said(text) == []


def test_a_key_of_one_attempt_alone_is_no_idle_one() -> None:
    one, other = ATTEMPT, ATTEMPT.replace("cpu", "other")
    trial = f"{HEAD}{MODEL}{DATA}{TRAIN}epochs = 3\n{EVAL}before_target = ' '\n{one}"
    asks = "[attempt.eval]\nlimit = 2\n[attempt.train]\nmax_steps = 2\n"
    assert [place for place, _ in wrong(f"{trial}{asks}")] == ["/eval/before_target"]
    plain = trial.replace("before_target = ' '\n", "")
    assert [place for place, _ in said(f"{plain}{asks}")] == ["/train/epochs"]
    assert said(f"{plain}{asks}{other}") == []
    constant = "[attempt.train]\nschedule = 'constant'\n"
    warms = f"{HEAD}{MODEL}{DATA}{TRAIN}warmup_steps = 2\n{EVAL}{one}{constant}"
    assert [place for place, _ in wrong(warms)] == ["/train/warmup_steps"]
    assert wrong(f"{warms}{other}") == []


def test_a_table_that_stages_share_is_judged_by_what_its_stages_do() -> None:
    stages = f"{STAGE}{CHECK}"
    idle = whole(evaluate='before_target = " "\n', more=stages)
    assert [place for place, _ in wrong(idle)] == ["/eval/before_target"]
    measured = 'metrics = ["mean_loss"]\nbefore_target = " "\n'
    assert wrong(whole(evaluate=measured, more=stages)) == []
    plain = whole(train='schedule = "constant"\nwarmup_steps = 2\n', more=stages)
    assert [place for place, _ in wrong(plain)] == ["/train/warmup_steps"]
    other = STAGE.replace("A", "B") + "[stage.train]\nschedule = 'linear'\n"
    assert wrong(f"{plain}{other}") == []
    assert said(f"{whole(more=stages)}{VALIDATION}")
    own = "[stage.train]\nvalidate_every_steps = 2\n"
    assert said(f"{whole(more=VALIDATION)}{STAGE}{own}{CHECK}") == []
