"""What bfloat16 does to the speed of a network: milliseconds of a training step in each precision.

    python benchmarks/precision.py [--seconds 5] [override ...]

For each network, a process trains in float32 and another in bfloat16, alternating, on batches of the notebook's size
from the digits (28x28 images); the machine must have nothing else to do. Accuracy is compared by a sweep:
`training.precision=float32,mixed_bfloat16 sweep.seeds=10`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from pathlib import Path

from trial_price import spec_of

from sweeper.config.training import TIMED_PRECISIONS
from sweeper.core.trials import ProbeSpec

NETWORKS = ["arch=depth3_kernel3", "arch=depth5_kernel5", "arch=depth7_kernel6"] + [
    f"arch=cnn arch.filters={filters}" for filters in (8, 16, 32, 64)
]


def step_ms(root: Path, network: str, precision: str, seconds: float, overrides: list[str]) -> float:
    """The median milliseconds of a training step, in a process of its own."""
    spec = spec_of(root, [*network.split(), f"training.precision={precision}", *overrides])
    probe_spec = ProbeSpec(number=0, folder=spec.folder, config=spec.config, data=spec.data, seconds=seconds)
    spec.folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_probe, (probe_spec,))


def _probe(spec: ProbeSpec) -> float:
    from sweeper.trial.probe import probe

    return 1000 * probe(spec).metrics["batch_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="for which each network is timed, each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    print(f"| network | {' | '.join(f'{name}, ms a step' for name in TIMED_PRECISIONS)} | times as fast |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            taken: dict[str, list[float]] = {precision: [] for precision in TIMED_PRECISIONS}
            for _ in range(arguments.rounds):
                for precision, times in taken.items():
                    times.append(step_ms(Path(folder), network, precision, arguments.seconds, arguments.overrides))
            slow, fast = (statistics.median(times) for times in taken.values())
            ratios = sorted(one / other for one, other in zip(*taken.values(), strict=True))
            print(
                f"| `{network}` | {slow:.1f} | {fast:.1f} | {slow / fast:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
