"""What the comparison of configurations over seeds keeps of its promise, simulated by three models of errors.

    python benchmarks/configurations.py [--sweeps 1000]

Equal configurations: a sweep is wrong where one of them is left out (at most 5 %). One better configuration: how often
it is named alone. Beside it the paired t test over the common seeds, which takes the images for given.

latent    an image is answered rightly where a configuration's strength plus what it has for this image, plus what its
          seed has for it, exceeds the image's difficulty; all normal (a probit model of crossed random effects)
unequal   the same, with seeds that vary 1, 1.6 or 2.7 times as much from one configuration to the next
beta      an image is answered rightly with a probability drawn from a beta distribution, which all configurations share
          or which is a configuration's own; seeds shift it by a t distribution with two degrees of freedom
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import leading_configurations, winning_configuration
from sweeper.inference.groups import eliminate, paired_t_p

Gap = float | NDArray[np.float64]  # by which the first is better, or each
Draw = Callable[[np.random.Generator, int, int, int, float, float, Gap], NDArray[np.bool_]]

_DIFFICULTY_SD, _OWN_SD = math.sqrt(2), 1.0
_UNEQUAL = (1.0, 1.6, 2.7)
LEVEL = 0.95  # accuracy of all, and of all but the best


def latent(
    random: np.random.Generator, num: int, seeds: int, images: int, constant: float, seed_sd: float, gap: Gap
) -> NDArray[np.bool_]:
    """(num, seeds, images); `constant` is the share of what is a configuration's own that its seeds have in common."""
    return _probit(random, images, constant, np.full(num, seed_sd), seeds, gap)


def unequal(
    random: np.random.Generator, num: int, seeds: int, images: int, constant: float, seed_sd: float, gap: Gap
) -> NDArray[np.bool_]:
    return _probit(random, images, constant, seed_sd * np.resize(_UNEQUAL, num), seeds, gap)


def _probit(
    random: np.random.Generator,
    images: int,
    constant: float,
    seed_sds: NDArray[np.float64],
    seeds: int,
    gap: Gap,
) -> NDArray[np.bool_]:
    num = len(seed_sds)
    spread = np.sqrt(_DIFFICULTY_SD**2 + _OWN_SD**2 + seed_sds**2)
    strength = norm.ppf(LEVEL + _gaps(gap, num)) * spread
    own = random.normal(0, _OWN_SD * math.sqrt(constant), (num, 1, images))
    of_seed = random.normal(0, _OWN_SD * math.sqrt(1 - constant), (num, seeds, images))
    shift = random.normal(0, seed_sds[:, None], (num, seeds))[:, :, None]
    answers: NDArray[np.bool_] = strength[:, None, None] + shift + own + of_seed > random.normal(
        0, _DIFFICULTY_SD, images
    )
    return answers


