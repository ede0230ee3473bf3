"""A trial's `result.json`: where it lies, the trial has finished. Its only reader and its only writer.

The file has a version. One of the first version, which had none, is read too. What does not live here: the type
itself (`sweeper.core.trials`).
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from sweeper.artifacts.damage import reading, sealed, unsealed
from sweeper.core.paths import TrialPaths, write_atomically
from sweeper.core.trials import TrialResult

#: Of the file's form; a higher number than this is of a later release.
VERSION = 2

NO_RESULT = "its process ended without a result"


def write_result(paths: TrialPaths, result: TrialResult) -> None:
    """Writes the file and renames it into place, so that no reader meets half of it."""
    write_atomically(paths.result, json.dumps(sealed({"version": VERSION, **dataclasses.asdict(result)})))


def read_result(paths: TrialPaths) -> TrialResult | None:
    """What was left in a trial's folder, or None where the trial has not finished.

    Raises:
        DamagedFileError: the file is not a result, or one of a later release.
    """
    if not paths.result.exists():
        return None
    with reading(paths.result):
        return parse_result(json.loads(paths.result.read_text(encoding="utf-8")))


def parse_result(values: Mapping[str, Any]) -> TrialResult:
    """A result from its JSON values.

    Raises:
        ValueError: it is not a result, or one of a later release.
    """
    values = unsealed(values)
    version = values.get("version", 1)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(f"result.json has version {version}; this release reads versions 1 to {VERSION}")
    known = {name: value for name, value in values.items() if name not in ("version", "details")}
    if version == 1:
        known["facts"] = facts_of_version_1(values.get("details", {}))
    result: TrialResult = _adapter().validate_python(known)
    return result


def facts_of_version_1(details: Mapping[str, Any]) -> dict[str, Any]:
    """The facts among the `details` that the first version recorded, in a result and in a study's row."""
    last = details.get("resumed_after_epoch")
    return {
        "num_train": details.get("train_images"),
        "num_validation": details.get("num_validation"),
        "num_test": details.get("num_test"),
        "test_is_validation": bool(details.get("test_is_validation", False)),
        "best_epoch": details.get("best_epoch"),
        "interruptions": details.get("cuts", [] if last is None else [last]),
        "versions": details.get("versions", {}),
    }


@functools.cache
def _adapter() -> Any:
    from pydantic import TypeAdapter  # 0.1 s, and not needed for a refusal

    return TypeAdapter(TrialResult)
