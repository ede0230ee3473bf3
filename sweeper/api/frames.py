"""A sweep's figures as pandas DataFrames, with the types that the values have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.core.trials import TrialRow

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 2**63


def frame(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A DataFrame of columns and rows; an empty cell is missing, whatever the column's type."""
    import pandas as pd

    return pd.DataFrame({name: _series([row.get(name) for row in rows]) for name in names}, columns=list(names))


def _series(values: Sequence[Any]) -> Any:
    """One column: int64 or Int64, float64, boolean, text, or objects where values are of several kinds."""
    import pandas as pd

    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return pd.Series(values, dtype="boolean" if len(known) < len(values) else "bool")
    if known and all(isinstance(value, int) and abs(value) < _LARGEST for value in known) and not _has_bool(known):
        return pd.Series(values, dtype="Int64" if len(known) < len(values) else "int64")
    if all(isinstance(value, int | float) for value in known) and not _has_bool(known):
        return pd.Series([np.nan if value is None else float(value) for value in values], dtype="float64")
    if all(isinstance(value, str) for value in known):
        return pd.Series(values)
    return pd.Series(values, dtype="object")


def _has_bool(values: Iterable[Any]) -> bool:
    return any(isinstance(value, bool) for value in values)


def curves(rows: Iterable[TrialRow]) -> pd.DataFrame:
    """One row per trial and epoch: `trial` (and `sweep`, of several), `epoch` from 1, the epoch's metrics."""
    lines: list[dict[str, Any]] = []
    for row in rows:
        origin = {} if row.origin is None else {"sweep": row.origin.sweep}
        number = row.number if row.origin is None else row.origin.trial
        lines += [
            {**origin, "trial": number, "epoch": epoch, **metrics} for epoch, metrics in enumerate(row.history, start=1)
        ]
    names = dict.fromkeys(name for line in lines for name in line)
    return frame(list(names or {"trial": None, "epoch": None}), lines)


def predictions(arrays: Mapping[str, np.ndarray[Any, Any]]) -> pd.DataFrame:
    """One row per image, in the order of the split.

    Columns: `label` and `predicted` (numbers of classes), `correct`, `loss` (cross-entropy), `file` where the images
    have files, and `p_CLASS`, the probability of each class.
    """
    import pandas as pd

    labels, predicted = arrays["labels"], arrays["predicted"]
    classes = [str(name) for name in arrays.get("class_names", range(arrays["probabilities"].shape[1]))]
    columns = {"label": labels, "predicted": predicted, "correct": labels == predicted}
    if "losses" in arrays:
        columns["loss"] = arrays["losses"].astype(np.float64)
    if "files" in arrays:
        columns["file"] = arrays["files"]
    probabilities = arrays["probabilities"].astype(np.float64)
    columns |= {f"p_{name}": probabilities[:, place] for place, name in enumerate(classes)}
    return pd.DataFrame(columns)
