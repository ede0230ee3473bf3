"""Pictures: they decode, have their axes named, and hold what they are to show; no warning whatever the numbers."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from drawn_figures import NAN, history, labels, pixels, ys
from sweeper.artifacts import figures

if TYPE_CHECKING:
    pass


pytestmark = pytest.mark.filterwarnings("error")


def xs(line: Any) -> list[float]:
    return list(line.get_xdata())


@pytest.mark.parametrize(
    "epochs",
    [
        history(10),
        history(1),
        history(3, val_loss=NAN, val_accuracy=NAN),
        history(3, loss=1e9),
        ({"loss": NAN, "accuracy": NAN, "val_loss": NAN, "val_accuracy": NAN},),
        ({"loss": 1.0},),
        (),
    ],
    ids=["ten epochs", "one epoch", "a NaN", "an explosion", "nothing but NaN", "no validation", "no epoch"],
)
def test_the_curves_of_a_trial(epochs: tuple[dict[str, float], ...], tmp_path: Path) -> None:
    figure = figures.curves_figure(epochs)
    pixels(figure, tmp_path / "curves.png")
    loss, accuracy = figure.axes
    assert (labels(loss), labels(accuracy)) == (("epoch", "loss (cross-entropy)"), ("epoch", "accuracy"))
    for axes in (loss, accuracy):
        validated = not epochs or "val_loss" in epochs[0]  # a refit has no validation images
        assert [line.get_label() for line in axes.lines] == ["train", *(["validation"] if validated else [])]
        least, most = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if least <= tick <= most]
        assert ticks
        assert ticks == [round(tick) for tick in ticks]


def test_the_curves_show_every_epoch_from_one() -> None:
    loss, accuracy = figures.curves_figure(history(4)).axes
    assert xs(loss.lines[0]) == [1, 2, 3, 4]
    assert ys(accuracy.lines[1]) == [one["val_accuracy"] for one in history(4)]
    assert all(line.get_marker() != "None" for line in [*loss.lines, *accuracy.lines])


def test_curves_on_the_test_set_are_labelled_optimistic() -> None:
    for axes in figures.curves_figure(history(3), test_is_validation=True).axes:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "test (selected on it)"]


@pytest.mark.parametrize(("largest", "scale"), [(2.0, "linear"), (1e6, "log")])
def test_a_loss_that_exploded_does_not_flatten_the_others(largest: float, scale: str) -> None:
    assert figures.curves_figure(history(5, val_loss=largest)).axes[0].get_yscale() == scale


WEIGHTS: dict[str, dict[str, np.ndarray[Any, Any]]] = {
    "three layers": {f"conv{number}": np.random.default_rng(number).normal(size=(3, 3, 4, 5)) for number in range(3)},
    "half precision": {"dense": np.random.default_rng(0).normal(size=(4, 5)).astype(np.float16)},
    "constant": {"dense": np.ones((3, 4))},
    "nearly constant": {"dense": np.array([1.0, 1.0 + 1e-15, 1.0])},
    "differences too small to square": {"dense": np.array([0.0, 1e-200])},
    "one value": {"dense": np.zeros(1)},
    "no value": {"dense": np.zeros((0, 3))},
    "not finite": {"dense": np.array([NAN, math.inf])},
    "some not finite": {"dense": np.array([NAN, 1.0, 2.0, -math.inf])},
    "hostile names": {"$x": np.arange(5.0), "$a$ $\\frac$": np.arange(3.0), "[red]_^ 数字": np.arange(4.0)},
    "long names": {f"a_rather_long_name_of_a_layer_{number}": np.arange(9.0) for number in range(6)},
    "many layers": {f"block{number}_conv": np.arange(9.0) for number in range(60)},
    "none": {},
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS.keys())
def test_the_weights_of_a_trial(weights: dict[str, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    figure = figures.weights_figure(weights)
    pixels(figure, tmp_path / "weights.png")
    (axes,) = figure.axes
    assert labels(axes) == ("layer (number of weights)", "weight")
    if weights:
        assert len(axes.get_xticklabels()) == len(weights)


def test_each_layer_has_a_violin_a_name_and_its_number_of_weights() -> None:
    weights = {"conv1": np.arange(48.0), "constant": np.ones(9), "dense": np.random.default_rng(0).normal(size=2_500)}
    (axes,) = figures.weights_figure(weights).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["conv1\n(48)", "constant\n(9)", "dense\n(2,500)"]
    from matplotlib.collections import FillBetweenPolyCollection

    assert len([one for one in axes.collections if isinstance(one, FillBetweenPolyCollection)]) == 2
    assert [ys(line) for line in axes.lines] == [[1.0]]


def test_the_weights_of_a_trial_are_drawn_alike_each_time(tmp_path: Path) -> None:
    weights = {"dense": np.random.default_rng(0).normal(size=50_000)}
    first, second = (pixels(figures.weights_figure(weights), tmp_path / name) for name in ("a.png", "b.png"))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("num_classes", [2, 10, 20, 21, 100])
def test_the_confusion_of_a_trial(num_classes: int, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).integers(1, 1_000, (num_classes, num_classes))
    figure = figures.confusion_figure(matrix, [f"$c$ {name}" for name in range(num_classes)])
    pixels(figure, tmp_path / "confusion.png")
    axes = figure.axes[0]
    assert labels(axes) == ("predicted class", "true class")
    shown = [text.get_text() for text in axes.texts]
    assert shown == ([str(count) for count in matrix.ravel()] if num_classes <= 20 else [])


def test_a_count_stands_in_its_true_row_and_predicted_column(tmp_path: Path) -> None:
    figure = figures.confusion_figure(np.array([[5, 0], [2, 3]]), ["cat", "dog"])
    pixels(figure, tmp_path / "confusion.png")
    axes = figure.axes[0]
    assert {text.get_position(): text.get_text() for text in axes.texts} == {(0, 0): "5", (0, 1): "2", (1, 1): "3"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]


def test_a_class_without_an_image_is_no_division_by_zero(tmp_path: Path) -> None:
    pixels(figures.confusion_figure(np.array([[0, 0], [1, 3]]), ["a", "b"]), tmp_path / "confusion.png")


def test_drawing_needs_neither_a_display_nor_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sweeper.artifacts import figures;"
        "assert 'matplotlib' not in sys.modules;"
        "figures.save(figures.curves_figure([{'loss': 1.0, 'accuracy': 0.5}]), Path(sys.argv[1]));"
        "assert 'matplotlib.pyplot' not in sys.modules and 'pandas' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")],
        cwd=Path(__file__).resolve().parents[2],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MPLBACKEND": "TkAgg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_trials_three_pictures_take_no_long_time(tmp_path: Path) -> None:
    """0.55 s on the two cores where it was measured; the limit leaves room for a busy machine."""
    weights = {f"conv{number}": np.random.default_rng(number).normal(size=10_000) for number in range(5)}
    matrix = np.random.default_rng(0).integers(0, 40, (10, 10))
    figures.save(figures.curves_figure(history(2)), tmp_path / "warm.png")
    started = time.perf_counter()
    figures.save(figures.curves_figure(history(10)), tmp_path / "curves.png")
    figures.save(figures.weights_figure(weights), tmp_path / "weights.png")
    figures.save(figures.confusion_figure(matrix, list("0123456789")), tmp_path / "confusion.png")
    assert time.perf_counter() - started < 3
