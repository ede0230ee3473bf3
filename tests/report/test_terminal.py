"""Reports as CSV, JSON, Markdown and on a console, read back; and the targets they are written to."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeper.core.errors import ConfigError, StoreError
from sweeper.core.objectives import Objective
from sweeper.core.trials import TrialRow, TrialState
from sweeper.report import export, sweep_report, terminal
from sweeper.report.sweep_report import SweepReport, View

ACCURACY = Objective("val_accuracy", "maximize")
HOSTILE = [
    "=cmd|' /C calc'!A0",
    "[bold]x[/bold]",
    "<script>alert(1)</script>",
    "a|b",
    "a\nb",
    'c,"d"',
    "größe 数字",
    "`x`",
]
CNN = {"_target_": "models.cnn.build", "depth": 3, "kernel_size": 3, "pool_size": [1, 2, 3]}


def trial(number: int, value: float = 0.5, **more: Any) -> TrialRow:
    params = more.pop("params", {"arch.depth": number})
    return TrialRow(number, TrialState.COMPLETE, params, {"val_accuracy": value, **more.pop("metrics", {})}, **more)


def failed(number: int, error: str) -> TrialRow:
    return TrialRow(number, TrialState.FAILED, {"arch.depth": number}, error=error)


def sweep(*rows: TrialRow, name: str = "first", params: tuple[str, ...] = ("arch.depth",), **more: Any) -> SweepReport:
    return SweepReport(name, more.pop("objective", ACCURACY), params, rows, {"data": "digits"}, **more)


def hostile() -> SweepReport:
    return sweep(*(trial(number, params={"arch.depth": text}) for number, text in enumerate(HOSTILE)))


Write = Callable[[list[SweepReport], str], None]
WRITERS: list[tuple[str, Write]] = [
    ("csv", export.write_csv),
    ("json", export.write_json),
    ("markdown", export.write_markdown),
]
each_writer = pytest.mark.parametrize(("option", "write"), WRITERS, ids=[option for option, _ in WRITERS])


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_csv_file_reads_back(tmp_path: Path) -> None:
    target = tmp_path / "new" / "leaderboard.csv"
    export.write_csv([sweep(trial(0, 0.25), trial(1, 1 / 3), failed(2, "it broke"))], str(target))
    rows = read_csv(target.read_text(encoding="utf-8"))
    assert [(row["rank"], row["trial"], row["arch.depth"], row["val_accuracy"]) for row in rows] == [
        ("1", "1", "1", "0.3333333333333333"),
        ("2", "0", "0", "0.25"),
        ("", "2", "2", ""),
    ]
    assert "sweep" not in rows[0]
    assert b"\r" not in target.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["leaderboard.csv"]


def test_hostile_values_read_back_from_csv(capsys: pytest.CaptureFixture[str]) -> None:
    export.write_csv([hostile()], "-")
    shown = [row["arch.depth"] for row in read_csv(capsys.readouterr().out)]
    assert shown == [f"'{text}" if text.startswith("=") else text for text in HOSTILE]


def test_several_sweeps_in_one_csv_share_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    second = sweep(
        trial(0, params={"seed": 7, "arch.depth": 5}, metrics={"flops": 10}),
        name="second",
        params=("seed", "arch.depth"),
        objective=Objective("flops", "minimize"),
    )
    export.write_csv([sweep(trial(3, seed=9)), second], "-")
    out = capsys.readouterr().out
    head = next(csv.reader(io.StringIO(out)))
    assert head[:7] == ["rank", "trial", "state", "arch.depth", "seed", "flops", "train_loss"]
    assert head[-1] == "sweep"
    assert len(set(head)) == len(head)
    cells = [(row["sweep"], row["trial"], row["arch.depth"], row["seed"], row["flops"]) for row in read_csv(out)]
    assert cells == [("first", "3", "3", "9", ""), ("second", "0", "5", "7", "10")]


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_strict_and_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    odd = trial(1, params={"arch.depth": [1, float("nan")]}, metrics={"val_loss": float("nan"), "train_loss": -1e-05})
    export.write_json([sweep(trial(0, 0.25), odd, failed(2, "it\nbroke"), test_is_validation=True)], "-")
    (found,) = strict(capsys.readouterr().out)["sweeps"]
    assert (found["name"], found["data"], found["selected_on_test_set"]) == ("first", "digits", True)
    assert found["objective"] == {"metric": "val_accuracy", "direction": "maximize"}
    assert found["columns"][:4] == ["rank", "trial", "state", "arch.depth"]
    best, second, last = found["trials"]
    assert list(best) == found["columns"]
    assert (best["rank"], best["trial"], best["val_loss"], best["train_loss"]) == (1, 1, None, -1e-05)
    assert best["arch.depth"] == [1, None]
    assert (second["rank"], second["val_accuracy"]) == (2, 0.25)
    assert (last["rank"], last["error"]) == (None, "it broke")


def test_hostile_values_read_back_from_json(capsys: pytest.CaptureFixture[str]) -> None:
    export.write_json([hostile()], "-")
    (found,) = strict(capsys.readouterr().out)["sweeps"]
    assert [row["arch.depth"] for row in found["trials"]] == HOSTILE


def test_markdown_is_a_table_of_github(capsys: pytest.CaptureFixture[str]) -> None:
    export.write_markdown([sweep(trial(0, 0.25)), sweep(trial(1), name="second")], "-")
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "## first"
    assert lines[2] == "data digits, ranked by val_accuracy (maximize)"
    assert lines[4].startswith("| rank | trial | state | arch.depth | train_loss |")
    assert set(lines[5]) == {"|", "-"}
    assert lines[6].startswith("| 1 | 0 | complete | 0 |")
    assert lines[4].count("|") == lines[5].count("|") == lines[6].count("|")
    assert lines[8] == "## second"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script&gt;"),
        ("&lt;", "&amp;lt;"),
        ("`x`", r"\`x\`"),
        ("a\nb", "a b"),
        ("[a](http://b)", r"\[a\](http://b)"),
        ("**a**", r"\*\*a\*\*"),
        ("~~a~~ $b$", r"\~\~a\~\~ \$b\$"),
        ("val_accuracy", "val_accuracy"),
        ("_a_ __b__", r"\_a\_ \_\_b\_\_"),
        ("a\\|b", r"a\\\|b"),
        ("größe 数字_1", "größe 数字_1"),
    ],
)
def test_markdown_shows_what_a_user_gave_as_it_is(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    export.write_markdown([sweep(trial(0, params={"arch.depth": text}))], "-")
    line = capsys.readouterr().out.split("\n")[6]
    assert line.startswith(f"| 1 | 0 | complete | {shown} | ")


def test_optimistic_figures_are_labelled_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    export.write_markdown([sweep(trial(0), test_is_validation=True)], "-")
    assert "; selected on the test set" in capsys.readouterr().out


@each_writer
def test_a_sweep_without_a_trial_is_written(option: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write([sweep()], "-")
    assert "val_accuracy" in capsys.readouterr().out


@each_writer
def test_a_file_that_cannot_be_written_is_refused(option: str, write: Write, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for target in (tmp_path, tmp_path / "file" / "x.csv", tmp_path / ("x" * 300)):
        with pytest.raises(StoreError, match="cannot be written") as refusal:
            write([sweep(trial(0))], str(target))
        assert str(refusal.value).startswith(str(target))
        assert str(refusal.value).endswith(f"Try: --{option} -")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_the_name_of_standard_output_is_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    export.write_csv([sweep(trial(0))], "/dev/stdout")
    assert capsys.readouterr().out.startswith("rank,trial,state")


def test_a_file_is_replaced_and_a_link_to_it_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    export.write_csv([sweep(trial(0))], str(tmp_path / "link.csv"))
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("rank,trial,state")


def test_a_pipe_or_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    export.write_csv([sweep(trial(0))], str(pipe))
    reader.join(10)
    assert read[0].startswith("rank,trial,state")
    assert pipe.is_fifo()


VIEWS: dict[str, tuple[View, list[int]]] = {
    "as ranked": (View(), [2, 1, 0]),
    "the first two": (View(top=2), [2, 1]),
    "sorted": (View(sort="trial"), [0, 1, 2]),
    "sorted, descending": (View(sort="-arch.depth"), [2, 1, 0]),
    "sorted, then the first": (View(top=1, sort="val_accuracy"), [0]),
    "more than there are": (View(top=9), [2, 1, 0]),
}


@pytest.mark.parametrize(("view", "expected"), VIEWS.values(), ids=VIEWS.keys())
def test_a_view_chooses_and_orders_the_rows(view: View, expected: list[int]) -> None:
    rows = [trial(number, 0.1 + number / 10) for number in range(3)]
    _, cells = sweep_report.tabulate(sweep(*rows), view)
    assert [row["trial"] for row in cells] == expected


def test_an_unknown_column_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--sort accuracy is no column"):
        export.write_csv([sweep(trial(0))], str(tmp_path / "a.csv"), View(sort="accuracy"))
    assert list(tmp_path.iterdir()) == []


def printed(shown: SweepReport, width: int = 160, **more: Any) -> str:
    out = io.StringIO()
    terminal.print_report(Console(file=out, width=width), shown, **more)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def comparable(number: int, value: float) -> TrialRow:
    metrics = {"train_loss": 0.1, "train_accuracy": 0.9, "val_loss": 0.2, "epochs": 10}
    return trial(number, value, metrics=metrics, arch=CNN | {"kernel_size": number})


def test_a_report_says_what_it_is_about_and_where_the_csv_lies() -> None:
    path = Path("/a [red]folder/" + "x" * 200 + "/leaderboard.csv")
    text = printed(sweep(comparable(3, 0.5), comparable(5, 0.75), failed(7, "[red]it broke[/red]")), csv_path=path)
    assert "Leaderboard of first: data digits, ranked by val_accuracy (maximize)\n" in text
    assert "selected on the test set" not in text
    comparison = text[text.index("The notebook's comparison\n") :]
    assert [" ".join(line.split()) for line in comparison.split("\n")[2:4]] == [
        "3 3x3 same 2x2, 3x3 10 0.1000 90.00 % 0.2000 50.00 %",
        "3 5x5 same 2x2, 3x3 10 0.1000 90.00 % 0.2000 75.00 %",
    ]
    assert "Failed\n  trial 7: [red]it broke[/red]\n" in text
    assert f"The leaderboard as CSV: {path}\n" in text


def test_a_report_on_the_test_set_is_labelled_throughout() -> None:
    text = printed(sweep(comparable(3, 0.5), test_is_validation=True), width=200)
    assert "ranked by val_accuracy (maximize); selected on the test set" in text
    assert "test accuracy (selected on it)" in text


def test_a_reason_that_ended_several_trials_is_told_once() -> None:
    rows = [failed(number, "out of memory") for number in range(14)]
    text = printed(sweep(failed(20, "a\nb \x1b[31m"), *rows[::-1]))
    assert "  trials 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more: out of memory\n  trial 20: a b \\x1b[31m\n" in text


def test_a_report_tells_what_it_does_not_show() -> None:
    running = [TrialRow(number, TrialState.RUNNING, {}) for number in (7, 8)]
    text = printed(sweep(trial(0), trial(1), failed(2, "it broke"), *running), view=View(top=1))
    hidden = "2 more finished, not shown; --top 3 shows all, --csv - has them too."
    assert f"{hidden}\n2 more are running, or interrupted.\n" in text
    assert "trial 2: it broke" in text
    assert "1 more is running, or interrupted." in printed(sweep(trial(0), running[0]))


def test_a_report_without_a_finished_trial_says_so() -> None:
    text = printed(sweep())
    assert "No trial has finished." in text
    assert "Failed" not in text


@pytest.mark.parametrize("width", [20, 40, 60, 80])
def test_no_figure_is_cut_on_a_narrow_console(width: int) -> None:
    text = printed(sweep(comparable(3, 0.5), comparable(5, 0.75)), width=width)
    assert "…" not in text
    assert text.count("90.00 %") == 2
    assert "0.7500" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_printed_as_they_are(text: str) -> None:
    shown = printed(sweep(trial(0, params={"arch.depth": text}), failed(1, f"{text} broke")))
    assert f"trial 1: {' '.join(text.split())} broke" in shown
    assert (text.replace("\n", "\\n")) in shown
