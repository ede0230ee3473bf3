"""Which key was meant, and what to type for it."""

from __future__ import annotations

import pytest

from sweeper.config import keys

MEANT = [
    ("arch.dpeth", "arch.depth"),
    ("depth", "arch.depth"),
    ("achr.depth", "arch.depth"),
    ("archh", "arch"),
    ("lr", "optimizer.learning_rate"),
    ("optimizer.lr", "optimizer.learning_rate"),
    ("training.bs", "training.batch_size"),
    ("epochs", "training.epochs"),
    ("data.validaton", "data.validation"),
    ("outputdir", "output_dir"),
    ("arch.zzz", ""),
    ("foo", ""),
    ("hydra.nme", ""),
]


@pytest.mark.parametrize(("given", "meant"), MEANT)
def test_the_nearest_key_is_the_one_that_was_meant(given: str, meant: str) -> None:
    assert keys.nearest(given) == meant


@pytest.mark.parametrize(
    ("key", "word", "sweep"),
    [
        ("arch.depth", "arch.depth=3", "arch.depth=3,5,7"),
        ("arch", "arch=cnn", "arch=cnn,depth3_kernel3"),
        ("optimizer.learning_rate", "optimizer.learning_rate=1.0", "optimizer.learning_rate=0.1,0.3"),
        ("sweep.name", "sweep.name=null", "sweep.name=null"),
        ("arch.filters", "arch.filters=32", "arch.filters=3,5,7"),
        ("training.callbacks", "'training.callbacks=[]'", "'training.callbacks=[]'"),
        ("training.early_stopping", "training.early_stopping.patience=null", None),
    ],
)
def test_an_example_is_a_word_that_is_accepted(key: str, word: str, sweep: str | None) -> None:
    assert keys.example(key) == word
    assert sweep is None or keys.example_sweep(key) == sweep


def test_a_word_is_quoted_where_a_shell_needs_it() -> None:
    assert keys.as_word("arch.depth", "3,5") == "arch.depth=3,5"
    assert keys.as_word("arch.depth", "range(3,8)") == "'arch.depth=range(3,8)'"
    assert keys.as_word("sweep.name", "'a b'") == "\"sweep.name='a b'\""


def test_a_former_key_is_answered_with_its_name_of_today() -> None:
    assert keys.nearest("tracking.patience_s") == "tracking.retry_timeout_s"
    assert keys.meant("tracking.patience_s") == "It is now called tracking.retry_timeout_s."
    assert keys.meant("arch.dpeth") == "Did you mean 'arch.depth'?"
    assert set(keys.RENAMED.values()) <= set(keys.known())
    assert not set(keys.RENAMED) & set(keys.known())
