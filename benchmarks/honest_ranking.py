"""Whether the leaderboard's statistics keep their promises: thousands of simulated sweeps with a known truth.

    python benchmarks/honest_ranking.py [--sweeps 2000] [--picture FILE]

Prints the tables of docs/honest-ranking.md. How a sweep is drawn, and how that was fitted to real sweeps, is in
`agreement.py`.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from agreement import AGREEMENT, Agreement, draw, shared_errors
from numpy.typing import ArrayLike, NDArray

from sweeper.inference import (
    holm,
    leading_configurations,
    leading_group,
    mcnemar_p,
    not_worse,
    rank_intervals,
    winners_score,
)

SEED = 20180


def trials(
    random: np.random.Generator, accuracies: ArrayLike, num_images: int, agreement: Agreement
) -> NDArray[np.bool_]:
    """(K, n): which trial classifies which image correctly, one seed per configuration."""
    return draw(random, accuracies, num_images, agreement)[:, 0]


def rng(*cell: object) -> np.random.Generator:
    """A separate random stream for each cell of a table, whatever was drawn before."""
    return np.random.default_rng([SEED, zlib.crc32(repr(cell).encode())])


# --- writing tables ---


def percent(hits: Sequence[bool]) -> str:
    """A share of the sweeps with its Monte Carlo standard error."""
    share = float(np.mean(hits))
    return f"{100 * share:.1f} ± {100 * (share * (1 - share) / len(hits)) ** 0.5:.1f}"


def points(differences: Sequence[float]) -> str:
    """A mean difference of accuracies in points, with its Monte Carlo standard error."""
    values = 100 * np.asarray(differences)
    return f"{values.mean():+.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}"


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)


# --- the cells: each yields the rows of one table ---

CELLS = [(level, num_images, k) for level in (0.90, 0.99) for num_images in (1_000, 10_000) for k in (3, 10, 50)]


def name(level: float, num_images: int, k: int | None = None) -> list[str]:
    return [f"{100 * level:.0f} %", f"{num_images:,}", *([] if k is None else [str(k)])]


def holm_against_the_leader(correct: NDArray[np.bool_]) -> bool:
    """Whether plain Holm calls some trial worse than the leader; the leading group uses a stricter test."""
    leader = correct[int(np.argmax(correct.sum(axis=1)))]
    p = mcnemar_p((leader & ~correct).sum(axis=1), (correct & ~leader).sum(axis=1))
    return min(holm(np.delete(p, int(np.argmax(correct.sum(axis=1)))).tolist())) <= 0.05


def equal_trials(sweeps: int) -> Iterable[list[str]]:
    for level, num_images, k in CELLS:
        random = rng("equal", level, num_images, k)
        lost, sole, plain, covered = [], [], [], []
        for _ in range(sweeps):
            correct = trials(random, [level] * k, num_images, AGREEMENT[level])
            group = leading_group(correct).members
            lost.append(len(group) < k)
            sole.append(len(group) == 1)
            plain.append(holm_against_the_leader(correct))
            covered.append(bool((rank_intervals(correct) == [1, k]).all()))
        yield [*name(level, num_images, k), percent(lost), percent(sole), "100", percent(plain), percent(covered)]


def winners(sweeps: int) -> Iterable[list[str]]:
    """The winner's score minus its true accuracy: for equal trials, and for trials spread evenly over two points."""
    for level, num_images, k in CELLS:
        cells = []
        for width in (0.0, 0.02):
            random = rng("winner", level, num_images, k, width)
            true = level - width * np.arange(k) / (k - 1)
            raw, expected, covered = [], [], []
            for sweep in range(sweeps // 4):
                correct = trials(random, true, num_images, AGREEMENT[level])
                truth = float(true[int(np.argmax(correct.sum(axis=1)))])
                score = winners_score(correct, sweep, num_resamples=200)
                raw.append(score.raw - truth)
                expected.append(score.expected - truth)
                covered.append(score.low <= truth <= score.high)
            cells += [points(raw), points(expected), percent(covered)]
        yield [*name(level, num_images, k), *cells]


def two_best(sweeps: int) -> Iterable[list[str]]:
    for level, worse in ((0.90, 0.80), (0.99, 0.96)):
        for num_images in (1_000, 10_000):
            random = rng("two", level, num_images)
            sole, lost, covered = [], [], []
            for _ in range(sweeps):
                correct = trials(random, [level] * 2 + [worse] * 8, num_images, AGREEMENT[level])
                group = leading_group(correct).members
                sole.append(len(group) == 1)
                lost.append(not {0, 1} <= set(group))
                low, high = rank_intervals(correct).T
                covered.append(
                    bool(
                        (low[:2] == 1).all()
                        and (high[:2] >= 2).all()
                        and (low[2:] <= 3).all()
                        and (high[2:] == 10).all()
                    )
                )
            yield [
                *name(level, num_images),
                f"{100 * worse:.0f} %",
                percent(sole),
                "100",
                percent(lost),
                percent(covered),
            ]


def one_better(sweeps: int) -> Iterable[list[str]]:
    """Also with errors that overlap less than measured: the less they do, the harder it is to separate trials."""
    cells = [
        (0.99, 0.995, 10_000, AGREEMENT[0.99]),
        (0.99, 0.995, 10_000, AGREEMENT[0.90]),
        (0.985, 0.99, 10_000, AGREEMENT[0.99]),
        (0.90, 0.905, 10_000, AGREEMENT[0.90]),
        (0.90, 0.93, 1_000, AGREEMENT[0.90]),
    ]
    for rest, best, num_images, agreement in cells:
        shared = shared_errors(1 - rest, agreement)
        for k in (3, 10, 50):
            random = rng("better", rest, best, num_images, k)
            lost, alone, sizes, covered = [], [], [], []
            for _ in range(sweeps):
                correct = trials(random, [best] + [rest] * (k - 1), num_images, agreement)
                group = leading_group(correct).members
                lost.append(0 not in group)
                alone.append(group == (0,))
                sizes.append(len(group))
                low, high = rank_intervals(correct).T
                covered.append(bool(low[0] == 1 and (low[1:] <= 2).all() and (high[1:] == k).all()))
            yield [
                f"{100 * best:.1f} %",
                f"{100 * rest:.1f} %",
                f"{100 * shared:.0f} %",
                f"{num_images:,}",
                str(k),
                percent(lost),
                percent(alone),
                f"{np.mean(sizes):.1f}",
                percent(covered),
            ]


def staircase(sweeps: int) -> Iterable[list[str]]:
    """All trials differ a little: the leader is often not the best, and others are eliminated first."""
    for level, num_images, k in CELLS:
        for width in (0.005, 0.02):
            random = rng("staircase", level, num_images, k, width)
            true = level - width * np.arange(k) / (k - 1)
            lost, wrong_sole, covered, sizes = [], [], [], []
            for _ in range(sweeps):
                correct = trials(random, true, num_images, AGREEMENT[level])
                group = leading_group(correct).members
                lost.append(0 not in group)
                wrong_sole.append(len(group) == 1 and group != (0,))
                sizes.append(len(group))
                low, high = rank_intervals(correct).T
                ranks = np.arange(1, k + 1)
                covered.append(bool((low <= ranks).all() and (ranks <= high).all()))
            yield [
                *name(level, num_images, k),
                f"{100 * width:.1f}",
                percent(lost),
                percent(wrong_sole),
                f"{np.mean(sizes):.1f}",
                percent(covered),
            ]


def good_enough(sweeps: int) -> Iterable[list[str]]:
    """Half the trials as good as the best, half worse by exactly the margin: none of the latter may be marked."""
    for level, num_images, k in CELLS:
        for margin in (0.005, 0.02):
            random = rng("margin", level, num_images, k, margin)
            best = k // 2 + 1
            wrongly, rightly, all_but_one = [], [], []
            for _ in range(sweeps):
                correct = trials(random, [level] * best + [level - margin] * (k - best), num_images, AGREEMENT[level])
                leader = int(np.argmax(correct.sum(axis=1)))
                marked = np.delete(not_worse(correct, leader, margin), leader)
                bad = np.delete(np.arange(k) >= best, leader)
                wrongly.append(bool(marked[bad].any()))
                rightly.append(float(marked[~bad].mean()) if (~bad).any() else 0.0)
                one = trials(random, [level] + [level - margin] * (k - 1), num_images, AGREEMENT[level])
                all_but_one.append(bool(not_worse(one, 0, margin)[1:].any()))
            yield [
                *name(level, num_images, k),
                f"{100 * margin:.1f}",
                percent(wrongly),
                percent(all_but_one),
                f"{100 * np.mean(rightly):.0f}",
            ]


def scores_over_seeds(
    random: np.random.Generator, accuracies: Sequence[float], num_images: int, agreement: Agreement
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The bits of each configuration's first seed, and those under five seeds, (K, 5, n)."""
    moved = np.asarray(accuracies)[:, None] + agreement.seed_sd * random.standard_normal((len(accuracies), 5))
    correct = draw(random, moved, num_images, agreement, seeds=5)
    return correct[:, 0], correct


def equal_configurations(sweeps: int) -> Iterable[list[str]]:
    for level, num_images, k in CELLS:
        random = rng("equal configurations", level, num_images, k)
        lost: dict[int, list[bool]] = {1: [], 3: [], 5: []}
        sole: dict[int, list[bool]] = {1: [], 3: [], 5: []}
        for _ in range(sweeps):
            correct, seeds_of = scores_over_seeds(random, [level] * k, num_images, AGREEMENT[level])
            groups = {1: leading_group(correct).members, 3: leading_configurations(list(seeds_of[:, :3])).members}
            groups[5] = leading_configurations(list(seeds_of)).members
            for seeds, group in groups.items():
                lost[seeds].append(len(group) < k)
                sole[seeds].append(len(group) == 1)
        yield [*name(level, num_images, k), *(percent(of[seeds]) for of in (lost, sole) for seeds in (1, 3, 5))]


def one_better_configuration(sweeps: int) -> Iterable[list[str]]:
    for rest, best, level in ((0.99, 0.995, 0.99), (0.90, 0.905, 0.90), (0.90, 0.93, 0.90)):
        for k in (3, 10, 50):
            random = rng("better configuration", rest, best, k)
            leads, worse_alone = [], []
            lost: dict[int, list[bool]] = {1: [], 3: [], 5: []}
            alone: dict[int, list[bool]] = {1: [], 3: [], 5: []}
            for _ in range(sweeps):
                correct, seeds_of = scores_over_seeds(random, [best] + [rest] * (k - 1), 10_000, AGREEMENT[level])
                groups = {1: leading_group(correct).members, 3: leading_configurations(list(seeds_of[:, :3])).members}
                groups[5] = leading_configurations(list(seeds_of)).members
                leads.append(groups[1][0] != 0)
                worse_alone.append(len(groups[1]) == 1 and groups[1] != (0,))
                for seeds, group in groups.items():
                    lost[seeds].append(0 not in group)
                    alone[seeds].append(group == (0,))
            yield [
                f"{100 * best:.1f} %",
                f"{100 * rest:.1f} %",
                str(k),
                percent(leads),
                percent(worse_alone),
                *(percent(of[seeds]) for of in (lost, alone) for seeds in (1, 3, 5)),
            ]


# --- the picture ---


def picture(path: Path, sweeps: int) -> None:
    """How often the better of K trials is named alone, against how much better it is."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axis, (num_images, advantages) in zip(
        axes, ((1_000, np.linspace(0, 0.04, 9)), (10_000, np.linspace(0, 0.008, 9))), strict=True
    ):
        for k, style in ((3, "o-"), (10, "s--"), (50, "^:")):
            random = rng("picture", num_images, k)
            shares = []
            for advantage in advantages:
                true = [0.99] + [0.99 - advantage] * (k - 1)
                tables = (trials(random, true, num_images, AGREEMENT[0.99]) for _ in range(sweeps // 5))
                shares.append(100 * np.mean([leading_group(correct).members == (0,) for correct in tables]))
            axis.plot(100 * advantages, shares, style, label=f"{k} trials")
        axis.set(xlabel="points by which one trial is truly better (99 %)", title=f"{num_images:,} validation images")
        axis.grid(alpha=0.3)
    axes[0].set(ylabel="% of sweeps that name it alone", ylim=(-2, 102))
    axes[0].legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--sweeps", type=int, default=2000, help="simulated sweeps per cell; a quarter of them for slow cells"
    )
    parser.add_argument("--picture", type=Path, help="also write the picture to this file")
    options = parser.parse_args()
    began = time.process_time()
    for title, head, rows in TABLES:
        table(title, head, rows(options.sweeps))
    if options.picture:
        picture(options.picture, options.sweeps)
    print(f"\n{options.sweeps} sweeps per cell; {(time.process_time() - began) / 60:.0f} CPU minutes")


def by_seeds(*columns: str) -> list[str]:
    return [f"{column}, {seeds}" for column in columns for seeds in ("one seed", "3 seeds", "5 seeds")]


CELL = ["accuracy", "images", "trials"]
TABLES = [
    (
        "Equally good trials, % of the sweeps",
        [*CELL, "one is left out of the leading group", "a sole winner is named", "a winner by the highest score",
         "plain Holm calls one worse", "all rank intervals cover"],
        equal_trials,
    ),
    (
        "The winner's score minus its true accuracy, in points",
        [*CELL, *(f"{what}, {of}" for of in ("equal trials", "trials two points apart")
         for what in ("raw", "expected", "interval covers, %"))],
        winners,
    ),
    (
        "Two equal best among eight clearly worse, % of the sweeps",
        ["the two", "images", "the eight", "one is named alone", "a winner by the highest score",
         "one of the two is left out", "all rank intervals cover"],
        two_best,
    ),
    (
        "One better than the rest, % of the sweeps",
        ["the best", "the rest", "shared errors", "images", "trials", "it is lost", "it is named alone",
         "mean size of the group", "all rank intervals cover"],
        one_better,
    ),
    (
        "Every trial a little different, evenly spaced, % of the sweeps",
        [*CELL, "best minus worst, points", "the best is lost", "another is named alone", "mean size of the group",
         "all rank intervals cover"],
        staircase,
    ),
    (
        "Not worse than the best by more than a margin, % of the sweeps",
        [*CELL, "margin, points", "half worse by the margin: one is marked", "all but the best: one is marked",
         "of the truly equal are marked"],
        good_enough,
    ),
    (
        "Equally good configurations whose seeds differ, % of the sweeps",
        ["accuracy", "images", "configurations", *by_seeds("one is left out", "a sole winner is named")],
        equal_configurations,
    ),
    (
        "One better configuration whose seeds differ, 10,000 images, % of the sweeps",
        ["the best", "the rest", "configurations", "another leads, one seed", "another is named alone, one seed",
         *by_seeds("it is lost", "it is named alone")],
        one_better_configuration,
    ),
]  # fmt: skip


if __name__ == "__main__":
    main()
