"""Openings of test sets are kept for a whole output folder, and counted by their images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper.core.errors import DamagedFileError
from sweeper.core.paths import OutputPaths
from sweeper.core.test_set import Opening, RecordedTestSet, by_others
from sweeper.data.arrays import set_digest
from sweeper.storage.test_openings import keep_openings, openings_elsewhere


def opened(*days: int, images: str = "one") -> RecordedTestSet:
    return RecordedTestSet(tuple(Opening(f"2026-01-{day:02d}T00:00:00+00:00", (0, 3), images) for day in days))


def test_openings_of_other_sweeps_count_up_to_a_sweeps_own_last_one(tmp_path: Path) -> None:
    paths = OutputPaths(tmp_path)
    first, second, later, other = opened(1, 5), opened(3), opened(9), opened(2, images="two")
    for name, record in (("first", first), ("second", second), ("later", later), ("other", other)):
        keep_openings(paths, name, record)
        keep_openings(paths, name, record)  # once each, however often it is called

    assert [one.sweep for one in openings_elsewhere(paths, "later", later)] == ["first", "second", "first"]
    assert [one.sweep for one in openings_elsewhere(paths, "second", second)] == ["first"]
    assert openings_elsewhere(paths, "first", first) == (replace(second.openings[0], sweep="second"),)
    assert openings_elsewhere(paths, "other", other) == ()


def test_a_deleted_sweep_of_the_same_name_is_another_one(tmp_path: Path) -> None:
    keep_openings(OutputPaths(tmp_path), "same", opened(1))

    assert len(openings_elsewhere(OutputPaths(tmp_path), "same", opened(2))) == 1


def test_openings_of_earlier_releases_whose_images_are_not_known_are_left_out(tmp_path: Path) -> None:
    keep_openings(OutputPaths(tmp_path), "old", opened(1, images=""))

    assert not OutputPaths(tmp_path).test_openings.exists()
    assert openings_elsewhere(OutputPaths(tmp_path), "old", opened(1, images="")) == ()


@pytest.mark.parametrize("text", ["{", "{}", '{"openings": [1]}', '{"openings": [{"date": "2026"}]}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    OutputPaths(tmp_path).test_openings.write_text(text)

    with pytest.raises(DamagedFileError, match=r"test_openings.json is damaged .*Try: rm "):
        openings_elsewhere(OutputPaths(tmp_path), "any", opened(1))


def test_sweeps_are_named_once_each() -> None:
    others = [replace(one, sweep=name) for name in ("a", "b", "a") for one in opened(1).openings]

    assert by_others(others) == ", 3 of them by the sweeps a and b"
    assert by_others(others[:1]) == ", 1 of them by the sweep a"
    assert by_others([]) == ""


def test_images_are_the_same_set_in_any_order() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)

    assert set_digest(images) == set_digest(images[::-1])
    assert set_digest(images) != set_digest(images[1:])
    assert set_digest(images, np.arange(20)) == set_digest(images, np.arange(20)[::-1])
