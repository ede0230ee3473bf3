"""How many trials run at a time, and what is found here."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from sweeper.core.errors import MachineError
from sweeper.host import cgroup, machine
from sweeper.host.machine import Machine, look

GIB = 2**30


@pytest.mark.parametrize(
    ("machine", "asked", "expected"),
    [
        pytest.param(Machine(8, 64 * GIB, ()), "auto", 8, id="one a core"),
        pytest.param(Machine(8, 4 * 10**9, ()), "auto", 2, id="as far as the memory reaches"),
        pytest.param(Machine(8, GIB, ()), "auto", 1, id="one even where memory is short"),
        pytest.param(Machine(1, 64 * GIB, ()), "auto", 1, id="one core"),
        pytest.param(Machine(8, 64 * GIB, (0, 1)), "auto", 2, id="one a GPU"),
        pytest.param(Machine(1, 64 * GIB, (0, 1)), "auto", 2, id="GPUs before cores"),
        pytest.param(Machine(2, 64 * GIB, ()), 5, 5, id="as asked, more than cores"),
        pytest.param(Machine(8, GIB, (0,)), 3, 3, id="as asked, more than GPUs"),
    ],
)
def test_workers_are_as_asked_or_as_the_machine_has_room(machine: Machine, asked: Any, expected: int) -> None:
    assert machine.workers(asked) == expected


def test_trials_may_share_a_gpu() -> None:
    assert Machine(8, 64 * GIB, (0, 1)).workers("auto", per_gpu=3) == 6
    assert Machine(8, 64 * GIB, ()).workers("auto", per_gpu=3) == 8
    assert Machine(8, 64 * GIB, (0, 1)).workers(5, per_gpu=3) == 5


@pytest.mark.parametrize(
    ("gpu", "visible", "named"),
    [
        pytest.param(1, "", "1", id="all GPUs, by number"),
        pytest.param(1, "3,5", "5", id="of those that are left"),
        pytest.param(0, "GPU-8f2c, GPU-77aa", "GPU-8f2c", id="by UUID"),
        pytest.param(2, "MIG-a,MIG-b,MIG-c", "MIG-c", id="parts of a GPU"),
    ],
)
def test_a_gpu_is_called_as_the_environment_calls_it(gpu: int, visible: str, named: str) -> None:
    assert machine.visible_name(gpu, visible) == named


def test_each_part_of_a_gpu_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process sees one part only, so TensorFlow is asked about the first; here a stand-in finds what it is asked."""
    found = "lambda kind: os.environ['CUDA_VISIBLE_DEVICES'].split(',')"
    stub = f"import os; config = type('Config', (), {{'list_physical_devices': {found}}})"
    (tmp_path / "tensorflow.py").write_text(stub, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-one,MIG-two,MIG-three")
    monkeypatch.setattr(machine, "GPU_HINTS", (tmp_path,))

    assert look().gpus == (0, 1, 2)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        pytest.param(Machine(2, 7 * GIB, ()), "no GPU, 2 CPU cores, 7 GiB of memory free", id="no GPU"),
        pytest.param(Machine(1, 7 * GIB, (0,)), "1 GPU, 1 CPU core, 7 GiB of memory free", id="one of each"),
        pytest.param(Machine(16, 128 * GIB, (0, 1)), "2 GPUs, 16 CPU cores, 128 GiB of memory free", id="several"),
    ],
)
def test_a_machine_is_described_in_one_line(machine: Machine, expected: str) -> None:
    assert machine.describe() == expected


def test_what_is_found_here_is_what_this_process_may_use() -> None:
    here = look()

    limits = cgroup.limits()
    assert here.cpus == min(len(os.sched_getaffinity(0)), limits.cpus or 10**6)
    assert 2**20 < here.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize("visible", ["0", "none", "3,5", "GPU-8f2c"])
def test_what_the_environment_promises_is_no_gpu(monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(machine, "GPU_HINTS", (Path("/nowhere"),))

    assert look().gpus == ()


def test_where_there_may_be_a_gpu_tensorflow_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # so that it finds none, also on a machine with some
    monkeypatch.setattr(machine, "GPU_HINTS", (tmp_path,))

    assert look().gpus == ()


def test_a_tensorflow_that_cannot_be_asked_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcuda.so.1 is broken')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(machine, "GPU_HINTS", (tmp_path,))

    with pytest.raises(MachineError, match=r"could not say which it can use: ImportError: libcuda\.so\.1 is broken"):
        look()


def test_a_system_without_proc_has_what_python_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    monkeypatch.setattr(sys, "platform", "darwin")

    assert look() == Machine(os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), look().gpus)
    assert machine.cpu() == f"{platform.machine()} (no extensions)"
