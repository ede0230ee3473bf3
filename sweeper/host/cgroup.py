"""The limits of this process's control group: what a container, a batch system or systemd grants it.

Versions 1 and 2 of Linux's interface (Linux kernel documentation, admin-guide/cgroup-v2 and cgroup-v1). A limit may
stand at any level of the hierarchy; the tightest one counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_NO_LIMIT = 2**60  # version 1 writes a number near 2**63 for none


@dataclass(frozen=True)
class Limits:
    """Attributes: whole CPUs (rounded up) and bytes of memory that are left to this process; None without a limit."""

    cpus: int | None
    memory_bytes: int | None


def limits(root: Path = _ROOT, membership: Path = _MEMBERSHIP) -> Limits:
    """Reads the limits; none where there is no control group."""
    quotas: list[float] = []
    left: list[int] = []
    for folder, is_unified in _groups(root, membership):
        quotas += _unified_quota(folder) if is_unified else _split_quota(folder)
        left += _left(folder, *(_UNIFIED_MEMORY if is_unified else _SPLIT_MEMORY))
    return Limits(max(1, math.ceil(min(quotas))) if quotas else None, max(0, min(left)) if left else None)


_UNIFIED_MEMORY = ("memory.max", "memory.current")
_SPLIT_MEMORY = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def _groups(root: Path, membership: Path) -> Iterator[tuple[Path, bool]]:
    """Every folder from this process's group to the root, and whether it is of version 2.

    In a container the path may name the host's hierarchy; the folders that are there count.
    """
    if not membership.is_file():
        return
    for line in membership.read_text(encoding="utf-8").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            bases = [(root, True)]
        elif {"cpu", "memory"} & set(controllers.split(",")):
            names = {controllers, *controllers.split(",")}
            bases = [(root / name, False) for name in sorted(names) if (root / name).is_dir()]
        else:
            bases = []
        for base, is_unified in bases:
            own = base / path.lstrip("/")
            for folder in [own, *own.parents]:
                if folder.is_relative_to(base) and folder.is_dir():
                    yield folder, is_unified


def _unified_quota(folder: Path) -> list[float]:
    match _words(folder / "cpu.max"):
        case [quota, period] if quota.isdigit():
            return [int(quota) / int(period)]
    return []


def _split_quota(folder: Path) -> list[float]:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return [quota / period] if quota and period else []


def _left(folder: Path, limit_name: str, used_name: str) -> list[int]:
    """Bytes up to the limit; what the group holds of files is given back when it is needed, so it counts as left."""
    limit, used = _number(folder / limit_name), _number(folder / used_name)
    if limit is None or limit >= _NO_LIMIT:
        return []
    cached = sum(
        int(value)
        for key, value in (line.split() for line in _text(folder / "memory.stat").splitlines())
        if key in ("inactive_file", "active_file")
    )
    return [limit - max(0, (used or 0) - cached)]


def _number(path: Path) -> int | None:
    words = _words(path)
    return int(words[0]) if words and words[0].isdigit() else None


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.is_file() else ""
