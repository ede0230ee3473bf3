"""Makes a table for `python -m sweeper replay`: a grid that is trained whole, with every epoch's answers.

    python benchmarks/table.py --output-dir tables                    # digits: 180 configurations x 3 seeds x 10 epochs
    python benchmarks/table.py --data mnist.npz --output-dir tables   # 300 configurations x 3 seeds x 10 epochs, hours
    python -m sweeper replay digits --output-dir tables sampler=tpe pruner=asha

It is an ordinary sweep: interrupted at any time, the same line resumes it. `--workers` and `--threads` divide the
machine. The table lies in the output folder: `optuna.db`, and `sweeps/NAME/predictions/` with the answers; `--save`
keeps it as one file besides, as `benchmarks/tables/digits.npz` is, which `replay` reads too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from sweeper.core.paths import OutputPaths
from sweeper.replay import file, run
from sweeper.replay.table import load_table

SMALL = [
    *("arch.depth=2,3,4", "arch.filters=2,4,8", "arch.dropout=0,0.3", "training.batch_size=64,128"),
    "optimizer.learning_rate=3e-4,1e-3,3e-3,1e-2,3e-2",
]
LARGE = [
    *("arch.depth=2,3,4,5,6", "arch.filters=8,16", "arch.dropout=0,0.2,0.4", "training.batch_size=64,128"),
    "optimizer.learning_rate=1e-4,3e-4,1e-3,3e-3,1e-2",
]


def command(options: argparse.Namespace) -> list[str]:
    """The sweep's command line."""
    words = [sys.executable, "-m", "sweeper", "-m", "optimizer=adam", f"training.threads={options.threads}"]
    words += [f"output_dir={options.output_dir}", f"sweep.workers={options.workers}", "sweep.progress=lines"]
    words += ["report.finalists=0", "tracking.keep_models=none"]
    words += ["training.epochs=10", "sweep.seeds=3"]
    if options.data is None:  # 862 images for training, 575 for validation: the more there are, the better they judge
        return [*words, *SMALL, "data.validation=0.4", "sweep.name=digits"]
    limit = "data.max_samples=7500"  # 6,000 images for training, 1,500 for validation
    return [*words, "data=mnist", f"data.path={options.data}", limit, *LARGE, "sweep.name=mnist"]


def main() -> int:
    """Runs the sweep, or resumes it; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="mnist.npz, for the large table; without it, the small one on the digits")
    parser.add_argument("--output-dir", required=True, help="where the table is made")
    parser.add_argument("--workers", default="auto", help="trials at a time")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each trial")
    parser.add_argument("--save", metavar="FILE.npz", type=Path, help="keep the finished table as one small file")
    options = parser.parse_args()
    status = subprocess.run(command(options), check=False).returncode
    if status == 0 and options.save is not None:
        paths, name = OutputPaths(Path(options.output_dir).resolve()), "digits" if options.data is None else "mnist"
        file.save(load_table(paths, name), run.leading(paths, name), options.save)
    return status


if __name__ == "__main__":
    sys.exit(main())
