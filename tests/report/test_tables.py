"""The terminal's tables, as they are printed: nothing squeezed, nothing cut, nothing taken for markup."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from sweeper.core.errors import ArchitectureError
from sweeper.core.objectives import Objective
from sweeper.core.text import printable
from sweeper.core.trials import TrialFacts, TrialRow, TrialState
from sweeper.ranking.columns import table
from sweeper.ranking.leaderboard import rank
from sweeper.report import notebook, tables

ACCURACY = Objective("val_accuracy", "maximize")
CONF = Path(__file__).resolve().parents[2] / "conf" / "arch"


def arch(name: str, **changes: Any) -> dict[str, Any]:
    return {**OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml")), **changes}  # type: ignore[dict-item]


def trial(number: int = 0, state: TrialState = TrialState.COMPLETE, **more: Any) -> TrialRow:
    metrics = {
        "train_loss": 0.0623,
        "train_accuracy": 0.9818,
        "val_loss": 0.0207,
        "val_accuracy": 0.9935,
        "num_params": 218460,
        "epochs": 10,
        "duration_s": 392.16,
    }
    metrics.update(more.pop("metrics", {}))
    error = "it broke" if state is TrialState.FAILED else ""
    return TrialRow(number, state, more.pop("params", {}), {} if error else metrics, error=error, **more)


def printed(shown: Table | None, width: int) -> list[str]:
    assert shown is not None
    out = io.StringIO()
    Console(file=out, width=width).print(shown)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def leaderboard(rows: list[TrialRow], params: list[str], width: int, objective: Objective = ACCURACY) -> list[str]:
    names, cells = table(rank(rows, objective), params, objective)
    lines = printed(tables.leaderboard_table(names, cells, params, objective, width), width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    return lines


def test_the_leaderboard_shows_every_figure_where_there_is_room() -> None:
    rows = [trial(0, params={"arch.depth": 3}, facts=TrialFacts(num_validation=10_000)), trial(1, TrialState.FAILED)]
    lines = leaderboard(rows, ["arch.depth"], 200)
    assert " ".join(lines[0].split()) == (
        "rank trial state arch.depth val_accuracy 95 % interval num_params val_loss train_accuracy train_loss "
        "epochs duration_s"
    )
    shown = "1 0 complete 3 0.9935 0.9917-0.9949 218,460 0.0207 0.9818 0.0623 10 392.2"
    assert " ".join(lines[1].split()) == shown
    assert lines[2].split() == ["1", "failed"]


@pytest.mark.parametrize("width", [37, 40, 60, 80, 100, 120, 160])
def test_the_leaderboard_drops_columns_and_keeps_its_numbers_whole(width: int) -> None:
    params = {"arch.depth": 3, "arch.filters": [32, 64, 128], "optimizer.learning_rate": 0.0012345678}
    rows = [trial(number, params={**params, "arch.depth": number}) for number in range(3)]
    text = "\n".join(leaderboard(rows, list(params), width))
    assert text.count("0.9935") == 3
    assert text.count("complete") == 3
    assert text.count("[32,64,128]") == (3 if width >= 60 else 0)
    assert text.count("0.0012345678") == (3 if width >= 80 else 0)
    assert text.count("218,460") == (3 if width >= 100 else 0)
    assert ("Too wide for this terminal" in text) == (width < 80)


def test_a_narrow_leaderboard_leaves_out_first_what_is_the_same_in_every_row_and_says_so() -> None:
    params = {f"arch.parameter_{letter}": 1_000_000 for letter in "abcd"}
    rows = [trial(number, params={**params, "arch.parameter_d": 77_000_000 + number}) for number in range(2)]
    text = "\n".join(leaderboard(rows, list(params), 60))
    assert "77000001" in text
    assert text.count("1000000") == 2
    caption = " ".join(text[text.index("Too wide") :].split())
    assert caption == "Too wide for this terminal: arch.parameter_b, arch.parameter_c; --csv - has all columns"


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("val_accuracy", 1.0, "1.0000"),
        ("val_loss", 1e-7, "1.00e-07"),
        ("val_loss", 0.0, "0.0000"),
        ("val_loss", 123456.5, "123456.5000"),
        ("val_loss", 12345678.5, "1.23e+07"),
        ("val_loss", float("nan"), "nan"),
        ("num_params", 12345678, "12,345,678"),
        ("duration_s", 3661.24, "3661.2"),
    ],
)
def test_a_figure_is_written_for_reading(metric: str, value: float, shown: str) -> None:
    row = trial(metrics={metric: value})
    assert shown in leaderboard([row], [], 200, Objective("val_accuracy", "maximize"))[1].split()


def test_the_objective_stands_first_among_the_figures() -> None:
    row = trial(metrics={"flops": 123456789.0})
    lines = leaderboard([row], [], 44, Objective("flops", "minimize"))
    assert lines[0].split()[:4] == ["rank", "trial", "state", "flops"]
    assert "123,456,789" in lines[1]


HOSTILE = ["=cmd|' /C calc'!A0", "[bold]x[/bold]", "[red]", "<script>", "a|b", 'c,"d"', "größe 数字", ":smile:"]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_user_gave_is_shown_as_it_is(value: str) -> None:
    lines = leaderboard([trial(params={"[red]key": value})], ["[red]key"], 200)
    assert "[red]key" in lines[0]
    assert value in lines[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31mred", r"\x1b[31mred"), ("a\nb", r"a\nb"), ("\u202eabc", r"\u202eabc"), ("数字 é", "数字 é")],
)
def test_control_characters_do_not_reach_the_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert shown in leaderboard([trial(params={"x": text})], ["x"], 200)[1]


def test_a_long_value_goes_on_in_the_next_line() -> None:
    filters = list(range(100, 130))
    lines = leaderboard([trial(params={"arch.filters": filters})], ["arch.filters"], 200)
    start = lines[0].index("arch.filters") + len("arch.filters") - 24
    assert "".join(line[start : start + 24].strip() for line in lines[1:]) == str(filters).replace(" ", "")


POOLS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "the notebook's first": (arch("depth3_kernel3"), (2, 2)),
    "the notebook's second has a pool of three": (arch("depth5_kernel5"), (2, 3)),
    "the notebook's third": (arch("depth7_kernel6"), (2, 2, 2)),
    "every second layer": (arch("cnn", depth=5), (2, 2)),
    "every layer": (arch("cnn", depth=3, pool_every=1, pool_size=3), (3, 3, 3)),
    "deeper than there are layers": (arch("cnn", depth=3, pool_every=4), ()),
    "none": (arch("cnn", pool_size=1), ()),
    "a list": (arch("cnn", depth=4, pool_size=[4, 1, 1, 3]), (4, 3)),
}


@pytest.mark.parametrize(("node", "expected"), POOLS.values(), ids=POOLS.keys())
def test_the_pools_of_a_network_are_its_true_ones(node: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert notebook.pools(node) == expected


def test_keys_that_the_builtin_network_does_not_take_are_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"arch\.width is not a key"):
        notebook.pools({"width": 3})


def notebook_rows() -> list[TrialRow]:
    """The notebook's own results."""
    figures = [
        ("depth3_kernel3", 0.0623, 0.9818, 0.0207, 0.9935),
        ("depth5_kernel5", 0.0511, 0.9860, 0.0194, 0.9940),
        ("depth7_kernel6", 0.0326, 0.9914, 0.0277, 0.9945),
    ]
    names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    return [
        trial(number, metrics=dict(zip(names, values, strict=True)), arch=arch(name))
        for number, (name, *values) in enumerate(figures)
    ]


