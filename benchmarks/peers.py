"""The grid of eight by this project and by its peers, one after the other, each in an environment that is made for it.

    python benchmarks/peers.py [--rounds 3] [--environments FOLDER] [--peers ray keras-tuner autolog]

Peers: Ray Tune with reused actors, two trials at a time; KerasTuner's GridSearch; MLflow's autolog around the plain
loop; and the plain loop itself, which records nothing. The networks, images, epochs and batches are those of
`grid_of_8.py`. Each is timed as a whole process, imports included, every round begins with another of them, and the
ratio to the plain loop of its round counts. Environments are kept and used again; each takes some minutes and 3 GB.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from grid_of_8 import PLAIN_LOOP, plain_loop, this_project, timed

DATA = PLAIN_LOOP.split("for depth, kernel, rate")[0]
NETWORK = (
    "def network(depth, kernel, rate):\n"
    + PLAIN_LOOP[PLAIN_LOOP.index("    keras.utils.set_random_seed") : PLAIN_LOOP.index("    h = model.fit")]
    + "    return model\n"
)
FIT = "x, y, batch_size=128, epochs=3, validation_data=(xv, yv), verbose=0"

KERAS_TUNER = (
    DATA
    + NETWORK
    + f"""
import sys
import keras_tuner

def build(hp):
    return network(hp.Choice("depth", [3, 5]), hp.Choice("kernel", [3, 5]), hp.Choice("rate", [1.0, 0.3]))

tuner = keras_tuner.GridSearch(build, objective="val_accuracy", max_trials=8, directory=sys.argv[1], seed=0)
tuner.search({FIT})
done = tuner.oracle.get_best_trials(8)
assert len(done) == 8, len(done)
"""
)

RAY_TUNE = f"""
import sys
import ray
from ray import tune

class Trial(tune.Trainable):
    def setup(self, config):
        self.config = config

    def reset_config(self, config):
        self.config = config
        return True

    def step(self):
        space = globals().setdefault("_space", {{}})
        if not space:
            exec({DATA + NETWORK!r}, space)
        space["config"] = self.config
        exec("h = network(**config).fit({FIT}).history", space)
        return {{"val_accuracy": space["h"]["val_accuracy"][-1], "done": True}}

    def save_checkpoint(self, folder):
        return None

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
choices = {{"depth": [3, 5], "kernel": [3, 5], "rate": [1.0, 0.3]}}
found = tune.Tuner(
    tune.with_resources(Trial, {{"cpu": 1}}),
    param_space={{key: tune.grid_search(values) for key, values in choices.items()}},
    tune_config=tune.TuneConfig(reuse_actors=True),
    run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0),
).fit()
assert len(found) == 8 and not found.errors, found.errors
ray.shutdown()
"""

AUTOLOG = (
    DATA
    + NETWORK
    + f"""
import itertools, sys
import mlflow
mlflow.set_tracking_uri(f"sqlite:///{{sys.argv[1]}}/mlflow.db")
mlflow.create_experiment("grid", artifact_location=f"file://{{sys.argv[1]}}/artifacts")
mlflow.set_experiment("grid")
mlflow.tensorflow.autolog()
for depth, kernel, rate in itertools.product([3, 5], [3, 5], [1.0, 0.3]):
    with mlflow.start_run():
        network(depth, kernel, rate).fit({FIT})
assert len(mlflow.search_runs()) == 8
"""
)

#: Name, what it needs besides Keras and the data, and its code; the first argument is a folder that it may write.
PEERS: dict[str, tuple[str, list[str], str]] = {
    "ray": ("Ray Tune, actors reused, 2 at a time", ["ray[tune]"], RAY_TUNE),
    "keras-tuner": ("KerasTuner, GridSearch", ["keras-tuner", "tensorboard"], KERAS_TUNER),
    "autolog": ("plain loop with MLflow's autolog", ["mlflow", "tensorboard"], AUTOLOG),
}
SHARED = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")


def environment(folder: Path, packages: list[str], shared: Sequence[str] = SHARED) -> str:
    """The Python of an environment with these packages and our versions of the shared ones; made if it is missing."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        pins = [f"{name}=={metadata.version(name)}" for name in shared]
        wanted = [f"mlflow=={metadata.version('mlflow')}" if name == "mlflow" else name for name in packages]
        subprocess.run([python, "-m", "pip", "install", "-q", *pins, *wanted], check=True)
        (folder / "complete").touch()
    return str(python)


def peer(python: str, code: str) -> Callable[[], float]:
    """Times a peer's code in its environment, with a fresh folder each time."""

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return timed([python, "-c", code, folder])

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "sweeper-peers")
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), default=sorted(PEERS))
    options = parser.parse_args()
    contenders: dict[str, Callable[[], float]] = {
        "plain loop, records nothing": plain_loop,
        "this project, records everything, 2 at a time": lambda: this_project(2),
    }
    for key in options.peers:
        name, packages, code = PEERS[key]
        contenders[name] = peer(environment(options.environments / key, packages), code)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(options.rounds):
        turn = number % len(names)
        for name in [*names[turn:], *names[:turn]]:
            seconds[name].append(contenders[name]())
            print(f"round {number + 1}: {name}: {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    print("| | seconds, by round | ratio to the plain loop, median |\n|---|---|---|")
    base = seconds[names[0]]
    for name, values in seconds.items():
        ratio = statistics.median(value / of_loop for value, of_loop in zip(values, base, strict=True))
        print(f"| {name} | {', '.join(f'{value:.1f}' for value in values)} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
