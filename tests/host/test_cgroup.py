"""Limits of control groups, from folders laid out as Linux lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.host.cgroup import Limits, limits

GB = 10**9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "fs"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")


def read(root: Path, membership: str) -> Limits:
    (root.parent / "cgroup").write_text(membership, encoding="ascii")
    return limits(root, root.parent / "cgroup")


def test_half_a_cpu_is_one_and_memory_is_what_is_left_of_the_limit(root: Path) -> None:
    stat = "anon 400000000\ninactive_file 80000000\nactive_file 20000000\n"
    files = {"cpu.max": "50000 100000\n", "memory.max": f"{3 * GB // 2}\n", "memory.current": "500000000\n"}
    write(root, {f"job/{name}": text for name, text in files.items()} | {"job/memory.stat": stat})

    assert read(root, "0::/job\n") == Limits(1, 1_100_000_000)


def test_the_tightest_level_counts(root: Path) -> None:
    write(root, {"a/cpu.max": "250000 100000\n", "a/b/cpu.max": "max 100000\n", "a/memory.max": "max\n"})
    write(root, {"a/b/memory.max": f"{2 * GB}\n", "a/b/memory.current": f"{3 * GB}\n"})

    assert read(root, "0::/a/b\n") == Limits(3, 0)


def test_version_1_has_a_folder_for_each_controller(root: Path) -> None:
    write(root, {"cpu,cpuacct/job/cpu.cfs_quota_us": "150000\n", "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n"})
    write(root, {"memory/memory.limit_in_bytes": f"{4 * GB}\n", "memory/memory.usage_in_bytes": f"{GB}\n"})
    write(root, {"memory/job/memory.limit_in_bytes": "9223372036854771712\n"})

    assert read(root, "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/\n0::/\n") == Limits(2, 3 * GB)


@pytest.mark.parametrize("membership", ["0::/\n", "0::/gone/for/good\n", "3:cpu:/x\n0::/\n"])
def test_without_limits_there_are_none(root: Path, membership: str) -> None:
    write(root, {"cpu.max": "max 100000\n", "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"})

    assert read(root, membership) == Limits(None, None)


def test_without_control_groups_there_are_none(tmp_path: Path) -> None:
    assert limits(tmp_path, tmp_path / "none") == Limits(None, None)
