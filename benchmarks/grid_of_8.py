"""The same eight trials by this project, which records everything, and by a plain Keras loop, which records nothing.

    python benchmarks/grid_of_8.py [--rounds 3] [--markdown]

depth 3, 5 x kernel 3, 5 x learning rate 1.0, 0.3; 16 filters, 3 epochs, the bundled digits. Each is timed as a whole
process, imports included, one after the other in each round, and in turn first: the ratio within a round counts,
since absolute times drift with the machine.
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
import itertools, sys
sys.path.insert(0, {root!r})
import numpy as np, keras
from pathlib import Path
from sweeper import data
from sweeper.config import DataConfig
from models.cnn import build

prepared = data.prepare(DataConfig(), Path({folder!r}))
arrays = data.open_arrays(prepared)
x, y = data.as_float(arrays.x_train), np.asarray(arrays.y_train)
xv, yv = data.as_float(arrays.x_validation), np.asarray(arrays.y_validation)
for depth, kernel, rate in itertools.product([3, 5], [3, 5], [1.0, 0.3]):
    keras.utils.set_random_seed(0)
    model = build((28, 28, 1), 10, depth=depth, kernel_size=kernel, filters=16)
    model.compile(keras.optimizers.Adadelta(rate, rho=0.95), "sparse_categorical_crossentropy", ["accuracy"])
    h = model.fit(x, y, batch_size=128, epochs=3, validation_data=(xv, yv), verbose=0).history
    print(depth, kernel, rate, h["val_accuracy"][-1])
"""


def timed(command: list[str]) -> float:
    """Wall seconds of a process; its output goes to a file that is shown if it fails."""
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
    with tempfile.TemporaryDirectory() as folder:
        return timed([sys.executable, "-c", PLAIN_LOOP.format(root=str(ROOT), folder=folder)])


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
