"""What is refused, dropped or left out before anything trains."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.core.datasets import DataSummary
from sweeper.core.errors import ArchitectureError, ArchitectureValueError, ConfigError, ObjectiveError
from sweeper.core.objectives import METRIC_DIRECTIONS, Metric, Objective
from sweeper.preflight import check as preflight
from sweeper.preflight.check import Preflight, check_metrics, check_objectives, check_seed
from sweeper.space.composer import Point

Compose = Callable[..., list[Point]]
Check = Callable[..., Preflight]
NUMBERS = itertools.count()


@pytest.fixture
def check(compose: Compose) -> Check:
    """Checks the points of a line."""

    def run(*arguments: str, skip_infeasible: bool = False) -> Preflight:
        return preflight.check(compose(*arguments), skip_infeasible=skip_infeasible)

    return run


@pytest.fixture
def own_builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The dotted path of a custom builder, which takes the key `width`."""
    name = f"networks_of_a_user_{next(NUMBERS)}"
    (tmp_path / f"{name}.py").write_text("def build(input_shape, num_classes, width=8): ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return f"{name}.build"


def overrides(checked: Preflight) -> list[str]:
    return [" ".join(planned.point.overrides) for planned in checked.trials]


def test_a_trial_is_planned_with_its_data_and_its_network(check: Check) -> None:
    [planned] = check("arch=depth3_kernel3").trials

    assert planned.data == DataSummary("digits", (28, 28, 1), 10, 1150, 287, 360)
    assert planned.network is not None
    assert planned.network.num_params == 218_460


def test_trials_keep_the_order_of_the_line(check: Check) -> None:
    checked = check("arch.depth=7,3,5", "seed=1,0")

    assert overrides(checked) == [f"arch.depth={depth} seed={seed}" for depth in (7, 3, 5) for seed in (1, 0)]
    assert (checked.num_equal, checked.infeasible) == (0, ())


@pytest.mark.parametrize(
    ("arguments", "kept", "num_equal"),
    [
        pytest.param(["arch.depth=3,5,3,3"], ["arch.depth=3", "arch.depth=5"], 2, id="the same value again"),
        pytest.param(["seed=0,0,1"], ["seed=0", "seed=1"], 1, id="the same seed again"),
        pytest.param(
            ["training.threads=2,'2',3"], ["training.threads=2", "training.threads=3"], 1, id="typed otherwise"
        ),
        pytest.param(["arch.dense_units=3,${arch.depth}"], ["arch.dense_units=3"], 1, id="by another key's value"),
        pytest.param(
            ["arch=cnn,depth3_kernel3", "arch.filters=[8,8,8]", "arch.depth=3"],
            ["arch=cnn", "arch=depth3_kernel3"],
            0,
            id="two groups that agree in part",
        ),
    ],
)
def test_a_point_that_equals_an_earlier_one_is_dropped_and_counted(
    check: Check, arguments: list[str], kept: list[str], num_equal: int
) -> None:
    checked = check(*arguments)

    assert overrides(checked) == kept
    assert checked.num_equal == num_equal


def test_impossible_points_are_named_all_together_with_how_to_leave_them_out(check: Check) -> None:
    message = (
        r"^2 of the configurations cannot be built\. arch\.depth=12: A network of depth 12 .*; "
        r"arch\.depth=20: A network of depth 20 .*  "
        r"To leave them out and train the rest, add: sweep\.skip_infeasible=true$"
    )

    with pytest.raises(ArchitectureError, match=message):
        check("arch.depth=12,3,20")


def test_eight_reasons_are_named_and_the_others_counted(check: Check) -> None:
    with pytest.raises(
        ArchitectureError, match=r"^11 of the configurations .*arch\.depth=17: .*; and 3 more reasons\.  To "
    ) as info:
        check("arch.depth=3,10,11,12,13,14,15,16,17,18,19,20")
    assert "arch.depth=18:" not in str(info.value)


def test_the_same_reason_is_named_once(check: Check) -> None:
    with pytest.raises(ArchitectureError) as info:
        check("arch.depth=3,12", "seed=0,1,2,3", "training.batch_size=16,32,64")

    said = str(info.value)
    assert said.startswith(
        "12 of the configurations cannot be built. arch.depth=12 seed=0 training.batch_size=16 and 11 "
    )
    assert said.count("A network of depth 12") == 1


def test_an_impossible_point_alone_is_refused_with_its_own_reason(check: Check) -> None:
    with pytest.raises(ArchitectureError, match=r"^A network of depth 12 shrinks .*Try: arch\.depth=9"):
        check("arch.depth=12")


@pytest.mark.parametrize("skip_infeasible", [False, True])
def test_a_space_without_any_possible_point_is_refused_in_any_case(check: Check, skip_infeasible: bool) -> None:
    message = r"^2 of the configurations .*arch\.depth=12: .*; arch\.depth=20: .*  No configuration of this space"

    with pytest.raises(ArchitectureError, match=message):
        check("arch.depth=12,20", skip_infeasible=skip_infeasible)


def test_impossible_points_are_left_out_on_request_with_their_reasons(check: Check) -> None:
    checked = check("arch.depth=12,3,20,5", "seed=0,1", skip_infeasible=True)

    assert overrides(checked) == [f"arch.depth={depth} seed={seed}" for depth in (3, 5) for seed in (0, 1)]
    assert [left_out for left_out, _ in checked.infeasible] == [
        f"arch.depth={depth} seed={seed}" for depth in (12, 20) for seed in (0, 1)
    ]
    assert all(reason.startswith("A network of depth ") for _, reason in checked.infeasible)


def test_the_same_network_may_be_possible_on_other_images(check: Check, tmp_path: Path) -> None:
    import numpy as np

    labels = np.arange(20) % 2
    images = {"x_train": np.zeros((20, 8, 8), np.uint8), "x_test": np.zeros((20, 8, 8), np.uint8)}
    np.savez(tmp_path / "small.npz", y_train=labels, y_test=labels, **images)

    checked = check("data=npz", f"data.path={tmp_path / 'small.npz'}", "arch.depth=5,8", skip_infeasible=True)
    assert overrides(checked) == ["arch.depth=5"]
    assert "images of 8x8" in checked.infeasible[0][1]
    assert len(check("arch.depth=5,8").trials) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param(["training.epochs=1,0"], ConfigError, r"training\.epochs=0 is not accepted", id="epochs"),
        pytest.param(["training.precision=float32,fp16"], ConfigError, r"training\.precision=fp16", id="precision"),
        pytest.param(["training.early_stopping.patience=0"], ConfigError, r"early_stopping\.patience=0", id="patience"),
        pytest.param(
            ["data.validation=0.2,1.5"], ConfigError, r"data\.validation=1\.5 is not accepted", id="validation"
        ),
        pytest.param(["data.max_samples=5"], ConfigError, r"data\.max_samples=5 is not enough", id="too few images"),
        pytest.param(
            ["seed=0,-1"], ConfigError, r"seed=-1 is not accepted: a whole number from 0 to 2\*\*32", id="seed"
        ),
        pytest.param(["optimizer.rho=0.9,1"], ConfigError, r"optimizer\.rho=1\.0 is not accepted", id="rho"),
        pytest.param(["seed=0,null"], ConfigError, r"seed=null is not accepted", id="no seed"),
        pytest.param(["~arch._target_"], ConfigError, r"names no builder\. Accepted: a group", id="no builder's name"),
        pytest.param(["~optimizer._target_"], ConfigError, r"optimizer=.* names no optimizer", id="no optimizer"),
        pytest.param(
            ["+arch.dept=3"], ArchitectureError, r"arch\.dept is not a key", id="an unknown key of the network"
        ),
        pytest.param(
            ["arch.dropout=0.2,2"], ArchitectureValueError, r"^arch\.dropout=2\.0 is not accepted: a rate", id="a rate"
        ),
        pytest.param(["arch.filters=[8,16]"], ArchitectureError, r"arch\.filters has 2 entries", id="a list too short"),
    ],
)
def test_a_value_out_of_its_range_is_refused_even_where_impossible_points_are_left_out(
    check: Check, arguments: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check(*arguments, skip_infeasible=True)


@pytest.mark.parametrize(
    ("seed", "typed"),
    [(-1, "-1"), (2**32, "4294967296"), (1.0, "1.0"), (True, "true"), (None, "null"), ("0", "'0'")],
)
def test_a_seed_that_numpy_does_not_take_is_refused(seed: object, typed: str) -> None:
    with pytest.raises(ConfigError, match=rf"^seed={typed} is not accepted: .*2\*\*32 - 1\.  Try: seed=0$"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_a_seed_that_numpy_takes_passes(seed: int) -> None:
    check_seed(seed)


def test_a_builder_of_ones_own_is_imported_and_its_network_not_known(check: Check, own_builder: str) -> None:
    checked = check("arch=custom", f"arch._target_={own_builder}", "+arch.width=8,16")

    assert [planned.network for planned in checked.trials] == [None, None]
    assert [planned.point.params for planned in checked.trials] == [{"arch.width": 8}, {"arch.width": 16}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["arch._target_={}", "+arch.wdith=8"], r"does not take the keys under arch \(wdith\)", id="a wrong key"
        ),
        pytest.param(["arch._target_={}er"], r"has no function builder", id="a wrong function"),
        pytest.param(["arch._target_=no_{}"], r"cannot be imported: ModuleNotFoundError", id="a wrong module"),
    ],
)
def test_a_builder_that_cannot_be_called_is_refused_before_anything_trains(
    check: Check, own_builder: str, words: list[str], message: str
) -> None:
    with pytest.raises(ArchitectureError, match=message):
        check("arch=custom", *(word.format(own_builder) for word in words))


