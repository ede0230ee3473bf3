"""What the orchestration costs: trials that train next to nothing, and the driver's own CPU time for each.

    python benchmarks/orchestration.py [--trials 1000] [--sampler grid|random|tpe] [--points 10000]

A network of one layer, 60 images, one epoch. The driver's CPU seconds per trial are read from the system when a trial
ends, for each quarter of the sweep: with grid and random they must not grow. First, a grid of `--points` is started and
interrupted, to measure the seconds until its first trial starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUB = """
import keras

def build(input_shape, num_classes, a, b):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""
FIXED = ["arch=custom", "arch._target_=stub.build", "training.epochs=1", "training.threads=1", "data.max_samples=60"]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    (folder / "stub.py").write_text(STUB)
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "sweeper", "-m", *words], cwd=folder, stdout=subprocess.PIPE, text=True
    )


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_start_s(points: int, network: str) -> float:
    """Seconds until the first trial of a grid starts, of a builder of one's own or of the built-in network."""
    side = round(points**0.5)
    custom = [*FIXED, f"+arch.a=range(0,{side})", f"+arch.b=range(0,{side})"]
    built_in = [
        f"arch.filters=range(1,{side + 1})",
        f"seed=range(0,{side})",
        "training.epochs=1",
        "data.max_samples=60",
    ]
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        driver = start(Path(folder), *(custom if network == "custom" else built_in))
        assert driver.stdout is not None
        next(line for line in driver.stdout if line.startswith("trial 0 starts"))
        seconds = time.monotonic() - began
        driver.terminate()
        driver.communicate()
    return seconds


def recorder_of(driver: int) -> int:
    """The pid of the process that writes to MLflow."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == driver
            if is_child and b"tracking.recording" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:  # it ended in the meantime
            continue
    raise RuntimeError(f"process {driver} has no recorder")


def quarters(sampler: str, trials: int) -> tuple[list[float], list[float], float]:
    """CPU seconds per trial in each quarter, of the driver and of the recorder, and the wall seconds per trial."""
    side = 1000 if sampler == "grid" else 100_000
    space = [f"+arch.a=range(0,{trials})"] if sampler == "grid" else [f"+arch.a=range(0,{side})", "+arch.b=range(0,50)"]
    more = ["+arch.b=0"] if sampler == "grid" else [f"sampler={sampler}", f"sweep.trials={trials}"]
    marks: list[tuple[float, float]] = []
    recorder = 0
    with tempfile.TemporaryDirectory() as folder:
        driver = start(Path(folder), *FIXED, *space, *more)
        assert driver.stdout is not None
        began = 0.0
        for line in driver.stdout:
            if " complete: " in line and line.startswith("trial "):
                began = began or time.monotonic()
                recorder = recorder or recorder_of(driver.pid)
                marks.append((cpu_s(driver.pid), cpu_s(recorder)))
                ended = time.monotonic()
        driver.wait()
    assert len(marks) == trials, f"{len(marks)} of {trials} trials"
    quarter = trials // 4
    of_driver, of_recorder = (
        [(marks[(n + 1) * quarter - 1][which] - marks[n * quarter][which]) / (quarter - 1) for n in range(4)]
        for which in (0, 1)
    )
    return of_driver, of_recorder, (ended - began) / (trials - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--sampler", choices=("grid", "random", "tpe"), nargs="+", default=["grid", "random", "tpe"])
    parser.add_argument("--points", type=int, default=10_000)
    options = parser.parse_args()
    for network in ("built-in", "custom", "built-in", "custom"):
        seconds = first_start_s(options.points, network)
        print(
            f"a grid of {options.points} configurations, {network}: its first trial starts after {seconds:.1f} s",
            flush=True,
        )
    print()
    print("| sampler | CPU ms per trial, by quarter of the sweep: driver | recorder | wall ms per trial |")
    print("|---|---|---|---|")
    for sampler in options.sampler:
        *costs, wall = quarters(sampler, options.trials)
        driver_ms, recorder_ms = (", ".join(f"{1000 * cost:.0f}" for cost in one) for one in costs)
        print(f"| {sampler}, {options.trials} trials | {driver_ms} | {recorder_ms} | {1000 * wall:.0f} |", flush=True)


if __name__ == "__main__":
    main()
