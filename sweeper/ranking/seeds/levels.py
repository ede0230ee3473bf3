"""The effect of each level of a grid's parameters: found where the configurations are a complete grid, and in words.

What does not live here: the statistics (`sweeper.inference.contrasts.levels`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper import inference
from sweeper.core.text import cell_text, listed
from sweeper.core.trials import TrialRow
from sweeper.ranking.case import ALPHA, Case
from sweeper.ranking.findings import Difference, LevelEffect

_NAMED = 8  # effects in one sentence

#: Of each fold the number of each image's group; None where its images do not come in groups.
Groups = Sequence[NDArray[np.uint32] | None]


def level_effects(
    case: Case,
    whole: Sequence[Sequence[TrialRow]],
    tables: Sequence[Sequence[NDArray[Any]]],
    groups: Groups,
) -> tuple[LevelEffect, ...]:
    """Each level of each parameter against the parameter's first one.

    Args:
        case: the sweep.
        whole: the configurations with all of their repeats, each with its trials.
        tables: of each configuration which images are right, fold by fold (seeds, images).
        groups: of each fold.

    Returns:
        By parameter and level, in the order in which they were trained; nothing where the configurations, leaving out
        a default configuration that was trained besides, are no complete grid.
    """
    order = sorted(range(len(whole)), key=lambda index: whole[index][0].number)
    for kept in (order, [index for index in order if whole[index][0].overrides != case.baseline]):
        rows = [whole[index][0] for index in kept]
        if levels := _grid(rows):
            break
    else:
        return ()
    codes = [[names.index(cell_text(row.params.get(key))) for row in rows] for key, names in levels.items()]
    answers = [tables[index] for index in kept]
    if len(groups) > 1:
        found = inference.level_effects_over_folds(answers, codes, ALPHA, groups)
    else:
        found = inference.level_effects([table for (table,) in answers], codes, ALPHA, groups[0])
    return tuple(
        LevelEffect(key, name, names[0], Difference(*map(float, line)))
        for (key, names), lines in zip(levels.items(), found, strict=True)
        for name, line in zip(names[1:], lines, strict=True)
    )


def _grid(rows: Sequence[TrialRow]) -> dict[str, list[str]]:
    """The levels of each parameter that varies, where the rows have each combination once; else nothing."""
    keys = dict.fromkeys(key for row in rows for key in row.params)
    known = {key: list(dict.fromkeys(cell_text(row.params.get(key)) for row in rows)) for key in keys}
    levels = {key: names for key, names in known.items() if len(names) > 1}
    points = {tuple(cell_text(row.params.get(key)) for key in levels) for row in rows}
    is_complete = len(points) == len(rows) == int(np.prod([len(names) for names in levels.values()]))
    return levels if is_complete else {}


def _by_evidence(effect: LevelEffect) -> tuple[bool, float]:
    one = effect.difference
    return one.low <= 0 <= one.high, -abs(one.value)


def about_levels(effects: Sequence[LevelEffect]) -> list[str]:
    """One sentence about all effects; where they do not find room, the largest of those that are told from none."""
    if not effects:
        return []
    if len(effects) > _NAMED:
        effects = sorted(effects, key=_by_evidence)
    told = [
        f"{one.param}={one.level} less {one.param}={one.base} {100 * one.difference.value:+.2f} "
        f"({100 * one.difference.low:+.2f} to {100 * one.difference.high:+.2f})"
        for one in effects
    ]
    over = "" if len({one.param for one in effects}) == 1 else ", over the grid's other values"
    return [f"Effects in points of accuracy{over} (95 % intervals that hold all at once): {listed(told, _NAMED)}."]
