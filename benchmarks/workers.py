"""What many workers cost: sleeping trials through the real driver, recorder and stores (`executor=simulate`).

    python benchmarks/workers.py [--trials 1000] [--seconds 5] [--workers 64] [--flat 10000] [--nodes 2] [--ray-tune]

First, `--trials` that sleep: the share of time in which a worker has a trial, while there are trials left to start, and
the driver's CPU for each. Then `--flat` trials of 0 s: wall and CPU per trial by quarter, which must not grow. The
driver's CPU includes what a simulated trial does itself (its files, 1 to 2 ms), since it runs in the driver's process.
With `--nodes`, the sleeping trials run again on agents of a Ray cluster of so many simulated nodes, among which the
workers are divided; an agent and its node have processes of their own, whose CPU does not count as the driver's.
With `--ray-tune`, Ray Tune with reused actors then runs trials that sleep as long on as many workers, in an environment
that is made for it; each of its actors is a process, so 64 of them need some 8 GB.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import cpu_s, recorder_of
from peers import environment
from ray_nodes import simulated_nodes

_LINE = re.compile(r"trial (\d+) (starts|complete)")
_FIXED = ["arch.depth=1", "training.epochs=3", "data.max_samples=100", "executor=simulate", "report.finalists=0"]


#: Arguments: folder, trials, seconds, workers. Prints when each trial slept, then the CPU of the driver.
_RAY_TUNE = """
import json, sys, time
import ray
from ray import tune

folder, trials, seconds, workers = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])

class Trial(tune.Trainable):
    def reset_config(self, config):
        return True

    def step(self):
        start = time.time()
        time.sleep(seconds)
        return {"start": start, "end": time.time(), "done": True}

    def save_checkpoint(self, folder):
        return None

ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
began = time.process_time()
found = tune.Tuner(
    tune.with_resources(Trial, {"cpu": 1}),
    param_space={"number": tune.grid_search(list(range(trials)))},
    tune_config=tune.TuneConfig(reuse_actors=True),
    run_config=tune.RunConfig(storage_path=folder, verbose=0),
).fit()
print(json.dumps([[one.metrics["start"], one.metrics["end"]] for one in found] + [time.process_time() - began]))
ray.shutdown()
"""


@dataclass
class Run:
    """What was seen of a sweep.

    Attributes:
        starts, ends: seconds at which each trial started and ended, by its number.
        wall, driver, recorder: at the end of each trial, in order: the clock, and CPU seconds of both processes.
    """

    starts: dict[int, float] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)
    wall: list[float] = field(default_factory=list)
    driver: list[float] = field(default_factory=list)
    recorder: list[float] = field(default_factory=list)

    def busy(self, workers: int) -> float:
        """The share of its time in which a worker has a trial, from the first start to the last one."""
        first, last = min(self.starts.values()), max(self.starts.values())
        taken = sum(min(self.ends[number], last) - start for number, start in self.starts.items() if start < last)
        return taken / (workers * (last - first))

    def slept(self, workers: int, seconds: float) -> float:
        """The share of the whole in which a worker sleeps what its trial is to sleep; the last wave is part of it."""
        whole = max(self.ends.values()) - min(self.starts.values())
        return len(self.ends) * seconds / (workers * whole)

    def by_quarter(self, marks: list[float]) -> str:
        """Milliseconds per trial in each quarter."""
        size = len(marks) // 4
        steps = [(marks[(n + 1) * size - 1] - marks[n * size]) / (size - 1) for n in range(4)]
        return ", ".join(f"{1000 * step:.1f}" for step in steps)


def run(trials: int, seconds: float, workers: int, *more: str) -> Run:
    """Runs one sweep, with more words, and looks at its processes whenever a trial ends."""
    words = [
        *_FIXED,
        *more,
        f"seed=range(0,{trials})",
        f"sweep.workers={workers}",
        f"executor.simulate.duration_s={seconds}",
    ]
    seen, recorder = Run(), 0
    with tempfile.TemporaryDirectory() as folder:
        driver = subprocess.Popen(
            [sys.executable, "-u", "-m", "sweeper", "-m", *words],
            cwd=Path(folder),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert driver.stdout is not None
        for line in driver.stdout:
            if not (found := _LINE.match(line)):
                continue
            now, number = time.monotonic(), int(found[1])
            if found[2] == "starts":
                seen.starts[number] = now
                continue
            recorder = recorder or recorder_of(driver.pid)
            seen.ends[number] = now
            seen.wall.append(now)
            seen.driver.append(cpu_s(driver.pid))
            seen.recorder.append(cpu_s(recorder))
            if len(seen.ends) == trials:  # the recorder writes what is left, and the ranking is judged: not looked at
                driver.terminate()
        driver.wait()
    assert len(seen.ends) == trials, f"{len(seen.ends)} of {trials} trials"
    return seen


def run_ray_tune(trials: int, seconds: float, workers: int) -> tuple[Run, float]:
    """The same by Ray Tune, and the CPU seconds of its driver."""
    python = environment(Path(tempfile.gettempdir()) / "sweeper-peers" / "tune", ["ray[tune]"], ["ray"])
    with tempfile.TemporaryDirectory() as folder:
        words = [python, "-c", _RAY_TUNE, folder, str(trials), str(seconds), str(workers)]
        printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, cwd=folder).stdout
    *times, cpu = json.loads(printed.splitlines()[-1])
    assert len(times) == trials, f"{len(times)} of {trials} trials"
    starts, ends = (dict(enumerate(column)) for column in zip(*times, strict=True))
    return Run(starts, ends), cpu


def report(seen: Run, trials: int, seconds: float, workers: int, cpu: float) -> None:
    """Prints how well the workers were supplied, and the driver's CPU seconds by trial."""
    whole = max(seen.ends.values()) - min(seen.starts.values())
    print(f"{trials} trials of {seconds:g} s on {workers} workers: {whole:.1f} s in all")
    print(f"a worker has a trial {seen.busy(workers):.1%} of the time in which there are trials to start")
    print(f"a worker sleeps {seen.slept(workers, seconds):.1%} of the whole, the last wave included")
    print(f"the driver's CPU: {1000 * cpu / trials:.1f} ms per trial", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--flat", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=0)
    parser.add_argument("--ray-tune", action="store_true")
    options = parser.parse_args()
    if options.trials:
        seen = run(options.trials, options.seconds, options.workers)
        report(seen, options.trials, options.seconds, options.workers, seen.driver[-1] - seen.driver[0])
    if options.nodes:
        print(f"On {options.nodes} nodes of Ray:")
        with simulated_nodes(options.nodes, num_cpus=options.workers // options.nodes) as nodes:
            seen = run(options.trials, options.seconds, options.workers, f"executor.address={nodes.address}")
        report(seen, options.trials, options.seconds, options.workers, seen.driver[-1] - seen.driver[0])
    if options.ray_tune:
        print("Ray Tune:")
        seen, cpu = run_ray_tune(options.trials, options.seconds, options.workers)
        report(seen, options.trials, options.seconds, options.workers, cpu)
    if options.flat:
        seen = run(options.flat, 0.0, options.workers)
        print(f"{options.flat} trials of 0 s, ms per trial by quarter: wall {seen.by_quarter(seen.wall)}")
        print(f"CPU of the driver {seen.by_quarter(seen.driver)}; of the recorder {seen.by_quarter(seen.recorder)}")


if __name__ == "__main__":
    main()
