"""An optimizer's class, keys and values, checked without Keras, against Keras itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeper.config import keras_optimizers
from sweeper.core.errors import ConfigError
from sweeper.preflight.optimizers import check_optimizer
from sweeper.space.kinds import cast

pytestmark = pytest.mark.usefixtures("keras_runtime")

ADAM = {"_target_": "keras.optimizers.Adam", "learning_rate": 0.001}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"learning_rate": 0}, r"learning_rate=0 .* a number above 0\.  Try: optimizer\.learning_rate=0\.001", id="0"
        ),
        pytest.param({"learning_rate": -0.1}, r"optimizer\.learning_rate=-0\.1 is not", id="negative learning rate"),
        pytest.param({"learning_rate": float("inf")}, r"optimizer\.learning_rate=inf is not", id="infinite"),
        pytest.param({"learning_rate": float("nan")}, r"optimizer\.learning_rate=nan is not", id="no number"),
        pytest.param({"learning_rate": "fast"}, r"optimizer\.learning_rate=fast is not", id="text"),
        pytest.param({"learning_rate": True}, r"optimizer\.learning_rate=true is not", id="a truth value"),
        pytest.param(
            {"beta_1": 1.0}, r"beta_1=1\.0 .* a number from 0 to below 1\.  Try: optimizer\.beta_1=0\.9", id="beta_1 1"
        ),
        pytest.param({"beta_1": -0.1}, r"optimizer\.beta_1=-0\.1 is not", id="negative beta_1"),
        pytest.param({"beta_2": 2}, r"optimizer\.beta_2=2 is not", id="beta_2 above 1"),
        pytest.param(
            {"_target_": "keras.optimizers.SGD", "momentum": None},
            r"optimizer\.momentum=null is not",
            id="null momentum",
        ),
        pytest.param(
            {"weight_decay": -1},
            r"weight_decay=-1 .* a number from 0, or null\.  Try: optimizer\.weight_decay",
            id="decay",
        ),
        pytest.param({"clipnorm": 0}, r"optimizer\.clipnorm=0 .* above 0, or null", id="no clipping by 0"),
        pytest.param(
            {"clipnorm": 1.0, "clipvalue": 1.0}, r"clipnorm=1\.0 and optimizer\.clipvalue=1\.0 are both", id="2"
        ),
        pytest.param({"amsgrad": 1}, r"optimizer\.amsgrad=1 is not accepted: true or false", id="a number for a truth"),
        pytest.param(
            {"gradient_accumulation_steps": 1}, r"a whole number from 2, or null", id="a count below the least"
        ),
        pytest.param({"ema_overwrite_frequency": 1.5}, r"a whole number from 1, or null", id="half a count"),
        pytest.param({"epsilon": "small"}, r"optimizer\.epsilon=small .* a number from 0", id="text for a number"),
        pytest.param(
            {"_target_": "keras.optimizers.AdamW", "weight_decay": None},
            r"optimizer\.weight_decay=null is not accepted: a number from 0\.",
            id="AdamW without weight decay",
        ),
        pytest.param(
            {"_target_": None}, r"names no optimizer\. Accepted: adadelta, adam, adamw, sgd, rmsprop, nadam", id="none"
        ),
    ],
)
def test_an_optimizers_figure_out_of_its_range_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_optimizer({**ADAM, **change})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"learning_rate": 1}, id="a whole learning rate"),
        pytest.param({"learning_rate": 1e-12}, id="a tiny learning rate"),
        pytest.param({"_target_": "keras.optimizers.RMSprop", "rho": 0, "momentum": 0.0}, id="rates of 0"),
        pytest.param({"beta_1": 0.999, "beta_2": 0.999999}, id="rates just below 1"),
        pytest.param({"weight_decay": None, "clipnorm": None}, id="null where Keras has null"),
        pytest.param({"ema_overwrite_frequency": 1, "gradient_accumulation_steps": 2}, id="counts"),
        pytest.param({"clipnorm": 1, "name": "mine"}, id="a whole number for a float"),
        pytest.param({"_target_": "keras.optimizers.AdamW", "weight_decay": 0}, id="a weight decay of 0"),
    ],
)
def test_an_optimizers_figure_within_its_range_passes(change: dict[str, Any]) -> None:
    check_optimizer({**ADAM, **change})


def test_an_optimizer_of_ones_own_brings_its_own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "optimizers_of_a_user.py").write_text("class Own: ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    check_optimizer({"_target_": "optimizers_of_a_user.Own", "cleverness": "much"})
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate=-1 is not accepted"):
        check_optimizer({"_target_": "optimizers_of_a_user.Own", "learning_rate": -1})


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({"_target_": "keras.optimizers.SGD", "nesterov": 3}, r"nesterov=3 is not accepted: true or false"),
        ({"_target_": "keras.optimizers.SGD", "momentm": 0.9}, r"Try: \+optimizer\.momentum=0\.9$"),
        ({"_target_": "keras.optimizers.Adm"}, r"does not exist\. Accepted: .*Did you mean 'Adam'"),
        ({"_target_": "keras.layers.Dense"}, r"keras\.layers\.Dense is not an optimizer"),
        ({"_target_": "keras.optimizers.LossScaleOptimizer"}, r"LossScaleOptimizer needs inner_optimizer\."),
        ({"_target_": "nowhere.Own"}, r"cannot be imported: ModuleNotFoundError"),
        ({"_target_": "math.Own"}, r"math has no class Own"),
        ({"_target_": "Adam"}, r"is not a dotted path"),
    ],
)
def test_an_optimizer_that_cannot_be_made_is_refused(node: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_optimizer(node)


#: Classes that take no other optimizer.
CLASSES = sorted(set(keras_optimizers.classes()) - {"LossScaleOptimizer", "MultiOptimizer"})
VALUES = [-1, 0, 0.5, 1, 1.5, 2, None, True, "text"]


@pytest.mark.parametrize("name", CLASSES)
def test_what_passes_is_accepted_by_keras(name: str) -> None:
    """Each argument with each value, cast as a trial gets it: where the check passes, Keras makes the optimizer."""
    import keras

    kind = getattr(keras.optimizers, name)
    for key, kind_of_key in keras_optimizers.kinds(name).items():
        for value in VALUES:
            given = {key: cast(value, kind_of_key)}
            try:
                check_optimizer({"_target_": f"keras.optimizers.{name}", **given})
            except ConfigError:
                continue
            kind(**given, **({"use_ema": True} if key.startswith("ema_") else {}))
