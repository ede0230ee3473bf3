"""Folds as rungs: when a configuration is behind."""

from __future__ import annotations

import pytest

from sweeper.search.rungs import is_behind


@pytest.mark.parametrize(
    ("own", "best", "behind"),
    [
        pytest.param([], [0.9, 0.8], False, id="nothing yet"),
        pytest.param([0.1], [0.9, 0.8], False, id="one fold tells too little"),
        pytest.param([0.7, 0.7], [0.9, 0.8], True, id="below the worst fold"),
        pytest.param([0.8, 0.8], [0.9, 0.8], False, id="as good as the worst fold"),
        pytest.param([0.5, 1.0], [0.9, 0.7], False, id="one bad fold is forgiven"),
        pytest.param([-0.5, -0.6], [-0.4, -0.2], True, id="losses, by their sign"),
        pytest.param([0.9, 0.9, 0.5], [0.8, 0.8], True, id="after three"),
    ],
)
def test_a_configuration_is_behind_where_its_mean_is_below_the_others_worst_fold(
    own: list[float], best: list[float], behind: bool
) -> None:
    assert is_behind(own, best) is behind
