"""What a trial costs besides training its network: CPU seconds of one trial against those of a bare training.

    python benchmarks/trial_price.py [--pairs 5] [override ...]

Both run in processes forked from one that has loaded what the forkserver loads, one after the other. The bare training
builds, compiles and fits the same network on the same images for the same epochs, with Keras's own validation, and
keeps nothing. The trial also seeds, shuffles by epoch, scores each epoch, predicts, draws three pictures, and saves
predictions and model. Compare within one run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sweeper.cli import hydra_sweeper
from sweeper.config import schema
from sweeper.config.keys import folders
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrainingSpec
from sweeper.data.prepare import DataSets
from sweeper.space.nodes import as_earlier_releases

SMALL = ["arch.depth=3", "arch.filters=16", "training.epochs=3"]


def spec_of(root: Path, overrides: list[str]) -> TrainingSpec:
    """The trial of a command, with its data prepared under `root`."""
    schema.register()
    hydra_sweeper.register()
    with initialize_config_dir(str(folders.CONF), version_base="1.3"):
        node: Any = OmegaConf.to_container(compose("config", overrides), resolve=True)
    config = as_earlier_releases({key: node[key] for key in schema.VARYING})
    paths = OutputPaths(root)
    folder = paths.sweep("price")
    return TrainingSpec(
        number=0,
        folder=folder.trial(0).root,
        config=config,
        overrides=tuple(overrides),
        data=DataSets(paths, folder, lambda event: None).prepare(config["data"]),
        metric=Objective("val_accuracy", "maximize"),
    )


def trial(spec: TrainingSpec) -> None:
    from sweeper.trial.run import run_to_result

    run_to_result(spec, lambda report: False)


def bare(spec: TrainingSpec) -> None:
    import keras
    import numpy as np

    from sweeper import data
    from sweeper.models.builder import build_network
    from sweeper.trial.runtime import configure
    from sweeper.trial.train import build_optimizer

    training = spec.config["training"]
    configure(training["threads"], None)
    keras.utils.set_random_seed(spec.config["seed"])
    keras.config.set_dtype_policy(training["precision"])
    arrays, summary = data.open_training_arrays(spec.data), spec.data.summary
    model = build_network(spec.config["arch"], summary.input_shape, summary.num_classes)
    model.compile(build_optimizer(spec.config["optimizer"]), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        data.as_float(arrays.x_train[:]),
        np.asarray(arrays.y_train),
        batch_size=training["batch_size"],
        epochs=training["epochs"],
        validation_data=(data.as_float(arrays.x_validation[:]), np.asarray(arrays.y_validation)),
        verbose=0,
    )


def cpu_s(function: Callable[[TrainingSpec], None], spec: TrainingSpec) -> float:
    """CPU seconds, user and system, of a fork that calls the function."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what TensorFlow prints
        status = 1
        try:
            function(spec)
            status = 0
        finally:
            os._exit(status)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"the {function.__name__} training ended with {status}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("overrides", nargs="*", default=SMALL)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(Path(folder), arguments.overrides)
        from sweeper.executors import preload  # noqa: F401  what the forkserver has loaded

        prices = []
        print("| pair | bare training, CPU s | trial, CPU s | difference |\n|---|---|---|---|")
        for pair in range(1, arguments.pairs + 1):
            both = {function: cpu_s(function, spec) for function in ((bare, trial) if pair % 2 else (trial, bare))}
            prices.append(both[trial] - both[bare])
            print(f"| {pair} | {both[bare]:.2f} | {both[trial]:.2f} | {prices[-1]:+.2f} |", flush=True)
    print(f"\nmedian difference {statistics.median(prices):+.2f} CPU s ({' '.join(arguments.overrides)})")


if __name__ == "__main__":
    main()
