"""Damaged output folders: what a user types next repairs them from what is whole, or refuses in one paragraph.

Figures of damaged bytes are never shown: every table that is printed holds the rows of the undamaged sweep.
"""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.artifacts import answers
from sweeper.artifacts.model import model_file
from sweeper.artifacts.result import read_result, write_result
from sweeper.cli import commands
from sweeper.cli.errors import guarded
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialResult
from sweeper.storage import stored_sweep
from sweeper.storage.codec import ROW
from sweeper.tracking.store import relocate

Run = Callable[..., subprocess.CompletedProcess[str]]

LINE = ["-m", "arch.depth=1,2", "optimizer.learning_rate=1.0,0.3", "arch.filters=2", "arch.dense_units=8"]
LINE += ["training.epochs=1", "training.threads=1", "data.max_samples=200", "sweep.name=mine", "sweep.workers=2"]
LINE += ["objective.metric=val_loss", "report.finalists=2"]


def truncated(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def overwritten(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(path.stat().st_size))


def overwritten_within(path: Path) -> None:
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = random.Random(0).randbytes(third)
    path.write_bytes(content)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def deleted(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def made_a_folder(path: Path) -> None:
    deleted(path)
    path.mkdir()


DAMAGES = (truncated, overwritten, overwritten_within, zeroed, emptied, deleted, made_a_folder)
Damage = Callable[[Path], None]
every_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A folder with a finished sweep of four trials, two of which saw the test set."""
    folder = tmp_path_factory.mktemp("whole")
    done = run_sweeper(folder, *LINE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it whose addresses point to itself."""
    shutil.copytree(whole / "mlruns", tmp_path / "mlruns")
    relocate(OutputPaths(tmp_path / "mlruns"))
    return tmp_path


class Typed:
    """A command in this process: its exit status and what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> None:
        capsys.readouterr()
        output_dir = ["--output-dir", str(folder / "mlruns")]
        self.status = guarded(lambda: commands.run([*words, *output_dir]))
        self.out, self.err = capsys.readouterr()
        self.said = " ".join(self.out.split())

    def refuses(self, *named: str) -> None:
        """It ended with one paragraph that names these, and what to do."""
        assert self.status in (1, 2), self.out
        assert len(self.err.strip().splitlines()) == 1, self.err
        assert "Traceback" not in self.err
        for text in (*named, "Try: "):
            assert text in self.err


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def figures(folder: Path, to: str = "leaderboard.csv") -> list[dict[str, str]]:
    """The rows of a leaderboard but for times, run ids and what is said of the ranking."""
    with (folder / to).open(newline="") as file:
        left_out = {"run_id", "duration_s", "leading_group", "rank_low", "rank_high", "val_accuracy_low"}
        left_out |= {"val_accuracy_high", "verdict", "difference", "difference_low", "difference_high"}
        return [{key: value for key, value in row.items() if key not in left_out} for row in csv.DictReader(file)]


def board(folder: Path) -> list[dict[str, str]]:
    return figures(folder / "mlruns/sweeps/mine")


def run_of(folder: Path, number: int) -> str:
    return stored_sweep.load(OutputPaths(folder / "mlruns"), "mine").trials[number].run_id


def model_of(folder: Path, number: int) -> Path:
    """The folder of a trial's logged model."""
    with closing(sqlite3.connect(folder / "mlruns/mlflow.db")) as store:
        query = "SELECT artifact_location FROM logged_models WHERE source_run_id = ?"
        [(address,)] = store.execute(query, (run_of(folder, number),)).fetchall()
    return Path(address.removeprefix("file://"))


# --- The next word is `report`.


@every_damage
@pytest.mark.parametrize("name", ["correct.bits", "losses.f16"])
def test_a_report_without_whole_predictions_says_so_and_has_the_same_rows(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, damage: Damage
) -> None:
    place = folder / "mlruns/sweeps/mine/predictions/validation"
    damage(place / name)

    typed = Typed(capsys, folder, "report")

    assert typed.status == 0, typed.err
    assert f"on the validation images are missing or damaged in {place}" in typed.said
    assert "How certain that is cannot be determined" in typed.said or "Not compared" in typed.said
    assert Typed(capsys, folder, "report", "--csv", str(folder / "again.csv")).status == 0
    assert figures(folder, "again.csv") == board(folder)


@every_damage
def test_a_page_without_whole_predicted_classes_is_written_and_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    damage(folder / "mlruns/sweeps/mine/predictions/validation/predicted.u16")

    typed = Typed(capsys, folder, "report", "--html", str(folder / "page.html"))

    assert typed.status == 0, typed.err
    assert "are missing or damaged in" in (folder / "page.html").read_text(encoding="utf-8")


@every_damage
def test_a_report_of_a_damaged_study_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    damage(folder / "mlruns/optuna.db")

    Typed(capsys, folder, "report", "--html", str(folder / "page.html")).refuses("optuna.db", str(folder / "mlruns"))

    assert not (folder / "page.html").exists()


@pytest.mark.parametrize("place", [1, 9])
def test_a_figure_that_is_changed_in_the_study_is_found_by_its_checksum(
    folder: Path, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    store = folder / "mlruns/optuna.db"
    content = store.read_bytes()
    found = content.find(b'"val_accuracy": 0.') + len(b'"val_accuracy": 0.')
    digit = content[found : found + 1]
    store.write_bytes(content[:found] + str((int(digit) + place) % 10).encode() + content[found + 1 :])

    Typed(capsys, folder, "report").refuses("optuna.db is damaged: its checksum differs")


@every_damage
def test_a_report_needs_no_file_that_a_sweep_only_writes(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    rows = board(folder)
    for name in ("multirun.yaml", "leaderboard.csv", "report.html", "curves.png", ".lock"):
        damage(folder / "mlruns/sweeps/mine" / name)

    typed = Typed(capsys, folder, "report", "--csv", str(folder / "again.csv"))

    assert typed.status == 0, typed.err
    assert "damaged" not in typed.out + typed.err
    assert figures(folder, "again.csv") == rows


# --- The next word is `verify` or `promote`.

few_damages = pytest.mark.parametrize(
    "damage", [truncated, overwritten_within, deleted], ids=lambda damage: damage.__name__
)


@every_damage
def test_a_damaged_store_of_mlflow_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage) -> None:
    damage(folder / "mlruns/mlflow.db")

    Typed(capsys, folder, "verify", "mine:0").refuses(str(folder / "mlruns/mlflow.db"))


@pytest.mark.parametrize("words", [("verify", "mine:0"), ("promote", "mine")], ids=lambda words: words[0])
def test_a_sweep_whose_server_cannot_be_known_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    overwritten(folder / "mlruns/sweeps/mine/multirun.yaml")

    typed = Typed(capsys, folder, *words)

    typed.refuses(str(folder / "mlruns/sweeps/mine/multirun.yaml"), "Try: the command that started the sweep")


@every_damage
@pytest.mark.parametrize("name", ["data/model.keras", "MLmodel"])
def test_a_damaged_model_is_not_promoted(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, damage: Damage
) -> None:
    path = model_of(folder, 0) / name
    damage(path)

    Typed(capsys, folder, "promote", "mine", "--trial", "0").refuses(str(path))


@few_damages
def test_a_damaged_model_is_not_compared(folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage) -> None:
    path = model_file(model_of(folder, 0))
    damage(path)

    Typed(capsys, folder, "verify", "mine:0").refuses(str(path))


@few_damages
def test_a_run_whose_predictions_are_damaged_is_not_compared(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    damage(folder / "mlruns/artifacts" / run_of(folder, 0) / "artifacts/predictions.npz")

    Typed(capsys, folder, "verify", "mine:0").refuses("predictions.npz", run_of(folder, 0))


@pytest.mark.parametrize(
    "words", [("verify", "mine:0"), ("promote", "mine", "--trial", "0")], ids=lambda words: words[0]
)
def test_a_model_whose_folder_is_gone_is_neither_compared_nor_promoted(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    place = model_of(folder, 0)
    deleted(place)

    Typed(capsys, folder, *words).refuses(place.parent.name)


# --- The next line is the sweep's own.

_FILES = (
    *("predictions/validation/correct.bits", "predictions/validation/predicted.u16"),
    *("predictions/validation/losses.f16", "predictions/test/correct.bits", "predictions/test/predicted.u16"),
    *("multirun.yaml", "leaderboard.csv", "report.html", "curves.png", ".lock"),
)


def test_the_same_line_repairs_what_can_be_made_again(folder: Path, run_sweeper: Run) -> None:
    """Each file has another damage."""
    damages = (truncated, overwritten, overwritten_within, zeroed, emptied, deleted)
    rows, place = board(folder), folder / "mlruns/sweeps/mine"
    (place / "record.db").write_bytes(b"what a killed sweep left")
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.name != "record.db")
    for number, name in enumerate(_FILES):
        damages[number % len(damages)](place / name)

    done = run_sweeper(folder, *LINE, "executor=serial")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing is left to do" in done.stdout
    assert "damaged" not in done.stdout
    assert board(folder) == rows
    assert sorted(str(path.relative_to(place)) for path in place.rglob("*")) == files
    paths = OutputPaths(folder / "mlruns").sweep("mine")
    for answer_paths in (paths.validation_answers, paths.test_answers):
        assert not answers.lacking(answer_paths, [0, 1] if answer_paths == paths.test_answers else range(4))


@pytest.mark.long
def test_the_same_line_says_what_is_missing_in_mlflow_and_keeps_the_figures(folder: Path, run_sweeper: Run) -> None:
    rows = board(folder)
    deleted(folder / "mlruns/sweeps/mine/predictions")
    overwritten_within(folder / "mlruns/artifacts" / run_of(folder, 0) / "artifacts/predictions.npz")
    deleted(folder / "mlruns/artifacts" / run_of(folder, 1))

    done = run_sweeper(folder, *LINE, "executor=serial")

    assert done.returncode == 0, done.stdout + done.stderr
    for number in (0, 1):
        assert f"Trial {number} is ranked without its predictions on the validation images" in done.stdout
    assert board(folder) == rows


@pytest.mark.long
def test_a_lost_queue_loses_no_run_that_was_written(folder: Path, run_sweeper: Run) -> None:
    """As after a kill before the sweep's end: the study does not know the runs yet, and the queue is damaged."""
    rows, paths = board(folder), OutputPaths(folder / "mlruns")
    runs = {number: run_of(folder, number) for number in range(4)}
    with closing(sqlite3.connect(paths.study_db)) as store, store:
        store.execute("DELETE FROM study_user_attributes WHERE key = 'sweeper.runs'")
    paths.sweep("mine").record.write_bytes(random.Random(0).randbytes(8192))

    done = run_sweeper(folder, *LINE, "executor=serial")

    assert done.returncode == 0, done.stdout + done.stderr
    assert {number: run_of(folder, number) for number in range(4)} == runs
    assert all((model_of(folder, number) / "MLmodel").is_file() for number in runs)
    assert board(folder) == rows


@pytest.mark.long
def test_runs_that_mlflow_has_lost_are_said_and_the_figures_stay(folder: Path, run_sweeper: Run) -> None:
    rows = board(folder)
    deleted(folder / "mlruns/mlflow.db")

    done = run_sweeper(folder, *LINE, "executor=serial")

    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert f"{folder}/mlruns/mlflow.db does not have the runs of 4 finished trials" in said
    assert board(folder) == rows


def test_a_study_that_was_lost_is_trained_again_and_said(folder: Path, run_sweeper: Run) -> None:
    rows = board(folder)
    deleted(folder / "mlruns/optuna.db")

    done = run_sweeper(folder, *LINE)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "that file was deleted or replaced. Every trial is run again" in " ".join(done.stdout.split())
    assert board(folder) == rows


@pytest.mark.parametrize("name", ["optuna.db", "mlflow.db"])
def test_the_same_line_with_a_damaged_store_is_refused(folder: Path, run_sweeper: Run, name: str) -> None:
    overwritten_within(folder / "mlruns" / name)

    done = run_sweeper(folder, *LINE, "executor=serial")

    assert done.returncode in (1, 2), done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert str(folder / "mlruns" / name) in done.stderr


def killed_before_recording(folder: Path) -> OutputPaths:
    """Makes of the finished sweep one whose driver was killed when all trials had left their results."""
    paths = OutputPaths(folder / "mlruns")
    for number, trial in stored_sweep.load(paths, "mine").trials.items():
        left, row = paths.sweep("mine").trial(number), trial.row
        assert row is not None
        shutil.copytree(folder / "mlruns/artifacts" / trial.run_id / "artifacts", left.artifacts)
        shutil.copytree(model_of(folder, number), left.model)
        write_result(left, TrialResult(row.state, row.metrics, facts=row.facts, history=row.history))
        assert read_result(left) is not None
    with closing(sqlite3.connect(paths.study_db)) as store, store:
        store.execute("UPDATE trials SET state = 'RUNNING', datetime_complete = NULL")
        store.execute("DELETE FROM trial_user_attributes WHERE key = ?", (ROW,))
        store.execute("DELETE FROM trial_values")
        store.execute("DELETE FROM study_user_attributes WHERE key IN ('sweeper.runs', 'sweeper.test')")
    deleted(paths.sweep("mine").root / "predictions")
    return paths


@pytest.mark.long
def test_a_trial_that_left_a_damaged_file_is_run_again_and_a_whole_one_is_not(folder: Path, run_sweeper: Run) -> None:
    rows, paths = board(folder), killed_before_recording(folder)
    damaged = {
        0: paths.sweep("mine").trial(0).result,
        1: paths.sweep("mine").trial(1).predictions,
        2: model_file(paths.sweep("mine").trial(2).model),
    }
    for damage, path in zip((truncated, overwritten_within, deleted), damaged.values(), strict=True):
        damage(path)

    done = run_sweeper(folder, *LINE)

    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    for number, path in damaged.items():
        assert f"Trial {number} had finished, but {path} is" in said
        assert f"trial {number} starts" in said
    assert "trial 3 starts" not in said
    assert board(folder) == rows
