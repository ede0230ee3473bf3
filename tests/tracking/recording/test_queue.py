"""The queue between driver and recorder: order, what is taken out, and what outlives a kill."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweeper.tracking.recording import queue
from sweeper.tracking.recording.queue import RecordQueue


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def test_entries_come_out_in_their_order_and_stay_until_they_are_written(path: Path) -> None:
    driver, recorder = RecordQueue(path), RecordQueue(path)
    driver.add(3, "begin", {"run_name": "ü"})
    driver.add(1, "begin", {})
    driver.add(3, "epoch", {"metrics": {"loss": math.nan}})

    first, _, last = recorder.next(10)

    assert (first.trial, first.kind, first.content) == (3, "begin", {"run_name": "ü"})
    assert math.isnan(last.content["metrics"]["loss"])
    assert len(recorder.next(2)) == 2
    assert [entry.id for entry in RecordQueue(path).next(10)] == [entry.id for entry in driver.next(10)]

    recorder.written([first, last], "run of 3")

    assert [entry.trial for entry in driver.next(10)] == [1]
    assert (len(driver), driver.run_id(3), driver.run_id(1), driver.run_ids()) == (1, "run of 3", None, {3: "run of 3"})


def test_what_has_begun_and_ended_counts_what_waits(path: Path) -> None:
    both = RecordQueue(path)
    both.add(0, "begin", {})
    both.add(1, "begin", {})
    both.add(1, "finish", {})
    both.written([entry for entry in both.next(9) if entry.trial == 1], "run")
    both.add(2, "begin", {})
    both.add(2, "finish", {})

    assert both.begun() == {0, 1, 2}
    assert both.ended() == {1, 2}


def test_a_trial_that_is_run_again_has_another_run_and_has_not_ended(path: Path) -> None:
    both = RecordQueue(path)
    for run_id in ("first", "second"):
        both.add(0, "begin", {})
        both.written(both.next(9), run_id)

    assert both.run_ids() == {0: "second"}
    assert both.ended() == set()

    both.add(0, "abandon", {})
    both.written(both.next(9), None)

    assert both.run_ids() == {}


def test_runs_are_read_beside_a_driver_and_without_one(path: Path) -> None:
    assert queue.run_ids(path) == {}
    assert not path.exists()

    both = RecordQueue(path)
    both.add(0, "begin", {})
    both.written(both.next(9), "run")

    assert queue.run_ids(path) == {0: "run"}

    both.close()
    path.write_bytes(b"no database" * 100)

    assert queue.run_ids(path) == {}


@pytest.mark.parametrize("keep", [0, 100, 5_000], ids=["whole", "after its head", "in its middle"])
def test_a_damaged_queue_is_made_anew(path: Path, keep: int) -> None:
    before = RecordQueue(path)
    for trial in range(300):
        before.add(trial, "begin", {"run_name": "x" * 100})
    before.close()
    path.write_bytes(path.read_bytes()[:keep] + b"\xa5" * 9_000)

    after = RecordQueue(path)
    after.add(7, "begin", {})

    assert [entry.trial for entry in after.next(9)] == [7]
