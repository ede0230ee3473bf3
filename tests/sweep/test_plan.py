"""Which sampler a line gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from sweeper.config.keys import folders
from sweeper.config.sweep import SamplerConfig
from sweeper.core.errors import ConfigError
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.sweep.plan import choose_sampler

Make = Callable[..., tuple[SearchSpace, Composer]]
DISCRETE, CONTINUOUS = "arch.depth=3,5", "arch.dropout=interval(0,0.5)"
TPE, RANDOM = "optuna.samplers.TPESampler", "optuna.samplers.RandomSampler"


@pytest.mark.parametrize(
    ("line", "given", "name", "target", "why"),
    [
        pytest.param([DISCRETE], {}, "grid", None, "every choice is discrete", id="choices"),
        pytest.param([], {}, "grid", None, "every choice is discrete", id="nothing that varies"),
        pytest.param([DISCRETE, CONTINUOUS], {}, "tpe", TPE, "arch.dropout is an interval", id="an interval"),
        pytest.param([CONTINUOUS], {"name": "grid"}, "grid", None, "", id="a grid that was asked for"),
        pytest.param([DISCRETE], {"name": "random", "_target_": RANDOM}, "random", RANDOM, "", id="a sampler"),
        pytest.param([DISCRETE], {"_target_": RANDOM}, RANDOM, RANDOM, "", id="a class"),
    ],
)
def test_a_line_gets_its_sampler_and_the_reason(
    make_composer: Make, line: list[str], given: dict[str, Any], name: str, target: str | None, why: str
) -> None:
    chosen, said = choose_sampler(SamplerConfig(**given), make_composer(*line)[0])

    assert (chosen.name, chosen._target_, said) == (name, target, why)


def test_the_chosen_sampler_keeps_the_seed_and_the_options_that_were_given(make_composer: Make) -> None:
    space, _ = make_composer(CONTINUOUS)
    chosen, _ = choose_sampler(SamplerConfig(seed=4, options={"n_startup_trials": 3}), space)

    assert chosen.seed == 4
    assert chosen.options["n_startup_trials"] == 3
    assert chosen.options["multivariate"] is True


def test_the_chosen_tpe_is_that_of_its_file(make_composer: Make) -> None:
    chosen, _ = choose_sampler(SamplerConfig(), make_composer(CONTINUOUS)[0])
    written = yaml.safe_load((folders.CONF / "sampler/tpe.yaml").read_text(encoding="utf-8"))

    assert dataclasses.asdict(chosen) == written
    assert chosen.options["constant_liar"] is True


def test_a_name_without_a_class_is_refused_with_the_nearest(make_composer: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"^sampler\.name=tpee has no class\. .*Did you mean 'tpe'\?  Try: sampler=tpe$"
    ):
        choose_sampler(SamplerConfig("tpee"), make_composer(DISCRETE)[0])
