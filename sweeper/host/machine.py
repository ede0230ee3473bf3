"""What this machine has: CPU cores and their kind, memory, GPUs; and how many trials fit on it at a time.

What a container or a batch system grants counts, not what the hardware has: the affinity mask and the limits of the
control group (`sweeper.host.cgroup`). Linux has all of it; elsewhere, what Python knows is used.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.core.errors import MachineError
from sweeper.host import cgroup

_MEMORY_PER_TRIAL = 1.5e9  # bytes: TensorFlow, the data and a network of a few million parameters

#: Instructions by which TensorFlow chooses how it computes, and so the last digits of sums.
_INSTRUCTIONS = (
    *("fma", "avx", "avx2", "avx_vnni", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni"),
    *("amx_bf16", "amx_fp16", "amx_int8", "asimd", "bf16", "sve", "sve2", "svebf16"),
)

_MIG = "MIG-"  # begins the name of a part of a GPU

#: What is there where a driver for NVIDIA's GPUs is loaded; the last one under WSL 2.
GPU_HINTS = (Path("/proc/driver/nvidia/gpus"), Path("/dev/nvidiactl"), Path("/dev/dxg"))

_COUNT_GPUS = "import tensorflow; print(len(tensorflow.config.list_physical_devices('GPU')))"


@dataclass(frozen=True)
class Machine:
    """Attributes: cpus this process may use, available memory in bytes, indices of usable GPUs."""

    cpus: int
    memory_bytes: int
    gpus: tuple[int, ...]

    def workers(self, asked: Any, per_gpu: int = 1) -> int:
        """Trials at a time: as asked, or so many a GPU, else one a core as far as the memory reaches."""
        if asked != "auto":
            return int(asked)
        if self.gpus:
            return len(self.gpus) * per_gpu
        return max(1, min(self.cpus, int(self.memory_bytes / _MEMORY_PER_TRIAL)))

    def describe(self) -> str:
        gpus = f"{len(self.gpus)} GPU{'s' if len(self.gpus) > 1 else ''}" if self.gpus else "no GPU"
        cores = f"{self.cpus} CPU core{'s' if self.cpus > 1 else ''}"
        return f"{gpus}, {cores}, {self.memory_bytes / 2**30:.0f} GiB of memory free"


def look() -> Machine:
    """Looks at this machine. TensorFlow is asked, in a separate process, only where there may be a GPU.

    Raises:
        MachineError: there may be a GPU, and TensorFlow cannot be asked.
    """
    limits = cgroup.limits()
    memory = _available_memory()
    return Machine(cpus(), memory if limits.memory_bytes is None else min(memory, limits.memory_bytes), _gpus())


def cpus() -> int:
    """CPU cores that this process may use."""
    limit = cgroup.limits().cpus
    return min(_cpus(), limit) if limit else _cpus()


def cpu() -> str:
    """The CPU's name and the instructions that matter to the digits of a training: `AMD EPYC (avx, avx2, fma)`."""
    found: dict[str, str] = {}
    for line in _lines(Path("/proc/cpuinfo")):
        key, _, value = line.partition(":")
        if not key.strip() and found:
            break  # the first core's entry holds for all
        found[key.strip()] = value.strip()
    has = set((found.get("flags") or found.get("Features") or "").split())
    name = found.get("model name") or platform.machine()
    return f"{name} ({', '.join(one for one in _INSTRUCTIONS if one in has) or 'no extensions'})"


def _cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _available_memory() -> int:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _lines(path: Path) -> Iterator[str]:
    """A file's lines; none where the system has no such file (no Linux, or a `/proc` that is not mounted)."""
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from lines


def _gpus() -> tuple[int, ...]:
    """Indices of the GPUs that TensorFlow finds, counted from 0 among those that CUDA_VISIBLE_DEVICES leaves."""
    if not any(hint.exists() for hint in GPU_HINTS):
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    parts = [] if visible is None else _names(visible)
    if any(name.startswith(_MIG) for name in parts):  # a process sees one of them: the first is asked for all
        return tuple(range(len(parts))) if _count_gpus(parts[0]) else ()
    return tuple(range(_count_gpus(visible)))


def visible_name(gpu: int, visible: str | None = None) -> str:
    """What CUDA_VISIBLE_DEVICES calls a GPU: its index, its UUID or that of a part of it (MIG).

    Args:
        gpu: its place among those that the variable leaves, from 0.
        visible: the variable's value; None: as it is in this process, and where it is not set, all GPUs by number.

    Example:
        >>> visible_name(1, "3,GPU-8f2c")
        'GPU-8f2c'
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
    names = [] if given is None else _names(given)
    return names[gpu] if gpu < len(names) else str(gpu)


def _names(visible: str) -> list[str]:
    return [name.strip() for name in visible.split(",") if name.strip()]


@functools.cache
def _count_gpus(visible: str | None) -> int:
    """GPUs that TensorFlow can use; asked once for each value of CUDA_VISIBLE_DEVICES, since it takes 5 s."""
    environment = {**os.environ, **({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})}
    asked = subprocess.run(
        [sys.executable, "-c", _COUNT_GPUS], capture_output=True, text=True, check=False, env=environment
    )
    if asked.returncode:
        last = asked.stderr.strip().splitlines()[-1:] or [f"exit status {asked.returncode}"]
        raise MachineError(
            f"This machine seems to have a GPU (CUDA_VISIBLE_DEVICES={visible or 'not set'}), and TensorFlow could not "
            f"say which it can use: {last[0]}.  Try: CUDA_VISIBLE_DEVICES=-1 in front of the line, to train on the CPU"
        )
    return int(asked.stdout.split()[-1])


#: What a trial ran on.
CPU, GPU = "CPU", "GPU"
