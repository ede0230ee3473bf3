"""Which differences make another trial, and which make another sweep."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from sweeper.config.identity import differences, fixed_part, trial_hash, trial_identity
from sweeper.core.datasets import DataSummary, PreparedData

CONFIG: dict[str, Any] = {
    "arch": {"_target_": "models.cnn.build", "depth": 3, "filters": [8, 16, 16]},
    "data": {"name": "npz", "path": "a.npz", "validation": 0.2, "split_seed": 0, "max_samples": None},
    "training": {"epochs": 3, "threads": 2, "precision": "float32"},
    "optimizer": {"_target_": "keras.optimizers.Adam", "learning_rate": 0.001},
    "seed": 0,
}


def prepared(digest: str = "d", split: str = "s") -> PreparedData:
    summary = DataSummary("npz", (28, 28, 1), 10, 80, 20, 10)
    return PreparedData(summary, digest, split, "a.npz", False, folder=Path())


def changed(key: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    *above, name = key.split(".")
    node = config
    for part in above:
        node = node[part]
    node[name] = value
    return config


def hash_of(config: dict[str, Any], data: PreparedData | None = None) -> str:
    return trial_hash(trial_identity(config, data or prepared()))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("arch.depth", 5),
        ("arch.filters", [8, 16, 32]),
        ("training.threads", 1),
        ("training.precision", "mixed_bfloat16"),
        ("optimizer.learning_rate", 0.01),
        ("data.max_samples", 50),
        ("seed", 1),
    ],
)
def test_what_changes_a_result_makes_another_trial(key: str, value: Any) -> None:
    assert hash_of(changed(key, value)) != hash_of(CONFIG)


def test_the_same_arrays_under_another_path_are_the_same_trial() -> None:
    assert hash_of(changed("data.path", "b.npz")) == hash_of(CONFIG)


def test_other_arrays_or_another_split_under_the_same_path_are_another_trial() -> None:
    assert hash_of(CONFIG, prepared(digest="other")) != hash_of(CONFIG)
    assert hash_of(CONFIG, prepared(split="other")) != hash_of(CONFIG)


def test_the_order_of_keys_does_not_matter() -> None:
    assert hash_of(dict(reversed(CONFIG.items()))) == hash_of(CONFIG)


def test_a_swept_key_may_differ_and_no_other() -> None:
    old = fixed_part(trial_identity(CONFIG, prepared()), {"arch.depth"})
    new = fixed_part(trial_identity(changed("arch.depth", 7), prepared()), {"arch.depth"})
    other = fixed_part(trial_identity(changed("training.epochs", 5), prepared()), {"arch.depth"})

    assert differences(old, new) == []
    assert differences(old, other) == ["training.epochs: 3 -> 5"]


def test_a_swept_group_takes_its_whole_node_out_of_the_comparison() -> None:
    assert not [key for key in fixed_part(trial_identity(CONFIG, prepared()), {"arch"}) if key.startswith("arch.")]


def test_a_swept_data_key_takes_the_digests_out_of_the_comparison() -> None:
    kept = fixed_part(trial_identity(CONFIG, prepared()), {"data.split_seed"})

    assert "data.validation" in kept
    assert "data.digest" not in kept
    assert "data.split_digest" not in kept


def test_a_key_that_only_one_side_has_is_a_difference() -> None:
    assert differences({"a": 1}, {"b": 2}) == ["a: 1 -> (not set)", "b: (not set) -> 2"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer.learning_rate", 0), ("arch.filters", [8.0, 16, 16.0]), ("training.epochs", 3.0), ("seed", -0.0)],
)
def test_equal_numbers_make_the_same_trial(key: str, value: Any) -> None:
    if key == "optimizer.learning_rate":
        assert hash_of(changed(key, value)) == hash_of(changed(key, 0.0))
    else:
        assert hash_of(changed(key, value)) == hash_of(CONFIG)


def test_a_truth_value_is_no_number() -> None:
    assert hash_of(changed("optimizer.nesterov", True)) != hash_of(changed("optimizer.nesterov", 1))
