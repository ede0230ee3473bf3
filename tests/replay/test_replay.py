"""A table that is searched without training: the real sweep's decisions, no look ahead, and regrets by hand."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialState
from sweeper.replay import file, regret, run, simulation
from sweeper.replay.draws import Draw, draw, recorded
from sweeper.replay.settings import parse
from sweeper.replay.table import Table, load_table
from sweeper.space.composer import Point
from sweeper.space.dimensions import Choice, Dimension, SearchSpace
from sweeper.storage import stored_sweep
from tests.conftest import NETWORKS, ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]
GRID = ["arch=custom", "arch._target_=networks.build", "+arch.width=2,8", "training.batch_size=16,64"]
GRID += ["optimizer.learning_rate=0.03,1.0", "training.epochs=3", "data.max_samples=200", "training.threads=1"]
GRID += ["executor=serial", "report.finalists=0"]
SEARCH = ["sampler=tpe", "sampler.seed=3", "+sampler.options.n_startup_trials=3", "pruner=asha", "sweep.trials=8"]
SEARCH += ["pruner.options.reduction_factor=2", "sweep.reuse=false"]
REPLAYED = [word.lstrip("+") for word in (*SEARCH[:4], SEARCH[5])]


def made(accuracies: NDArray[np.float64], num_images: int = 200, seconds: float = 1.0) -> Table:
    """A table of one key, from accuracies (configurations, seeds, epochs); the first images are answered right."""
    num_points = len(accuracies)
    choices = tuple(Choice(str(number), number) for number in range(num_points))
    correct = np.arange(num_images) < np.round(accuracies[..., None] * num_images)
    points = tuple(Point((f"arch.depth={c.text}",), {"arch.depth": c.value}, {"training": {"epochs": 3}, "seed": 0})
                   for c in choices)  # fmt: skip
    shape = accuracies.shape
    return Table(
        name="made",
        space=SearchSpace((), (Dimension("arch.depth", "", False, choices),)),
        points=points,
        place={point.overrides: number for number, point in enumerate(points)},
        correct=correct.astype(np.float32),
        seconds=np.full(shape, seconds),
        overhead=np.zeros(shape[:2]),
        keeps_best=False,
    )


RISING = made(np.array([[[0.2, 0.3, 0.5 + number / 50]] for number in range(12)]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run_sweeper: Run) -> Path:
    """A finished grid, and a search of the same space that was really trained."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "networks.py").write_text(NETWORKS)
    for words in ([*GRID, "sweep.name=grid"], [*GRID, *SEARCH, "sweep.name=searched"]):
        done = run_sweeper(folder, "-m", *words)
        assert done.returncode == 0, done.stderr
    return folder


def test_a_real_sweeps_proposals_and_verdicts_are_replayed(folder: Path) -> None:
    paths = OutputPaths(folder / "mlruns")
    trials = stored_sweep.load(paths, "searched").trials
    real = [(trial.overrides, trial.state, len(trial.as_row().history)) for _, trial in sorted(trials.items())]
    table = load_table(paths, "grid")

    found = run.proposals(table, parse(REPLAYED, 1, None), 0, "searched")

    assert {state for _, state, _ in real} == {TrialState.COMPLETE, TrialState.PRUNED}
    assert [(table.points[one.point].overrides, one.state, one.epochs) for one in found] == real


