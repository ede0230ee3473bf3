"""A sweep as users have it: the notebook's first network on 10,000 images of MNIST, four learning rates, five epochs.

    python benchmarks/realistic.py --data mnist.npz [--rounds 3] [--precision float32 auto]

This project, which records everything, two trials at a time, against a plain Keras loop that records nothing. Each is
timed as a whole process, one after the other in each round. Compare ratios within a round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from grid_of_8 import timed

RATES = "1.0,0.5,0.3,0.1"
TRAINING, VALIDATION = 10_000, 2_500

PLAIN_LOOP = f"""
import sys
import keras
import numpy as np

with np.load(sys.argv[1]) as mnist:
    images, labels = mnist["x_train"][..., None].astype(np.float32) / 255, mnist["y_train"].astype(np.int64)
x, y = images[:{TRAINING}], labels[:{TRAINING}]
xv, yv = images[{TRAINING}:{TRAINING + VALIDATION}], labels[{TRAINING}:{TRAINING + VALIDATION}]
layers = keras.layers
for rate in ({RATES}):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(48, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2), layers.Dropout(0.5),
        layers.Conv2D(50, 3, activation="relu"), layers.MaxPooling2D(2), layers.Dropout(0.5),
        layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ])
    assert model.count_params() == 218_460, model.count_params()
    model.compile(keras.optimizers.Adadelta(rate, rho=0.95), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=128, epochs=5, validation_data=(xv, yv), verbose=0)
"""


def this_project(data: Path, precision: str) -> float:
    words = [
        *("data=mnist", f"data.path={data}", f"data.max_samples={TRAINING + VALIDATION}"),
        *(f"data.validation={VALIDATION}", "arch=depth3_kernel3", f"optimizer.learning_rate={RATES}"),
        *("training.epochs=5", f"training.precision={precision}", "sweep.workers=2"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        return timed([sys.executable, "-m", "sweeper", "-m", *words, f"output_dir={folder}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", nargs="+", default=["float32", "auto"])
    options = parser.parse_args()
    data = options.data.resolve()
    print(f"| round | plain loop | {' | '.join(f'this project, {one} | ratio' for one in options.precision)} |")
    print("|---|---|" + "---|---|" * len(options.precision))
    ratios: dict[str, list[float]] = {one: [] for one in options.precision}
    for number in range(1, options.rounds + 1):
        loop = timed([sys.executable, "-c", PLAIN_LOOP, str(data)])
        cells = []
        for precision, found in ratios.items():
            seconds = this_project(data, precision)
            found.append(seconds / loop)
            cells.append(f"{seconds:.1f} s | {found[-1]:.2f}")
        print(f"| {number} | {loop:.1f} s | {' | '.join(cells)} |", flush=True)
    print("\nmedian " + ", ".join(f"{one} {statistics.median(found):.2f}" for one, found in ratios.items()))


if __name__ == "__main__":
    main()
