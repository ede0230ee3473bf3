"""Memory of a sweep on a folder of pictures whose pixels are larger than memory should be.

    python benchmarks/data_memory.py [--gb 8] [--place FOLDER]

Writes JPEG pictures of 256x256 until their pixels have so many GB, then runs one trial of one epoch on them as a user
would, and notes the resident memory of each of its processes (VmRSS, which counts mapped pages that are in memory) a
hundred times a second. The same sweep on a hundredth of the pictures shows what libraries, network and batches take;
the difference is the data's. The pictures, and what is kept of them, are deleted at the end. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 256
CLASSES = 4
NETWORK = """
import keras


def build(input_shape, num_classes):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Conv2D(4, 8, strides=8, activation="relu"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""


def write_pictures(folder: Path, number: int) -> None:
    """JPEG pictures of coloured clouds, all different."""
    random = np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)
    for one in range(number):
        small = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        image.save(folder / f"class {one % CLASSES}" / f"{one:07d}.jpg", quality=75)


def descendants(root: int) -> Iterator[int]:
    """A process and all below it."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            yield from descendants(int(child))


def resident(pid: int) -> int:
    """Resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def highest(process: subprocess.Popen[str]) -> dict[int, int]:
    """The highest resident memory of each process until the first one ends."""
    found: dict[int, int] = {}
    while process.poll() is None:
        try:
            for pid in descendants(process.pid):
                found[pid] = max(found.get(pid, 0), resident(pid))
        except (FileNotFoundError, ProcessLookupError):  # one of them has just ended
            pass
        time.sleep(0.01)
    return found


def sweep(place: Path, pictures: Path, name: str) -> tuple[float, int, int]:
    """Runs one trial; returns its seconds and the highest memory of the driver and of any other process."""
    command = [sys.executable, "-m", "sweeper", "data=folder", f"data.path={pictures}", f"output_dir={place / 'out'}",
               "arch=custom", "arch._target_=memory_network.build", "training.epochs=1", "training.batch_size=32",
               f"sweep.name={name}", "report.finalists=1"]  # fmt: skip
    started = time.monotonic()
    with (place / f"{name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=subprocess.STDOUT, text=True)
        found = highest(process)
    seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit((place / f"{name}.log").read_text(encoding="utf-8"))
    return seconds, found.pop(process.pid), max(found.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--gb", type=float, default=8.0, help="GB of pixels (default 8)")
    parser.add_argument("--place", help="where the pictures are written (default: the temporary folder)")
    given = parser.parse_args()
    number = int(given.gb * 1e9 / (SIDE * SIDE * 3))
    with tempfile.TemporaryDirectory(dir=given.place) as folder:
        place = Path(folder)
        free = shutil.disk_usage(place).free
        if free < 1.5e9 * given.gb:
            raise SystemExit(f"{place} has {free / 1e9:.0f} GB left; {1.5 * given.gb:.0f} are needed.")
        (place / "memory_network.py").write_text(NETWORK, encoding="utf-8")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
        print(f"{'pictures':>9} {'pixels':>9} {'sweep':>8} {'driver':>9} {'others':>9}")
        for name, count in (("small", max(number // 100, 100)), ("large", number), ("again", number)):
            pictures = place / ("pictures-small" if name == "small" else "pictures")
            if not pictures.exists():
                write_pictures(pictures, count)
            seconds, driver, trial = sweep(place, pictures, name)
            size = count * SIDE * SIDE * 3 / 1e9
            cells = (f"{count:,}", f"{size:.2f} GB", f"{seconds:.0f} s", f"{driver / 1e6:,.0f} MB",
                     f"{trial / 1e6:,.0f} MB")  # fmt: skip
            print(" ".join(f"{cell:>{width}}" for cell, width in zip(cells, (9, 9, 8, 9, 9), strict=True)), flush=True)


if __name__ == "__main__":
    main()
