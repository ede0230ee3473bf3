"""Trials as the study has them, those of earlier releases among them."""

from __future__ import annotations

from dataclasses import replace

from sweeper.config.identity import trial_hash
from sweeper.core.objectives import Metric, Objective
from sweeper.core.sweeps import SweepInfo
from sweeper.storage import codec


def test_a_trial_is_matched_by_a_hash_in_which_equal_numbers_are_equal() -> None:
    """Earlier releases stored a hash that differed for `arch.dropout=0` and `arch.dropout=0.0`."""
    point = {"number": 3, "hash": "of an earlier release", "identity": {"arch": {"dropout": 0}}, "run_id": "r"}
    trial = codec.study_trial({codec.POINT: {**point, "params": {}, "overrides": []}}, is_finished=False)

    assert trial.hash == trial_hash({"arch": {"dropout": 0.0}})
    assert trial.identity == {"arch": {"dropout": 0}}


def test_what_is_known_of_the_images_is_kept_and_absent_in_sweeps_of_earlier_releases() -> None:
    plain = SweepInfo("2026-01-01", (Objective("val_accuracy", "maximize"),), ("arch.depth",), "npz", False)
    info = replace(plain, data_notes=("Arrays that are not used: ids.",), data_warnings=("1 copy.", "2 copies."))
    info = replace(
        info,
        class_names={"digest": ("cat", "dög")},
        conversions={"digest": ("y is one-hot.",)},
        groups={"split": "writer"},
    )
    values = codec.info_to_json(info)

    assert codec.info_from_json(values) == info
    earlier = {
        key: value
        for key, value in values.items()
        if key not in ("data_notes", "data_warnings", "class_names", "conversions", "groups", "crc32")
    }
    assert codec.info_from_json(earlier) == plain


def test_the_metrics_that_were_asked_for_are_kept_and_a_sweep_without_them_is_written_as_before() -> None:
    plain = SweepInfo("2026-01-01", (Objective("val_cost", "minimize"),), ("arch.depth",), "npz", False)
    info = replace(
        plain,
        metrics=(Metric("val_ece", "minimize"), Metric("val_cost", "minimize", "costs.mean", {"weights": [1, 2.5]})),
    )

    assert codec.info_from_json(codec.info_to_json(info)) == info
    assert "metrics" not in codec.info_to_json(plain)
    assert codec.info_from_json(codec.info_to_json(plain)) == plain
