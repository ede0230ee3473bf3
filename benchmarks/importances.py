"""How often a parameter is said to set the best apart where none does, and where one does.

    python benchmarks/importances.py [--searches 200]

Five parameters and scores that are noise, or noise and `gain` deviations times one of the parameters. `random` draws
them; `tpe` is Optuna's sampler, which follows the scores, so that its points are not independent of them.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
import optuna
from numpy.typing import NDArray

from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report.plots.importances import importances

_ACCURACY = Objective("val_accuracy", "maximize")
_NAMES = ("rate", "dropout", "depth", "filters", "optimizer")


def search(sampler: str, num: int, gain: float, seed: int) -> list[TrialRow]:
    """One search of `num` trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    random = np.random.default_rng(seed)
    kinds = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    study = optuna.create_study(direction="maximize", sampler=kinds[sampler](seed=seed))
    rows = []
    for number in range(num):
        trial = study.ask()
        dropout = trial.suggest_float("dropout", 0, 0.6)
        params = {
            "rate": trial.suggest_float("rate", 1e-4, 1, log=True),
            "dropout": dropout,
            "depth": trial.suggest_int("depth", 1, 8),
            "filters": trial.suggest_categorical("filters", [8, 16, 32]),
            "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam"]),
        }
        score = random.normal() + gain * (dropout / 0.6 * 3.46 - 1.73)
        study.tell(trial, score)
        metrics = {"val_accuracy": float(score)}
        rows.append(TrialRow(number=number, state=TrialState.COMPLETE, params=params, metrics=metrics))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=200)
    searches = parser.parse_args().searches
    print("| sampler | trials | gain | said, % of the searches | of these the right one |\n|---|---|---|---|---|")
    for sampler, num, gain in itertools.product(("random", "tpe"), (10, 20, 50, 100), (0.0, 0.5, 1.0)):
        some = searches if gain == 0 else searches // 2
        found = [importances(search(sampler, num, gain, seed), [_ACCURACY])[0] for seed in range(some)]
        said: NDArray[np.bool_] = np.array([bool(one) for one in found])
        right = [next(iter(one)) == "dropout" for one in found if one]
        share = f"{100 * np.mean(right):.0f} %" if right and gain else ""
        print(f"| {sampler} | {num} | {gain:g} | {100 * said.mean():.1f} | {share} |", flush=True)
    rows = search("random", 1000, 1.0, 0)
    start = time.perf_counter()
    importances(rows, [_ACCURACY])
    print(f"\n1,000 trials: {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
