"""TPE with ASHA against random search, a grid, and one epoch each: real sweeps with equal numbers of epochs.

    python benchmarks/search.py [--seeds 0 1 2 3 4] [--budget 72] [--epochs 9] [--methods ...] [--results FOLDER]

Six keys are searched on the digits: depth, kernel, filters, learning rate, dropout, batch size. Each method has
`--budget` epochs in all, and a trial trains `--epochs` at most:

    tpe+asha     TPE proposes, ASHA ends the worse trials early, up to sweep.max_epochs
    random+asha  the same with random configurations, which shows the part of each
    random       as many random configurations as the budget trains to the end
    grid         as many configurations of a grid made by hand, trained to the end
    one epoch    random configurations with one epoch each; the best of them is trained again, to the end
                 (Egele, Mohr, Viering and Balaprakash 2024, Neurocomputing 597, 127964, ask for this control)

Each method chooses the trial with the best validation accuracy among those trained to the end. Its saved model is then
evaluated once on the test images, since the best of many validation accuracies favours the method that tries more. A
seed sets the weights, the proposals and the split into training and validation images, so differences are paired; the
grid has the same configurations under each seed. One trial at a time on one thread, so a seed gives the same figures
again. Trials are counted in their order while their epochs fit into the budget: a trial that exceeds it does not
count.

Each result is written to `--results` at once and not computed again; without it, to a temporary folder.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.config.trial import DataConfig
from sweeper.core.paths import OutputPaths
from sweeper.data import as_float, open_arrays, prepare
from sweeper.host import process

DATA: dict[str, Any] = {"max_samples": 800, "validation": 300}  # 500 images to train on, so that networks differ
FIXED = ["optimizer=adam", *(f"data.{key}={value}" for key, value in DATA.items()), "training.threads=1"]
SPACE = {
    "arch.depth": "3,4,5,6,7",
    "arch.kernel_size": "3,5",
    "arch.filters": "tag(log,int,interval(4,16))",
    "optimizer.learning_rate": "tag(log,interval(1e-4,1e-1))",
    "arch.dropout": "interval(0,0.6)",
    "training.batch_size": "32,64,128",
}
GRID = {
    "arch.depth": "3,5",
    "arch.kernel_size": "3,5",
    "arch.filters": "8,16",
    "arch.dropout": "0.1,0.3",
    "optimizer.learning_rate": "0.001,0.01",
    "training.batch_size": "32,128",
}
ZIP = "[[arch.depth,arch.kernel_size],[arch.filters,arch.dropout],[optimizer.learning_rate,training.batch_size]]"
GRID_POINTS = 8

Row = dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """A method's result under one seed.

    Attributes:
        val_accuracy, test_accuracy: of the chosen trial.
        epochs: of the trials that count, at most the budget.
        trials: those that count; `num_complete` of them were trained to the end.
        cpu_s, wall_s: of its sweeps, everything included.
        point: the chosen trial's values.
    """

    method: str
    seed: int
    budget: int
    max_epochs: int
    val_accuracy: float
    test_accuracy: float
    epochs: int
    trials: int
    num_complete: int
    cpu_s: float
    wall_s: float
    point: dict[str, str]


@dataclass(frozen=True)
class Setting:
    """One method's run: its folder, seed and limits."""

    folder: Path
    seed: int
    budget: int
    epochs: int

    def sweep(self, name: str, space: dict[str, str], *words: str, epochs: int | None = None) -> list[Row]:
        """Runs one line; returns its leaderboard, best first."""
        line = [sys.executable, "-m", "sweeper", "-m", *FIXED, *(f"{key}={text}" for key, text in space.items())]
        line += [f"seed={self.seed}", f"data.split_seed={self.seed}", f"training.epochs={epochs or self.epochs}"]
        line += ["sweep.workers=1", f"sweep.name={name}", *words]
        done = subprocess.run(line, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{line} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        with OutputPaths(self.folder / "mlruns").sweep(name).leaderboard.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def epochs_of(self, row: Row) -> int:
        """The epochs that a trial has trained; a failed one, whose epochs are not reported, counts in full."""
        return int(row["epochs"] or self.epochs)

    def counted(self, rows: Sequence[Row]) -> list[Row]:
        """The trials, best first, whose epochs fit into the budget, counted in the order in which they began."""
        left, kept = self.budget, set()
        for row in sorted(rows, key=lambda row: int(row["trial"])):
            left -= self.epochs_of(row)
            if left < 0:
                break
            kept.add(row["trial"])
        return [row for row in rows if row["trial"] in kept]


def searched(setting: Setting, sampler: str) -> list[Row]:
    """A sampler with ASHA, up to the budget; a trial has one epoch at least."""
    most = [f"sweep.max_epochs={setting.budget}", f"sweep.trials={setting.budget}"]
    return setting.sweep("searched", SPACE, f"sampler={sampler}", "pruner=asha", *most)


def random_points(setting: Setting) -> list[Row]:
    return setting.sweep("random", SPACE, "sampler=random", f"sweep.trials={setting.budget // setting.epochs}")


def grid(setting: Setting) -> list[Row]:
    return setting.sweep("grid", GRID, f"sweep.zip={ZIP}", f"sweep.trials={setting.budget // setting.epochs}")


def one_epoch_each(setting: Setting) -> list[Row]:
    """The best after one epoch comes first, trained to the end; then those that were not chosen."""
    tries = setting.budget - setting.epochs
    rows = setting.sweep("tries", SPACE, "sampler=random", f"sweep.trials={tries}", epochs=1)
    best = {key: rows[0][key] for key in SPACE}
    (chosen,) = setting.sweep("chosen", best)
    tried = [{**row, "trial": str(int(row["trial"]) + 1), "state": "tried"} for row in rows]
    return [{**best, **chosen, "trial": "0"}, *tried]


METHODS: dict[str, Callable[[Setting], list[Row]]] = {
    "tpe+asha": functools.partial(searched, sampler="tpe"),
    "random+asha": functools.partial(searched, sampler="random"),
    "random": random_points,
    "grid": grid,
    "one epoch": one_epoch_each,
}
OURS = "tpe+asha"


def test_accuracy(setting: Setting, run_id: str) -> float:
    """Evaluates a trial's saved model on the test images."""
    process.prepare_mlflow()
    import mlflow
    import numpy as np

    mlflow.set_tracking_uri(f"sqlite:///{setting.folder / 'mlruns' / 'mlflow.db'}")
    model = mlflow.tensorflow.load_model(f"runs:/{run_id}/model")
    arrays = open_arrays(prepare(DataConfig(**DATA, split_seed=setting.seed), setting.folder / "arrays"))
    found = np.asarray(model.predict(as_float(arrays.x_test), verbose=0)).argmax(axis=1)
    return float(np.mean(found == np.asarray(arrays.y_test)))


def measure(method: str, setting: Setting) -> Outcome:
    """Runs one method under one seed."""
    before, started = _children_s(), time.monotonic()
    rows = METHODS[method](setting)
    cpu_s, wall_s = _children_s() - before, time.monotonic() - started
    counted = setting.counted(rows)
    complete = [row for row in counted if row["state"] == "complete"]
    chosen = complete[0]
    return Outcome(
        method,
        setting.seed,
        setting.budget,
        setting.epochs,
        float(chosen["val_accuracy"]),
        test_accuracy(setting, chosen["run_id"]),
        sum(setting.epochs_of(row) for row in counted),
        len(counted),
        len(complete),
        cpu_s,
        wall_s,
        {key: chosen[key] for key in SPACE},
    )


def _children_s() -> float:
    """CPU seconds of all ended child processes, trials included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def outcome(method: str, seed: int, options: argparse.Namespace, results: Path) -> Outcome:
    """The result of an earlier start from `results`, or of a run now."""
    path = results / f"{method.replace(' ', '-')}-{seed}-{options.budget}-{options.epochs}.json"
    if path.is_file():
        return Outcome(**json.loads(path.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        found = measure(method, Setting(Path(folder), seed, options.budget, options.epochs))
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")
    beside.rename(path)
    print(f"seed {seed}, {method}: {_percent(found.val_accuracy)} on validation, {_percent(found.test_accuracy)} on "
          f"test images; {found.epochs} epochs, {found.trials} trials, {found.cpu_s:.0f} CPU s, {found.wall_s:.0f} s; "
          f"{found.point}", file=sys.stderr, flush=True)  # fmt: skip
    return found


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _mean(values: Sequence[float]) -> str:
    spread = f" ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * statistics.fmean(values):.2f}{spread}"


def _range(values: Sequence[int]) -> str:
    return str(values[0]) if len(set(values)) == 1 else f"{min(values)}-{max(values)}"


def print_tables(found: dict[str, list[Outcome]]) -> None:
    """Markdown: the methods, each seed, and the lead of TPE with ASHA over each of the others."""
    reference = found.get("random", next(iter(found.values())))
    print("| method | trials (to the end) | epochs | validation accuracy, % | test accuracy, % | CPU time, ratio |")
    print("|---|---|---|---|---|---|")
    for method, runs in found.items():
        ratio = statistics.fmean(run.cpu_s / other.cpu_s for run, other in zip(runs, reference, strict=True))
        trials = f"{_range([run.trials for run in runs])} ({_range([run.num_complete for run in runs])})"
        print(f"| {method} | {trials} | {_range([run.epochs for run in runs])} | "
              f"{_mean([run.val_accuracy for run in runs])} | {_mean([run.test_accuracy for run in runs])} | "
              f"{ratio:.2f} |")  # fmt: skip
    seeds = [str(run.seed) for run in reference]
    print(f"\n| test (validation) accuracy, %, by seed | {' | '.join(seeds)} |\n|---|{'---|' * len(seeds)}")
    for method, runs in found.items():
        cells = (f"{100 * run.test_accuracy:.2f} ({100 * run.val_accuracy:.2f})" for run in runs)
        print(f"| {method} | {' | '.join(cells)} |")
    if OURS in found and len(seeds) > 1:
        print(f"\n| {OURS} minus … | on validation | on test images |\n|---|---|---|")
        for method, runs in found.items():
            if method != OURS:
                print(f"| {method} | {_difference(found[OURS], runs, 'val_accuracy')} | "
                      f"{_difference(found[OURS], runs, 'test_accuracy')} |")  # fmt: skip


def _difference(ours: Sequence[Outcome], others: Sequence[Outcome], metric: str) -> str:
    """The mean of the paired differences and its standard error, in points."""
    differences = [100 * (getattr(a, metric) - getattr(b, metric)) for a, b in zip(ours, others, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{statistics.fmean(differences):+.2f} ± {error:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--budget", type=int, default=72, help="epochs of each method in all")
    parser.add_argument("--epochs", type=int, default=9, help="epochs of a trial that is trained to its end")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--results", type=Path, help="a folder for the results, to resume from after an interruption")
    options = parser.parse_args()
    if not options.epochs < options.budget <= GRID_POINTS * options.epochs or options.budget % options.epochs:
        parser.error(f"--budget is 2 to {GRID_POINTS} times --epochs, since the grid has {GRID_POINTS} points")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with tempfile.TemporaryDirectory() as folder:
        results = options.results or Path(folder)
        results.mkdir(parents=True, exist_ok=True)
        by_seed = [[outcome(method, seed, options, results) for method in options.methods] for seed in options.seeds]
    print_tables(dict(zip(options.methods, map(list, zip(*by_seed, strict=True)), strict=True)))


if __name__ == "__main__":
    main()
