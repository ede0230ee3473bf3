"""Whether the intervals of the levels' effects hold all at once, simulated by three models of errors.

    python benchmarks/levels.py [--sweeps 500]

Grids of two and three parameters, trained under several seeds. A sweep is wrong where any interval does not have the
true effect of its level (at most 5 %, so that all hold in at least 95 %): without effects, and with one of the first
parameter and an interaction. Beside it how often the first parameter's effect, where there is one, is told from zero.
The models are those of `benchmarks/configurations.py`.
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np
from configurations import beta, latent, unequal

from sweeper.inference import level_effects


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=500)
    sweeps = parser.parse_args().sweeps
    print("| model | seeds vary by | images | grid | seeds | effect, points | all hold, % | told from zero, % |")
    print(f"|{'---|' * 8}")
    grids = ((2, 2), (3, 2), (5,), (3, 2, 2))
    several = itertools.product((latent, unequal, beta), (0.05, 0.3), (287, 1000, 5000), grids, (3, 5), (0.0, 0.02))
    for draw, seed_sd, images, grid, seeds, size in several:
        num = math.prod(grid)
        if images * num * seeds > 80_000:
            continue
        levels = np.array(list(itertools.product(*map(range, grid)))).T
        # The first parameter's last level is better, and twice so with the first level of the last parameter.
        gaps = size * (levels[0] == levels[0].max()) * (1 + (levels[-1] == 0))
        true = [
            np.array([gaps[own == level].mean() - gaps[own == 0].mean() for level in range(1, own.max() + 1)])
            for own in levels
        ]
        random = np.random.default_rng([num, seeds, images, int(100 * seed_sd), int(1000 * size)])
        holds, told = [], []
        for _ in range(sweeps):
            found = level_effects(list(draw(random, num, seeds, images, 0.5, seed_sd, gaps)), levels.tolist())
            inside = [
                ((one[:, 1] <= effect + 1e-12) & (one[:, 2] >= effect - 1e-12)).all()
                for one, effect in zip(found, true, strict=True)
            ]
            holds.append(all(inside))
            told.append(found[0][-1, 1] > 0)
        rate = float(np.mean(holds))
        error = math.sqrt(rate * (1 - rate) / sweeps)
        cells = [
            draw.__name__,
            f"{seed_sd:g}",
            f"{images:,}",
            " x ".join(map(str, grid)),
            str(seeds),
            f"{100 * size:g}",
        ]
        power = f"{100 * float(np.mean(told)):.0f}" if size else ""
        print(f"| {' | '.join([*cells, f'{100 * rate:.1f} ± {100 * error:.1f}', power])} |", flush=True)


if __name__ == "__main__":
    main()