def beta(
    random: np.random.Generator, num: int, seeds: int, images: int, constant: float, seed_sd: float, gap: Gap
) -> NDArray[np.bool_]:
    concentration = 0.6
    shape = (LEVEL * concentration, (1 - LEVEL) * concentration)
    is_own = random.random((num, images)) < constant / 2
    right = np.where(is_own, random.beta(*shape, (num, images)), random.beta(*shape, images))[:, None, :]
    shift = (random.standard_t(2, (num, seeds)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)[:, :, None]
    probabilities = np.broadcast_to(right + 0.4 * shift * right * (1 - right), (num, seeds, images)).clip(0, 1)
    lucky = random.random((num, seeds, images)) < probabilities
    for index, by in enumerate(_gaps(gap, num)):
        if by:  # the better one answers a share of what it has wrong
            lucky[index] |= random.random((seeds, images)) < by / (1 - LEVEL)
    return lucky


def _gaps(gap: Gap, num: int) -> NDArray[np.float64]:
    """(num,)"""
    return np.asarray(gap) if np.ndim(gap) else np.eye(1, num)[0] * gap


def paired(answers: NDArray[np.bool_]) -> tuple[int, ...]:
    """The group by paired t tests over the common seeds."""
    scores = answers.mean(axis=2)
    mean = scores.mean(axis=1)
    return eliminate(mean, paired_t_p(scores - scores[int(np.argmax(mean))]), 0.05).members


def share(found: list[bool]) -> str:
    rate = float(np.mean(found))
    return f"{100 * rate:.1f} ± {100 * math.sqrt(rate * (1 - rate) / len(found)):.1f}"


def equal(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for constant, seed_sd, images in itertools.product((0.2, 0.8), (0.05, 0.3), (287, 1000, 5000)):
        for num, seeds in itertools.product((2, 4, 10), (3, 5, 8)):
            if images * num * seeds > 250_000:
                continue
            random = np.random.default_rng([num, seeds, images, int(100 * constant), int(100 * seed_sd)])
            lost: tuple[list[bool], list[bool]] = ([], [])
            for _ in range(sweeps):
                answers = draw(random, num, seeds, images, constant, seed_sd, 0.0)
                lost[0].append(len(leading_configurations(list(answers)).members) < num)
                lost[1].append(len(paired(answers)) < num)
            yield [
                draw.__name__,
                f"{constant:g}",
                f"{seed_sd:g}",
                f"{images:,}",
                str(num),
                str(seeds),
                *map(share, lost),
            ]


def better(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    for images, num, seeds, gap in itertools.product((1000, 5000), (2, 4), (3, 5), (0.01, 0.03)):
        random = np.random.default_rng([num, seeds, images, int(1000 * gap)])
        alone: tuple[list[bool], list[bool]] = ([], [])
        lost: list[bool] = []
        for _ in range(sweeps):
            answers = draw(random, num, seeds, images, 0.5, 0.1, gap)
            members = leading_configurations(list(answers)).members
            alone[0].append(members == (0,))
            alone[1].append(paired(answers) == (0,))
            lost.append(0 not in members)
        gained = f"{100 * gap:g}"
        yield [draw.__name__, gained, f"{images:,}", str(num), str(seeds), *map(share, alone), share(lost)]


def leading(sweeps: int, draw: Draw) -> Iterator[list[str]]:
    """What is expected of the leading one of equal configurations, less its true accuracy, in points."""
    for (constant, seed_sd), images in itertools.product(((0.2, 0.05), (0.8, 0.3)), (287, 1000)):
        for num, seeds in itertools.product((1, 4, 10, 30), (3, 5)):
            if images * num * seeds > 60_000:
                continue
            random = np.random.default_rng([num, seeds, images])
            found = []
            for _ in range(sweeps):
                score = winning_configuration(list(draw(random, num, seeds, images, constant, seed_sd, 0.0)), 0, 100)
                covers = 100.0 * (score.low <= LEVEL <= score.high)
                found.append([100 * (score.raw - LEVEL), 100 * (score.expected - LEVEL), covers])
            raw, expected, covered = np.mean(found, axis=0)
            cells = [draw.__name__, f"{seed_sd:g}", f"{images:,}", str(num), str(seeds)]
            yield [*cells, f"{raw:+.2f}", f"{expected:+.2f}", f"{covered:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=1000)
    sweeps = parser.parse_args().sweeps
    heads = ["model", "constant", "seeds' deviation", "images", "configurations", "seeds", "lost", "lost, paired t"]
    _print(
        "Equal configurations, % of the sweeps",
        heads,
        [row for draw in (latent, unequal, beta) for row in equal(sweeps, draw)],
    )
    heads = ["model", "points better", "images", "configurations", "seeds", "alone", "alone, paired t", "lost"]
    _print(
        "One better configuration, % of the sweeps",
        heads,
        [row for draw in (latent, unequal, beta) for row in better(sweeps, draw)],
    )
    heads = ["model", "seeds' deviation", "images", "configurations", "seeds", "mean less true", "expected less true"]
    _print(
        "The leader of equal configurations, points, and % of the sweeps",
        [*heads, "its interval covers"],
        [row for draw in (latent, unequal, beta) for row in leading(max(1, sweeps // 5), draw)],
    )


def _print(title: str, heads: list[str], rows: list[list[str]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
