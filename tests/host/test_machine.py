"""How many trials run at a time, and what is found here."""

from __future__ import annotations

import os
from typing import Any

import pytest

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

    assert here.cpus == len(os.sched_getaffinity(0))
    assert 2**20 < here.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        pytest.param("", (), id="none"),
        pytest.param("-1", (), id="-1 is none"),
        pytest.param("0", (0,), id="one"),
        pytest.param("3,5", (0, 1), id="counted from 0, as TensorFlow does"),
        pytest.param("GPU-8f2c, GPU-91aa", (0, 1), id="by name"),
    ],
)
def test_the_environment_says_which_gpus_are_visible(
    monkeypatch: pytest.MonkeyPatch, visible: str, expected: tuple[int, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert look().gpus == expected
