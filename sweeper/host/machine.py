"""What this machine has: CPU cores and their kind, memory, GPUs; and how many trials fit on it at a time."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MEMORY_PER_TRIAL = 1.5e9  # bytes: TensorFlow, the data and a network of a few million parameters

#: Instructions by which TensorFlow chooses how it computes, and so the last digits of sums.
_INSTRUCTIONS = (
    *("fma", "avx", "avx2", "avx_vnni", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni"),
    *("amx_bf16", "amx_fp16", "amx_int8", "asimd", "bf16", "sve", "sve2", "svebf16"),
)


@dataclass(frozen=True)
class Machine:
    """Attributes: cpus this process may use, available memory in bytes, indices of usable GPUs."""

    cpus: int
    memory_bytes: int
    gpus: tuple[int, ...]

    def workers(self, asked: Any) -> int:
        """Trials at a time: as asked, or one a GPU, else one a core as far as the memory reaches."""
        if asked != "auto":
            return int(asked)
        if self.gpus:
            return len(self.gpus)
        return max(1, min(self.cpus, int(self.memory_bytes / _MEMORY_PER_TRIAL)))

    def describe(self) -> str:
        gpus = f"{len(self.gpus)} GPU{'s' if len(self.gpus) > 1 else ''}" if self.gpus else "no GPU"
        cores = f"{self.cpus} CPU core{'s' if self.cpus > 1 else ''}"
        return f"{gpus}, {cores}, {self.memory_bytes / 2**30:.0f} GiB of memory free"


def look() -> Machine:
    """Looks at this machine without loading TensorFlow."""
    return Machine(len(os.sched_getaffinity(0)), _available_memory(), _gpus())


def cpu() -> str:
    """The CPU's name and the instructions that matter to the digits of a training: `AMD EPYC (avx, avx2, fma)`."""
    found: dict[str, str] = {}
    with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            if not key.strip() and found:
                break  # the first core's entry stands for all
            found[key.strip()] = value.strip()
    has = set((found.get("flags") or found.get("Features") or "").split())
    name = found.get("model name") or platform.machine()
    return f"{name} ({', '.join(one for one in _INSTRUCTIONS if one in has) or 'no extensions'})"


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gpus() -> tuple[int, ...]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:  # TensorFlow counts what is visible from 0
        return tuple(range(len([name for name in visible.split(",") if name.strip() not in ("", "-1")])))
    folder = Path("/proc/driver/nvidia/gpus")
    return tuple(range(len(list(folder.iterdir())))) if folder.is_dir() else ()


#: What a trial ran on.
CPU, GPU = "CPU", "GPU"