def test_the_notebooks_table_is_the_notebooks() -> None:
    lines = printed(notebook.notebook_table(notebook_rows()[::-1], test_is_validation=False, width=150), 150)
    assert lines == [
        "hidden layers  kernel size  padding  max pooling  epochs  train error  train accuracy  validation error"
        "  validation accuracy",
        "            3          3x3    valid          2x2      10       0.0623         98.18 %            0.0207"
        "              99.35 %",
        "            5          5x5     same     2x2, 3x3      10       0.0511         98.60 %            0.0194"
        "              99.40 %",
        "            7          6x6     same          2x2      10       0.0326         99.14 %            0.0277"
        "              99.45 %",
    ]


def test_figures_of_the_test_set_that_was_chosen_on_are_labelled() -> None:
    lines = printed(notebook.notebook_table(notebook_rows(), test_is_validation=True, width=200), 200)
    assert "test error (selected on it)  test accuracy (selected on it)" in lines[0]
    assert "validation" not in lines[0]


@pytest.mark.parametrize("optimistic", [False, True], ids=["validation", "test"])
def test_the_notebooks_table_is_whole_at_80_columns(optimistic: bool) -> None:
    lines = printed(notebook.notebook_table(notebook_rows(), test_is_validation=optimistic, width=80), 80)
    assert [" ".join(line.split()) for line in lines[-3:]] == [
        "3 3x3 valid 2x2 10 0.0623 98.18 % 0.0207 99.35 %",
        "5 5x5 same 2x2, 3x3 10 0.0511 98.60 % 0.0194 99.40 %",
        "7 6x6 same 2x2 10 0.0326 99.14 % 0.0277 99.45 %",
    ]
    assert not any("…" in line for line in lines)


