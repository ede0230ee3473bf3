"""Every exception that this project raises on purpose.

    SweeperError                      exit status 1: something broke while running
    ├── RefusedError                  exit status 2: the input is refused, nothing trains
    │   ├── ConfigError               a key, a value or a combination of them
    │   │   ├── ObjectiveError        a metric or direction that no trial logs
    │   │   ├── TargetError           a `_target_` that names nothing
    │   │   └── SpaceError            an empty, malformed or forbidden search space
    │   ├── ArchitectureError         a network that the input is too small for
    │   │   └── ArchitectureValueError a value that no network takes, whatever its other keys are
    │   ├── DataError                 arrays that are missing, malformed or not what they claim
    │   ├── SweepLockedError          another driver works on the same sweep
    │   ├── SweepChangedError         the same sweep.name with another fixed configuration
    │   └── StoreError                an output folder, a store or a report that is not available
    │       └── DamagedFileError      a file of this project that is missing or not whole
    ├── TrialError                    this trial is bad, the others continue
    │   ├── NonFiniteError            its loss, or an objective, is NaN or infinite
    │   └── MetricError               a custom metric's function failed
    ├── ExecutorError                 trials can no longer be started
    └── TrackingError                 what was found can no longer be recorded
        └── RunGoneError              one run, or its model, was deleted

A message has up to three sentences: what was given, what is accepted, what to type.
What does not live here: the text of those messages, which is written where they are raised.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_LOOKS_TYPED = re.compile(r"null|true|false|[-+]?[\d.]+(e[-+]?\d+)?", re.IGNORECASE)


class SweeperError(Exception):
    """Base of all errors that end in one paragraph instead of a traceback."""

    exit_status = 1


class RefusedError(SweeperError):
    """The input is refused before anything trains."""

    exit_status = 2


class ConfigError(RefusedError):
    """A key, a value or a combination of values of the configuration."""


class ObjectiveError(ConfigError):
    """A metric that no trial logs, or a direction that is neither of the two."""


class SpaceError(ConfigError):
    """A search space that is empty, malformed, or varies what cannot vary."""


class TargetError(ConfigError):
    """A dotted path that names nothing; its message continues a sentence that begins with the path."""


class ArchitectureError(RefusedError):
    """A network whose feature maps would shrink below 1x1, or whose lists do not fit its depth."""


class ArchitectureValueError(ArchitectureError):
    """A value out of its key's range, or of another kind: no other key of the network can make it possible."""


class DataError(RefusedError):
    """Arrays that are missing, malformed, or not what they claim to be."""


class MachineError(RefusedError):
    """What this machine has cannot be found out, or a trial finds another machine than its sweep did."""


class SweepLockedError(RefusedError):
    """Another driver is working on the same sweep."""


class SweepChangedError(RefusedError):
    """The sweep of this name was started with another fixed configuration."""


class StoreError(RefusedError):
    """An output folder that cannot be written, or a store that cannot be read."""


class DamagedFileError(StoreError):
    """A file that this project wrote is missing, or holds other bytes than it wrote."""


class TrialError(SweeperError):
    """One trial failed; the sweep continues."""


class NonFiniteError(TrialError):
    """A loss, or an objective, became NaN or infinite."""


class MetricError(TrialError):
    """A custom metric's function failed, or gave no number."""


class ExecutorError(SweeperError):
    """The executor can start no more trials."""


class TrackingError(SweeperError):
    """The tracker's store or server failed while the sweep ran."""


class RunGoneError(TrackingError):
    """A run, or its model, was deleted in MLflow by another program or user; the sweep continues without it."""


def as_typed(value: Any) -> str:
    """Writes a value as on a command line: `null`, `true`, `[3,5]`, `'3'` where it is text, other text as it is."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{as_typed(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(as_typed, value))}]"
    return f"'{value}'" if isinstance(value, str) and _LOOKS_TYPED.fullmatch(value) else str(value)


def did_you_mean(given: str, accepted: Iterable[str]) -> str:
    """Returns `"Did you mean 'x'?"` for the nearest accepted name, or an empty string."""
    near = difflib.get_close_matches(given, list(accepted), n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else ""
