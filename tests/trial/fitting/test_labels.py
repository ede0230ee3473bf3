"""What the training loss is compared with: soft labels, and the weight of each image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sweeper.config.training import TrainingConfig
from sweeper.core.datasets import DataSummary
from sweeper.core.errors import ConfigError
from sweeper.trial.fitting.labels import Targets, targets

LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2], dtype=np.int64)


def made(names: tuple[str, ...] = (), *, mixes: bool = False, **training: Any) -> Targets:
    summary = DataSummary("npz", (8, 8, 1), 3, len(LABELS), 2, 2, names)
    return targets(TrainingConfig(**training), summary, LABELS, mixes=mixes)


def test_labels_are_integers_unless_something_makes_them_soft() -> None:
    assert made().encoded(LABELS) is LABELS
    assert made(label_smoothing=0.1).encoded(LABELS[-2:]).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert made(mixes=True).soft
    assert made().image_weights(LABELS) is None


@pytest.mark.usefixtures("keras_runtime")
def test_the_smoothed_loss_is_the_published_formula() -> None:
    smoothed = made(label_smoothing=0.3)
    outputs = np.array([[0.7, 0.2, 0.1]], dtype=np.float32)
    found = float(smoothed.loss()(smoothed.encoded(LABELS[:1]), outputs))

    # (1 - e) of the label's own loss, and e spread over all classes (Szegedy and others 2016, section 7)
    assert found == pytest.approx(-(0.7 * np.log(0.7) + 0.1 * np.log([0.7, 0.2, 0.1]).sum()), abs=1e-6)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_sample_weight

    expected = compute_sample_weight("balanced", LABELS)

    for soft in (False, True):
        balanced = made(class_weight="balanced", mixes=soft)
        assert balanced.image_weights(balanced.encoded(LABELS)) == pytest.approx(expected, rel=1e-6)
    assert expected.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "names", "weights"),
    [
        pytest.param({"2": 4.0}, (), [1.0, 1.0, 4.0], id="a number; the others have 1"),
        pytest.param({"cat": 2.0, "dog": 0.5, "2": 3.0}, ("cat", "dog", "fox"), [2.0, 0.5, 3.0], id="both"),
        pytest.param({"1": 9.0}, ("2", "1", "0"), [1.0, 9.0, 1.0], id="a name that looks like a number is the name"),
        pytest.param({"0": 7.0}, ("2", "1", "0"), [1.0, 1.0, 7.0], id="also where the number is another class"),
    ],
)
def test_a_weight_belongs_to_the_class_that_its_key_names(
    given: dict[str, float], names: tuple[str, ...], weights: list[float]
) -> None:
    found = made(names, class_weight=given).class_weights

    assert found is not None
    assert found.tolist() == weights


def test_a_mixed_images_weight_is_the_mean_of_its_classes() -> None:
    mixed = made(mixes=True, class_weight={"0": 2.0, "2": 6.0})

    assert mixed.image_weights(np.array([[0.75, 0, 0.25]], dtype=np.float32)) == pytest.approx([3.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            {"fix": 1.0},
            r"\{fix:1\.0\} names the class fix, .* Accepted: cat, dog and fox, .*'fox'\?  Try: ",
            id="no class",
        ),
        pytest.param({"3": 1.0}, r"names the class 3, which these images do not have", id="a number too many"),
        pytest.param({"cat": 1.0, "0": 2.0}, r"names class cat twice, as cat and as 0", id="twice"),
    ],
)
def test_a_class_that_there_is_not_is_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(("cat", "dog", "fox"), class_weight=given)


def test_a_refusal_shows_a_name_that_can_be_typed() -> None:
    with pytest.raises(ConfigError, match=r"\{fox-2: 2\.0\}'$"):
        made(("Zoë's cow", "a b", "fox-2"), class_weight={"x": 1.0})
    with pytest.raises(ConfigError, match=r"\{0: 2\.0\}'$"):
        made(("a b", "c d", "e f"), class_weight={"x": 1.0})
