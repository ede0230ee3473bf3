"""How long the report of a large sweep takes: rows and predictions read, ranking judged, one process per command.

    python benchmarks/report.py [--trials 10000] [--images 12000]

First a real sweep of two trials runs on random images. Its study is then filled with copies of the first trial with
other figures, and with predictions drawn so that neighbours can hardly be separated.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from sweeper.core.paths import OutputPaths

LINE = [
    *("arch.depth=1,2", "arch.filters=4", "arch.dense_units=16", "training.epochs=2", "sweep.name=large"),
    *("data=npz", "data.path=images.npz"),
]
COMMANDS = {
    "report": [],
    "report --csv": ["--csv", "out.csv"],
    "report --json": ["--json", "out.json"],
    "report --html": ["--html", "out.html"],
}


def run(folder: Path, *words: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "sweeper", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def write_images(path: Path, num_validation: int) -> None:
    """Random images; a fifth of the training images are `num_validation`."""
    rng = np.random.default_rng(0)
    sizes = {"train": 5 * num_validation, "test": num_validation}
    arrays: dict[str, Any] = {}
    for split, size in sizes.items():
        arrays[f"x_{split}"] = rng.integers(0, 256, (size, 8, 8), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(size) % 10
    np.savez(path, **arrays)


def fill(folder: Path, num_trials: int, num_images: int) -> None:
    """Adds trials to the study, and their predictions to the files beside it."""
    paths = OutputPaths(folder / "mlruns")
    rng = np.random.default_rng(0)
    study = optuna.load_study(study_name="large", storage=f"sqlite:///{paths.study_db}")
    pattern = study.trials[0]
    accuracy = 0.98 + 0.01 * rng.random(num_trials)
    difficulty = rng.random(num_images)
    added = []
    answers = paths.sweep("large").validation_answers
    kinds = ((answers.correct, "bits"), (answers.predicted, "u2"), (answers.losses, "f2"))
    files = {kind: path.open("wb") for path, kind in kinds}
    for number in range(num_trials):
        own = rng.random(num_images) * 0.3 + 0.7 * difficulty
        correct = own < np.quantile(own, accuracy[number])
        header = np.array([number, num_images], dtype="<u4").tobytes()
        files["bits"].write(header + np.packbits(correct).tobytes())
        files["u2"].write(header + correct.astype("<u2").tobytes())
        files["f2"].write(header + own.astype("<f2").tobytes())
        attrs = copy.deepcopy(pattern.user_attrs)
        attrs["sweeper.point"]["number"] = attrs["sweeper.point"]["point"] = number
        row = attrs["sweeper.row"]
        row["number"] = number
        row["metrics"]["val_accuracy"] = float(correct.mean())
        row["metrics"]["num_params"] = int(rng.integers(10_000, 1_000_000))
        row["point"], row["facts"]["num_validation"] = number, num_images
        added.append(
            optuna.trial.create_trial(
                value=row["metrics"]["val_accuracy"],
                params=pattern.params,
                distributions=pattern.distributions,
                user_attrs=attrs,
            )
        )
    for file in files.values():
        file.close()
    study.add_trials(added)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=12_000)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "images.npz", options.images)
        run(folder, "-m", *LINE)
        small = run(folder, "report")
        fill(folder, options.trials, options.images)
        print(f"{options.trials} trials, {options.images} validation images; a sweep of two: {small:.1f} s\n")
        print("| command | seconds |\n|---|---|")
        for command, words in COMMANDS.items():
            print(f"| {command} | {run(folder, 'report', *words):.1f} |", flush=True)


if __name__ == "__main__":
    main()
