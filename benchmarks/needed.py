"""How often "what it would take" is within a factor of two of what it truly takes, simulated by models of errors.

    python benchmarks/needed.py [--sweeps 200]

What is truly needed: the images, or seeds, with which a trial or configuration that is worse than the best by the given
difference, as all others are, is left out of the leading group in 80 % of simulated sweeps. The estimate is made from
one sweep in which nothing could be told apart. The models are those of `benchmarks/differences.py` and
`benchmarks/configurations.py`.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from configurations import Draw, beta, latent, unequal
from differences import drawn
from numpy.typing import NDArray

from sweeper.inference import (
    leading_configurations,
    leading_group,
    needed_for_configurations,
    needed_for_trials,
)

_MOST = 60  # seeds that are simulated
_Cell = tuple[Draw, float, int, float]  # model, seeds' deviation, images, difference


def truly(power: Callable[[int], float], grid: Sequence[int]) -> int | None:
    """The first number of a grid with which the power is 0.8, by bisection."""
    if power(grid[-1]) < 0.8:
        return None
    low, high = 0, len(grid) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(grid[middle]) >= 0.8 else (middle + 1, high)
    return grid[low]


def geometric(low: int, high: int) -> list[int]:
    steps = math.ceil(8 * math.log2(high / low))
    return sorted({round(low * 2 ** (step / 8)) for step in range(steps + 1)})


def near(truth: int | None, most: int, found: list[int], num: int) -> list[str]:
    """What is truly needed, the median estimate, how many are within a factor of two, and how many there are of `num`.

    Where no number up to `most` is enough, an estimate above half of it is right.
    """
    least, highest = (most / 2, math.inf) if truth is None else (truth / 2, 2 * truth)
    told = "none" if truth is None else f"{truth:,}"
    if not found:
        return [told, "", "", "0" if num else ""]
    right = [least <= one <= highest for one in found]
    return [told, f"{np.median(found):,.0f}", share(right), f"{100 * len(found) / num:.0f}"]


def share(found: list[bool]) -> str:
    rate = float(np.mean(found))
    return f"{100 * rate:.0f} ± {100 * math.sqrt(rate * (1 - rate) / len(found)):.0f}"


def of_trials(sweeps: int) -> None:
    heads = "| model | accuracy, % | difference, points | trials | images | truly needed | estimate, median "
    print(f"\n{heads}| within a factor of two, % | printed, % |\n|{'---|' * 9}")
    sizes = ((0.9, 0.01), (0.95, 0.005), (0.98, 0.005), (0.98, 0.002))
    several = itertools.product(("latent", "beta"), sizes, (2, 4, 10))
    for model, (level, gap), num in several:
        true = level + gap * np.eye(1, num)[0]

        def power(images: int, true: NDArray[np.float64] = true, model: str = model) -> float:
            random = np.random.default_rng([images, len(true)])
            out = [1 not in leading_group(drawn(model, random, true, images)).members for _ in range(sweeps)]
            return float(np.mean(out))

        truth = truly(power, geometric(300, 40_000))
        for images in (287, 1000, 3000):
            random = np.random.default_rng([num, images])
            found: list[int] = []
            undecided = 0
            for _ in range(sweeps):
                correct = drawn(model, random, true, images)
                if len(leading_group(correct).members) < num:
                    continue
                undecided += 1
                needed = needed_for_trials(correct, gap)
                found += [] if needed is None or needed.images is None else [needed.images]
            cells = [model, f"{100 * level:g}", f"{100 * gap:g}", str(num), f"{images:,}"]
            print(f"| {' | '.join([*cells, *near(truth, 40_000, found, undecided)])} |", flush=True)


def _power(spec: _Cell, num: int, seeds: int, sweeps: int) -> float:
    draw, seed_sd, images, gap = spec
    random = np.random.default_rng([seeds, num, images])
    out = []
    for turn in range(sweeps):
        answers = draw(random, num, seeds, images, 0.5, seed_sd, gap)
        out.append(1 + turn % (num - 1) not in leading_configurations(list(answers)).members)
    return float(np.mean(out))


def of_configurations(sweeps: int) -> None:
    heads = "| model | seeds vary by | images | difference, points | configurations | seeds | seeds truly needed "
    heads += "| estimate, median | within a factor of two, % | printed, % | no seeds would do, % |"
    print(f"\n{heads}\n|{'---|' * 11}")
    sizes = ((0.05, 1000, 0.01), (0.3, 1000, 0.03), (0.1, 3000, 0.01), (0.05, 3000, 0.005), (0.2, 5000, 0.02))
    for draw, (seed_sd, images, gap), num in itertools.product((latent, unequal, beta), sizes, (4, 8)):

        def power(seeds: int, num: int = num, spec: _Cell = (draw, seed_sd, images, gap)) -> float:
            return _power(spec, num, seeds, sweeps // 2)

        truth = truly(power, geometric(3, _MOST))
        for seeds in (3, 5):
            random = np.random.default_rng([num, seeds, images])
            found: list[int] = []
            hopeless: list[bool] = []
            for _ in range(sweeps):
                answers = list(draw(random, num, seeds, images, 0.5, seed_sd, gap))
                members = leading_configurations(answers).members
                if len(members) == num:
                    needed = needed_for_configurations(answers, members, gap)
                    hopeless.append(needed.images_dominate)
                    found += [] if needed.seeds is None else [needed.seeds]
            cells = [draw.__name__, f"{seed_sd:g}", f"{images:,}", f"{100 * gap:g}", str(num), str(seeds)]
            cells += [*near(truth, _MOST, found, len(hopeless)), share(hopeless) if hopeless else ""]
            print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=200)
    sweeps = parser.parse_args().sweeps
    of_trials(sweeps)
    of_configurations(sweeps)


if __name__ == "__main__":
    main()
