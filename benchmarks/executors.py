"""What `executor=ray` adds to `executor=processes`: the same grid of eight by both, and the same leaderboard.

    python benchmarks/executors.py [--rounds 5] [--workers 2]

Both run in each round, alternating which is first. Of each: seconds until the first trial starts, and from then until
the last one is complete. The figures of both must agree to the last digit. Compare within a round: absolute times
drift with the machine.
"""

from __future__ import annotations

import argparse
import csv
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from grid_of_8 import FIXED, GRID

_LINE = re.compile(r"trial \d+ (starts|complete)")
_VARIES_ANYHOW = ("run_id", "duration_s", "reproduce")


@dataclass
class Run:
    """Seconds of a sweep, and its leaderboard without what differs between any two sweeps."""

    start_s: float
    training_s: float
    figures: list[dict[str, str]]


def run(executor: str, workers: int) -> Run:
    words = [*GRID, *FIXED, f"sweep.workers={workers}", f"executor={executor}", "sweep.name=grid"]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        driver = subprocess.Popen(
            [sys.executable, "-u", "-m", "sweeper", "-m", *words], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        assert driver.stdout is not None
        times: dict[str, list[float]] = {"starts": [], "complete": []}
        for line in driver.stdout:
            if found := _LINE.match(line):
                times[found[1]].append(time.monotonic())
        if driver.wait() != 0:
            sys.exit(f"executor={executor} ended with status {driver.returncode}")
        with (Path(folder) / "mlruns/sweeps/grid/leaderboard.csv").open(newline="") as file:
            rows = [{key: row[key] for key in row if key not in _VARIES_ANYHOW} for row in csv.DictReader(file)]
    return Run(times["starts"][0] - begun, times["complete"][-1] - times["starts"][0], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    added, ratios = [], []
    print("| round | processes: start, training | ray: start, training | added to the start | training, ratio |")
    print("|---|---|---|---|---|")
    for number in range(1, options.rounds + 1):
        order = ["processes", "ray"] if number % 2 else ["ray", "processes"]
        found = {executor: run(executor, options.workers) for executor in order}
        here, ray = found["processes"], found["ray"]
        if here.figures != ray.figures:
            sys.exit(f"the leaderboards differ:\n{here.figures}\n{ray.figures}")
        added.append(ray.start_s - here.start_s)
        ratios.append(ray.training_s / here.training_s)
        both = " | ".join(f"{one.start_s:.1f} s, {one.training_s:.1f} s" for one in (here, ray))
        print(f"| {number} | {both} | {added[-1]:.1f} s | {ratios[-1]:.2f} |", flush=True)
    print(f"\nmedians: {statistics.median(added):.1f} s added to the start, training {statistics.median(ratios):.2f}")
    print("the same leaderboard in each round")


if __name__ == "__main__":
    main()
