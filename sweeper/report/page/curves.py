"""The chart of the learning curves: every trial's, of a figure that the reader chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeper.core.text import counted
from sweeper.core.trials import TrialRow
from sweeper.ranking.epochs import rank_correlations
from sweeper.report.page.chart_data import Known
from sweeper.report.page.vega import Chart, Spec, Variant, close_up, is_wide, lines, part_of, quantity, rounded
from sweeper.report.sweep_report import SweepReport, scored
from sweeper.report.text import called, figure, plain

#: Metrics of an epoch in the order of the choice, and the direction in which they are better.
_METRICS = {
    "val_accuracy": ("validation accuracy", 1),
    "val_loss": ("validation loss", -1),
    "accuracy": ("training accuracy", 1),
    "loss": ("training loss", -1),
}
_ALIKE = 0.9  # rank correlation from which two orders count as nearly the same
_MOST_CURVES = 120  # trials with a curve
_MOST_EPOCHS = 60  # points of a curve
_EXPLODED = 1_000  # largest through smallest loss from which its axis is logarithmic


def curves(known: Known) -> Chart | None:
    """Every trial's curve of each metric; None where no trial has one."""
    names = _names(known.report)
    found = [row for row in known.rows if any(_has(row, name) for name in names)]
    if not found:
        return None
    rows = known.thinned(found, _MOST_CURVES)
    metrics = [name for name in names if any(_has(row, name) for row in rows)]
    data = tuple(
        (row.number, epoch, *(rounded(row.history[epoch - 1].get(name)) for name in metrics))
        for row in rows
        for epoch in _spaced(len(row.history))
    )
    variants: list[Variant] = []
    for place, name in enumerate(metrics):
        title = _name(known.report, name)
        values = [float(value) for line in data if (value := line[2 + place]) is not None]
        variants.append(Variant(title, _spec(known, rows, f"m{place}", name, values, None)))
        if name == "val_accuracy" and (near := close_up(values, 1)[1]) is not None:
            variants.append(Variant(f"{title}, close up", _spec(known, rows, f"m{place}", name, values, near)))
    fields = ("trial", "epoch", *(f"m{place}" for place in range(len(metrics))))
    finding = _finding(known, found, metrics[0]) + part_of(len(rows), len(found)) + _early(known.report)
    return Chart("", finding, tuple(variants), fields, data)


def _early(report: SweepReport) -> str:
    """How far the order after early epochs was that of the last one; nothing where too few trials say so."""
    found = rank_correlations(report.rows, report.objective)
    if not found:
        return ""
    alike = next((epoch for epoch in range(1, len(found)) if min(found[epoch - 1 :]) >= _ALIKE), None)
    of = f"the last of {len(found)} epochs"
    first = f"Spearman's rank correlation is {found[0]:.2f} after epoch 1"
    if alike == 1:
        return f" The first epoch ordered the trials nearly as {of} did ({first})."
    if alike is None:
        return f" No earlier epoch ordered the trials as {of} did ({first}, {found[-2]:.2f} before the last)."
    return f" From epoch {alike} on the trials stood nearly as after {of} ({first}, {found[alike - 1]:.2f} by then)."


def _names(report: SweepReport) -> list[str]:
    """The metrics in the order of the choice: an objective that was asked for first, other such metrics last."""
    asked = [one.name for one in report.metrics]
    return list(dict.fromkeys([*(name for name in asked if name == report.objective.metric), *_METRICS, *asked]))


def _has(row: TrialRow, metric: str) -> bool:
    return any(rounded(epoch.get(metric)) is not None for epoch in row.history)


def _name(report: SweepReport, metric: str) -> str:
    name = _METRICS[metric][0] if metric in _METRICS else plain(metric)
    if report.test_is_validation and metric.startswith("val_"):
        return (
            f"{name.replace('validation', 'test')} (selected on it)" if metric in _METRICS else scored(report, metric)
        )
    return name


def _spaced(length: int) -> list[int]:
    """Epochs from 1 to `length`, the first and the last among them, at most `_MOST_EPOCHS`."""
    if length <= _MOST_EPOCHS:
        return list(range(1, length + 1))
    step = (length - 1) / (_MOST_EPOCHS - 1)
    return [1 + round(place * step) for place in range(_MOST_EPOCHS)]


def _marks(longest: int) -> list[int]:
    """Whole epochs that an axis names, a dozen at most."""
    steps = (mark * 10**power for power in range(9) for mark in (1, 2, 5))
    step = next(step for step in steps if longest <= 12 * step)
    return [1] * (step > 1) + list(range(step, longest + 1, step))


def _spec(
    known: Known,
    rows: Sequence[TrialRow],
    field: str,
    metric: str,
    values: Sequence[float],
    ends: tuple[float, float] | None,
) -> Spec:
    longest = max(len(row.history) for row in rows)
    seen, felt = lines(known.present(rows), len(rows))
    if longest == 1:
        seen["mark"]["point"] = {"filled": True, "size": 50}
    scale: dict[str, Any] = {} if ends is None else {"domain": list(ends)}
    log = "loss" in metric and is_wide(values, _EXPLODED)
    return {
        "height": 320,
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "axis": {"title": "epoch", "format": "d", "values": _marks(longest), "grid": False},
                "scale": {"domain": [1, longest] if longest > 1 else [0, 2], "nice": False},
            },
            "y": quantity(field, _name(known.report, metric), metric, log=log, **scale),
        },
        "layer": [seen, felt],
    }


def _finding(known: Known, rows: Sequence[TrialRow], metric: str) -> str:
    """Where the first ends, and between which values all do."""
    whole = [(row, row.history[-1][metric]) for row in rows if rounded(row.history[-1].get(metric)) is not None]
    name = _name(known.report, metric)
    if not whole:
        return f"The {name} of {counted(len(rows), 'trial')}, none of which ended with a finite one."
    row, value = whole[0]
    first = f"Trial {called(row)} ends at {name} {figure(metric, value)} after {counted(len(row.history), 'epoch')}"
    if len(whole) == 1:
        return f"{first}."
    low, high = min(value for _, value in whole), max(value for _, value in whole)
    return f"{first}; all {len(whole):,} curves end between {figure(metric, low)} and {figure(metric, high)}."
