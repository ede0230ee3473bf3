"""What a training was given besides its seed and configuration, and how that differs from what another would be given.

Code, packages, CPU. Pure: what is recorded and what is here are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sweeper.host.machine import GPU
from sweeper.tracking import tags
from sweeper.tracking.provenance import UNKNOWN

NOT_RECORDED = "not recorded"


#: What else a run may note of what it was given, and whether another value changes the rounding of sums.
_ROUNDS = ("python", "tensorflow", "keras", "numpy", "variables", "cpu", "device")
_NAMES = {"variables": "environment", "cpus": "CPU cores", "cpu": "CPU", "python": "Python"}
_SHOWN = 4  # files of code that are named


class Kind(Enum):
    """What an input that differs may do to the figures."""

    CODE = "another code may compute anything"
    ROUNDING = "the same sums are rounded differently"
    NONE = "nothing that is known"


@dataclass(frozen=True)
class Difference:
    """An input that differs, or whose recorded value is not known."""

    name: str
    recorded: str
    now: str
    kind: Kind


def code_difference(
    recorded: Mapping[str, str], now: Mapping[str, str], changed: Sequence[str] | None
) -> Difference | None:
    """How the code differs.

    Args:
        recorded: the tags of a run.
        now: the tags that a run would get now.
        changed: files of the code that differ between the recorded commit and now; None where that is not known.

    Returns:
        None where the same code runs: also of another commit, if no file of the code differs.
    """
    one, other = (_commit(tags_) for tags_ in (recorded, now))
    was_changed = recorded.get(tags.GIT_CHANGED) == "true"
    if changed is None:
        return None if one == other != UNKNOWN else Difference("code", one, other, Kind.CODE)
    if not changed and not was_changed:
        return None
    note = f"{other}: {_files(changed)}" if changed else other
    return Difference("code", one, note, Kind.CODE)


def _commit(of: Mapping[str, str]) -> str:
    commit = of.get(tags.GIT_COMMIT, UNKNOWN)
    if commit == UNKNOWN:
        return UNKNOWN
    changed = " with uncommitted changes" if of.get(tags.GIT_CHANGED) == "true" else ""
    return f"commit {commit[:10]}{changed}"


def _files(changed: Sequence[str]) -> str:
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    verb = "differs" if len(changed) == 1 else "differ"
    return f"{', '.join(changed[:_SHOWN])}{more} {verb}"


def version_differences(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """How packages, environment variables and CPU differ, by what `versions.json` notes."""
    found = []
    for name in dict.fromkeys((*recorded, *now)):
        one, other = recorded.get(name, NOT_RECORDED), now.get(name, NOT_RECORDED)
        if name == "device" and GPU in (one, other):
            found.append(Difference("a GPU, whose sums vary from run to run", one, other, Kind.ROUNDING))
        elif one != other:
            kind = Kind.CODE if name == "keras-sweeper" else Kind.ROUNDING if name in _ROUNDS else Kind.NONE
            found.append(Difference(_NAMES.get(name, name), one or "(none set)", other or "(none set)", kind))
    return found
