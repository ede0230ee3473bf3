"""Whether "equal within the margin" and the configurations' intervals hold, simulated by three models of errors.

    python benchmarks/equal.py [--sweeps 500]

A sweep is wrong where a trial or configuration is called equal to the leader though its true accuracy differs from the
leader's by the margin or more (at most 5 %): here by exactly the margin, which is the hardest case. Then how often an
equally good one is called equal, and how often all intervals of the leader's lead hold at once (at least 95 %).
The models are those of `benchmarks/differences.py` and `benchmarks/configurations.py`.
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np
from configurations import beta, latent, unequal
from differences import drawn
from numpy.typing import NDArray

from sweeper.inference import configurations_from_leader, equal_configurations, equal_trials

_SIZES = ((287, 0.03), (1000, 0.01), (1000, 0.02), (5000, 0.005))  # images, margin
_CASES = ("all but the best are worse", "half are worse", "all are equal")


def gaps(case: str, num: int, margin: float) -> NDArray[np.float64]:
    """(num,): the true accuracies above the lowest."""
    better = {_CASES[0]: 1, _CASES[1]: (num + 1) // 2, _CASES[2]: 0}[case]
    return np.where(np.arange(num) < better, margin, 0.0)


def share(found: list[bool]) -> str:
    if not found:
        return ""
    rate = float(np.mean(found))
    return f"{100 * rate:.1f} ± {100 * math.sqrt(rate * (1 - rate) / len(found)):.1f}"


def is_wrong(marked: NDArray[np.bool_], true: NDArray[np.float64], leader: int, margin: float) -> bool:
    return bool((marked & (np.abs(true - true[leader]) > margin - 1e-9)).any())


def of_trials(sweeps: int) -> None:
    print("\n| model | images | margin, points | trials | truth | called equal wrongly, % | the equal called so, % |")
    print(f"|{'---|' * 7}")
    for model, (images, margin), num, case in itertools.product(("latent", "beta"), _SIZES, (2, 4, 10), _CASES):
        random = np.random.default_rng([num, images, int(1000 * margin)])
        true = 0.95 + gaps(case, num, margin)
        wrong, called = [], []
        for _ in range(sweeps):
            correct = drawn(model, random, true, images)
            leader = int(correct.sum(axis=1).argmax())
            marked = equal_trials(correct, leader, margin)
            wrong.append(is_wrong(marked, true, leader, margin))
            called += np.delete(marked, leader)[np.delete(true == true[leader], leader)].tolist()
        cells = [model, f"{images:,}", f"{100 * margin:g}", str(num), case, share(wrong), share(called)]
        print(f"| {' | '.join(cells)} |", flush=True)


def of_configurations(sweeps: int) -> None:
    heads = "| model | seeds vary by | images | margin, points | configurations | seeds | truth "
    heads += "| called equal wrongly, % | the equal called so, % | all intervals hold, % |"
    print(f"\n{heads}\n|{'---|' * 10}")
    several = itertools.product((latent, unequal, beta), (0.05, 0.3), _SIZES, ((2, 3), (4, 3), (4, 8), (10, 3)), _CASES)
    for draw, seed_sd, (images, margin), (num, seeds), case in several:
        if images * num * seeds > 100_000:
            continue
        random = np.random.default_rng([num, seeds, images, int(1000 * margin), int(100 * seed_sd)])
        true = gaps(case, num, margin)
        wrong, called, holds = [], [], []
        for _ in range(sweeps):
            answers = list(draw(random, num, seeds, images, 0.5, seed_sd, true))
            found = configurations_from_leader(answers)
            leader = int(np.argmax([math.fsum(one.mean(axis=1)) for one in answers]))
            marked = equal_configurations(answers, margin)
            wrong.append(is_wrong(marked, true, leader, margin))
            called += np.delete(marked, leader)[np.delete(true == true[leader], leader)].tolist()
            lead = true[leader] - true
            holds.append(not ((found[:, 1] > lead + 1e-12) | (found[:, 2] < lead - 1e-12)).any())
        cells = [draw.__name__, f"{seed_sd:g}", f"{images:,}", f"{100 * margin:g}", str(num), str(seeds), case]
        print(f"| {' | '.join([*cells, share(wrong), share(called), share(holds)])} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=500)
    sweeps = parser.parse_args().sweeps
    of_trials(sweeps)
    of_configurations(sweeps)


if __name__ == "__main__":
    main()
