"""How networks agree: the model of a sweep that `honest_ranking.py` draws from, and its fit to real sweeps.

    python benchmarks/agreement.py OUTPUT_DIR [...]        # what AGREEMENT below holds, from sweeps with sweep.seeds

**The model.** Image i has a difficulty z_i, standard normal. Configuration c errs on it with the log-odds
a + spread * (sqrt(1 - own) * z_i + sqrt(own) * w_ci), w_ci standard normal: what is hard for all configurations, and
what is hard for this one only. Given these, trials err independently; a is set so that the mean error over all images
is the wanted one. Between the seeds of one configuration, the accuracy that gives a varies by a normal deviation. The
true accuracy of a trial is its mean over all possible images.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

GRID = np.linspace(-9, 9, 3001)
WEIGHT = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()


@dataclass(frozen=True)
class Agreement:
    """How networks of about one accuracy agree: `spread` and `own` as above, `seed_sd` in accuracy."""

    spread: float
    own: float
    seed_sd: float


#: Measured: see docs/honest-ranking.md, "How real networks agree". The entry for 99 % has the spread found at 98.2 %;
#: its deviation between seeds is the share of the error that was measured there and at 90 %.
AGREEMENT = {0.90: Agreement(3.44, 0.01, 0.0164), 0.99: Agreement(4.19, 0.01, 0.0015)}


def sigmoid(x: NDArray[np.floating]) -> NDArray[np.floating]:
    odds_against: NDArray[np.floating] = np.exp(-x)
    return 1 / (1 + odds_against)


@cache
def _curve(spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-odds a from low to high, and the mean error that each gives."""
    a = np.linspace(-60, 20, 4001)
    return a, np.array([float(sigmoid(x + spread * GRID) @ WEIGHT) for x in a])


def log_odds(error: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    a, mean_error = _curve(spread)
    return np.interp(error, mean_error, a)


def draw(
    random: np.random.Generator, accuracies: ArrayLike, num_images: int, agreement: Agreement, seeds: int = 1
) -> NDArray[np.bool_]:
    """(configurations, seeds, n): which trial has which image right. `accuracies`: one each, or one per seed."""
    errors = 1 - np.asarray(accuracies, np.float64)
    errors = np.broadcast_to(errors[:, None] if errors.ndim == 1 else errors, (len(errors), seeds))
    a = log_odds(errors.clip(1e-4, 1), agreement.spread).astype(np.float32)
    common = random.standard_normal(num_images, np.float32) * np.float32(agreement.spread * (1 - agreement.own) ** 0.5)
    own = random.standard_normal((len(errors), num_images), np.float32)
    own *= np.float32(agreement.spread * agreement.own**0.5)
    hardness = own + common
    wrong = sigmoid(a[:, :, None] + hardness[:, None, :])
    return random.random(wrong.shape, np.float32) >= wrong


def both_wrong(spread: float, a: float, shared: float) -> float:
    """P(both err), for trials whose difficulties share this part of their variance."""
    inner = GRID[::20]
    weight = WEIGHT[::20] / WEIGHT[::20].sum()
    common = a + spread * shared**0.5 * inner[:, None]
    each = sigmoid(common + spread * (1 - shared) ** 0.5 * inner) @ weight
    return float(each**2 @ weight)


def shared_errors(error: float, agreement: Agreement) -> float:
    """The share of a trial's errors that an equally good trial of another configuration also makes."""
    a = float(log_odds(np.array(error), agreement.spread))
    return both_wrong(agreement.spread, a, 1 - agreement.own) / error


def real_trials(folder: Path) -> dict[str, list[NDArray[np.bool_]]]:
    """The right/wrong bits of every trial below an output folder, by configuration without its seed."""
    from omegaconf import OmegaConf

    found: dict[str, list[NDArray[np.bool_]]] = {}
    for path in sorted(folder.rglob("predictions.npz")):
        config = OmegaConf.load(path.with_name("config.yaml"))
        with np.load(path) as arrays:
            bits = arrays["predicted"] == arrays["labels"]
        found.setdefault(OmegaConf.to_yaml(config.arch), []).append(bits)
    return found


def fitted(error: float, same: float, other: float) -> tuple[float, float]:
    """The spread and own with which a second trial shares these parts of a first one's errors."""
    low, high = 0.01, 30.0
    for _ in range(50):
        spread = (low + high) / 2
        a = float(log_odds(np.array(error), spread))
        low, high = (spread, high) if both_wrong(spread, a, 1.0) < same * error else (low, spread)
    own_low, own_high = 0.0, 1.0
    for _ in range(50):
        own = (own_low + own_high) / 2
        own_low, own_high = (own, own_high) if both_wrong(spread, a, 1 - own) > other * error else (own_low, own)
    return spread, own


def calibrate(folder: Path) -> None:
    found = list(real_trials(folder).values())
    seeds = min(map(len, found))
    wrong = [~np.array(rows[:seeds]) for rows in found]
    num_images = wrong[0].shape[1]
    error = float(np.mean([rows.mean() for rows in wrong]))

    def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
        return float((first & second).mean() / np.sqrt(first.mean() * second.mean()))

    same = float(np.mean([overlap(a, b) for rows in wrong for i, a in enumerate(rows) for b in rows[:i]]))
    other = float(np.mean([overlap(a, b) for i, p in enumerate(wrong) for q in wrong[:i] for a in p for b in q]))
    spread, own = fitted(error, same, other)
    between = [rows.mean(axis=1).var(ddof=1) for rows in wrong]
    sampling = [
        np.mean([(a ^ b).sum() for i, a in enumerate(rows) for b in rows[:i]]) / 2 / num_images**2 for rows in wrong
    ]
    seed_variance = float(np.mean(between) - np.mean(sampling))
    print(f"{folder}: {len(wrong)} configurations, {sum(map(len, wrong))} trials, {num_images} images")
    print(f"  accuracies of the configurations: {', '.join(f'{100 * (1 - rows.mean()):.2f} %' for rows in wrong)}")
    print(
        f"  share of one trial's errors that another also makes: same configuration {same:.3f}, another one {other:.3f}"
    )
    print(f"  spread {spread:.2f}, own {own:.3f}, seed_sd {max(0.0, seed_variance) ** 0.5:.5f}")
    counts = np.bincount(np.concatenate(wrong).sum(axis=0), minlength=sum(map(len, wrong)) + 1) / num_images
    random = np.random.default_rng(0)
    true = [[1 - row.mean() for row in rows] for rows in wrong]
    model = draw(random, true, 200_000, Agreement(spread, own, 0.0), seeds)
    simulated = np.bincount((~model).reshape(-1, 200_000).sum(axis=0), minlength=len(counts)) / 200_000
    for label, of in (("real", counts), ("model", simulated)):
        print(f"  images by the number of trials that err, {label}: {' '.join(f'{100 * share:.2f}' for share in of)} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="OUTPUT_DIR", help="of sweeps on one set of images")
    for folder in parser.parse_args().folders:
        calibrate(folder)


if __name__ == "__main__":
    main()
