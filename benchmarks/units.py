"""Who is equal, what it takes, and levels' effects: where images come in groups, and over folds. Simulated.

    python benchmarks/units.py [--sweeps 300] [--only trials|seeds|folds|levels|needed|needed-seeds]

A sweep is wrong where one is called equal to the leader though its true accuracy differs from the leader's by the
margin (at most 5 %; here it is exactly the margin, the hardest case), and where any interval of a level's effect does
not have the true one (at most 5 %). What is needed is right within a factor of two. Groups have ten images each, or 1
to 40 of them; without groups the models are those of `benchmarks/configurations.py`.

latent    a probit model: of an image's difficulty, and of what a configuration and a seed have for it, a share is its
          group's
beta      a configuration has a chance for each group, drawn from a beta distribution, and each image one that all
          share; a share of the images is answered by the group's. A better one has whole groups right that it had wrong
whole     all answer alike but for whole groups, on which the worse ones fail
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import configurations
import numpy as np
from configurations import LEVEL, share
from needed import geometric, near, truly
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper import inference

Codes = NDArray[np.int64] | None  # of each image's group
Draw = Callable[[np.random.Generator, NDArray[np.float64], int, int, float, Codes], NDArray[np.bool_]]

_SHARED = 0.5
_CASES = ("all but the best are worse", "half are worse", "all are equal")


def codes_of(sizes: str, images: int) -> NDArray[np.int64]:
    """(images,): groups of ten, or of 1 to 40."""
    of_group = np.full(images, 10) if sizes == "10" else 1 + np.arange(images) * 7 % 40
    return np.repeat(np.arange(images), of_group)[:images]


def latent(
    random: np.random.Generator, true: NDArray[np.float64], seeds: int, images: int, seed_sd: float, codes: Codes
) -> NDArray[np.bool_]:
    """(num, seeds, images)"""
    if codes is None:
        return configurations.latent(random, len(true), seeds, images, 0.5, seed_sd, true - LEVEL)

    def part(*rows: int, spread: float) -> NDArray[np.float64]:
        of_group = random.normal(0, spread, (*rows, codes[-1] + 1))[..., codes]
        both: NDArray[np.float64] = math.sqrt(_SHARED) * of_group
        both += math.sqrt(1 - _SHARED) * random.normal(0, spread, (*rows, images))
        return both

    num = len(true)
    strength = norm.ppf(true) * math.sqrt(3 + seed_sd**2)
    own = part(num, 1, spread=math.sqrt(0.5)) + part(num, seeds, spread=math.sqrt(0.5))
    shift = random.normal(0, seed_sd, (num, seeds, 1))
    answers: NDArray[np.bool_] = strength[:, None, None] + shift + own > part(1, 1, spread=math.sqrt(2))
    return answers


def beta(
    random: np.random.Generator, true: NDArray[np.float64], seeds: int, images: int, seed_sd: float, codes: Codes
) -> NDArray[np.bool_]:
    num = len(true)
    if codes is None:
        return configurations.beta(random, num, seeds, images, 0.5, seed_sd, true - LEVEL)
    of_group = random.beta(1.5 * LEVEL, 1.5 * (1 - LEVEL), (num, 1, codes[-1] + 1))[..., codes]
    of_image = random.beta(0.6 * LEVEL, 0.6 * (1 - LEVEL), images)
    chances = np.where(random.random((num, 1, images)) < _SHARED, of_group, of_image)
    shift = (random.standard_t(2, (num, seeds, 1)) * seed_sd).clip(-6 * seed_sd, 6 * seed_sd)
    right = random.random((num, seeds, images)) < chances + 0.4 * shift * chances * (1 - chances)
    put_right = random.random((num, 1, codes[-1] + 1))[..., codes] < ((true - LEVEL) / (1 - LEVEL))[:, None, None]
    answers: NDArray[np.bool_] = right | put_right
    return answers


def whole(
    random: np.random.Generator, true: NDArray[np.float64], seeds: int, images: int, seed_sd: float, codes: Codes
) -> NDArray[np.bool_]:
    if codes is None:
        codes = np.arange(images)
    alike = latent(random, np.array([true.max()]), seeds, images, seed_sd, codes)
    fails = random.random((len(true), 1, codes[-1] + 1))[..., codes] < (1 - true / true.max())[:, None, None]
    answers: NDArray[np.bool_] = alike & ~fails
    return answers


def truths(num: int, margin: float) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for case, better in zip(_CASES, (1, (num + 1) // 2, 0), strict=True):
        yield case, LEVEL + np.where(np.arange(num) < better, margin, 0.0)


class Count:
    """What was called equal: wrongly, in a sweep; and rightly, of the equal ones."""

    def __init__(self) -> None:
        self.wrong: list[bool] = []
        self.called: list[bool] = []

    def add(self, marked: NDArray[np.bool_], true: NDArray[np.float64], leader: int, margin: float) -> None:
        self.wrong.append(bool((marked & (np.abs(true - true[leader]) > margin - 1e-9)).any()))
        self.called += np.delete(marked, leader)[np.delete(true == true[leader], leader)].tolist()

    def cells(self) -> list[str]:
        return [share(self.wrong), share(self.called) if self.called else ""]


def show(cells: Sequence[Any]) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def heads(*names: str) -> None:
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)


def of_trials(sweeps: int) -> None:
    heads(
        "model", "groups of", "images", "margin, points", "trials", "truth", "called equal wrongly, %", "the equal, %"
    )
    sizes = ((1000, 0.05), (5000, 0.01), (5000, 0.02))
    for draw, of, (images, margin), num in itertools.product((latent, beta, whole), ("10", "1-40"), sizes, (2, 4, 10)):
        codes = codes_of(of, images)
        for case, true in truths(num, margin):
            random = np.random.default_rng([num, images, int(1000 * margin)])
            count = Count()
            for _ in range(sweeps):
                correct = draw(random, true - (margin if draw is whole else 0), 1, images, 0.0, codes)[:, 0]
                leader = int(correct.sum(axis=1).argmax())
                count.add(inference.equal_trials(correct, leader, margin, groups=codes), true, leader, margin)
            show([draw.__name__, of, f"{images:,}", f"{100 * margin:g}", num, case, *count.cells()])


def of_seeds(sweeps: int) -> None:
    heads(
        "model", "seeds vary by", "images", "margin", "configurations", "seeds", "truth", "wrongly, %", "the equal, %"
    )
    sizes = ((1000, 0.05), (5000, 0.02))
    several = itertools.product((latent, beta, whole), (0.05, 0.3), sizes, ((2, 3), (4, 3), (4, 8)))
    for draw, seed_sd, (images, margin), (num, seeds) in several:
        codes = codes_of("1-40", images)
        for case, true in truths(num, margin):
            random = np.random.default_rng([num, seeds, images, int(100 * seed_sd)])
            count = Count()
            for _ in range(sweeps):
                answers = list(draw(random, true - (margin if draw is whole else 0), seeds, images, seed_sd, codes))
                leader = int(np.argmax([one.mean() for one in answers]))
                count.add(inference.equal_configurations(answers, margin, groups=codes), true, leader, margin)
            shown = [draw.__name__, f"{seed_sd:g}", f"{images:,}", f"{100 * margin:g}", num, seeds, case]
            show([*shown, *count.cells()])


def folded(
    random: np.random.Generator,
    draw: Draw,
    true: NDArray[np.float64],
    folds: int,
    images: int,
    seed_sd: float,
    codes: Codes,
) -> list[list[NDArray[np.bool_]]]:
    """For each configuration, for each fold (1, images of a fold)."""
    parts = [draw(random, true, 1, images, seed_sd, codes) for _ in range(folds)]
    return [[part[index] for part in parts] for index in range(len(true))]


def of_folds(sweeps: int) -> None:
    heads(
        "model",
        "groups of",
        "seeds vary by",
        "images",
        "folds",
        "margin",
        "configurations",
        "truth",
        "wrongly, %",
        "equal, %",
    )
    sizes = ((1437, 0.03), (6000, 0.01), (6000, 0.02))
    several = itertools.product((latent, beta, whole), ("", "1-40"), (0.05, 0.2), sizes, (5, 10), (2, 4, 10))
    for draw, of, seed_sd, (images, margin), folds, num in several:
        codes = codes_of(of, images // folds) if of else None
        for case, true in truths(num, margin):
            random = np.random.default_rng([num, folds, images, int(1000 * margin), int(100 * seed_sd)])
            count = Count()
            for _ in range(sweeps):
                level = true - (margin if draw is whole else 0)
                answers = folded(random, draw, level, folds, images // folds, seed_sd, codes)
                leader = int(np.argmax([np.mean([fold.mean() for fold in one]) for one in answers]))
                groups = None if codes is None else [codes] * folds
                count.add(inference.equal_over_folds(answers, margin, groups=groups), true, leader, margin)
            shown = [draw.__name__, of, f"{seed_sd:g}", f"{images:,}", folds, f"{100 * margin:g}", num, case]
            show([*shown, *count.cells()])


def of_levels(sweeps: int) -> None:
    heads("model", "over", "groups of", "seeds vary by", "images", "grid", "effect, points", "all hold, %", "told, %")
    grids = ((2, 2), (3, 2), (5,), (3, 2, 2))
    ways = (("3 seeds", "10"), ("3 seeds", "1-40"), ("5 folds", ""), ("10 folds", ""), ("5 folds", "1-40"))
    several = itertools.product((latent, beta), ways, (0.05, 0.3), (1000, 5000), grids, (0.0, 0.02))
    for draw, (over, of), seed_sd, images, grid, size in several:
        number = int(over.split()[0])
        levels = np.array(list(itertools.product(*map(range, grid)))).T
        gaps = size * (levels[0] == levels[0].max()) * (1 + (levels[-1] == 0)) / 2
        effects = [
            np.array([gaps[own == level].mean() - gaps[own == 0].mean() for level in range(1, own.max() + 1)])
            for own in levels
        ]
        random = np.random.default_rng([len(gaps), number, images, int(100 * seed_sd), int(1000 * size)])
        holds, told = [], []
        for _ in range(sweeps):
            if "seeds" in over:
                codes = codes_of(of, images)
                answers = list(draw(random, LEVEL + gaps, number, images, seed_sd, codes))
                found = inference.level_effects(answers, levels.tolist(), groups=codes)
            else:
                own_codes = codes_of(of, images // number) if of else None
                tables = folded(random, draw, LEVEL + gaps, number, images // number, seed_sd, own_codes)
                groups = None if own_codes is None else [own_codes] * number
                found = inference.level_effects_over_folds(tables, levels.tolist(), groups=groups)
            pairs = zip(found, effects, strict=True)
            inside = [((one[:, 1] <= by + 1e-12) & (one[:, 2] >= by - 1e-12)).all() for one, by in pairs]
            holds.append(all(inside))
            told.append(bool(found[0][-1, 1] > 0))
        grid_name = " x ".join(map(str, grid))
        shown = [draw.__name__, over, of, f"{seed_sd:g}", f"{images:,}", grid_name, f"{100 * size:g}"]
        show([*shown, share(holds), share(told) if size else ""])


def of_needed(sweeps: int) -> None:
    heads(
        "model", "groups of", "difference, points", "trials", "images", "needed", "estimate", "within 2x, %", "said, %"
    )
    for draw, of, gap, num in itertools.product((latent, beta), ("10", "1-40"), (0.01, 0.02), (2, 4, 10)):
        true = LEVEL + gap * np.eye(1, num)[0]

        def power(images: int, true: NDArray[np.float64] = true, draw: Draw = draw, of: str = of) -> float:
            random = np.random.default_rng([images, len(true)])
            codes = codes_of(of, images)
            drawn = (draw(random, true, 1, images, 0.0, codes)[:, 0] for _ in range(sweeps // 2))
            return float(np.mean([1 not in inference.leading_group_by_clusters(one, codes).members for one in drawn]))

        truth = truly(power, geometric(300, 40_000)[::2])
        for images in (1000, 3000):
            random, codes = np.random.default_rng([num, images]), codes_of(of, images)
            found: list[int] = []
            undecided = 0
            for _ in range(sweeps):
                correct = draw(random, true, 1, images, 0.0, codes)[:, 0]
                if len(inference.leading_group_by_clusters(correct, codes).members) == num:
                    undecided += 1
                    needed = inference.needed_for_trials(correct, gap, groups=codes)
                    found += [] if needed is None or needed.images is None else [needed.images]
            show([draw.__name__, of, f"{100 * gap:g}", num, f"{images:,}", *near(truth, 40_000, found, undecided)])
    heads(
        "model", "groups of", "seeds vary by", "images", "folds", "configurations", "shown, points", "estimate", "2x, %"
    )
    several = itertools.product((latent, beta), ("", "1-40"), (0.05, 0.2), (1437, 6000), (5, 10), (4, 8))
    for draw, of, seed_sd, images, folds, num in several:
        fold_codes: Codes = codes_of(of, images // folds) if of else None
        groups = None if fold_codes is None else [fold_codes] * folds

        def shows(
            points: int,
            spec: tuple[Draw, float, int, int, int, Codes] = (draw, seed_sd, images, folds, num, fold_codes),
        ) -> float:
            one, sd, size, parts, number, own = spec
            random = np.random.default_rng([points, number, parts])
            true = LEVEL + points / 1000 * np.eye(1, number)[0]
            out = [
                1 + turn % (number - 1)
                not in inference.leading_over_folds(
                    folded(random, one, true, parts, size // parts, sd, own),
                    groups=None if own is None else [own] * parts,
                ).members
                for turn in range(sweeps // 2)
            ]
            return float(np.mean(out))

        truth = truly(shows, [*range(2, 48, 2)])
        random = np.random.default_rng([num, folds, images])
        right, all_found = [], []
        for _ in range(sweeps):
            answers = folded(random, draw, np.full(num, LEVEL), folds, images // folds, seed_sd, fold_codes)
            members = inference.leading_over_folds(answers, groups=groups).members
            if len(members) == num:
                known = inference.needed_over_folds(answers, members, 0.01, groups=groups)
                found_shown = None if known is None else known.shown
                all_found.append(1000 * (1.0 if found_shown is None else found_shown))
                right.append(all_found[-1] >= 24 if truth is None else truth / 2 <= all_found[-1] <= 2 * truth)
        told = "above 4.6" if truth is None else f"{truth / 10:g}"
        shown = [draw.__name__, of, f"{seed_sd:g}", f"{images:,}", folds, num]
        show([*shown, told, f"{np.median(all_found) / 10:.1f}", share(right)])


def of_needed_seeds(sweeps: int) -> None:
    """Seeds for each configuration, where images come in groups."""
    names = ("model", "groups of", "seeds' sd", "images", "difference", "configurations", "seeds", "needed")
    heads(*names, "estimate", "within 2x, %", "said, %", "no seeds would do, %")
    sizes = ((0.3, 1000, 0.03), (0.3, 3000, 0.02), (0.2, 6000, 0.02), (0.05, 1000, 0.01))
    for draw, of, (seed_sd, images, gap), num in itertools.product((latent, beta), ("10", "1-40"), sizes, (4, 8)):
        codes, true = codes_of(of, images), LEVEL + gap * np.eye(1, num)[0]

        def power(
            seeds: int,
            spec: tuple[Draw, NDArray[np.float64], int, float, Codes] = (draw, true, images, seed_sd, codes),
        ) -> float:
            one, level, size, sd, groups = spec
            random = np.random.default_rng([seeds, len(level), size])
            out = []
            for turn in range(sweeps // 2):
                answers = list(one(random, level, seeds, size, sd, groups))
                out.append(
                    1 + turn % (len(level) - 1) not in inference.leading_configurations(answers, groups=groups).members
                )
            return float(np.mean(out))

        truth = truly(power, geometric(3, 60)[::2])
        for seeds in (3, 5):
            random = np.random.default_rng([num, seeds, images])
            found: list[int] = []
            hopeless: list[bool] = []
            for _ in range(sweeps):
                answers = list(draw(random, true, seeds, images, seed_sd, codes))
                members = inference.leading_configurations(answers, groups=codes).members
                if len(members) == num:
                    needed = inference.needed_for_configurations(answers, members, gap, groups=codes)
                    hopeless.append(needed.images_dominate)
                    found += [] if needed.seeds is None else [needed.seeds]
            cells = [draw.__name__, of, f"{seed_sd:g}", f"{images:,}", f"{100 * gap:g}", num, seeds]
            show([*cells, *near(truth, 60, found, len(hopeless)), share(hopeless) if hopeless else ""])


def main() -> None:
    parts = {
        "trials": of_trials,
        "seeds": of_seeds,
        "folds": of_folds,
        "levels": of_levels,
        "needed": of_needed,
        "needed-seeds": of_needed_seeds,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=300)
    parser.add_argument("--only", choices=tuple(parts))
    options = parser.parse_args()
    for name, part in parts.items():
        if options.only in (None, name):
            part(options.sweeps)


if __name__ == "__main__":
    main()
