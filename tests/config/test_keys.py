"""Which key was meant, and what to type for it; what Keras's optimizers take, against Keras itself."""

from __future__ import annotations

import inspect

import pytest

from sweeper.config import keys
from sweeper.core.errors import ConfigError
from sweeper.preflight import optimizers

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
    ("arch.width", ""),
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


def test_the_arguments_read_from_keras_sources_are_those_of_its_classes() -> None:
    import keras

    for name in ("Adadelta", "Adam", "AdamW", "RMSprop", "SGD", "Nadam"):
        signature = inspect.signature(getattr(keras.optimizers, name))
        own = [key for key, parameter in signature.parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
        assert list(optimizers._arguments(name)) == own


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "keras.optimizers.SGD", "nesterov": 3}, r"nesterov=3 is not accepted: true or false"),
        ({"_target_": "keras.optimizers.SGD", "momentm": 0.9}, r"Try: \+optimizer\.momentum=0\.9$"),
        ({"_target_": "keras.optimizers.Adm"}, r"does not exist\. Accepted: .*Did you mean 'Adam'"),
        ({"_target_": "keras.layers.Dense"}, r"keras\.layers\.Dense is no optimizer"),
        ({"_target_": "nowhere.Own"}, r"cannot be imported: ModuleNotFoundError"),
        ({"_target_": "math.Own"}, r"math has no class Own"),
        ({"_target_": "Adam"}, r"is no dotted path"),
    ],
)
def test_an_optimizer_that_cannot_be_made_is_refused(node: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        optimizers.check(node)