def test_operations_are_no_objective_for_a_builder_of_ones_own(check: Check, own_builder: str) -> None:
    trials = check("arch=custom", f"arch._target_={own_builder}").trials
    message = (
        rf"flops is not known for .*arch\._target_={own_builder}\)\. .*num_params, .*Try: objective\.metric=num_params"
    )

    with pytest.raises(ObjectiveError, match=message):
        check_objectives(
            [*check().trials, *trials], [Objective("val_loss", "minimize"), Objective("flops", "minimize")]
        )
    check_objectives(check().trials, [Objective("flops", "minimize")])
    for metric in METRIC_DIRECTIONS.keys() - {"flops"}:
        check_objectives(trials, [Objective(metric, "minimize")])


def test_top5_accuracy_of_few_classes_and_a_custom_metric_that_fails_are_refused(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "costs_of_a_user.py").write_text(
        "def cost(labels, probabilities):\n    return float(probabilities.shape[1] // (len(set(labels)) - 3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    trials = check().trials
    few = [replace(planned, data=replace(planned.data, num_classes=3)) for planned in trials]
    top5, custom = Metric("val_top5_accuracy", "maximize"), Metric("val_cost", "minimize", "costs_of_a_user.cost")

    check_metrics(trials, (top5, custom))
    check_metrics(few, ())
    with pytest.raises(ConfigError, match=r"val_top5_accuracy is 1 for every network, since the data have 3 classes"):
        check_metrics([*trials, *few], (top5,))
    with pytest.raises(ConfigError, match=r"12 made-up images of 3 classes\. val_cost: .*raised ZeroDivisionError"):
        check_metrics([*trials, *few], (custom,))


def test_the_checks_load_no_heavy_library() -> None:
    code = """
import sys
from pathlib import Path
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from sweeper.config import schema
from sweeper.preflight.check import check
from sweeper.space.composer import Composer
from sweeper.space.parser import parse_space
schema.register()
loader = ConfigLoaderImpl(create_config_search_path(sys.argv[1]))
line = ["arch=cnn,depth7_kernel6", "optimizer=adam,sgd", "seed=0,1"]
master = loader.load_configuration("config", line, run_mode=RunMode.MULTIRUN)
space = parse_space(line, {}, OverridesParser.create(config_loader=loader), loader.get_group_options)
checked = check(Composer(loader, master, space).points(), skip_infeasible=False)
assert len(checked.trials) == 8
print(sorted({"keras", "tensorflow", "sklearn", "mlflow", "optuna", "pandas", "matplotlib"} & set(sys.modules)))
"""
    conf = Path(__file__).resolve().parents[2] / "conf"
    done = subprocess.run([sys.executable, "-c", code, str(conf)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
