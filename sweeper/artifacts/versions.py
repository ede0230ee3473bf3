"""What a result depends on besides configuration, code and data: packages, variables, processor."""

from __future__ import annotations

import os
import sys
from importlib import metadata

from sweeper.host.machine import CPU, GPU, cpu

RECORDED_PACKAGES = ("tensorflow", "keras", "numpy", "hydra-core", "optuna", "mlflow", "keras-sweeper")


#: Variables of the environment by which TensorFlow computes otherwise.
RECORDED_VARIABLES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_SET_ONEDNN_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "DNNL_DEFAULT_FPMATH_MODE",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)


def versions(gpu: int | None) -> dict[str, str]:
    """What a result depends on besides configuration, code and data: packages, variables, CPU, and what it ran on."""
    found = {name: metadata.version(name) for name in RECORDED_PACKAGES}
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        **found,
        "variables": " ".join(f"{name}={os.environ[name]}" for name in RECORDED_VARIABLES if name in os.environ),
        "cpus": str(os.cpu_count()),
        "cpu": cpu(),
        "device": CPU if gpu is None else GPU,
    }
