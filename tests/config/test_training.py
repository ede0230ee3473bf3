"""The keys of `training` and `augment`: what is refused, and what makes another trial."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from sweeper.config.augment import STRENGTHS, AugmentConfig, augment_config, augment_keys
from sweeper.config.training import DecayConfig, TrainingConfig, trained_keys, training_config
from sweeper.core.errors import ConfigError

PLAIN = dataclasses.asdict(TrainingConfig())
EARLIER = ("epochs", "batch_size", "precision", "threads", "restore_best", "checkpoint", "early_stopping")


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        pytest.param(
            TrainingConfig,
            {"schedule": "cosin"},
            r"^training\.schedule=cosin .* one of constant, cosine, .*plateau\.  Try: training\.schedule=cosine$",
            id="a misspelt schedule",
        ),
        pytest.param(
            TrainingConfig,
            {"warmup_epochs": 10.0},
            r"training\.warmup_epochs=10\.0 .* from 0 to below training\.epochs=10\.  Try: .*=0\.5$",
            id="nothing but warm-up",
        ),
        pytest.param(TrainingConfig, {"warmup_epochs": math.nan}, r"warmup_epochs=nan is not", id="no number"),
        pytest.param(TrainingConfig, {"warmup_epochs": -1.0}, r"warmup_epochs=-1\.0 is not", id="before the start"),
        *(
            pytest.param(
                TrainingConfig, {"ema": value}, rf"training\.ema={value} .* between 0 and 1, or null", id=f"ema {value}"
            )
            for value in (0.0, 1.0, -0.5)
        ),
        *(
            pytest.param(
                TrainingConfig,
                {"label_smoothing": value},
                r"label_smoothing=.* from 0 to below 1",
                id=f"smoothing {value}",
            )
            for value in (1.0, -0.1, math.nan)
        ),
        *(
            pytest.param(
                TrainingConfig,
                {"class_weight": value},
                r"^training\.class_weight=.* null, balanced, or a map from classes to numbers from 0",
                id=f"weights {name}",
            )
            for name, value in {
                "balance": "balance",
                "negative": {"0": -1.0},
                "text": {"0": "much"},
                "true": {"0": True},
                "all 0": {"0": 0.0},
                "none": {},
                "a list": [1.0, 2.0],
                "infinite": {"0": math.inf},
            }.items()
        ),
        pytest.param(
            TrainingConfig,
            {"callbacks": ["keras.callbacks.CSVLogger"]},
            r"a list of \{_target_: ",
            id="a callback's name",
        ),
        pytest.param(
            DecayConfig, {"gamma": 0.0}, r"training\.decay\.gamma=0\.0 .* above 0 up to 1, or null", id="gamma 0"
        ),
        pytest.param(DecayConfig, {"gamma": 1.5}, r"training\.decay\.gamma=1\.5 is not", id="gamma above 1"),
        pytest.param(DecayConfig, {"step_size": 0}, r"training\.decay\.step_size=0 is not", id="step size"),
        *(
            pytest.param(
                DecayConfig, {"milestones": value}, r"a rising list of numbers of epochs", id=f"milestones {value}"
            )
            for value in ([], [0, 3], [5, 3], [3, 3], [2.5], 7, [True])
        ),
        pytest.param(
            DecayConfig,
            {"milestones": [3], "step_size": 2},
            r"without training\.decay\.step_size=2.*Try: training\.decay\.milestones=null",
            id="milestones and a step size",
        ),
        pytest.param(DecayConfig, {"patience": 0}, r"training\.decay\.patience=0 is not", id="patience"),
        pytest.param(DecayConfig, {"alpha": 2.0}, r"training\.decay\.alpha=2\.0 .* from 0 to 1", id="alpha"),
        *(
            pytest.param(
                AugmentConfig,
                {key: value},
                rf"^augment\.{key}=.* a number from 0 to {most:g}\.  Try: augment\.{key}=",
                id=f"{key} {value}",
            )
            for key, most in STRENGTHS.items()
            for value in (-0.1, most + 0.1, math.nan)
        ),
        pytest.param(
            AugmentConfig, {"flip": "horizontl"}, r"augment\.flip=horizontl .*Try: augment\.flip=horizontal$", id="flip"
        ),
        pytest.param(
            AugmentConfig, {"fill_mode": "mirror"}, r"one of constant, nearest, reflect, wrap", id="fill mode"
        ),
        pytest.param(AugmentConfig, {"rand_augment_ops": 0}, r"a whole number from 1 to 11", id="operations"),
        pytest.param(
            AugmentConfig, {"layers": [{"factor": 1}]}, r"a list of \{_target_: ", id="a layer without a name"
        ),
    ],
)
def test_a_value_that_a_key_does_not_take_is_refused(
    kind: Callable[..., Any], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**values)


def test_keys_at_their_defaults_are_left_out_so_that_earlier_sweeps_resume() -> None:
    assert tuple(trained_keys(PLAIN)) == EARLIER
    assert training_config(trained_keys(PLAIN)) == TrainingConfig()
    assert augment_keys(dataclasses.asdict(AugmentConfig())) == {}
    assert not augment_config(None).changes_images


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param({"schedule": "cosine"}, {"schedule": "cosine"}, id="a schedule"),
        pytest.param({"ema": 0.9, "label_smoothing": 0.1}, {"ema": 0.9, "label_smoothing": 0.1}, id="others"),
        pytest.param({"decay": {"gamma": 0.5, "patience": 7}}, {}, id="what constant does not read"),
        pytest.param(
            {"schedule": "step", "decay": {"gamma": 0.5, "step_size": 2, "alpha": 0.1}},
            {"schedule": "step", "decay": {"gamma": 0.5, "step_size": 2}},
            id="what step reads",
        ),
        pytest.param(
            {"schedule": "step", "decay": {"milestones": [2, 3]}},
            {"schedule": "step", "decay": {"milestones": [2, 3]}},
            id="milestones of step",
        ),
        pytest.param({"schedule": "cosine", "decay": {"milestones": [2]}}, {"schedule": "cosine"}, id="of cosine none"),
        pytest.param({"schedule": "step", "decay": {"gamma": 0.1}}, {"schedule": "step"}, id="the default written out"),
        pytest.param(
            {"schedule": "exponential", "decay": {"gamma": 0.1}},
            {"schedule": "exponential", "decay": {"gamma": 0.1}},
            id="the default of another schedule",
        ),
    ],
)
def test_what_a_training_does_not_read_makes_no_other_trial(values: dict[str, Any], kept: dict[str, Any]) -> None:
    decay = {**PLAIN["decay"], **values.get("decay", {})}
    found = trained_keys({**PLAIN, **values, "decay": decay})

    assert {key: value for key, value in found.items() if key not in EARLIER} == kept


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param({"fill_mode": "reflect"}, {}, id="edges alone"),
        pytest.param(
            {"flip": "vertical", "fill_mode": "reflect"}, {"flip": "vertical"}, id="edges of a mirrored image"
        ),
        pytest.param(
            {"zoom": 0.1, "fill_mode": "wrap"}, {"zoom": 0.1, "fill_mode": "wrap"}, id="edges of a smaller one"
        ),
        pytest.param({"rand_augment_ops": 4}, {}, id="operations alone"),
        pytest.param(
            {"rand_augment": 0.1, "rand_augment_ops": 4}, {"rand_augment": 0.1, "rand_augment_ops": 4}, id="both"
        ),
    ],
)
def test_what_an_augmentation_does_not_read_makes_no_other_trial(values: dict[str, Any], kept: dict[str, Any]) -> None:
    assert augment_keys({**dataclasses.asdict(AugmentConfig()), **values}) == kept
