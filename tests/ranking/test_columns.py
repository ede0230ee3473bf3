"""The leaderboard's columns, and cells that read back to the same values."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest
from scipy.stats import binomtest

from ranked_rows import ACCURACY, NAN, SIZE, complete, failed, point, repeat
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Objective
from sweeper.core.text import cell_text
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.ranking import columns
from sweeper.ranking.columns import METRIC_COLUMNS, SELECTED_ON_TEST, sort_rows, table
from sweeper.ranking.leaderboard import rank
from sweeper.report.export import to_csv

LOSS = Objective("val_loss", "minimize")


FIXED = [
    *("train_loss", "train_accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy"),
    *("num_params", "epochs", "duration_s", "seed", "run_id", "error"),
]


COLUMNS: dict[str, tuple[list[str], Objective, list[str]]] = {
    "without parameters": ([], ACCURACY, ["rank", "trial", "state", *FIXED]),
    "parameters by full key, in the order of the sweep": (
        ["optimizer.learning_rate", "arch.depth"],
        ACCURACY,
        ["rank", "trial", "state", "optimizer.learning_rate", "arch.depth", *FIXED],
    ),
    "an objective that is not in the list comes after the parameters": (
        ["arch.depth"],
        Objective("flops", "minimize"),
        ["rank", "trial", "state", "arch.depth", "flops", *FIXED],
    ),
    "a swept seed is one column": (
        ["seed", "arch.depth"],
        LOSS,
        ["rank", "trial", "state", "seed", "arch.depth", *(name for name in FIXED if name != "seed")],
    ),
}


@pytest.mark.parametrize(("params", "objective", "expected"), COLUMNS.values(), ids=COLUMNS.keys())
def test_the_columns_have_their_order(params: list[str], objective: Objective, expected: list[str]) -> None:
    names = columns.columns(params, (row for row in [complete(0, 1.0, objective.metric)]), objective)
    assert names == expected
    assert len(set(names)) == len(names)


def test_other_figures_have_columns_only_where_a_trial_has_them() -> None:
    row = complete(
        0,
        0.5,
        facts=TrialFacts(num_validation=100, test_is_validation=True, best_epoch=3),
    )
    row.metrics.update(flops=1e9, gigabytes=1.5)
    names, rows = table(rank([row], ACCURACY), [], ACCURACY)
    others = ["flops", "val_accuracy_low", "val_accuracy_high", "best_epoch", "label", "gigabytes"]
    assert names[-len(others) :] == others
    assert rows[0]["flops"] == 1_000_000_000
    assert isinstance(rows[0]["flops"], int)
    assert (rows[0]["best_epoch"], rows[0]["label"], rows[0]["gigabytes"]) == (3, SELECTED_ON_TEST, 1.5)


def test_a_row_carries_its_wilson_interval() -> None:
    row = complete(0, 0.9972222222222222, facts=TrialFacts(num_validation=360))
    _, rows = table(rank([row], ACCURACY), [], ACCURACY)
    published = binomtest(359, 360).proportion_ci(confidence_level=0.95, method="wilson")
    assert rows[0]["val_accuracy_low"] == pytest.approx(published.low, abs=1e-12)
    assert rows[0]["val_accuracy_high"] == pytest.approx(published.high, abs=1e-12)


def read_back(row: TrialRow, params: list[str], objective: Objective = ACCURACY) -> dict[str, str]:
    text = to_csv(*table(rank([row], objective), params, objective))
    (found,) = csv.DictReader(io.StringIO(text, newline=""))
    return found


CELLS: dict[str, tuple[Any, str]] = {
    "a number": (3, "3"),
    "a negative number": (-0.5, "-0.5"),
    "a small number": (1e-05, "1e-05"),
    "a negative whole number": (-3, "-3"),
    "every digit": (0.1 + 0.2, "0.30000000000000004"),
    "true": (True, "true"),
    "false": (False, "false"),
    "nothing": (None, ""),
    "a list": ([32, 64], "[32,64]"),
    "nested": ([[1, 2], {"a": "é"}], '[[1,2],{"a":"é"}]'),
    "text": ("same", "same"),
    "commas and quotes": ('a,"b"', 'a,"b"'),
    "two lines": ("a\nb", "a\nb"),
    "unicode": ("größe 数字 🎉", "größe 数字 🎉"),
    "a formula": ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    "a plus": ("+1", "'+1"),
    "a minus": ("-1", "'-1"),
    "an at": ("@SUM(A1)", "'@SUM(A1)"),
    "a tab": ("\t=1", "'\t=1"),
    "a carriage return": ("\r=1", "'\r=1"),
    "a line feed": ("\n=1", "'\n=1"),
    "a formula further in": ("a=1", "a=1"),
    "markup": ("[bold]x", "[bold]x"),
    "html": ("<script>", "<script>"),
}


@pytest.mark.parametrize(("value", "expected"), CELLS.values(), ids=CELLS.keys())
def test_a_cell_reads_back(value: Any, expected: str) -> None:
    assert read_back(complete(0, 0.5, params={"arch.x": value}), ["arch.x"])["arch.x"] == expected


def test_a_numpy_number_is_written_as_a_number() -> None:
    numpy = pytest.importorskip("numpy")
    assert read_back(complete(0, numpy.float64(0.25)), [])["val_accuracy"] == "0.25"


def test_a_failure_keeps_to_one_line_and_cannot_be_a_formula() -> None:
    found = read_back(failed(0, '=1+1,\n"two"\r\n\tlines'), [])
    assert found["error"] == '\'=1+1, "two" lines'
    assert found["rank"] == ""
    assert found["state"] == "failed"


def test_lines_end_in_a_line_feed_and_every_figure_has_full_digits() -> None:
    row = complete(7, 1 / 3, seed=4, run_id="abc", params={"arch.filters": [8, 16]})
    row.metrics.update(epochs=10.0, num_params=218460.0, duration_s=1.5)
    text = to_csv(*table(rank([row], ACCURACY), ["arch.filters"], ACCURACY))
    head, line = text.splitlines()
    assert head == "rank,trial,state,arch.filters," + ",".join(METRIC_COLUMNS)
    assert line == '1,7,complete,"[8,16]",,,,0.3333333333333333,,,218460,10,1.5,4,abc,'
    assert "\r" not in text


def test_a_figure_that_is_not_finite_does_not_break_the_table() -> None:
    row = complete(0, NAN, facts=TrialFacts(num_validation=10))
    row.metrics.update(num_params=NAN, epochs=math.inf)
    found = read_back(row, [])
    assert (found["val_accuracy"], found["num_params"], found["epochs"]) == ("nan", "nan", "inf")


def sorted_by(column: str, *values: Any) -> list[int]:
    rows = [complete(number, 0.5, params={"arch.x": value}) for number, value in enumerate(values)]
    names, cells = table(rank(rows, ACCURACY), ["arch.x"], ACCURACY)
    return [row["trial"] for row in sort_rows(names, cells, column)]


ORDERS: dict[str, tuple[str, list[Any], list[int]]] = {
    "numbers as numbers": ("arch.x", [10, 9, 100], [1, 0, 2]),
    "the largest first with a minus": ("-arch.x", [10, 9, 100], [2, 0, 1]),
    "empty cells last": ("arch.x", [None, 2, NAN, 1], [3, 1, 0, 2]),
    "empty cells last with a minus too": ("-arch.x", [None, 2, NAN, 1], [1, 3, 0, 2]),
    "text": ("arch.x", ["valid", "same"], [1, 0]),
    "text among numbers as text": ("arch.x", ["b", 3, [1]], [1, 2, 0]),
    "equal ones keep their order": ("-arch.x", [1, 1, 2], [2, 0, 1]),
    "another column": ("-trial", [0, 0, 0], [2, 1, 0]),
}


@pytest.mark.parametrize(("column", "values", "expected"), ORDERS.values(), ids=ORDERS.keys())
def test_rows_are_sorted_by_a_column(column: str, values: list[Any], expected: list[int]) -> None:
    assert sorted_by(column, *values) == expected


@pytest.mark.parametrize("column", ["val_acuracy", "-val_acuracy"])
def test_an_unknown_column_is_refused_with_those_there_are(column: str) -> None:
    with pytest.raises(ConfigError, match=rf"--sort {column} is not a column") as refusal:
        sorted_by(column, 1)
    text = str(refusal.value)
    assert "There are: rank, trial, state, arch.x, train_loss" in text
    assert "Did you mean 'val_accuracy'?" in text
    assert "Try: --sort=duration_s" in text


def test_several_leaderboards_share_their_columns() -> None:
    first = columns.columns(["arch.depth"], [], ACCURACY)
    second = columns.columns(["seed", "arch.depth"], [], Objective("flops", "minimize"))
    names = columns.merged([first, second])
    rest = [name for name in FIXED if name != "seed"]
    assert names == ["rank", "trial", "state", "arch.depth", "seed", "flops", *rest]


def test_a_list_cell_is_json() -> None:
    assert json.loads(cell_text((1, 2.5, "a", True))) == [1, 2.5, "a", True]


def test_each_of_several_objectives_has_one_column() -> None:
    flops = Objective("flops", "minimize")

    assert columns.columns([], [], ACCURACY, flops, SIZE) == ["rank", "trial", "state", "flops", *FIXED]


def test_every_repeat_has_a_row_with_the_mean_and_deviation_of_its_point() -> None:
    rows = [*point(0, 0, 0.9, 0.1, 0.5), *point(3, 1, 0.6, 0.6, 0.6)]
    names, cells = table(rank(rows, ACCURACY), ["arch.depth"], ACCURACY)

    assert names[-4:] == ["point", "repeat", "val_accuracy_mean", "val_accuracy_std"]
    assert [(cell["trial"], cell["point"], cell["repeat"], cell["seed"]) for cell in cells] == [
        *((3, 1, 0, 0), (4, 1, 1, 1), (5, 1, 2, 2)),
        *((0, 0, 0, 0), (1, 0, 1, 1), (2, 0, 2, 2)),
    ]
    accuracies = [0.9, 0.1, 0.5]
    for cell in cells[3:]:
        assert cell["val_accuracy_mean"] == pytest.approx(sum(accuracies) / 3)
        assert cell["val_accuracy_std"] == pytest.approx(0.4)  # of a sample: sqrt((0.16 + 0.16 + 0) / 2)
    assert {cell["val_accuracy_std"] for cell in cells[:3]} == {0.0}


def test_each_objective_has_its_own_mean_and_deviation() -> None:
    names, cells = table(rank(point(0, 0, 0.5, 0.7), ACCURACY, SIZE), [], ACCURACY, SIZE)

    assert {"val_accuracy_mean", "val_accuracy_std", "num_params_mean", "num_params_std"} <= {*names}
    assert (cells[0]["num_params_mean"], cells[0]["num_params_std"]) == (10.0, 0.0)


def test_the_deviation_of_one_complete_repeat_is_an_empty_cell() -> None:
    rows = [repeat(0, 0, 0, 0.9), repeat(1, 0, 1, NAN, state=TrialState.FAILED, error="it broke")]
    names, cells = table(rank(rows, ACCURACY), [], ACCURACY)

    assert [cell["val_accuracy_mean"] for cell in cells] == [0.9, 0.9]
    assert "val_accuracy_std" not in names, "it is empty in every row"
    assert "nan" not in to_csv(names, [cells[0]])


def test_without_repeats_there_are_no_columns_of_repeats() -> None:
    row = repeat(4, 4, 0, 0.5, repeats=1)
    names, _ = table(rank([row], ACCURACY), ["arch.depth"], ACCURACY)

    assert not {"point", "repeat", "val_accuracy_mean", "val_accuracy_std"} & {*names}


def test_metrics_that_were_asked_for_have_columns_after_the_fixed_ones_and_an_objective_before() -> None:
    figures = {"val_accuracy": 0.9, "val_macro_f1": 0.8, "val_ece": 0.1, "test_macro_f1": 0.7, "val_macro_f1_mean": 0.8}
    row = TrialRow(0, TrialState.COMPLETE, {"arch.depth": 3}, figures)
    by_f1 = Objective("val_macro_f1", "maximize")

    names, [cells] = table(rank([row], by_f1), ["arch.depth"], by_f1)

    assert names[:5] == ["rank", "trial", "state", "arch.depth", "val_macro_f1"]
    assert [name for name in names[5:] if name not in METRIC_COLUMNS][:2] == ["test_macro_f1", "val_ece"]
    assert (cells["val_ece"], cells["test_macro_f1"]) == (0.1, 0.7)
    assert columns.asked_for(names) == ["val_macro_f1", "val_ece", "test_macro_f1"]
    assert columns.asked_for([*METRIC_COLUMNS, *columns.OTHER_COLUMNS]) == [], "nothing by default"
