"""The key `metrics`: what is computed after each epoch besides loss and accuracy, by name or by a user's function.

What does not live here: the metrics themselves (`sweeper.metrics`), and whether a user's function can be called
(`sweeper.preflight.check`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.config.checks import nearest
from sweeper.core.errors import ConfigError, as_typed
from sweeper.core.objectives import FURTHER_METRICS, METRIC_DIRECTIONS, Metric

#: Other names that people use for them.
_ALSO_CALLED = {
    **dict.fromkeys(("f1", "f1_score", "f1_macro", "macro_f1", "f1macro"), "val_macro_f1"),
    **dict.fromkeys(("auc", "roc_auc", "auroc", "roc_auc_ovr"), "val_auc"),
    **dict.fromkeys(("top5", "top_5", "top_5_accuracy", "top_k_accuracy"), "val_top5_accuracy"),
    **dict.fromkeys(("balanced", "balanced_acc", "macro_recall", "recall_macro"), "val_balanced_accuracy"),
    **dict.fromkeys(("brier_score", "brier_score_loss"), "val_brier"),
    **dict.fromkeys(("acc", "accuracy"), "val_accuracy"),
    **dict.fromkeys(("calibration", "calibration_error", "expected_calibration_error"), "val_ece"),
}
_NAME = re.compile(r"val_[a-z][a-z0-9_]{0,60}")
_TAKEN = re.compile(r"val_(accuracy|loss)(_low|_high)?|.*_(mean|std)")
_CUSTOM = "'metrics=[{name:val_cost,_target_:my_metrics.cost,direction:minimize}]'"


def meant_metric(given: str, accepted: Sequence[str], otherwise: str) -> str:
    """The accepted metric that was most likely meant: `val_macro_f1` by `val_f1` or `roc_auc`; else `otherwise`."""
    bare = given.lower().removeprefix("val_").removeprefix("test_")
    if (known := _ALSO_CALLED.get(bare, f"val_{bare}")) in accepted:
        return known
    by_bare = {name.removeprefix("val_"): name for name in accepted}
    return nearest(given, accepted, by_bare.get(nearest(bare, by_bare, ""), otherwise))


def asked_metrics(given: Any) -> tuple[Metric, ...]:
    """The metrics that the key `metrics` asks for; none for null. Those that every trial has are passed over.

    Raises:
        ConfigError: an unknown name, or a custom metric without function or direction.
    """
    entries = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
    found: dict[str, Metric] = {}
    for entry in entries:
        if isinstance(entry, str) and entry in ("val_accuracy", "val_loss"):
            continue
        metric = _custom(entry) if isinstance(entry, Mapping) else _named(entry)
        if found.get(metric.name, metric) != metric or (metric.target and metric.name in found):
            raise ConfigError(
                f"metrics={as_typed(given)} has two entries named {metric.name}. Accepted: a different name for each."
                f"  Try: {_CUSTOM}"
            )
        found[metric.name] = metric
    return tuple(found.values())


def _named(entry: Any) -> Metric:
    if isinstance(entry, str) and entry in FURTHER_METRICS:
        return Metric(entry, FURTHER_METRICS[entry])
    near = meant_metric(str(entry), list(FURTHER_METRICS), "")
    meant = f" Did you mean {near!r}?" if near else ""
    raise ConfigError(
        f"metrics: {as_typed(entry)} is not a metric. Accepted: {', '.join(FURTHER_METRICS)}, or a custom one, "
        f"{{name:val_NAME,_target_:MODULE.FUNCTION,direction:maximize|minimize}}.{meant}"
        f"  Try: metrics=[{near or 'val_macro_f1'}]"
    )


def _custom(entry: Mapping[str, Any]) -> Metric:
    shown = f"metrics: {as_typed(dict(entry))}"
    target, direction = entry.get("_target_"), entry.get("direction")
    if not isinstance(target, str) or "." not in target.strip("."):
        raise ConfigError(
            f"{shown} names no function. Accepted: _target_, the dotted path of a function (labels, probabilities) -> "
            f"float.  Try: {_CUSTOM}"
        )
    if direction != "maximize" and direction != "minimize":
        raise ConfigError(
            f"{shown} does not say in which direction {target} is better. Accepted: direction:maximize or "
            f"direction:minimize.  Try: 'metrics=[{as_typed({**entry, 'direction': 'maximize'})}]'"
        )
    name = entry.get("name", f"val_{target.rpartition('.')[2].lower()}")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or _TAKEN.fullmatch(name) or name in METRIC_DIRECTIONS:
        taken = isinstance(name, str) and (name in METRIC_DIRECTIONS or _TAKEN.fullmatch(name))
        why = "is taken" if taken else "is not a name of a metric"
        raise ConfigError(
            f"{shown}: {as_typed(name)} {why}. Accepted: val_ and small letters, digits and '_', and no column of the "
            f"leaderboard.  Try: 'metrics=[{as_typed({**entry, 'name': 'val_custom'})}]'"
        )
    options = {str(key): value for key, value in entry.items() if key not in ("name", "_target_", "direction")}
    return Metric(name, direction, target, options)
