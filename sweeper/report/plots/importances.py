"""Parameter importances, by Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow
from sweeper.report.plots.search_points import FEWEST, Search, no_parallel, search_of, trial_points
from sweeper.space.dimensions import Dimension

if TYPE_CHECKING:
    pass


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
        the reason.
    """
    points = trial_points(rows, objectives)
    num_complete = sum(point.values is not None for point in points)
    search = search_of(rows, points, dimensions, objectives)
    if num_complete < FEWEST:
        return {}, f"{num_complete} complete {search.unit}{'' if num_complete == 1 else 's'}, of {FEWEST} that it takes"
    if why := no_importances(search):
        return {}, why
    import optuna

    with warnings.catch_warnings():
        ignore_notes()
        found = optuna.importance.get_param_importances(search.single)
    keys = {parameter.name: parameter.key for parameter in search.parameters}
    return {keys[name]: float(share) for name, share in found.items()}, ""


def ignore_notes() -> None:
    """Optuna's remarks, on which no user can act."""
    import optuna

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", message="Some regimes for parameter")  # PED-ANOVA leaves those out


def no_importances(search: Search) -> str:
    """Why importances cannot be found, or nothing."""
    if len(search.parameters) < 2:
        return no_parallel(search)
    equal = len({point.values[0] for point in search.complete if point.values is not None}) == 1
    return f"every complete {search.unit} has the same {search.objectives[0].metric}" if equal else ""
