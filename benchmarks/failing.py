"""Configurations of which some trainings fail, as with a high learning rate: what that does to statements about others.

    python benchmarks/failing.py [--sweeps 200] [--only worse|intervals]

Beside each figure the same with the other choice: in the test of who is worse, a variance counts with no more than
eight times what the median shows (`sweeper.inference.contrasts.parts`), and in intervals it counts in full. A training
that fails has 10 % of the images right.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from configurations import LEVEL, beta, latent, unequal
from differences import is_wrong, main, share
from numpy.typing import NDArray

from sweeper.inference import leading_configurations
from sweeper.inference.contrasts import parts
from sweeper.inference.contrasts.levels import effect_weights

_WORSE = 0.05  # by which the worse ones are worse beside one that fails
_FAILED = 0.1  # accuracy


def fail(random: np.random.Generator, answers: NDArray[np.bool_], chances: NDArray[np.float64]) -> None:
    """Lets trainings fail: `answers` (C, s, n), `chances` (C,)."""
    dead = random.random(answers.shape[:2]) < chances[:, None]
    answers[dead] = random.random((int(dead.sum()), answers.shape[2])) < _FAILED


def who_is_worse(sweeps: int) -> None:
    """Half of them equal, the others five points worse, and the last one such that half of its seeds fail."""
    print("| model | seeds' deviation | images | configurations | seeds | lost | in full | worse ones left | in full |")
    print(f"|{'---|' * 9}")
    several = itertools.product((latent, unequal, beta), (0.05, 0.3), (287, 1000, 5000), (3, 4, 6, 10, 30), (3, 5))
    for draw, seed_sd, images, num, seeds in several:
        if images * num * seeds > 150_000:
            continue
        random = np.random.default_rng([num, seeds, images, int(100 * seed_sd)])
        good = max(2, num // 2)
        lost, left = [0, 0], [0, 0]
        for _ in range(sweeps):
            gaps = np.where(np.arange(num) < good, 0.0, -_WORSE)
            answers = draw(random, num, seeds, images, 0.5, seed_sd, gaps)
            fail(random, answers, np.eye(num)[-1] / 2)
            for place, most in enumerate((parts._MOST_USUAL, math.inf)):
                with patch.object(parts, "_MOST_USUAL", most):
                    members = set(leading_configurations(list(answers)).members)
                lost[place] += not set(range(good)) <= members
                left[place] += len(members & set(range(good, num - 1)))
        worse = sweeps * (num - 1 - good)
        cells = [draw.__name__, f"{seed_sd:g}", f"{images:,}", str(num), str(seeds)]
        cells += [share(one, sweeps) for one in lost] + [f"{one / worse:.0%}" if worse else "" for one in left]
        print(f"| {' | '.join(cells)} |", flush=True)


def intervals(sweeps: int) -> None:
    """Grids of which the last levels of the first parameter fail under some seeds; all else is equal."""
    print("\n| grid | seeds | fail | of its seeds | a difference is wrong | with the limit | effects wrong | with it |")
    print(f"|{'---|' * 8}")
    several = itertools.product(((5,), (5, 2), (5, 3, 2)), (3, 5), (0.2, 0.6), (0.1, 0.3))
    for grid, seeds, part, chance in several:
        num = math.prod(grid)
        levels = np.array(list(itertools.product(*map(range, grid)))).T
        chances = np.where(levels[0] >= grid[0] - round(grid[0] * part), chance, 0.0)
        true = LEVEL * (1 - chances) + _FAILED * chances
        effects = [np.array([true[own == level].mean() - true[own == 0].mean() for level in range(1, own.max() + 1)])
                   for own in levels]  # fmt: skip
        weights = effect_weights(levels.tolist(), num)
        random = np.random.default_rng([num, seeds, int(100 * part), int(100 * chance)])
        wrong, wrong_effects = [0, 0], [0, 0]
        for _ in range(sweeps):
            answers = latent(random, num, seeds, 1000, 0.5, 0.05, 0.0)
            fail(random, answers, chances)
            known = parts.parts(list(answers))
            for place, seeds_part in enumerate((known.seeds, known.steady)):
                one = replace(known, seeds=seeds_part)
                gains = one.gains(known.leader, 0.05 / math.comb(num, 2))
                wrong[place] += is_wrong(gains, true - true[known.leader])
                levelled = [one.intervals(own, 0.05 / len(np.concatenate(weights))) for own in weights]
                wrong_effects[place] += any(map(is_wrong, levelled, effects))
        cells = [" x ".join(map(str, grid)), str(seeds), f"{part:.0%}", f"{chance:.0%}"]
        cells += [share(one, sweeps) for one in (*wrong, *wrong_effects)]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main({"worse": who_is_worse, "intervals": intervals}, __doc__)
