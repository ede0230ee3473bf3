"""What every pruner keeps to; a new one is added to PRUNERS and gets all of these tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.config.sweep import PrunerConfig
from sweeper.core.errors import ConfigError
from sweeper.core.objectives import Direction, Objective
from sweeper.core.trials import TrialState
from sweeper.search.pruner import Pruning, compared_metric, make_pruner

CONF = Path(__file__).resolve().parents[2] / "conf" / "pruner"
EPOCHS = 9


def settings(name: str, **more: Any) -> PrunerConfig:
    """As `pruner=NAME` has it."""
    return PrunerConfig(**{**yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8")), **more})


PRUNERS = {
    "median": settings("median"),
    "asha": settings("asha"),
    "hyperband": settings("hyperband"),
    "a custom class": PrunerConfig(
        "own", _target_="optuna.pruners.PercentilePruner", options={"percentile": 40.0, "n_startup_trials": 3}
    ),
}

ACCURACY = Objective("val_accuracy", "maximize")
LOSS = Objective("val_loss", "minimize")
SIZE = Objective("num_params", "minimize")

#: How good trials are, from 0 to 1, in the order in which they train: the middling ones first.
QUALITIES = [0.5, 0.45, 0.55, 0.4, 0.6, 0.52, 0.48, 0.44, 0.56, 0.99, 0.01, 0.98, 0.02, 0.97, 0.03]


def curve(quality: float, direction: Direction, epochs: int = EPOCHS) -> list[float]:
    """An objective that improves with each epoch, towards the trial's quality."""
    rising = [quality * (0.9 + 0.1 * epoch / epochs) for epoch in range(1, epochs + 1)]
    return rising if direction == "maximize" else [1 - value for value in rising]


def metrics(value: float) -> dict[str, float]:
    return {"loss": value, "accuracy": value, "val_loss": value, "val_accuracy": value, "duration_s": 0.1}


def train(pruning: Pruning, number: int, values: Iterable[float]) -> int | None:
    """Trains until the pruner's word; returns the epoch after which it was pruned."""
    pruning.begin(number)
    for epoch, value in enumerate(values, start=1):
        if pruning.report(number, epoch, metrics(value)):
            pruning.end(number, TrialState.PRUNED)
            return epoch
    pruning.end(number, TrialState.COMPLETE)
    return None


def history(values: Sequence[float], pruned_at: int | None) -> list[dict[str, float]]:
    return [metrics(value) for value in values[:pruned_at]]


