"""Trials as the study has them, those of earlier releases among them."""

from __future__ import annotations

from sweeper.config.identity import trial_hash
from sweeper.storage import codec


def test_a_trial_is_matched_by_a_hash_in_which_equal_numbers_are_equal() -> None:
    """Earlier releases stored a hash that differed for `arch.dropout=0` and `arch.dropout=0.0`."""
    point = {"number": 3, "hash": "of an earlier release", "identity": {"arch": {"dropout": 0}}, "run_id": "r"}
    trial = codec.study_trial({codec.POINT: {**point, "params": {}, "overrides": []}}, is_finished=False)

    assert trial.hash == trial_hash({"arch": {"dropout": 0.0}})
    assert trial.identity == {"arch": {"dropout": 0}}
