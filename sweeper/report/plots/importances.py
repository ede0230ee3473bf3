"""Parameter importances, by Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow
from sweeper.inference import beats_chance
from sweeper.report.plots.search_points import FEWEST, Parameter, Search, no_parallel, search_of, trial_points
from sweeper.space.dimensions import Dimension

_MOST_LEVELS, _FIFTHS = 8, 5


def importances(
    rows: Sequence[TrialRow], objectives: Sequence[Objective], dimensions: Sequence[Dimension] = ()
) -> tuple[dict[str, float], str]:
    """How much each parameter has to do with being among the best tenth, by PED-ANOVA (Watanabe and others 2023).

    Args:
        rows: the sweep's trials.
        objectives: the first is what counts.
        dimensions: what varies, where it is known; otherwise numbers over a wide range count by their logarithm.

    Returns:
        The share of each swept key, from 0 to 1 and of sum 1, the largest first, with an empty text; or nothing, with
        the reason, such as that what the parameters explain is no more than chance.
    """
    points = trial_points(rows, objectives)
    num_complete = sum(point.values is not None for point in points)
    search = search_of(rows, points, dimensions, objectives)
    if num_complete < FEWEST:
        return {}, f"{num_complete} complete {search.unit}{'' if num_complete == 1 else 's'}, of {FEWEST} that it takes"
    if why := no_importances(search):
        return {}, why
    keys = {parameter.name: parameter.key for parameter in search.parameters}
    return {keys[name]: share for name, share in _shares(search).items()}, ""


def _shares(search: Search) -> dict[str, float]:
    """The share of each parameter by its name, the largest first."""
    import optuna

    with warnings.catch_warnings():
        ignore_notes()
        found = optuna.importance.get_param_importances(search.single)
    return {name: float(share) for name, share in found.items()}


def _by_chance(search: Search) -> str:
    """Why no parameter is said to set the best apart, or nothing.

    Shares sum to 1 whatever the scores are: of five parameters without any effect, the first has half of them. So the
    first is shown where it explains the scores better than any parameter explains permutations of them.
    """
    scores = np.array([point.values[0] for point in search.complete if point.values is not None])
    levels = np.stack([_levels(parameter, [p.number for p in search.complete]) for parameter in search.parameters])
    beats = beats_chance(levels, scores)
    known = {one.name for one, found in zip(search.parameters, beats, strict=True) if found}
    if known and next(iter(_shares(search))) in known:
        return ""
    return "no parameter has more to do with the scores than with 200 permutations of them"


def _levels(parameter: Parameter, numbers: Sequence[int]) -> NDArray[np.int64]:
    """(points,): equal values together; of many numbers, fifths of them. A point without the parameter has its own."""
    values = [parameter.values.get(number) for number in numbers]
    known = [value for value in values if value is not None]
    distinct = sorted(set(known), key=lambda value: (str(type(value)), value))
    if len(distinct) <= _MOST_LEVELS or parameter.labels:
        places = {value: place for place, value in enumerate(distinct, start=1)}
        return np.array([places.get(value, 0) for value in values])
    edges = np.quantile(np.array(known, float), np.linspace(0, 1, _FIFTHS + 1)[1:-1])
    return np.array([0 if value is None else 1 + int(np.searchsorted(edges, value, "right")) for value in values])


def ignore_notes() -> None:
    """Optuna's remarks, on which no user can act."""
    import optuna

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", message="Some regimes for parameter")  # PED-ANOVA leaves those out


def no_importances(search: Search) -> str:
    """Why importances cannot be found, or nothing."""
    if len(search.parameters) < 2:
        return no_parallel(search)
    if len({point.values[0] for point in search.complete if point.values is not None}) == 1:
        return f"every complete {search.unit} has the same {search.objectives[0].metric}"
    return _by_chance(search)