def test_the_command_prints_regrets_and_writes_them(folder: Path, type_line: Run) -> None:
    done = type_line(folder, "replay", "grid", "--repeats", "6", *REPLAYED, "--csv", "r.csv", "--png", "r.png")

    assert done.returncode == 0, done.stderr
    assert "8 configurations x 3 epochs, 40 validation images. Nothing is trained." in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if "±" in line] == ["tpe", "random", "1", "2"]
    lines = (folder / "r.csv").read_text().splitlines()
    assert lines[0] == "method,epochs,mean,low,high,p10,p90"
    assert (folder / "r.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_that_is_kept_as_a_file_is_searched_alike(folder: Path, tmp_path: Path, type_line: Run) -> None:
    paths = OutputPaths(folder / "mlruns")
    table = load_table(paths, "grid")

    file.save(table, run.leading(paths, "grid"), tmp_path / "grid.npz")
    again, group = file.load(tmp_path / "grid.npz")

    assert group == run.leading(paths, "grid") >= 1
    np.testing.assert_array_equal(again.correct, table.correct)
    np.testing.assert_allclose(again.seconds, table.seconds, atol=0.0006)
    assert [point.overrides for point in again.points] == [point.overrides for point in table.points]
    settings = parse(REPLAYED, 1, None)
    found, kept = (
        [(one.point, one.state, one.epochs) for one in run.proposals(each, settings, 0, "same")]
        for each in (table, again)
    )
    assert found == kept
    done = type_line(tmp_path, "replay", "grid.npz", "--repeats", "3", *REPLAYED)
    assert "8 configurations x 3 epochs, 40 validation images" in done.stdout


def test_the_table_that_ships_is_whole_and_small(type_line: Run, tmp_path: Path) -> None:
    shipped = ROOT / "benchmarks/tables/digits.npz"

    table, group = file.load(shipped)

    assert shipped.stat().st_size < 2**20
    assert table.correct.shape == (180, 3, 10, 575)
    assert 1 <= group <= 180
    assert table.correct[:, :, -1].mean() > table.correct[:, :, 0].mean()
    done = type_line(tmp_path, "replay", str(shipped), "--repeats", "3", "--max-epochs", "60", "sampler=random")
    assert "180 configurations x 3 seeds x 10 epochs, 575 validation images" in done.stdout, done.stderr


def test_a_damaged_file_or_none_is_refused(tmp_path: Path, type_line: Run) -> None:
    content = bytearray((ROOT / "benchmarks/tables/digits.npz").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "half.npz").write_bytes(content)
    np.savez(tmp_path / "other.npz", x=np.ones(2))

    for name, said in (("half", "damaged"), ("other", "is no table to replay"), ("none", "there is no such file")):
        done = type_line(tmp_path, "replay", f"{name}.npz")
        assert done.returncode != 0
        assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["searched"], "Sweep searched cannot be replayed: sampler=tpe chose its configurations"),
        (["grid", "sampler=grid"], "sampler=grid cannot be replayed"),
        (["grid", "training.epochs=3"], "replay does not take training.epochs=3"),
        (["grid", "pruner=asha", "pruner.metric=val_loss"], "pruner.metric=val_loss cannot be replayed"),
        (["grid", "sampler.sed=1"], "sampler.sed is no key of a sampler"),
        (["grid", "--max-epochs", "2"], "--max-epochs 2 is less than one training of 3 epochs"),
    ],
)
def test_what_cannot_be_replayed_is_refused(folder: Path, type_line: Run, words: list[str], said: str) -> None:
    done = type_line(folder, "replay", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Try: " in done.stderr


def test_older_sweeps_without_every_epochs_answers_are_refused(folder: Path) -> None:
    kept = folder / "mlruns/sweeps/grid/predictions/validation/epochs.bits"
    content = kept.read_bytes()
    kept.unlink()
    try:
        with pytest.raises(ConfigError, match="the answers of every epoch are missing of trials 0, 1, 2"):
            load_table(OutputPaths(folder / "mlruns"), "grid")
    finally:
        kept.write_bytes(content)


def test_an_epoch_is_seen_when_it_has_ended_and_not_before() -> None:
    settings = parse(["sampler=random", "pruner=asha"], 3, None)

    found = simulation.search(RISING, recorded(RISING), settings, 0, 36, "made")

    assert [one.seconds for one in found] == sorted(one.seconds for one in found)
    whole = [one for one in found if one.state is TrialState.COMPLETE]
    assert {one.epochs for one in whole} == {3}
    assert all(one.seconds >= one.epochs for one in found)
    assert found[-1].spent == sum(one.epochs for one in found)
    assert sum(one.epochs for one in found if one.seconds <= 5) <= 15  # three at a time, a second an epoch


def test_workers_share_the_virtual_time() -> None:
    alone, three = (
        simulation.search(RISING, recorded(RISING), parse(["sampler=random"], workers, None), 0, 36, "made")
        for workers in (1, 3)
    )

    assert len(alone) == len(three) == 12
    assert (alone[-1].seconds, three[-1].seconds) == (36.0, 12.0)


def test_the_images_that_judge_are_those_that_the_search_does_not_see() -> None:
    num_images = 400
    table = made(np.full((2, 1, 1), 0.5), num_images)
    correct = table.correct.copy()
    correct[1, 0, 0] = np.roll(correct[1, 0, 0], num_images // 2)  # right exactly where the other one is wrong

    drawn = draw(Table(**{**table.__dict__, "correct": correct}), np.random.default_rng(0))

    assert drawn.final.sum() == pytest.approx(1)
    assert drawn.judged.sum() == pytest.approx(1)
    assert abs(drawn.judged[0] * num_images - round(drawn.judged[0] * num_images)) > 0  # of fewer images than all
    np.testing.assert_array_equal(drawn.seen[:, -1], drawn.final)


def test_of_several_seeds_one_is_seen_and_the_others_judge() -> None:
    table = made(np.array([[[0.0], [1.0]], [[1.0], [0.0]]]))

    drawn = draw(table, np.random.default_rng(1))

    assert (drawn.final + drawn.judged).tolist() == [1.0, 1.0]


def oracle(drawn: Draw, each: int, limit: int, order: list[int]) -> float:
    """The definition, word by word."""
    num_epochs = drawn.seen.shape[1]
    tried: list[int] = []
    for point in order:
        if (len(tried) + 1) * each + num_epochs - each <= limit:
            tried.append(point)
    if not tried:
        return float(drawn.regrets.mean())
    return float(drawn.regrets[max(tried, key=lambda point: drawn.seen[point, each - 1])])


def test_i_epochs_each_then_the_best_to_the_end() -> None:
    generator = np.random.default_rng(2)
    table = made(generator.random((9, 1, 4)))
    drawn = draw(table, generator)
    order: Any = generator.permutation(9)
    at = [4, 5, 7, 12, 36]

    for each in (1, 2, 3, 4):
        expected = [oracle(drawn, each, limit, order.tolist()) for limit in at]
        assert regret.of_first_epochs(drawn, each, at, order) == pytest.approx(expected)


def test_the_grid_has_no_regret_and_random_draws_reach_a_group_as_the_closed_form_says() -> None:
    drawn = draw(RISING, np.random.default_rng(3))
    found = simulation.search(RISING, drawn, parse(["sampler=random"], 1, None), 0, 36, "made")

    assert regret.of_search(found, drawn, [36]) == [0.0]
    orders = itertools.permutations(range(5))
    first = [min(order.index(member) for member in (0, 1)) + 1 for order in orders]
    assert np.mean(first) == pytest.approx(regret.draws_to_reach(5, 2))
