"""The keys of `executor`."""

from __future__ import annotations

from typing import Any

import pytest

from sweeper.config.sweep import ExecutorConfig
from sweeper.core.errors import ConfigError


@pytest.mark.parametrize("address", [None, "auto", "10.0.0.1:6379", "head.cluster.local:6379", "[fe80::1]:6379"])
def test_addresses_that_are_accepted(address: str | None) -> None:
    assert ExecutorConfig("ray", address=address).address == address


@pytest.mark.parametrize("gpus", [None, 0, 0.25, 0.5, 1])
def test_a_trial_takes_no_gpu_a_part_of_one_or_one(gpus: float | None) -> None:
    assert ExecutorConfig("ray", gpus=gpus).gpus == gpus


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (
            {"address": "10.0.0.1"},
            r"executor\.address='10\.0\.0\.1' is not accepted.*HOST:PORT.*Try: executor.address=auto",
        ),
        ({"address": "ray://head:10001"}, r"Ray Client.*Try, on the head node: executor=ray executor\.address=auto"),
        ({"cpus": 0}, r"executor\.cpus=0 is not accepted: .*above 0"),
        ({"cpus": float("nan")}, r"executor\.cpus=nan"),
        ({"gpus": 2}, r"executor\.gpus=2.*a trial trains on one GPU"),
        ({"gpus": -0.5}, r"executor\.gpus=-0\.5"),
        ({"memory_gb": 0}, r"executor\.memory_gb=0"),
        (
            {"trials_per_gpu": 2},
            r"executor\.trials_per_gpu=2 would have no effect with executor=ray.*executor\.gpus=0\.5",
        ),
        ({"gpu_memory_gb": 0}, r"executor\.gpu_memory_gb=0.*above 0, or null"),
        ({"name": "processes", "trials_per_gpu": 0}, r"executor\.trials_per_gpu=0.*from 1 to 100"),
        ({"name": "serial", "gpu_memory_gb": 4}, r"no effect with executor=serial.*executor=processes or executor=ray"),
        ({"lost_after_s": 0.5}, r"executor\.lost_after_s=0\.5.*from 1"),
    ],
    ids=str,
)
def test_what_is_not_accepted(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ExecutorConfig(**{"name": "ray", **keys})


def test_a_key_of_ray_is_refused_without_ray() -> None:
    with pytest.raises(
        ConfigError, match=r"executor\.cpus=2 would have no effect with executor=processes.*executor=ray"
    ):
        ExecutorConfig(cpus=2)
