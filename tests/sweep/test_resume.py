"""What is recorded of a sweep's data sets."""

from __future__ import annotations

from sweeper.sweep.resume import about_each

NODES = [{"path": "a.npz", "split_seed": seed} for seed in range(3)]


def test_a_sentence_about_one_of_several_data_sets_says_which() -> None:
    said = about_each(NODES, [("All are small.", "2 copies."), ("All are small.",), ("3 copies.", "All are small.")])

    assert said == (
        "All are small.",
        "With data.split_seed=0: 2 copies.",
        "With data.split_seed=2: 3 copies.",
    )


def test_a_sentence_about_several_of_more_data_sets_names_them() -> None:
    assert about_each(NODES, [("2 copies.",), (), ("2 copies.",)]) == (
        "With data.split_seed=0 and data.split_seed=2: 2 copies.",
    )


def test_a_sentence_about_the_only_data_set_stands_alone() -> None:
    assert about_each(NODES[:1], [("2 copies.",)]) == ("2 copies.",)
