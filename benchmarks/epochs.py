"""What to expect of a leader whose best epoch was restored, simulated by two models of errors.

    python benchmarks/epochs.py [--sweeps 200]

Trials train for some epochs and keep the best one by validation accuracy. An epoch's true accuracy rises and then
varies about 95 %; the epochs of a trial share most of their errors. Printed: the leader's measured accuracy less its
true one, the expected one over trials, and the one over (trial, epoch), in points; and how often its interval covers.

latent    an image is answered rightly where a trial's strength in an epoch, and what trial and epoch have for the
          image, exceed its difficulty, all normal
beta      a trial has a chance for each image, drawn from a beta distribution; a third of the answers is drawn anew in
          each epoch
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from sweeper.inference import winners_score

_EPOCHS = 12


def drawn(
    model: str, random: np.random.Generator, num: int, images: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Right and wrong answers (num, epochs, images), and the true accuracy of each trial and epoch."""
    rise = 0.95 - 0.05 * np.exp(-np.arange(_EPOCHS) / 2.0)
    true = (rise + random.normal(0, 0.003, (num, _EPOCHS))).clip(0.5, 0.995)
    if model == "latent":
        difficulty = random.normal(0, np.sqrt(2), images)
        own = random.normal(0, 0.8, (num, 1, images)) + random.normal(0, 0.6, (num, _EPOCHS, images))
        return norm.ppf(true)[:, :, None] * np.sqrt(3) + own > difficulty, true
    quantile = np.where(
        random.random((num, _EPOCHS, images)) < 1 / 3,
        random.random((num, _EPOCHS, images)),
        random.random((num, 1, images)),
    )
    hard = random.beta(0.3, 0.3, images)  # of mean 1/2: how much harder than others an image is
    return quantile > 2 * (1 - true)[:, :, None] * hard, true


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=200)
    sweeps = parser.parse_args().sweeps
    heads = ["model", "images", "trials", "measured", "over trials", "over trials and epochs", "its interval covers"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for model, images, num in itertools.product(("latent", "beta"), (100, 287, 1000), (4, 12)):
        random = np.random.default_rng([images, num])
        found = []
        for _ in range(sweeps):
            answers, true = drawn(model, random, num, images)
            best = answers.sum(axis=2).argmax(axis=1)
            kept = answers[np.arange(num), best]
            leader = int(kept.sum(axis=1).argmax())
            truth = true[leader, best[leader]]
            plain = winners_score(kept, num_resamples=200)
            whole = winners_score(np.concatenate([kept, answers.reshape(-1, images)]), num_resamples=200)
            covers = 100.0 * (whole.low <= truth <= whole.high)
            found.append([100 * (one - truth) for one in (plain.raw, plain.expected, whole.expected)] + [covers])
        cells = np.mean(found, axis=0)
        figures = [f"{value:+.2f}" for value in cells[:3]]
        print(f"| {model} | {images:,} | {num} | {' | '.join(figures)} | {cells[3]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
