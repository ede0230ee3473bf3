"""What augmentation costs: CPU time per image of each layer, and of a training with each option of `augment`.

    python benchmarks/augmentation.py [--rounds 5] [--images 6400]

Images of 28x28 pixels in batches of 128, two threads; the notebook's first network. Each layer is measured alone, on
whole batches. Then `Model.fit` trains an epoch with each option in turn, as in a trial; the ratio to the epoch without
augmentation is taken within each round. What is measured is CPU time, of all threads, which other work on the machine
changes little; where a core is idle, the batches are augmented on it while the network trains, and cost no time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from sweeper.config.augment import STRENGTHS, AugmentConfig
from sweeper.config.keys import folders

LAYERS: dict[str, dict[str, Any]] = {
    **{name: {name: min(0.1, most)} for name, most in STRENGTHS.items()},
    "flip": {"flip": "horizontal"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    **{
        f"augment={name}": yaml.safe_load((folders.CONF / "augment" / f"{name}.yaml").read_text())
        for name in ("none", "light", "digits", "photos")
    },
    "augment.mixup=0.2": {"mixup": 0.2},
    "augment.cutmix=1": {"cutmix": 1.0},
    "augment.rand_augment=0.3": {"rand_augment": 0.3},
}
SHAPE, BATCH = (28, 28, 1), 128


def layer_ms(config: dict[str, Any], rounds: int) -> float:
    """CPU milliseconds per image of an augmentation alone."""
    from sweeper.trial.augment.pipeline import Augmentation

    images = np.random.default_rng(0).random((BATCH, *SHAPE), dtype=np.float32)
    labels = np.eye(10, dtype=np.float32)[np.arange(BATCH) % 10]
    augmentation = Augmentation(AugmentConfig(**config), SHAPE, 0)
    taken = []
    for step in range(20 * rounds):
        started = time.process_time()
        augmentation(images, labels, 0, step)
        taken.append(time.process_time() - started)
    return 1000 * statistics.median(taken[3:]) / BATCH


def trainers(num_images: int) -> dict[str, Any]:
    """For each option, a function that trains an epoch and returns its CPU milliseconds per image."""
    import keras

    from sweeper.data import TrainingArrays
    from sweeper.models.cnn import build
    from sweeper.trial.augment.pipeline import Augmentation
    from sweeper.trial.batches import ShuffledBatches
    from sweeper.trial.fitting.labels import Targets

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (num_images, *SHAPE), dtype=np.uint8)
    arrays = TrainingArrays(images, random.integers(0, 10, num_images), images[:1], np.zeros(1, np.int64))
    arch = yaml.safe_load(Path(folders.CONF / "arch/depth3_kernel3.yaml").read_text())
    del arch["_target_"]
    found = {}
    for name, node in OPTIONS.items():
        config = AugmentConfig(**node)
        targets = Targets(10, soft=config.mixes)
        changes = Augmentation(config, SHAPE, 0) if config.changes_images else None
        batches = ShuffledBatches(arrays, BATCH, 0, targets, changes)
        model = build(SHAPE, 10, **arch)
        model.compile(keras.optimizers.Adadelta(1.0), targets.loss(), metrics=["accuracy"])
        dataset = batches.dataset()
        model.fit(dataset, epochs=1, shuffle=False, verbose=0)

        def epoch(model: Any = model, dataset: Any = dataset) -> float:
            started = time.process_time()
            model.fit(dataset, epochs=1, shuffle=False, verbose=0)
            return 1000 * (time.process_time() - started) / num_images

        found[name] = epoch
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=6400, help="of an epoch")
    arguments = parser.parse_args()
    from sweeper.trial.runtime import configure

    configure(2, None)
    print("| layer | CPU ms per image |\n|---|---|")
    for name, config in LAYERS.items():
        print(f"| `{name}` | {layer_ms(config, arguments.rounds):.4f} |", flush=True)
    epochs = trainers(arguments.images)
    taken: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(arguments.rounds):
        for name, epoch in epochs.items():
            taken[name].append(epoch())
    print("\n| training with | CPU ms per image | ratio to none |\n|---|---|---|")
    plain = taken["augment=none"]
    for name, times in taken.items():
        ratios = sorted(one / other for one, other in zip(times, plain, strict=True))
        middle = statistics.median(ratios)
        print(f"| `{name}` | {statistics.median(times):.3f} | {middle:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
