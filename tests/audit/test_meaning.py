"""Laws of names: spellings of one thing come to one meaning."""

from __future__ import annotations

import pytest

from evidence.audit.meaning import Meaning, meaning_of


@pytest.mark.parametrize(
    ("name", "measure", "split", "aggregate"),
    [
        ("train_samples_per_second", "samples_per_s", "train", ""),
        ("Samples/second (training)", "samples_per_s", "train", ""),
        ("Final Train Loss", "loss", "train", "last"),
        ("Loss (start)", "loss", "", "first"),
        ("metrics.train_loss", "loss", "train", ""),
        ("Validation Loss", "loss", "eval", ""),
        ("eval_accuracy", "accuracy", "eval", ""),
        ("best val acc", "accuracy", "eval", "best"),
        ("per_device_train_batch_size", "batch_size", "train", ""),
        ("num_train_epochs", "epochs", "train", ""),
        ("Number of optimizer steps", "steps", "", ""),
        ("CUDA (PyTorch)", "cuda", "", ""),
        ("exact_match,strict-match", "exact_match", "", ""),
        ("trainLoss", "loss", "train", ""),
        ("Peak LR", "learning_rate", "", ""),
    ],
)
def test_a_name_has_a_measure_a_split_and_an_aggregate(
    name: str, measure: str, split: str, aggregate: str
) -> None:
    found = meaning_of(name)
    assert (found.measure, found.split, found.aggregate) == (measure, split, aggregate)


def test_words_that_tell_nothing_apart_are_left_off() -> None:
    assert meaning_of("the final training loss of our run") == Meaning("loss", "train", "last")


def test_words_that_no_vocabulary_has_are_kept() -> None:
    assert meaning_of("loss scale") == Meaning("loss", rest=frozenset({"scale"}))
    assert meaning_of("compute capability") == Meaning(rest=frozenset({"compute", "capability"}))
