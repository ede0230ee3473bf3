"""What the plots of a search show: its trials as points, its parameters, and what cannot be drawn."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.artifacts.figures import literal
from sweeper.core.objectives import Objective
from sweeper.core.text import cell_text
from sweeper.core.trials import TrialRow, TrialState, mean_values
from sweeper.ranking import leaderboard
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.ranking.leaderboard import point_of
from sweeper.space.dimensions import Dimension
from sweeper.storage import distributions

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution


#: Complete points from which on the plots say anything: with fewer, importances are chance, and a small sweep pays.
FEWEST = 10


_NAME, _VALUE = 36, 18  # characters of a parameter's name and of a categorical value in a picture


_WIDE = 50  # largest through smallest of positive choices from which their axis is logarithmic


@dataclass(frozen=True)
class _Point:
    """A point of the search: of repeats the mean of each objective, None unless all are complete."""

    number: int
    state: TrialState
    params: Mapping[str, Any]
    values: tuple[float, ...] | None


@dataclass(frozen=True)
class Parameter:
    """A parameter that varies, as the plots have it.

    Attributes:
        key: the swept key.
        name: its label, a text that Matplotlib shows as it is.
        values: its value by point, numbers or labels; a point without it is missing.
    """

    key: str
    name: str
    values: Mapping[int, Any]
    distribution: BaseDistribution

    @property
    def labels(self) -> list[str]:
        """The choices of a categorical one; nothing for numbers."""
        return list(getattr(self.distribution, "choices", ()))

    @property
    def is_whole(self) -> bool:
        return distributions.are_whole(self.values.values())


@dataclass(frozen=True)
class Search:
    """All that the plots are drawn from.

    Attributes:
        points: in the order of their numbers.
        parameters: those that vary.
        labels: the name of each objective on an axis.
        unit: what a point is called: a trial, or with repeats a point.
    """

    points: Sequence[_Point]
    parameters: Sequence[Parameter]
    objectives: Sequence[Objective]
    labels: Sequence[str]
    unit: str

    @functools.cached_property
    def complete(self) -> list[_Point]:
        return [point for point in self.points if point.values is not None]

    @functools.cached_property
    def single(self) -> optuna.Study:
        """The points as a study of the first objective."""
        return self.study(1)

    def study(self, num_objectives: int) -> optuna.Study:
        """The points as a study of the first objectives; numbers that ran no point are failed trials."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        states = optuna.trial.TrialState
        study = optuna.create_study(directions=[one.direction for one in self.objectives[:num_objectives]])
        study.set_metric_names(list(self.labels[:num_objectives]))
        by_number = {point.number: point for point in self.points}
        for number in range(max(by_number) + 1):
            point = by_number.get(number)
            values = None if point is None or point.values is None else point.values[:num_objectives]
            pruned = point is not None and point.state is TrialState.PRUNED and num_objectives == 1
            known = [one for one in self.parameters if number in one.values]
            study.add_trial(
                optuna.trial.create_trial(
                    state=states.COMPLETE if values else states.PRUNED if pruned else states.FAIL,
                    values=values,
                    params={one.name: one.values[number] for one in known},
                    distributions={one.name: one.distribution for one in known},
                )
            )
        return study


def trial_points(rows: Sequence[TrialRow], objectives: Sequence[Objective]) -> list[_Point]:
    """Trials by point; a point is complete when all of its repeats are."""
    found: dict[int, list[TrialRow]] = {}
    for row in rows:
        is_later = row.standing is not None and row.repeat  # points are compared under the one seed that all have
        if row.state is not TrialState.RUNNING and not is_later:
            found.setdefault(point_of(row), []).append(row)
    num_repeats = leaderboard.num_repeats(rows)
    return [_point(number, found[number], num_repeats, objectives) for number in sorted(found)]


def _point(number: int, rows: Sequence[TrialRow], num_repeats: int, objectives: Sequence[Objective]) -> _Point:
    values = mean_values(rows, objectives, num_repeats)
    pruned = any(row.state is TrialState.PRUNED for row in rows)
    state = TrialState.COMPLETE if values else TrialState.PRUNED if pruned else TrialState.FAILED
    return _Point(number, state, rows[0].params, tuple(values) if values else None)


def search_of(
    rows: Sequence[TrialRow],
    points: Sequence[_Point],
    dimensions: Sequence[Dimension],
    objectives: Sequence[Objective],
) -> Search:
    """The search of a sweep: its objectives, its points, and the parameters that differ."""
    label = any(row.facts.test_is_validation for row in rows)
    suffix = f"\n({SELECTED_ON_TEST})" if label else ""
    repeated = any(row.num_repeats > 1 for row in rows)
    mean = "mean " if repeated else ""
    return Search(
        points,
        _parameters(points, dimensions),
        objectives,
        [f"{mean}{objective.metric}{suffix}" for objective in objectives],
        "point" if repeated else "trial",
    )


def _parameters(points: Sequence[_Point], dimensions: Sequence[Dimension]) -> list[Parameter]:
    """The parameters of which complete points have more than one value, in the order of the sweep."""
    keys = list(dict.fromkeys(key for point in points for key in point.params))
    names = _distinct(keys, _NAME)
    given = {dimension.key: dimension for dimension in dimensions}
    found = []
    for key in keys:
        values = {point.number: point.params[key] for point in points if key in point.params}
        tried = {cell_text(values[p.number]) for p in points if p.values is not None and p.number in values}
        if len(tried) > 1:
            found.append(_parameter(key, names[key], values, given.get(key)))
    return found


def _parameter(key: str, name: str, values: Mapping[int, Any], dimension: Dimension | None) -> Parameter:
    """Numbers on their own scale; all else by labels."""
    numbers = list(values.values())
    if not distributions.are_numbers(numbers):
        texts = {number: cell_text(value) or "null" for number, value in values.items()}
        labels = _distinct(list(dict.fromkeys(texts.values())), _VALUE)
        return Parameter(
            key,
            name,
            {number: labels[text] for number, text in texts.items()},
            distributions.of_choices(labels.values()),
        )
    low, high = min(numbers), max(numbers)
    interval = None if dimension is None else dimension.interval
    log = low > 0 and (high / low >= _WIDE if interval is None else interval.log)
    if not distributions.are_whole(numbers):
        values = {number: float(value) for number, value in values.items()}
    return Parameter(key, name, values, distributions.of_numbers(numbers, log=log))


def _distinct(texts: Sequence[str], length: int) -> dict[str, str]:
    """Each text as a label of at most `length` characters; labels that became equal are numbered."""
    labels: dict[str, str] = {}
    for text in texts:
        label, count = _cut(text, length), 1
        while label in labels.values():
            count += 1
            end = f" ({count})"
            label = _cut(text, length - len(end)) + end
        labels[text] = label
    return labels


def _cut(text: str, length: int) -> str:
    """One line of at most `length` characters, without its middle where it is longer."""
    line = " ".join(text.split())
    tail = length // 2
    short = line if len(line) <= length else f"{line[: length - tail - 1]}…{line[-tail:]}"
    return literal(short)


def no_slices(search: Search) -> str:
    """Why slices cannot be drawn, or nothing."""
    return "" if search.parameters else f"no parameter differs between complete {search.unit}s"


def no_parallel(search: Search) -> str:
    """Why parallel coordinates cannot be drawn, or nothing."""
    only = search.parameters[0].name if len(search.parameters) == 1 else ""
    return f"a single parameter varies, {only}: see slices" if only else no_slices(search)
