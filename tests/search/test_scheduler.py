"""What runs next, with a real study and real configurations; the figures that training would give are made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.config.sweep import PrunerConfig, SamplerConfig, SweepConfig
from sweeper.core.datasets import DataSummary, PreparedData
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import Skipped, TrialRow, TrialState
from sweeper.preflight.check import check
from sweeper.search.grid import GridScheduler
from sweeper.search.pruner import Pruning
from sweeper.search.sampled import SampledPoints, SampledScheduler
from sweeper.search.sampler import Search
from sweeper.search.scheduler import Policy, QueuedTrial, TrialFactory
from sweeper.space.composer import Composer
from sweeper.space.dimensions import SearchSpace
from sweeper.storage.distributions import distributions
from sweeper.storage.places import Place
from sweeper.storage.study import SweepStudy

ACCURACY = Objective("val_accuracy", "maximize")
SIZE = Objective("num_params", "minimize")
ASHA = PrunerConfig("asha", _target_="optuna.pruners.SuccessiveHalvingPruner", options={"min_resource": 1})
RANDOM = SamplerConfig("random", _target_="optuna.samplers.RandomSampler")
TPE = SamplerConfig("tpe", _target_="optuna.samplers.TPESampler", options={"n_startup_trials": 3})

Make = Callable[..., tuple[SearchSpace, Composer]]
#: What training a job gives: its accuracy, or an error.
Train = Callable[[QueuedTrial], float | str]


def depth_of(job: QueuedTrial) -> int:
    return int(job.spec.config["arch"]["depth"])


def by_depth(job: QueuedTrial) -> float | str:
    """The deeper the better, by a hundredth a repeat."""
    return depth_of(job) / 10 + job.trial.repeat / 100


@dataclass
class Sweep:
    """One sweep in a folder: makes its jobs anew at each start, runs and records them as the driver does."""

    make_composer: Make
    root: Path
    line: Sequence[str]
    zip: Any = None
    exclude: Any = None
    objectives: tuple[Objective, ...] = (ACCURACY,)
    sampler: SamplerConfig = field(default_factory=lambda: RANDOM)
    pruner: PrunerConfig | None = None
    num_points: int = 20
    enqueued: Sequence[dict[str, Any]] = ()
    ran: list[QueuedTrial] = field(default_factory=list)

    def prepare(self, node: Any) -> PreparedData:
        summary = DataSummary("digits", (28, 28, 1), 10, 1150, 287, 360)
        return PreparedData(summary, "data-digest", "split-digest", "scikit-learn", False, folder=self.root / "data")

    def open(self, **limits: Any) -> GridScheduler | SampledScheduler:
        """Starts, or resumes, the sweep."""
        limited = SweepConfig(**limits)
        space, composer = self.make_composer(*self.line, zip=self.zip, exclude=self.exclude)
        is_grid = self.sampler.name == "grid"
        points = list(composer.points() if is_grid else composer.probes())
        planned = check(points, skip_infeasible=not is_grid or limited.skip_infeasible).trials
        self.study = SweepStudy.open(Place(OutputPaths(self.root)), "a-sweep", self.objectives)
        known = [trial.params for trial in self.study.trials()]
        self.study.widen(distributions(space.dimensions, [*known, *(point.params for point in points)]))
        self.study.reopen()
        factory = TrialFactory(
            OutputPaths(self.root).sweep("a-sweep"),
            self.prepare,
            self.objectives,
            num_repeats=limited.seeds,
            awaits_verdict=self.pruner is not None,
        )
        pruning = None if self.pruner is None else Pruning(self.pruner, self.objectives, "a-sweep", 10)
        policy = Policy(limited.limits, pruning, limited.retry_failed)
        if is_grid:
            return GridScheduler(
                factory, self.study.trials(), policy, planned, enqueued=self.enqueued, num_points=limited.trials
            )
        search = Search(self.sampler, space, self.objectives, composer.exists, 0)
        points = SampledPoints(search, composer, self.num_points, self.enqueued)
        return SampledScheduler(factory, self.study, policy, points)

    def begin(self, jobs: GridScheduler | SampledScheduler) -> QueuedTrial | None:
        job = jobs.next()
        if job is not None:
            self.study.begin(replace(job.trial, run_id=f"run {job.spec.number}"))
            self.ran.append(job)
        return job

    def end(self, jobs: GridScheduler | SampledScheduler, job: QueuedTrial, train: Train = by_depth) -> TrialRow:
        found = train(job)
        row = TrialRow(
            job.spec.number,
            TrialState.COMPLETE,
            job.trial.params,
            seed=job.spec.config["seed"],
            point=job.trial.point,
            repeat=job.trial.repeat,
            num_repeats=job.num_repeats,
        )
        if isinstance(found, str):
            row = replace(row, state=TrialState.FAILED, error=found)
        else:
            metrics = {"loss": 1 - found, "accuracy": found, "val_loss": 1 - found, "val_accuracy": found}
            stop = jobs.epoch(job.spec.number, 1, metrics)
            state = TrialState.PRUNED if stop else TrialState.COMPLETE
            row = replace(row, state=state, metrics={**metrics, "num_params": 10.0}, history=(metrics,))
        self.study.finish(row, self.objectives)
        jobs.finished(row)
        return row

    def run(
        self, jobs: GridScheduler | SampledScheduler, train: Train = by_depth, number: int = 1000
    ) -> list[QueuedTrial]:
        """Runs jobs one after the other, so many at most; returns those that ran."""
        ran = []
        for _ in range(number):
            job = self.begin(jobs)
            if job is None:
                break
            self.end(jobs, job, train)
            ran.append(job)
        return ran

    def transactions(self) -> int:
        """Writes of the study's file so far: SQLite counts them in its header (https://sqlite.org/fileformat.html)."""
        return int.from_bytes((self.root / "optuna.db").read_bytes()[24:28], "big")

    def skipped(self) -> list[Skipped]:
        return [one for one in self.study.proposals() if isinstance(one, Skipped)]


