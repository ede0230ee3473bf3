import numpy as np
import pytest

from sweeper.report.examples import SHOWN, choose

LABELS = np.array([0, 1, 2, 0, 1])
IMAGES = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)


def test_hard_and_disputed_images_are_told_apart() -> None:
    predicted = {
        0: np.array([0, 1, 1, 0, 0]),
        1: np.array([0, 1, 0, 0, 0]),
        2: np.array([0, 1, 1, 1, 0]),
        3: np.array([0, 2, 1, 1, 1]),
    }

    found = choose(2, predicted, IMAGES, LABELS, 3)

    assert found.best == 2
    assert found.num_trials == 4
    assert [(one.index, one.label, one.num_right, one.guesses) for one in found.nobody] == [(2, 2, 0, {1: 3, 0: 1})]
    assert [(one.index, one.num_right) for one in found.disputed] == [(3, 2), (1, 3), (4, 1)]
    assert found.disputed[0].guesses == {0: 2, 1: 2}
    assert found.nobody[0].pixels.tolist() == IMAGES[2].tolist()
    assert found.confusion is not None
    assert found.confusion.tolist() == [[1, 1, 0], [1, 1, 0], [0, 1, 0]]


def test_of_one_trial_its_mistakes_are_shown_and_nothing_is_disputed() -> None:
    found = choose(0, {0: np.array([0, 1, 1, 0, 0])}, IMAGES, LABELS, 3)

    assert [one.index for one in found.nobody] == [2, 4]
    assert found.disputed == ()


def test_no_more_are_shown_than_fit() -> None:
    labels = np.zeros(50, dtype=np.int64)
    found = choose(0, {0: labels + 1, 1: labels + 1}, np.zeros((50, 2, 2, 1), np.uint8), labels, 2)

    assert len(found.nobody) == SHOWN


def test_images_from_0_to_1_become_bytes() -> None:
    images = np.array([[[[0.0], [0.5]]]], dtype=np.float32)

    [shown] = choose(0, {0: np.array([1])}, images, np.array([0]), 2).nobody

    assert shown.pixels.dtype == np.uint8
    assert shown.pixels.ravel().tolist() == pytest.approx([0, 128])
