"""The same eight trials by this project, which records everything, and by a plain Keras loop, which records nothing.

    python benchmarks/grid_of_8.py [--rounds 3] [--workers 2]

Depth 3, 5 x kernel 3, 5 x learning rate 1.0, 0.3; 16 filters, 3 epochs, the bundled digits. The loop is what a notebook
does: no seed for operations, no record, one trial after the other with all threads. Each is timed as a whole process,
imports included, one after the other in each round, alternating which is first. Compare ratios within a round:
absolute times drift with the machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRID = ["arch.depth=3,5", "arch.kernel_size=3,5", "optimizer.learning_rate=1.0,0.3"]
FIXED = ["arch.filters=16", "training.epochs=3", "data=digits"]

PLAIN_LOOP = """
import itertools
import keras
import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

digits = load_digits()
images = zoom(digits.images / 16.0, (1, 3.5, 3.5), order=1).astype(np.float32)[..., None]
rest, _, labels, _ = train_test_split(images, digits.target, test_size=360, stratify=digits.target, random_state=0)
x, xv, y, yv = train_test_split(rest, labels, test_size=0.2, stratify=labels, random_state=0)
for depth, kernel, rate in itertools.product([3, 5], [3, 5], [1.0, 0.3]):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for layer in range(1, depth + 1):
        model.add(keras.layers.Conv2D(16, kernel, padding="same", activation="relu"))
        if layer % 2 == 0:
            model.add(keras.layers.MaxPooling2D(2))
            model.add(keras.layers.Dropout(0.25))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(128, activation="relu"))
    model.add(keras.layers.Dropout(0.5))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.Adadelta(rate, rho=0.95), "sparse_categorical_crossentropy", metrics=["accuracy"])
    h = model.fit(x, y, batch_size=128, epochs=3, validation_data=(xv, yv), verbose=0).history
    print(depth, kernel, rate, len(x), len(xv), model.count_params(), h["val_accuracy"][-1])
"""


def timed(command: list[str]) -> float:
    """Wall seconds of a process; its output is shown if it fails."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.monotonic()
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
        seconds = time.monotonic() - started
        if done.returncode != 0:
            output.seek(0)
            sys.exit(f"{command} ended with {done.returncode}:\n{output.read()}")
    return seconds


def plain_loop() -> float:
    return timed([sys.executable, "-c", PLAIN_LOOP])


def this_project(workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "sweeper", "-m", *GRID, *FIXED, f"sweep.workers={workers}"]
        return timed([*line, f"output_dir={folder}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print("| round | plain loop, records nothing | this project, records everything | ratio |\n|---|---|---|---|")
    ratios = []
    for number in range(1, options.rounds + 1):
        if number % 2:
            plain, ours = plain_loop(), this_project(options.workers)
        else:
            ours, plain = this_project(options.workers), plain_loop()
        ratios.append(ours / plain)
        print(f"| {number} | {plain:.1f} s | {ours:.1f} s | {ratios[-1]:.2f} |", flush=True)
    print(f"\nmedian ratio {statistics.median(ratios):.2f} ({options.workers} workers, {os.cpu_count()} cores)")


if __name__ == "__main__":
    main()
