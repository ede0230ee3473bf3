"""Reports as CSV, JSON and Markdown, read back; and the targets they are written to."""

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

from reported_sweeps import HOSTILE, failed, sweep, trial
from sweeper.core.errors import ConfigError, StoreError
from sweeper.core.objectives import Objective
from sweeper.report import export
from sweeper.report.sweep_report import SweepReport, View


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


def test_an_unknown_column_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--sort accuracy is not a column"):
        export.write_csv([sweep(trial(0))], str(tmp_path / "a.csv"), View(sort="accuracy"))
    assert list(tmp_path.iterdir()) == []
