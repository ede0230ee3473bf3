"""When the outcome of another sweep's trial is what training it here would give: decided here, and nothing else.

Equal identity is given: the same network, training, optimizer, data, split, seed, threads and precision. What else a
trial depends on, or must have, is compared here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sweeper.core.objectives import Metric, Objective, epoch_name
from sweeper.core.sweeps import SweepInfo
from sweeper.core.trials import StudyTrial, TrialState

#: What the figures of a trial depend on, of what `sweeper.artifacts.versions` records.
_DECISIVE = ("python", "tensorflow", "keras", "numpy", "keras-sweeper", "variables", "cpu", "device")

#: Begins the dotted path of code that comes with this project or with Keras, whose versions are compared.
_OURS = ("models.", "sweeper.", "keras.")


def why_not(
    trial: StudyTrial,
    info: SweepInfo,
    objectives: Sequence[Objective],
    metrics: Sequence[Metric],
    versions: Mapping[str, str],
) -> str:
    """Why a trial of equal identity is trained again, in words that follow its name; empty where nothing is against it.

    Args:
        trial: of the other sweep.
        info: about that sweep.
        objectives: of the sweep that would take it over.
        metrics: likewise, those that are computed because they were asked for.
        versions: of packages, variables and processor here.
    """
    row = trial.row
    if row is None or row.state is not TrialState.COMPLETE:
        return "is not complete"
    if not trial.run_id:
        return "is not in MLflow yet"
    if custom := next(_custom_code(trial.identity), None):
        return f"ran custom code ({custom}), which may have changed since"
    if any(metric.target for metric in (*info.metrics, *metrics)):
        return "computed a custom metric, whose code may have changed since"
    if {metric.name for metric in info.metrics} != {metric.name for metric in metrics}:
        return "computed other metrics"
    if row.values(objectives) is None or _measured_latency(info.objectives) != _measured_latency(objectives):
        return "was ranked by other figures"
    if _follows_objective(trial.identity["training"]) and _watched(info.objectives[0]) != _watched(objectives[0]):
        return "was stopped, or its epoch chosen, by another objective"
    recorded = row.facts.versions
    if differing := [name for name in _DECISIVE if recorded.get(name) != versions.get(name)]:
        name = differing[0]
        return f"ran with another {name}: {recorded.get(name) or 'none'} instead of {versions.get(name) or 'none'}"
    return ""


def _custom_code(identity: Mapping[str, Any]) -> Iterator[str]:
    """What a user's code or files decide, by their keys. Data are compared by their digests."""
    for name, node in identity.items():
        if name != "data":
            yield from _targets(node, name)
    weights = identity["arch"].get("weights")
    if weights not in (None, "imagenet"):
        yield f"arch.weights={weights}"


def _targets(node: Any, key: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name == "_target_" and value is not None and not str(value).startswith(_OURS):
                yield f"{key}._target_={value}"
            yield from _targets(value, f"{key}.{name}")
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value, key)


def _measured_latency(objectives: Sequence[Objective]) -> bool:
    return any(objective.metric == "predict_latency_ms" for objective in objectives)


def _follows_objective(training: Mapping[str, Any]) -> bool:
    """Whether a training looks at the objective: to stop, to lower its rate, or to choose the epoch that is kept."""
    stops = (training.get("early_stopping") or {}).get("patience") is not None
    return bool(training.get("restore_best")) or stops or training.get("schedule") == "plateau"


def _watched(objective: Objective) -> tuple[str, int]:
    name = epoch_name(objective.metric)
    return ("val_accuracy", 1) if name is None else (name, objective.sign)
