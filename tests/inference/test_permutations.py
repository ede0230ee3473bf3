"""What parameters explain of the scores, beside what they explain by chance."""

from __future__ import annotations

import numpy as np

from sweeper.inference import beats_chance


def test_a_parameter_with_an_effect_beats_chance_and_the_others_do_not() -> None:
    random = np.random.default_rng(0)
    levels = random.integers(0, 4, (5, 80))
    scores = random.normal(size=80) + 1.5 * levels[2]

    assert beats_chance(levels, scores).tolist() == [False, False, True, False, False]
    assert beats_chance(levels, np.exp(scores)).tolist() == [False, False, True, False, False], "ranks alone count"


def test_noise_is_hardly_ever_taken_for_an_effect() -> None:
    random = np.random.default_rng(1)
    found = [beats_chance(random.integers(0, 4, (5, 30)), random.normal(size=30), seed).any() for seed in range(200)]

    assert sum(found) <= 5  # 1 is expected


def test_what_has_a_level_for_each_point_explains_nothing() -> None:
    scores = np.arange(20.0)

    assert not beats_chance(np.stack([np.arange(20), np.zeros(20, int)]), scores).any()
    assert not beats_chance(np.zeros((1, 20), int), np.ones(20)).any()
