"""Networks that only Keras knows, built in a separate process with a time limit: for a plan, and for their weights.

What does not live here: the arithmetic of the built-in networks, which needs no process (`sweeper.models.networks`);
how a network is counted (`sweeper.models.counting`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.config.identity import canonical
from sweeper.core.errors import ArchitectureError
from sweeper.host import import_path
from sweeper.models import networks
from sweeper.models.application_config import IMAGENET
from sweeper.models.shapes import LayerPlan, NetworkPlan
from sweeper.preflight.check import PlannedTrial

LIMIT_S = 60.0  # for all networks of a plan; TensorFlow's import takes 5 s of it
_DOWNLOAD_LIMIT_S = 3600.0

_CODE = (
    "from sweeper.host import import_path; import_path.look_in_the_current_folder_last(); "
    "from sweeper.models import counting; counting.main()"
)


def counted(
    trials: Sequence[PlannedTrial], limit_s: float = LIMIT_S, *, with_weights: bool = False
) -> tuple[tuple[PlannedTrial, ...], list[str]]:
    """The same trials, with the networks of custom builders counted; and a sentence for each that could not be.

    Args:
        trials: as they are planned.
        limit_s: seconds after which the process is ended; networks that were counted until then stay counted.
        with_weights: whether pretrained weights are fetched; they change no count.
    """
    requests = {_key(planned): planned for planned in trials if planned.network is None}
    if not requests:
        return tuple(trials), []
    asked = [
        {
            "arch": planned.point.config["arch"] if with_weights else _counted_part(planned.point.config["arch"]),
            "input_shape": planned.data.input_shape,
            "num_classes": planned.data.num_classes,
        }
        for planned in requests.values()
    ]
    lines, ending = _run(json.dumps(asked), limit_s)
    answers = [json.loads(line) for line in lines]
    built: dict[str, NetworkPlan] = {}
    faults: dict[str, list[str]] = {}
    for place, (key, planned) in enumerate(requests.items()):
        if place < len(answers) and "error" not in answers[place]:
            built[key] = _network(answers[place])
        else:
            reason = answers[place]["error"] if place < len(answers) else ending
            name = planned.point.config["arch"]["_target_"]
            overrides = " ".join(planned.point.overrides)
            faults.setdefault(f"{name}: {reason}", []).append(overrides)
    sentences = [
        f"Not counted: {fault}" + (f" ({', '.join(which)})" if any(which) else "") + "."
        for fault, which in faults.items()
    ]
    found = [
        dataclasses.replace(planned, network=built.get(_key(planned))) if planned.network is None else planned
        for planned in trials
    ]
    return tuple(found), sentences


def fetch_weights(trials: Sequence[PlannedTrial]) -> None:
    """Lets Keras download the weights that trials ask for, once, unless this machine has them.

    Raises:
        ArchitectureError: they cannot be had; says where the file can be put.
    """
    asked = [
        planned
        for planned in trials
        if networks.is_application(planned.point.config["arch"])
        and planned.point.config["arch"].get("weights") == IMAGENET
    ]
    _, faults = counted(asked, _DOWNLOAD_LIMIT_S, with_weights=True)
    if faults:
        folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
        raise ArchitectureError(
            f"arch.weights={IMAGENET}: the weights cannot be had. {faults[0].removeprefix('Not counted: ')} Keras "
            f"keeps the file that this names in {folder}: copy it there from a machine with network, or name another."
            "  Try: arch.weights=PATH, or arch.weights=null"
        )


def _counted_part(arch: Mapping[str, Any]) -> dict[str, Any]:
    """What of a node makes a network of another size."""
    without = ("weights", "freeze_epochs", "fine_tune_rate") if networks.is_application(arch) else ()
    return {key: value for key, value in arch.items() if key not in without}


def _key(planned: PlannedTrial) -> str:
    return canonical([_counted_part(planned.point.config["arch"]), planned.data.input_shape, planned.data.num_classes])


def _run(requests: str, limit_s: float) -> tuple[list[str], str]:
    """The lines of the process, whole ones only, and how it ended, in words."""
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", _CODE],  # a plan leaves nothing in the folder, no compiled module either
            input=requests.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what TensorFlow and the builder print
            env={**os.environ, **import_path.environment()},
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return _whole_lines(error.output), f"it was not counted within {limit_s:g} s"
    return _whole_lines(done.stdout), f"its process ended with status {done.returncode}"


def _whole_lines(output: bytes | None) -> list[str]:
    return (output or b"").decode().split("\n")[:-1]


def _network(answer: dict[str, Any]) -> NetworkPlan:
    layers = [LayerPlan(**{**layer, "output_shape": tuple(layer["output_shape"])}) for layer in answer["layers"]]
    height, width, channels = answer["input_shape"]
    return NetworkPlan(tuple(layers), (height, width, channels))