@pytest.fixture
def grid(make_composer: Make, tmp_path: Path) -> Callable[..., Sweep]:
    """Makes a sweep over a grid."""

    def make(*line: str, **more: Any) -> Sweep:
        return Sweep(make_composer, tmp_path, line, sampler=SamplerConfig("grid"), **more)

    return make


@pytest.fixture
def sampled(make_composer: Make, tmp_path: Path) -> Callable[..., Sweep]:
    """Makes a sweep with a sampler."""

    def make(*line: str, **more: Any) -> Sweep:
        return Sweep(make_composer, tmp_path, line, **more)

    return make


@pytest.fixture(params=["grid", "sampled"])
def either(request: pytest.FixtureRequest) -> Callable[..., Sweep]:
    """Makes a sweep of either kind."""
    found: Callable[..., Sweep] = request.getfixturevalue(request.param)
    return found


def shown(jobs: Sequence[QueuedTrial]) -> list[str]:
    return [" ".join(job.trial.overrides) for job in jobs]


def places(jobs: Sequence[QueuedTrial]) -> list[tuple[int, int, int, int]]:
    """Of each: its number, its point, its repeat and its seed."""
    return [(job.spec.number, job.trial.point, job.trial.repeat, job.spec.config["seed"]) for job in jobs]


LINE = "arch.depth=3,5,7"
RATE = "optimizer.learning_rate=tag(log,interval(1e-3,1))"