def test_trials_that_the_table_could_not_tell_apart_are_numbered() -> None:
    rows = [trial(number, arch=arch("cnn")) for number in (4, 2)]
    lines = printed(notebook.notebook_table(rows, test_is_validation=False, width=150), 150)
    assert lines[0].startswith("trial  hidden layers")
    assert [line.split()[0] for line in lines[1:]] == ["2", "4"]


NOT_COMPARED: dict[str, list[TrialRow]] = {
    "no trial": [],
    "a user's own network": [trial(arch={"_target_": "mine.build", "width": 3})],
    "nothing is known of the network": [trial()],
    "failed": [trial(0, TrialState.FAILED, arch=arch("cnn"))],
    "running": [trial(0, TrialState.RUNNING, arch=arch("cnn"))],
    "another version's keys": [trial(arch=arch("cnn", dilation=2))],
}


@pytest.mark.parametrize("rows", NOT_COMPARED.values(), ids=NOT_COMPARED.keys())
def test_without_a_trained_builtin_network_there_is_no_notebooks_table(rows: list[TrialRow]) -> None:
    assert notebook.notebook_table(rows, test_is_validation=False) is None


CELLS: dict[str, tuple[TrialRow, int, str]] = {
    "a pruned trial says so": (trial(0, TrialState.PRUNED, metrics={"epochs": 2}), 4, "2 (pruned)"),
    "average pooling says so": (trial(arch=arch("cnn", pooling="average")), 3, "average 2x2"),
    "no pooling": (trial(arch=arch("cnn", pool_size=1)), 3, "none"),
    "kernels per layer": (trial(arch=arch("cnn", kernel_size=[3, 5, 3])), 1, "3x3, 5x5"),
    "whole epochs": (trial(metrics={"epochs": 10.0}), 4, "10"),
    "a tiny loss": (trial(metrics={"val_loss": 2e-6}), 7, "2.00e-06"),
}


@pytest.mark.parametrize(("row", "position", "expected"), CELLS.values(), ids=CELLS.keys())
def test_a_cell_of_the_notebooks_table(row: TrialRow, position: int, expected: str) -> None:
    row = row if row.arch else replace(row, arch=arch("cnn"))
    assert notebook.notebook_cells(row)[position] == expected


def test_a_figure_that_was_not_recorded_is_empty() -> None:
    row = TrialRow(0, TrialState.COMPLETE, {}, {"val_accuracy": 0.5}, arch=arch("cnn"))
    assert notebook.notebook_cells(row)[4:] == ("", "", "", "", "50.00 %")
