"""How many trials a node takes, and what is reserved for them."""

from __future__ import annotations

import pytest

from sweeper.executors.cluster.slots import GIB, Grant, Slot, described, divided, fitting, grant, smaller

NODE = {"CPU": 16.0, "GPU": 2.0, "memory": 64.0 * GIB}


@pytest.mark.parametrize(
    ("slot", "resources", "count"),
    [
        (Slot(), {"CPU": 2.0}, 2),
        (Slot(cpus=0.1), {"CPU": 0.3}, 3),
        (Slot(cpus=3), NODE, 5),
        (Slot(cpus=32), NODE, 0),
        (Slot(gpus=1), NODE, 2),
        (Slot(gpus=0.5), NODE, 4),
        (Slot(gpus=0.4), NODE, 4),
        (Slot(gpus=0.3), {"CPU": 8.0, "GPU": 0.7}, 2),
        (Slot(gpus=1), {"CPU": 8.0}, 0),
        (Slot(memory_bytes=24 * GIB), NODE, 2),
        (Slot(memory_bytes=GIB), {"CPU": 8.0}, 0),
    ],
)
def test_what_is_scarcest_says_how_many_trials_fit(slot: Slot, resources: dict[str, float], count: int) -> None:
    assert fitting(slot, resources) == count


@pytest.mark.parametrize("slot", [Slot(), Slot(cpus=0.1), Slot(gpus=1), Slot(gpus=0.5), Slot(gpus=0.3), Slot(gpus=0.4)])
@pytest.mark.parametrize("gpus", [0.5, 1.0, 2.0, 3.0])
def test_what_fits_is_granted_within_what_there_is_in_numbers_that_ray_takes(slot: Slot, gpus: float) -> None:
    resources = {"CPU": 4.0, "GPU": gpus}

    for count in range(1, fitting(slot, resources) + 1):
        granted = grant(slot, count)
        assert granted.cpus <= 4.0 + 1e-9
        assert granted.gpus <= gpus
        assert granted.gpus < 1 or granted.gpus == int(granted.gpus)


def test_a_half_gpu_each_shares_whole_ones() -> None:
    assert grant(Slot(cpus=2, gpus=0.5), 3) == Grant(slots=3, cpus=6, gpus=2, memory_bytes=0)
    assert grant(Slot(gpus=0.5), 1) == Grant(slots=1, cpus=1, gpus=0.5, memory_bytes=0)


def test_the_roomiest_nodes_come_first_up_to_the_trials_that_were_asked_for() -> None:
    free = {"small": {"CPU": 2.0}, "large": {"CPU": 8.0}, "full": {"CPU": 0.5}}

    assert {node: granted.slots for node, granted in divided(Slot(), free, None).items()} == {"large": 8, "small": 2}
    assert {node: granted.slots for node, granted in divided(Slot(), free, 9).items()} == {"large": 8, "small": 1}
    assert {node: granted.slots for node, granted in divided(Slot(), free, 3).items()} == {"large": 3}
    assert divided(Slot(), free, 0) == {}


def test_what_does_not_fit_is_made_smaller() -> None:
    nodes = [("small", {"CPU": 2.0, "GPU": 1.0}), ("large", {"CPU": 8.0, "memory": 7.5 * GIB})]

    assert smaller(Slot(cpus=64), nodes) == "executor.cpus=8"
    assert smaller(Slot(cpus=2, gpus=1, memory_bytes=9 * GIB), nodes) == "executor.gpus=0 executor.memory_gb=7"


def test_resources_are_said_in_words() -> None:
    assert str(Slot()) == "1 CPU"
    assert str(Slot(cpus=2, gpus=0.5, memory_bytes=3 * GIB)) == "2 CPUs, 0.5 GPU, 3 GiB of memory"
    assert described(NODE) == "16 CPUs, 2 GPUs, 64 GiB of memory"
