"""What `sweep.seeds=auto` keeps of its promise, simulated by three models of errors from its first seed to its last.

    python benchmarks/looks.py [--sweeps 1000]

Every configuration is trained under one seed; the leading group, at most eight of it, is trained under fresh seeds, and
looked at after 3, 5, 8 and 12 of them. Counted are sweeps in which

lost      one of the best that was a candidate is called worse (at most 5 %)
marked    one that is further off than the margin is called equal to the leader (at most 5 %)
gain      the interval of the leader's gain over the last configuration, always a candidate, misses it (at most 5 %)
found     the last group is that of the best, no more and no less; beside it: as many trainings, spread evenly

and of the leader: its expected score less its true one, in points, and how often the interval covers that.

The models are those of `benchmarks/configurations.py`.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from configurations import LEVEL, Draw, beta, latent, share, unequal
from numpy.typing import NDArray

from sweeper.inference import LOOKS, leading_configurations, leading_group, look, winning_configuration

MODELS: dict[str, Draw] = {"latent": latent, "unequal": unequal, "beta": beta}
MARGIN = 0.005
MOST_CANDIDATES = 8


@dataclass(frozen=True)
class Outcome:
    """One sweep: the candidates, who is left, who is called equal to the leader, and how much was trained.

    `compared` were at the last look, over `seeds` fresh ones; `gains` has, of each look, its leader and the gain.
    """

    candidates: tuple[int, ...]
    members: tuple[int, ...]
    equal: tuple[int, ...]
    trainings: int
    compared: tuple[int, ...] = ()
    seeds: int = 0
    gains: tuple[tuple[int, float, float], ...] = ()


def staged(answers: NDArray[np.bool_], margin: float = MARGIN) -> Outcome:
    """`answers` (C, 1 + seeds, n): the first seed's choose the candidates, the others are fresh."""
    baseline = len(answers) - 1
    candidates = tuple(dict.fromkeys([*leading_group(answers[:, 0]).members[:MOST_CANDIDATES], baseline]))
    alive, trainings, trained, gains = candidates, len(answers), 0, []
    if len(alive) == 1:
        return Outcome(alive, alive, (), trainings)
    for number, (seeds, _) in enumerate(LOOKS):
        compared = alive
        trainings += len(alive) * (seeds - trained)
        trained = seeds
        reference = alive.index(baseline) if baseline in alive else None
        found = look([answers[index, 1 : 1 + seeds] for index in alive], number, margin, reference=reference)
        if found.gain is not None:
            gains.append((alive[found.members[0]], *found.gain[found.members[0], 1:].tolist()))
        members = tuple(alive[index] for index in found.members)
        equal = tuple(alive[index] for index in found.equal)
        alive = members
        if found.ends:
            break
    return Outcome(candidates, members, equal, trainings, compared, seeds, tuple(gains))


def misses(one: Outcome, gaps: NDArray[np.float64]) -> bool:
    """Whether the interval of a leader's gain, at any look, misses it."""
    return any(not low - 1e-9 <= gaps[leader] - gaps[-1] <= high + 1e-9 for leader, low, high in one.gains)


def expected(one: Outcome, answers: NDArray[np.bool_], gaps: NDArray[np.float64]) -> tuple[float, bool]:
    """What is expected of the leader less what is true, in points; and whether the interval covers the truth."""
    score = winning_configuration([answers[index, 1 : 1 + one.seeds] for index in one.compared], 0, 100)
    true = LEVEL + float(gaps[one.members[0]])
    return 100 * (score.expected - true), score.low <= true <= score.high


def cells() -> Iterator[tuple[float, float, int]]:
    yield from itertools.product((0.2, 0.8), (0.05, 0.3), (287, 1000, 5000))


def equal_ones(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for (constant, seed_sd, images), num in itertools.product(cells(), (2, 4, 10)):
        if images * num > 20_000:
            continue
        random = np.random.default_rng([num, images, int(100 * constant), int(100 * seed_sd)])
        found, scores, gaps = [], [], np.zeros(num)
        for place in range(sweeps):
            answers = draw(random, num, 13, images, constant, seed_sd, 0.0)
            found.append(staged(answers))
            if place % 4 == 0 and found[-1].compared:
                scores.append(expected(found[-1], answers, gaps))
        yield [
            draw.__name__,
            f"{constant:g}",
            f"{seed_sd:g}",
            f"{images:,}",
            str(num),
            share([len(one.members) < len(one.candidates) for one in found]),
            share([misses(one, gaps) for one in found]),
            f"{np.mean([off for off, _ in scores]):+.2f}" if scores else "",
            share([covers for _, covers in scores]) if scores else "",
            f"{np.mean([one.trainings for one in found]):.0f}",
        ]


#: How much better each configuration is than the level, in points, and which of them are the best.
LADDERS = {
    "one 1 better of four": (1, 0, 0, 0),
    "one 3 better of four": (3, 0, 0, 0),
    "one 1 better of ten": (1, *[0] * 9),
    "two 1 better of ten": (1, 1, *[0] * 8),
    "two 2 better of ten": (2, 2, *[0] * 8),
    "0.7 steps of four": (2.1, 1.4, 0.7, 0),
}


def better_ones(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for (name, points), (images, seed_sd) in itertools.product(
        LADDERS.items(), ((1000, 0.1), (5000, 0.1), (5000, 0.3))
    ):
        gaps, num = np.array(points) / 100, len(points)
        best = tuple(np.flatnonzero(gaps == gaps.max()).tolist())
        random = np.random.default_rng([num, images, int(100 * seed_sd), int(100 * gaps.sum())])
        found, even = [], []
        for _ in range(sweeps):
            answers = draw(random, num, 13, images, 0.5, seed_sd, gaps)
            one = staged(answers)
            found.append(one)
            seeds = max(3, round(one.trainings / num))
            even.append(set(leading_configurations(list(answers[:, :seeds])).members) == set(best))
        off = [[index for index in one.equal if abs(gaps[index] - gaps[one.members[0]]) > MARGIN] for one in found]
        yield [
            draw.__name__,
            name,
            f"{images:,}",
            f"{seed_sd:g}",
            share([not set(best) & set(one.candidates) <= set(one.members) for one in found]),
            share([bool(one) for one in off]),
            share([misses(one, gaps) for one in found]),
            share([not set(best) <= set(one.candidates) for one in found]),
            share([set(one.members) == set(best) for one in found]),
            share(even),
            f"{np.mean([one.trainings for one in found]):.0f}",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    given = parser.parse_args()
    sweeps, models = given.sweeps, [MODELS[name] for name in given.models]
    heads = ["model", "constant", "seeds' deviation", "images", "configurations", "lost", "gain"]
    heads += ["expected less true", "its interval covers", "trainings"]
    _print("Equal configurations, % of the sweeps", heads, (equal_ones(sweeps, draw) for draw in models))
    heads = ["model", "points better", "images", "seeds' deviation", "lost", "marked", "gain", "no candidate"]
    heads += ["found", "found, spread evenly", "trainings"]
    _print("Better ones, % of the sweeps", heads, (better_ones(sweeps, draw) for draw in models))


def _print(title: str, heads: list[str], tables: Iterator[Iterator[list[str]]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in itertools.chain.from_iterable(tables):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