@pytest.mark.parametrize("config", PRUNERS.values(), ids=PRUNERS.keys())
class TestEveryPruner:
    @pytest.fixture(params=[ACCURACY, LOSS], ids=["maximize", "minimize"])
    def objective(self, request: pytest.FixtureRequest) -> Objective:
        found: Objective = request.param
        return found

    def pruning(self, config: PrunerConfig, *objectives: Objective) -> Pruning:
        return Pruning(config, objectives, "a-sweep", EPOCHS)

    def verdicts(self, pruning: Pruning, objective: Objective, qualities: Sequence[float]) -> list[int | None]:
        return [train(pruning, n, curve(quality, objective.direction)) for n, quality in enumerate(qualities)]

    def test_the_best_trials_go_on_to_their_end(self, config: PrunerConfig, objective: Objective) -> None:
        found = dict(zip(QUALITIES, self.verdicts(self.pruning(config, objective), objective, QUALITIES), strict=True))

        assert found[0.99] is None

    def test_a_clearly_worst_trial_is_ended_at_its_first_judgement(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        found = dict(zip(QUALITIES, self.verdicts(self.pruning(config, objective), objective, QUALITIES), strict=True))
        first = {1, 3, 9} if config.name == "hyperband" else {1}  # by its bracket

        assert {found[0.01], found[0.02], found[0.03]} <= first

    def test_a_trial_is_not_ended_where_the_other_end_is_the_good_one(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        turned = Objective(objective.metric, "minimize" if objective.direction == "maximize" else "maximize")
        pruning = self.pruning(config, turned)
        curves = [curve(quality, objective.direction) for quality in QUALITIES]
        found = dict(zip(QUALITIES, [train(pruning, n, one) for n, one in enumerate(curves)], strict=True))

        assert found[0.01] is None
        assert found[0.98] is not None

    def test_a_figure_that_is_no_number_never_ends_a_trial(self, config: PrunerConfig, objective: Objective) -> None:
        pruning = self.pruning(config, objective)
        self.verdicts(pruning, objective, QUALITIES)

        assert train(pruning, 99, [float("nan"), float("inf"), -float("inf")] * 3) is None

    def test_a_figure_that_is_no_number_does_not_change_the_judgement_of_others(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        plain, mixed = self.pruning(config, objective), self.pruning(config, objective)
        expected = self.verdicts(plain, objective, QUALITIES)
        found = []
        for number, quality in enumerate(QUALITIES):
            mixed.begin(number)
            values = curve(quality, objective.direction)
            verdict = None
            for epoch, value in enumerate(values, start=1):
                assert not mixed.report(number, epoch, metrics(float("nan")))
                if mixed.report(number, epoch, metrics(value)):
                    verdict = epoch
                    break
            mixed.end(number, TrialState.COMPLETE if verdict is None else TrialState.PRUNED)
            found.append(verdict)

        assert found == expected

    def test_after_the_replay_of_a_history_the_verdicts_are_the_same(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        undisturbed, resumed = self.pruning(config, objective), self.pruning(config, objective)
        done, left = QUALITIES[:9], [*QUALITIES[9:], *QUALITIES]
        for number, verdict in enumerate(self.verdicts(undisturbed, objective, done)):
            state = TrialState.COMPLETE if verdict is None else TrialState.PRUNED
            resumed.learn(number, state, history(curve(done[number], objective.direction), verdict))

        expected, found = [], []
        for number, quality in enumerate(left, start=len(done)):
            expected.append(train(undisturbed, number, curve(quality, objective.direction)))
            found.append(train(resumed, number, curve(quality, objective.direction)))
        assert found == expected
        assert {None} < set(found)

    def test_a_trial_that_is_run_again_is_judged_from_where_it_was(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        pruning = self.pruning(config, objective)
        self.verdicts(pruning, objective, QUALITIES)
        pruning.begin(50)
        best = curve(1.0, objective.direction)
        worst = curve(0.0, objective.direction)
        assert not any(pruning.report(50, epoch, metrics(best[epoch - 1])) for epoch in (1, 2, 3, 4))

        assert not any(pruning.report(50, epoch, metrics(worst[epoch - 1])) for epoch in (1, 2, 3, 4))

    def test_a_trial_that_was_to_end_is_to_end_there_when_it_is_run_again(
        self, config: PrunerConfig, objective: Objective
    ) -> None:
        pruning = self.pruning(config, objective)
        self.verdicts(pruning, objective, QUALITIES)
        pruning.begin(50)
        worst = [metrics(value) for value in curve(0.0, objective.direction)]
        ended = next(epoch for epoch in range(1, EPOCHS + 1) if pruning.report(50, epoch, worst[epoch - 1]))

        again = [pruning.report(50, epoch, worst[epoch - 1]) for epoch in range(1, EPOCHS + 1)]

        assert again == [epoch >= ended for epoch in range(1, EPOCHS + 1)]

    def test_trials_may_run_at_the_same_time(self, config: PrunerConfig, objective: Objective) -> None:
        pruning = self.pruning(config, objective)
        running = dict(enumerate(QUALITIES))
        for number in running:
            pruning.begin(number)
            assert pruning.judges(number)
        ended: dict[float, int] = {}
        for epoch in range(1, EPOCHS + 1):
            for number, quality in list(running.items()):
                if pruning.report(number, epoch, metrics(curve(quality, objective.direction)[epoch - 1])):
                    pruning.end(number, TrialState.PRUNED)
                    ended[running.pop(number)] = epoch
        for number in running:
            pruning.end(number, TrialState.COMPLETE)

        assert 0.99 not in ended
        assert not any(pruning.judges(number) for number in range(len(QUALITIES)))

    @pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.PRUNED, TrialState.COMPLETE])
    def test_a_trial_without_an_epoch_may_end_in_any_way(self, config: PrunerConfig, state: TrialState) -> None:
        pruning = self.pruning(config, ACCURACY)
        pruning.begin(0)
        pruning.end(0, state)
        pruning.learn(1, state, [])

        assert train(pruning, 2, curve(0.5, "maximize")) is None

    def test_an_option_that_it_does_not_take_is_refused_with_its_name(self, config: PrunerConfig) -> None:
        wrong = PrunerConfig(config.name, _target_=config._target_, options={**config.options, "nonsense": 1})

        with pytest.raises(
            ConfigError, match=r"^pruner\._target_=optuna.* with pruner\.options=.*nonsense.*Try: pruner="
        ):
            make_pruner(wrong, EPOCHS)


def test_asha_ends_two_of_three_at_each_rung() -> None:
    pruning = Pruning(settings("asha"), (ACCURACY,), "a-sweep", EPOCHS)
    falling = [0.9 - number / 100 for number in range(30)]

    assert [train(pruning, number, [value] * EPOCHS) for number, value in enumerate(falling[:6])] == [None, *[1] * 5]
    rising = [0.91 + number / 1000 for number in range(9)]
    assert [train(pruning, number, [value] * EPOCHS) for number, value in enumerate(rising, start=6)] == [None] * 9


def test_asha_judges_after_1_3_and_9_epochs() -> None:
    pruning = Pruning(settings("asha"), (ACCURACY,), "a-sweep", 30)
    train(pruning, 0, [0.5] * 30)
    for epochs, verdict in {0: 1, 1: 3, 3: 9, 9: 27}.items():
        values = [0.6] * epochs + [0.4] * (30 - epochs)
        assert train(pruning, epochs + 1, values) == verdict


def test_hyperband_has_several_first_rungs() -> None:
    pruning = Pruning(settings("hyperband"), (ACCURACY,), "a-sweep", EPOCHS)
    for number in range(20):
        train(pruning, number, curve(0.9, "maximize"))

    assert {train(pruning, number, curve(0.1, "maximize")) for number in range(20, 60)} == {1, 3, 9}


def test_the_longest_budget_of_hyperband_is_the_number_of_epochs() -> None:
    assert make_pruner(settings("hyperband"), 27)._max_resource == 27
    assert make_pruner(settings("hyperband", options={"max_resource": 81}), 27)._max_resource == 81


COMPARED = [
    pytest.param(None, (ACCURACY,), ("val_accuracy", "maximize"), id="the objective"),
    pytest.param(None, (SIZE, LOSS), ("val_loss", "minimize"), id="the first objective that an epoch has"),
    pytest.param(None, (LOSS, ACCURACY), ("val_loss", "minimize"), id="the first of two"),
    pytest.param(None, (Objective("train_loss", "minimize"),), ("loss", "minimize"), id="a figure of training"),
    pytest.param("val_loss", (ACCURACY,), ("val_loss", "minimize"), id="one that is named"),
    pytest.param("val_accuracy", (SIZE,), ("val_accuracy", "maximize"), id="one that is named where there is none"),
    pytest.param("accuracy", (LOSS,), ("accuracy", "maximize"), id="a named figure of training"),
    pytest.param(
        "val_loss", (Objective("val_loss", "maximize"),), ("val_loss", "maximize"), id="with the objective's direction"
    ),
]


@pytest.mark.parametrize(("metric", "objectives", "expected"), COMPARED)
def test_one_metric_is_compared(
    metric: str | None, objectives: tuple[Objective, ...], expected: tuple[str, Direction]
) -> None:
    assert compared_metric(settings("median", metric=metric), objectives) == expected


@pytest.mark.parametrize(
    "objectives", [(SIZE,), (SIZE, Objective("duration_s", "minimize"))], ids=["one objective", "two objectives"]
)
def test_objectives_that_no_epoch_has_cannot_prune(objectives: tuple[Objective, ...]) -> None:
    named = ", ".join(objective.metric for objective in objectives)
    message = (
        rf"^pruner=median has nothing to compare: after an epoch {named} is not known yet\. Accepted: pruner\.metric, "
        r"one of loss, accuracy, val_loss, val_accuracy\.  Try: pruner\.metric=val_accuracy$"
    )

    with pytest.raises(ConfigError, match=message):
        Pruning(settings("median"), objectives, "a-sweep", EPOCHS)


@pytest.mark.parametrize("objectives", [(SIZE, ACCURACY), (ACCURACY, SIZE)], ids=["the second", "the first"])
def test_with_several_objectives_the_one_that_epochs_have_prunes(objectives: tuple[Objective, ...]) -> None:
    pruning = Pruning(settings("asha"), objectives, "a-sweep", EPOCHS)

    assert train(pruning, 0, curve(0.9, "maximize")) is None
    assert train(pruning, 1, curve(0.1, "maximize")) == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("optuna.pruners.MedianPrunr", "names nothing: optuna.pruners has no class MedianPrunr"),
        ("optuna.prunres.MedianPruner", "No module named 'optuna.prunres'"),
        ("MedianPruner", "is not a dotted path"),
        ("fractions.Fraction", "it is no pruner"),
    ],
    ids=["no such class", "no such module", "no path", "no pruner"],
)
def test_a_class_that_makes_no_pruner_is_refused_with_the_reason(target: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^pruner\._target_={target} .*{message}.*Try: pruner=median$"):
        make_pruner(PrunerConfig("own", _target_=target), EPOCHS)