class TestOrder:
    def test_a_grid_runs_in_its_order(self, grid: Callable[..., Sweep]) -> None:
        sweep = grid("arch.depth=7,3", "arch.kernel_size=3,5")
        jobs = sweep.open()

        assert jobs.total == 4
        assert shown(sweep.run(jobs)) == [
            f"arch.depth={depth} arch.kernel_size={kernel}" for depth, kernel in itertools.product((7, 3), (3, 5))
        ]
        assert places(sweep.ran) == [(n, n, 0, 0) for n in range(4)]
        assert jobs.next() is None
        assert jobs.budget.reason == ""

    def test_what_is_enqueued_comes_first_in_its_own_order(self, grid: Callable[..., Sweep]) -> None:
        sweep = grid(LINE, "seed=0,1", enqueued=[{"arch.depth": 7}, {"arch.depth": 5, "seed": 1}])

        assert [(depth_of(job), job.spec.config["seed"]) for job in sweep.run(sweep.open())] == [
            *((7, 0), (7, 1), (5, 1)),
            *((3, 0), (3, 1), (5, 0)),
        ]

    def test_a_grid_ends_after_so_many_points(self, grid: Callable[..., Sweep]) -> None:
        sweep = grid(LINE)
        jobs = sweep.open(trials=2)

        assert jobs.total == 2
        assert shown(sweep.run(jobs)) == ["arch.depth=3", "arch.depth=5"]

    def test_a_sampler_proposes_up_to_its_total(self, sampled: Callable[..., Sweep]) -> None:
        sweep = sampled(RATE, LINE, num_points=6)
        jobs = sweep.open()

        assert jobs.total == 6
        assert places(sweep.run(jobs)) == [(n, n, 0, 0) for n in range(6)]
        assert len(set(shown(sweep.ran))) == 6
        assert jobs.next() is None

    def test_a_sampler_begins_with_what_is_enqueued(self, sampled: Callable[..., Sweep]) -> None:
        first = {"arch.depth": 7, "optimizer.learning_rate": 0.5}
        sweep = sampled(RATE, LINE, num_points=5, enqueued=[first, {"arch.depth": 3}])
        ran = sweep.run(sweep.open())

        assert ran[0].trial.params == {"optimizer.learning_rate": 0.5, "arch.depth": 7}
        assert depth_of(ran[1]) == 3
        assert len(ran) == 5

    def test_workers_are_given_different_points_at_the_same_time(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        jobs = sweep.open()
        running = [sweep.begin(jobs) for _ in range(6)]

        assert len({job.trial.hash for job in running if job is not None}) == 6
        assert jobs.next() is None
        for job in reversed(running):
            assert job is not None
            sweep.end(jobs, job)
        assert {trial.state for trial in sweep.study.trials()} == {TrialState.COMPLETE}


class TestRepeats:
    def test_each_point_is_trained_under_common_seeds(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=2, enqueued=[{"arch.depth": 5}, {"arch.depth": 3}])
        jobs = sweep.open(seeds=3, trials=2)

        assert jobs.total == 6
        ran = sweep.run(jobs)
        assert places(ran) == [(n, n // 3, n % 3, n % 3) for n in range(6)]
        assert [depth_of(job) for job in ran] == [5, 5, 5, 3, 3, 3]
        assert {job.num_repeats for job in ran} == {3}

    def test_seeds_count_from_the_seed_that_was_given(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "seed=10", num_points=1)

        assert [job.spec.config["seed"] for job in sweep.run(sweep.open(seeds=2, trials=1))] == [10, 11]

    def test_a_points_value_is_the_mean_of_its_repeats_once_all_are_there(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=1, objectives=(ACCURACY, SIZE), enqueued=[{"arch.depth": 5}])
        jobs = sweep.open(seeds=3, trials=1)
        found = []
        for _ in range(3):
            sweep.run(jobs, number=1)
            found.append(jobs.point_values(0))

        assert found[:2] == [None, None]
        assert found[2] == [pytest.approx(0.51), 10.0]

    def test_a_point_with_a_failed_repeat_has_no_value(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=1)
        jobs = sweep.open(seeds=2, trials=1)
        sweep.run(jobs, lambda job: "it broke" if job.trial.repeat else 0.5)

        assert jobs.point_values(0) is None
        assert [row.state for row in jobs.finished_rows] == [TrialState.COMPLETE, TrialState.FAILED]

    def test_more_repeats_are_added_to_the_points_that_are_there(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=2)
        sweep.run(sweep.open(trials=2))
        jobs = sweep.open(seeds=2, trials=2)
        ran = sweep.run(jobs)

        assert [(trial.point, trial.repeat) for trial in sweep.study.trials()] == [(0, 0), (1, 0), (0, 1), (1, 1)]
        assert places(ran) == [(2, 0, 1, 1), (3, 1, 1, 1)]

    def test_a_pruned_point_drops_its_other_repeats(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, pruner=ASHA, num_points=2, enqueued=[{"arch.depth": 7}, {"arch.depth": 3}])
        jobs = sweep.open(seeds=3, trials=2)
        ran = sweep.run(jobs, lambda job: depth_of(job) / 10)

        assert [(depth_of(job), job.trial.repeat) for job in ran] == [(7, 0), (7, 1), (7, 2), (3, 0)]
        assert [row.state for row in jobs.finished_rows][-1] is TrialState.PRUNED
        assert jobs.point_values(1) is None

    def test_a_pruned_point_stays_pruned_after_a_resume(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, pruner=ASHA, num_points=2, enqueued=[{"arch.depth": 7}, {"arch.depth": 3}])
        sweep.run(sweep.open(seeds=3, trials=2), lambda job: depth_of(job) / 10)
        again = sweep.open(seeds=3, trials=2)

        assert again.total == 0
        assert again.next() is None


class TestResume:
    @pytest.mark.parametrize("done", [0, 1, 4, 6])
    def test_what_has_finished_is_not_run_again(self, either: Callable[..., Sweep], done: int) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        jobs = sweep.open()
        sweep.run(jobs, number=done)
        again = sweep.open()

        assert again.total == 6 - done
        assert [row.number for row in again.finished_rows] == list(range(done))
        assert len(sweep.run(again)) == 6 - done
        assert len({job.trial.hash for job in sweep.ran}) == 6
        assert [trial.number for trial in sweep.study.trials()] == list(range(6))

    @pytest.mark.parametrize("sampler", [RANDOM, TPE], ids=["random", "tpe"])
    @pytest.mark.parametrize("done", [1, 4, 7])
    def test_a_sampler_goes_on_as_if_nothing_had_happened(
        self, make_composer: Make, tmp_path: Path, sampler: SamplerConfig, done: int
    ) -> None:
        line = (RATE, LINE, "optimizer=adam,sgd", "optimizer.momentum=interval(0,0.9)")
        more: dict[str, Any] = {
            "sampler": sampler,
            "num_points": 10,
            "enqueued": [{"arch.depth": 7}, {"arch.depth": 5}],
        }
        undisturbed = Sweep(make_composer, tmp_path / "one", line, **more)
        cut_off = Sweep(make_composer, tmp_path / "other", line, **more)
        for sweep in (undisturbed, cut_off):
            sweep.root.mkdir()
        undisturbed.run(undisturbed.open())
        cut_off.run(cut_off.open(), number=done)
        cut_off.run(cut_off.open())

        assert shown(cut_off.ran) == shown(undisturbed.ran)

    def test_what_was_cut_off_keeps_its_number_and_runs_first(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        jobs = sweep.open()
        first, second, third = (sweep.begin(jobs) for _ in range(3))
        assert first is not None
        assert second is not None
        assert third is not None
        sweep.end(jobs, second)

        again = sweep.open()
        assert again.total == 5
        ran = sweep.run(again)
        assert [(job.spec.number, job.trial.hash) for job in ran[:2]] == [
            (first.spec.number, first.trial.hash),
            (third.spec.number, third.trial.hash),
        ]
        assert [job.spec.number for job in ran[2:]] == [3, 4, 5]
        assert {trial.state for trial in sweep.study.trials()} == {TrialState.COMPLETE}

    def test_a_higher_total_is_gone_on_to(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=2)
        sweep.run(sweep.open(trials=2))
        sweep.num_points = 5
        again = sweep.open(trials=5)

        assert again.total == 3
        assert [job.spec.number for job in sweep.run(again)] == [2, 3, 4]

    def test_added_points_are_added(self, grid: Callable[..., Sweep]) -> None:
        sweep = grid(LINE)
        sweep.run(sweep.open())
        sweep.line = ["arch.depth=4,3,5,7,6"]

        assert shown(sweep.run(sweep.open())) == ["arch.depth=4", "arch.depth=6"]
        assert [trial.params["arch.depth"] for trial in sweep.study.trials()] == [3, 5, 7, 4, 6]

    def test_a_wider_space_keeps_what_the_sampler_has_found(self, sampled: Callable[..., Sweep]) -> None:
        sweep = sampled("arch.depth=3,5", num_points=2)
        sweep.run(sweep.open())
        sweep.line, sweep.num_points = ["arch.depth=3,5,7"], 3
        again = sweep.open()

        assert again.total == 1
        assert shown(sweep.run(again)) == ["arch.depth=7"]

    def test_failed_trials_are_left_as_they_are(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        sweep.run(sweep.open(), lambda job: "it broke" if depth_of(job) == 5 else 0.5)
        again = sweep.open()

        assert again.total == 0
        assert again.next() is None

    def test_failed_trials_are_run_again_on_request_under_their_numbers(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        broken = [
            job
            for job in sweep.run(sweep.open(), lambda job: "it broke" if depth_of(job) > 3 else 0.5)
            if depth_of(job) > 3
        ]
        again = sweep.open(retry_failed=True)

        assert again.total == 2
        assert [job.spec.number for job in sweep.run(again)] == [job.spec.number for job in broken]
        assert [trial.state for trial in sweep.study.trials()] == [TrialState.COMPLETE] * 3
        assert sweep.open(retry_failed=True).next() is None

    def test_the_enqueued_points_do_not_come_twice(self, sampled: Callable[..., Sweep]) -> None:
        first = [{"arch.depth": 20}, {"arch.depth": 7}, {"arch.depth": 3}]  # the first cannot be built
        sweep = sampled(RATE, "arch.depth=3,7,20", num_points=2, enqueued=first)
        sweep.run(sweep.open())
        assert len(sweep.skipped()) == 1
        sweep.num_points = 4
        sweep.run(sweep.open())

        assert [depth_of(job) for job in sweep.ran][:2] == [7, 3]
        assert sum(one.overrides[-1] == "arch.depth=20" for one in sweep.skipped()[:1]) == 1
        assert len(sweep.ran) == 4


class TestRepeatedAndImpossibleProposals:
    def test_a_finite_space_is_exhausted_and_says_so(self, sampled: Callable[..., Sweep]) -> None:
        sweep = sampled(LINE, num_points=50)
        jobs = sweep.open()
        ran = sweep.run(jobs)

        assert sorted(shown(ran)) == ["arch.depth=3", "arch.depth=5", "arch.depth=7"]
        assert jobs.budget.reason == "the space is exhausted: each of its configurations was tried"

    def test_a_space_with_pairs_exclusions_and_keys_of_one_option_is_exhausted_too(
        self, sampled: Callable[..., Sweep]
    ) -> None:
        line = ("optimizer=adam,sgd", "optimizer.momentum=0.5,0.9", "arch.depth=3,5,7", "arch.kernel_size=3,5,6")
        exclude = [{"optimizer": "adam", "arch.depth": 7}]
        sweep = sampled(*line, zip=["arch.depth", "arch.kernel_size"], exclude=exclude, num_points=100)
        jobs = sweep.open()
        ran = sweep.run(jobs)

        adam = [f"optimizer=adam arch.depth={pair}" for pair in ("3 arch.kernel_size=3", "5 arch.kernel_size=5")]
        sgd = [
            f"optimizer=sgd optimizer.momentum={momentum} arch.depth={pair}"
            for momentum in (0.5, 0.9)
            for pair in ("3 arch.kernel_size=3", "5 arch.kernel_size=5", "7 arch.kernel_size=6")
        ]
        assert sorted(shown(ran)) == sorted([*adam, *sgd])
        assert "exhausted" in jobs.budget.reason

    def test_a_repeated_proposal_is_told_its_known_value_and_does_not_count(
        self, sampled: Callable[..., Sweep]
    ) -> None:
        sweep = sampled(
            LINE, num_points=3, enqueued=[{"arch.depth": 5}, {"arch.depth": 5}, {"arch.depth": 7}, {"arch.depth": 3}]
        )
        jobs = sweep.open()

        assert [depth_of(job) for job in sweep.run(jobs)] == [5, 7, 3]
        assert sweep.skipped() == [Skipped(("arch.depth=5",), (0.5,))]
        assert jobs.budget.reason == ""

    def test_with_repeats_the_known_value_is_the_mean(self, sampled: Callable[..., Sweep]) -> None:
        sweep = sampled(LINE, num_points=2, enqueued=[{"arch.depth": 5}, {"arch.depth": 5}, {"arch.depth": 7}])
        sweep.run(sweep.open(seeds=3))

        [again] = sweep.skipped()
        assert again.values == (pytest.approx(0.51),)
        assert len(sweep.ran) == 6

    @pytest.mark.parametrize(
        "enqueued", [[{"arch.depth": 5}, {"arch.depth": 5}, {"arch.depth": 7}]], ids=["a failed point"]
    )
    def test_a_point_that_failed_is_not_tried_again(self, sampled: Callable[..., Sweep], enqueued: Any) -> None:
        sweep = sampled(LINE, num_points=2, enqueued=enqueued)
        sweep.run(sweep.open(), lambda job: "it broke" if depth_of(job) == 5 else 0.5)

        assert [depth_of(job) for job in sweep.ran] == [5, 7]
        assert sweep.skipped() == [Skipped(("arch.depth=5",), None)]

    def test_an_impossible_proposal_is_told_as_failed_and_does_not_count(self, sampled: Callable[..., Sweep]) -> None:
        sweep = sampled(
            "arch.depth=3,20,7,30",
            num_points=2,
            enqueued=[{"arch.depth": 20}, {"arch.depth": 3}, {"arch.depth": 30}, {"arch.depth": 7}],
        )
        jobs = sweep.open()

        assert [job.spec.number for job in sweep.run(jobs)] == [0, 1]
        assert [depth_of(job) for job in sweep.ran] == [3, 7]
        assert sweep.skipped() == [Skipped(("arch.depth=20",), None), Skipped(("arch.depth=30",), None)]

    def test_a_choice_that_is_possible_with_some_others_alone_can_be_recorded(
        self, sampled: Callable[..., Sweep]
    ) -> None:
        line = ("arch.depth=2,3", "arch.filters=[8,8],[8,8,8]")
        sweep = sampled(*line, num_points=4)
        sweep.run(sweep.open())

        assert sorted(shown(sweep.ran)) == ["arch.depth=2 arch.filters=[8,8]", "arch.depth=3 arch.filters=[8,8,8]"]

    def test_an_excluded_proposal_is_not_trained(self, sampled: Callable[..., Sweep]) -> None:
        exclude = [{"arch.depth": 5}]
        sweep = sampled(RATE, LINE, num_points=4, exclude=exclude, enqueued=[{"arch.depth": 5}])
        sweep.run(sweep.open())

        assert len(sweep.ran) == 4
        assert 5 not in {depth_of(job) for job in sweep.ran}
        assert sweep.skipped()[0].values is None

    def test_a_space_without_a_possible_point_ends_the_search(
        self, sampled: Callable[..., Sweep], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sweeper.search.sampled._IMPOSSIBLE", 30)
        sweep = sampled(RATE, "arch.depth=3,5", num_points=4, exclude=[{"arch.depth": 3}, {"arch.depth": 5}])
        jobs = sweep.open()

        assert jobs.next() is None
        assert jobs.budget.reason == "the sampler proposed 30 configurations in a row that cannot be trained"

    def test_a_trial_and_a_proposal_that_is_not_trained_are_each_written_in_one_transaction(
        self, sampled: Callable[..., Sweep]
    ) -> None:
        sweep = sampled("optimizer.learning_rate=interval(1,3)", LINE, num_points=5)
        jobs = sweep.open()
        written = sweep.transactions()
        job = sweep.begin(jobs)
        assert job is not None
        assert sweep.transactions() == written + 1

        sweep.study.skip(Skipped(job.trial.overrides, (0.5,)), job.trial.params, "point 0 again")
        sweep.study.skip(Skipped(("arch.depth=5",), None), {"arch.depth": 5}, "impossible")
        assert sweep.transactions() == written + 3
        assert sweep.skipped() == [Skipped(job.trial.overrides, (0.5,)), Skipped(("arch.depth=5",), None)]
        assert [trial.params for trial in sweep.study.trials()] == [job.trial.params]

    def test_a_huge_finite_space_is_not_gone_through(
        self, sampled: Callable[..., Sweep], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sweeper.search.sampled._IMPOSSIBLE", 30)
        line = ("seed=range(0,1000)", "training.batch_size=range(1,1000)", "training.epochs=choice(3)")
        jobs = sampled(*line, exclude=[{"training.epochs": 3}]).open()

        assert jobs.next() is None
        assert jobs.budget.reason.startswith("the sampler proposed 30 configurations in a row")


class TestBudgets:
    def test_no_trial_begins_after_the_time_is_over(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        jobs = sweep.open(timeout_s=60)
        sweep.run(jobs, number=1)
        jobs.budget.started -= 61

        assert jobs.next() is None
        assert jobs.budget.reason == "sweep.timeout_s=60 is over"

    def test_no_trial_begins_after_so_many_epochs_of_all_trials(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        jobs = sweep.open(max_epochs=3)
        ran = sweep.run(jobs)

        assert [job.spec.number for job in ran] == [0, 1, 2]
        assert jobs.budget.reason == "sweep.max_epochs=3 is reached with 3 epochs trained"

    def test_epochs_count_as_soon_as_they_are_reported(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        jobs = sweep.open(max_epochs=2)
        job = sweep.begin(jobs)
        assert job is not None
        jobs.epoch(job.spec.number, 1, {"val_accuracy": 0.5})
        jobs.epoch(job.spec.number, 2, {"val_accuracy": 0.5})

        assert jobs.next() is None
        assert jobs.budget.reason == "sweep.max_epochs=2 is reached with 2 epochs trained"

    def test_epochs_of_an_earlier_start_count(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        sweep.run(sweep.open(max_epochs=2))
        same, more = sweep.open(max_epochs=2), sweep.open(max_epochs=3)

        assert same.next() is None
        assert same.budget.reason.startswith("sweep.max_epochs=2 is reached")
        assert len(sweep.run(more)) == 1

    def test_epochs_of_a_failed_trial_count_unless_it_is_run_again(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        job = sweep.begin(sweep.open())
        assert job is not None
        history = ({"val_accuracy": 0.5}, {"val_accuracy": 0.6})
        sweep.study.finish(
            TrialRow(0, TrialState.FAILED, job.trial.params, error="it broke", history=history), sweep.objectives
        )

        assert sweep.open(max_epochs=2).next() is None
        assert len(sweep.run(sweep.open(max_epochs=3, retry_failed=True))) == 3

    def test_a_sweep_that_has_run_all_of_its_points_names_no_limit(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        jobs = sweep.open(max_epochs=3)

        assert len(sweep.run(jobs)) == 3
        assert jobs.budget.reason == ""

    def test_no_trial_begins_after_so_many_failures(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        jobs = sweep.open(max_failures=2)
        ran = sweep.run(jobs, lambda job: "it broke" if job.spec.number in (1, 3, 4) else 0.5)

        assert [job.spec.number for job in ran] == [0, 1, 2, 3]
        assert jobs.budget.reason == "sweep.max_failures=2 is reached, the last by trial 3"

    def test_failures_of_an_earlier_start_do_not_count(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, "arch.kernel_size=3,5", num_points=6)
        sweep.run(sweep.open(max_failures=1), lambda job: "it broke")
        again = sweep.open(max_failures=1)

        assert len(sweep.run(again)) == 5
        assert again.budget.reason == ""

    def test_no_trial_begins_once_the_target_is_reached(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3, enqueued=[{"arch.depth": 3}, {"arch.depth": 5}])
        jobs = sweep.open(target=0.5)

        assert [depth_of(job) for job in sweep.run(jobs)] == [3, 5]
        assert jobs.budget.reason == "sweep.target=0.5 is reached by trial 1 with val_accuracy 0.5000"

    def test_a_target_of_something_minimised_is_reached_from_above(self, either: Callable[..., Sweep]) -> None:
        loss = Objective("val_loss", "minimize")
        sweep = either(LINE, num_points=3, objectives=(loss,), enqueued=[{"arch.depth": 3}, {"arch.depth": 5}])
        jobs = sweep.open(target=0.5)

        assert [depth_of(job) for job in sweep.run(jobs)] == [3, 5]
        assert "with val_loss 0.5000" in jobs.budget.reason

    def test_with_repeats_the_target_is_one_of_the_mean(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3, enqueued=[{"arch.depth": 5}, {"arch.depth": 7}])
        jobs = sweep.open(target=0.515, seeds=3)

        assert [depth_of(job) for job in sweep.run(jobs)] == [5, 5, 5, 7, 7, 7]
        assert jobs.budget.reason == "sweep.target=0.515 is reached by configuration 1 with val_accuracy 0.7100"

    def test_a_target_that_was_reached_before_ends_the_sweep_at_once(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3, enqueued=[{"arch.depth": 7}])
        sweep.run(sweep.open(target=0.7))
        again = sweep.open(target=0.7)

        assert again.next() is None
        assert "is reached by trial 0" in again.budget.reason

    def test_the_first_limit_that_is_reached_is_the_one_that_is_said(self, either: Callable[..., Sweep]) -> None:
        sweep = either(LINE, num_points=3)
        jobs = sweep.open(max_failures=1, timeout_s=60)
        sweep.run(jobs, lambda job: "it broke")
        jobs.budget.started -= 61

        assert jobs.next() is None
        assert jobs.budget.reason.startswith("sweep.max_failures=1")


class TestPruning:
    def test_the_word_of_the_pruner_is_passed_on(self, either: Callable[..., Sweep]) -> None:
        sweep = either(
            LINE, pruner=ASHA, num_points=3, enqueued=[{"arch.depth": 7}, {"arch.depth": 5}, {"arch.depth": 3}]
        )
        jobs = sweep.open()
        sweep.run(jobs)

        assert [row.state for row in jobs.finished_rows] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]

    def test_a_trial_that_has_trained_its_last_epoch_is_not_pruned(self, either: Callable[..., Sweep]) -> None:
        enqueued = [{"arch.depth": 7}, {"arch.depth": 5}, {"arch.depth": 3}]
        sweep = either(LINE, "training.epochs=1", pruner=ASHA, num_points=3, enqueued=enqueued)
        jobs = sweep.open()
        sweep.run(jobs)

        assert [row.state for row in jobs.finished_rows] == [TrialState.COMPLETE] * 3

    def test_a_resumed_sweep_judges_by_the_trials_before_it(self, either: Callable[..., Sweep]) -> None:
        sweep = either(
            LINE, pruner=ASHA, num_points=3, enqueued=[{"arch.depth": 7}, {"arch.depth": 5}, {"arch.depth": 3}]
        )
        sweep.run(sweep.open(), number=1)
        again = sweep.open()
        sweep.run(again)

        assert [row.state for row in again.finished_rows] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]

    def test_a_trial_that_had_finished_before_its_start_is_learned(self, either: Callable[..., Sweep]) -> None:
        sweep = either(
            LINE, pruner=ASHA, num_points=3, enqueued=[{"arch.depth": 7}, {"arch.depth": 5}, {"arch.depth": 3}]
        )
        sweep.begin(sweep.open())
        again = sweep.open()
        replayed = again.queue.popleft()  # as the driver does with a result that lies in the trial's folder
        good = {"val_accuracy": 0.9, "num_params": 10.0}
        row = TrialRow(0, TrialState.COMPLETE, replayed.trial.params, good, history=(good,))
        sweep.study.begin(replayed.trial)
        sweep.study.finish(row, sweep.objectives)
        again.finished(row)
        sweep.run(again)

        assert [row.state for row in again.finished_rows] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED]

    def test_without_a_pruner_every_trial_goes_on(self, either: Callable[..., Sweep]) -> None:
        jobs = either(LINE, num_points=3).open()
        job = jobs.next()

        assert job is not None
        assert not jobs.epoch(job.spec.number, 1, {"val_accuracy": 0.0})
        assert not job.spec.awaits_verdict


@pytest.mark.parametrize(
    ("limits", "learns"),
    [({}, False), ({"target": 0.5}, True), ({"max_failures": 1}, True)],
    ids=["nothing", "a target", "failures"],
)
def test_a_grid_waits_for_a_trials_end_only_where_the_next_depends_on_it(
    grid: Callable[..., Sweep], limits: dict[str, Any], learns: bool
) -> None:
    assert grid(LINE).open(**limits).learns is learns


def test_a_sampler_always_waits_for_a_trials_end(sampled: Callable[..., Sweep]) -> None:
    assert sampled(LINE).open().learns


@pytest.mark.parametrize(("first", "second"), [("0,0.5", "0.0,0.5"), ("0.0,0.5", "0,0.5"), ("0", "0.0,0.5")])
def test_a_value_typed_as_another_number_is_not_trained_again(
    either: Callable[..., Sweep], first: str, second: str
) -> None:
    sweep = either(f"arch.dropout={first}", num_points=2)
    before = sweep.run(sweep.open())
    sweep.line = (f"arch.dropout={second}",)

    after = sweep.run(sweep.open())

    dropouts = [job.spec.config["arch"]["dropout"] for job in (*before, *after)]
    assert sorted(dropouts) == [0.0, 0.5]


@pytest.mark.parametrize(("typed", "earlier"), [("0.0,0.5", "0"), ("0,0.5", "0.0"), ("'0',0.5", "'0'")])
def test_a_sampler_learns_from_a_value_that_was_typed_as_another_number(
    make_composer: Make, typed: str, earlier: str
) -> None:
    space, composer = make_composer(f"arch.dropout={typed}")
    search = Search(TPE, space, (ACCURACY,), composer.exists, 0)

    assert search.learn((f"arch.dropout={earlier}",), [0.5], TrialState.COMPLETE, ()) is not None
    assert search.learn(("arch.dropout=0.25",), [0.5], TrialState.COMPLETE, ()) is None
