"""A trial's model in MLflow's registry: with its figures, once, found again after a move, and predicting."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from sweeper.cli import commands, promote
from sweeper.core.errors import RefusedError, StoreError
from sweeper.core.objectives import Objective
from sweeper.core.paths import OutputPaths
from sweeper.core.trials import TrialState
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.storage import stored_sweep
from sweeper.storage.stored_sweep import Loaded
from sweeper.tracking import tags
from sweeper.tracking.client import local_uri
from sweeper.tracking.store import relocate

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def paths(own_sweep: Path, tmp_path: Path) -> OutputPaths:
    """A copy of the sweep's folder, to write to."""
    shutil.copytree(own_sweep / "mlruns", tmp_path / "mlruns")
    copy = OutputPaths(tmp_path / "mlruns")
    relocate(copy)
    return copy


@pytest.fixture(scope="module")
def loaded(own_sweep: Path) -> Loaded:
    return stored_sweep.load(OutputPaths(own_sweep / "mlruns"), "mine")


def client(paths: OutputPaths) -> MlflowClient:
    return MlflowClient(local_uri(paths), local_uri(paths))


def run(paths: OutputPaths, *words: str) -> int:
    return commands.run(["promote", *words, "--output-dir", str(paths.root)])


def best_and_other(loaded: Loaded) -> tuple[int, int]:
    first = promote.choose(loaded, None).ranked.row.number
    return first, {0: 2, 2: 0}[first]


def test_the_best_trial_becomes_champion_with_its_figures_and_its_data(
    paths: OutputPaths, loaded: Loaded, capsys: pytest.CaptureFixture[str]
) -> None:
    number, _ = best_and_other(loaded)
    row, identity = loaded.trials[number].as_row(), loaded.trials[number].identity

    assert run(paths) == 0

    version = client(paths).get_model_version_by_alias("npz", "champion")
    assert (str(version.version), version.run_id) == ("1", row.run_id)
    shown = capsys.readouterr().out
    assert f"Trial {number} of sweep mine (+arch.width=" in shown
    assert "It is version 1 of model npz now, with the alias champion." in shown
    assert f"export MLFLOW_TRACKING_URI={local_uri(paths)}\n" in shown
    assert "mlflow models predict -m models:/npz@champion --env-manager local -t json -i images.json" in shown
    assert shown.splitlines()[0] == version.description
    known = version.tags
    assert (known[tags.SWEEP], known[tags.TRIAL], known[tags.RANK]) == ("mine", str(number), "1")
    assert known[tags.OBJECTIVE] == "val_loss (minimize)"
    assert known[tags.OVERRIDES] == " ".join(row.overrides)
    assert known[tags.DATA_DIGEST] == identity["data"]["digest"]
    assert known[tags.SPLIT_DIGEST] == identity["data"]["split_digest"]
    assert tags.LABEL not in known
    assert float(known["val_loss"]) == row.metrics["val_loss"]
    assert float(known["val_accuracy_low"]) < row.metrics["val_accuracy"] < float(known["val_accuracy_high"])
    assert int(known["num_params"]) == row.metrics["num_params"]
    model = client(paths).search_logged_models(["1"], f"source_run_id = '{row.run_id}'")[0]
    assert version.source == f"models:/{model.model_id}"
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "npz", "version": version.version}]


def test_a_trial_has_one_version_and_the_alias_goes_to_and_fro(
    paths: OutputPaths, loaded: Loaded, capsys: pytest.CaptureFixture[str]
) -> None:
    best, other = best_and_other(loaded)

    def promoted(*words: str) -> str:
        assert run(paths, "mine", *words) == 0
        return capsys.readouterr().out

    promoted()
    assert "It was version 1 of model npz already; it has the alias champion." in promoted()
    second = promoted("--trial", str(other))
    assert "It is version 2 of model npz now" in second
    assert f"Before, it was version 1 (trial {best} of sweep mine), which is kept, without the alias." in second
    back = promoted()
    assert f"Before, it was version 2 (trial {other} of sweep mine), which is kept" in back
    versions = client(paths).search_model_versions("name = 'npz'")
    assert {str(one.version): one.tags[tags.TRIAL] for one in versions} == {"1": str(best), "2": str(other)}
    assert {name: str(one) for name, one in client(paths).get_registered_model("npz").aliases.items()} == {
        "champion": "1"
    }


def test_a_former_champion_of_other_images_is_said_to_be_one(
    paths: OutputPaths, capsys: pytest.CaptureFixture[str]
) -> None:
    run(paths)
    client(paths).set_model_version_tag("npz", "1", tags.DATA_DIGEST, "another")
    capsys.readouterr()
    run(paths, "--trial", "1")
    shown = capsys.readouterr().out
    assert "It was pruned: its training was ended early." in shown
    assert "That one was trained on other images, so the two cannot be compared." in shown


def test_the_registered_model_is_called_as_is_wanted(paths: OutputPaths, capsys: pytest.CaptureFixture[str]) -> None:
    run(paths, "--model", "my reader")
    assert "-m 'models:/my reader@champion'" in capsys.readouterr().out
    assert client(paths).get_model_version_by_alias("my reader", "champion").tags[tags.SWEEP] == "mine"


def test_a_model_that_was_deleted_is_refused(paths: OutputPaths, loaded: Loaded) -> None:
    number, _ = best_and_other(loaded)
    [model] = client(paths).search_logged_models(["1"], f"source_run_id = '{loaded.trials[number].run_id}'")
    client(paths).delete_logged_model(model.model_id)
    with pytest.raises(
        StoreError, match=r"has no model: it was deleted\. Accepted: a trial that still has its model\."
    ):
        run(paths)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["--trial", "3"], r"trial 3 of sweep mine failed \(RuntimeError: .*\), so it has no model", id="failed"
        ),
        pytest.param(["--trial", "9"], r"--trial 9: sweep mine has no such trial\. Its trials: 0 to 3\.", id="none"),
        pytest.param(["--trial", "best"], r"'best' is not a trial's number, from 0", id="no-number"),
        pytest.param(["other"], r"There is no sweep 'other'", id="no-such-sweep"),
        pytest.param(["--model", "a/b"], r"--model 'a/b' is not accepted: up to 100 letters", id="a-slash"),
        pytest.param(["--model", ""], r"--model '' is not accepted", id="no-name"),
        pytest.param(
            ["output_dir=x"], r"output_dir=x is not the name of a sweep\. .*promote --output-dir x", id="an-override"
        ),
    ],
)
def test_what_cannot_be_promoted_is_refused_and_nothing_is_registered(
    own_sweep: Path, words: list[str], message: str
) -> None:
    paths = OutputPaths(own_sweep / "mlruns")
    with pytest.raises(RefusedError, match=message):
        run(paths, *words)
    assert client(paths).search_registered_models() == []


def test_without_a_complete_trial_none_is_best(loaded: Loaded) -> None:
    rows = tuple(row for row in loaded.rows if row.state is not TrialState.COMPLETE)
    with pytest.raises(RefusedError, match=r"Sweep mine has no trial of rank 1 to promote: none is complete"):
        promote.choose(replace(loaded, rows=rows), None)


def test_of_repeats_the_median_seed_is_taken_and_it_is_said(loaded: Loaded) -> None:
    best, number = best_and_other(loaded)  # of two, the worse one is the median
    rows = [row for row in loaded.rows if row.state is TrialState.COMPLETE]
    rows = [replace(row, point=0, num_repeats=2) for row in rows if row.number in (best, number)]
    chosen = promote.choose(replace(loaded, rows=tuple(rows)), None)
    assert chosen.ranked.row.number == number
    assert chosen.notes == (
        "Of the 2 repeats of the best configuration it has the median val_loss: the best one would be the luckiest "
        "seed. The configuration is ranked by their mean, and the interval is about that.",
    )


def test_of_a_front_the_first_is_taken_and_it_is_said(loaded: Loaded) -> None:
    number, other = best_and_other(loaded)
    sizes = {one: loaded.trials[one].as_row().metrics["num_params"] for one in (number, other)}
    direction = "maximize" if sizes[number] < sizes[other] else "minimize"  # in which the best by loss is the worse one
    both = replace(
        loaded, info=replace(loaded.info, objectives=(*loaded.objectives, Objective("num_params", direction)))
    )
    chosen = promote.choose(both, None)
    assert chosen.ranked.row.number == number
    assert chosen.notes == ("Others are on the Pareto front too; this one comes first there.",)


def test_running_trials_are_mentioned(loaded: Loaded) -> None:
    rows = [replace(row, state=TrialState.RUNNING) if row.number == 3 else row for row in loaded.rows]
    chosen = promote.choose(replace(loaded, rows=tuple(rows)), None)
    assert chosen.notes == ("1 more is running, or interrupted: the ranks may change.",)


def test_figures_of_the_test_set_are_labelled(loaded: Loaded) -> None:
    rows = tuple(replace(row, facts=replace(row.facts, test_is_validation=True)) for row in loaded.rows)
    optimistic = replace(loaded, rows=rows)
    about = promote.version_tags(optimistic, promote.choose(optimistic, None).ranked)
    assert about[tags.LABEL] == SELECTED_ON_TEST
    assert promote.describe(about).endswith(f"parameters; {SELECTED_ON_TEST}.")


def shell_lines() -> list[str]:
    """The commands of the guide's section on predicting."""
    text = (ROOT / "docs/promote.md").read_text(encoding="utf-8").partition("## Predicting")[2]
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


@pytest.mark.long
def test_the_commands_of_the_guide_predict_also_after_a_move(
    own_sweep: Path, paths: OutputPaths, tmp_path: Path, run_sweeper: Run
) -> None:
    assert run(paths) == 0
    there = tmp_path / "moved here"
    there.mkdir()
    shutil.move(paths.root, there / "mlruns")
    assert "It was version 1 of model npz already" in run_sweeper(there, "promote").stdout

    lines = [line.replace("models:/digits@", "models:/npz@") for line in shell_lines()]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=there,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    answers = np.array(json.loads((there / "answers.json").read_text())["predictions"])
    moved = OutputPaths(there / "mlruns")
    run_id = client(moved).get_model_version_by_alias("npz", "champion").run_id
    tested = np.load(client(moved).download_artifacts(run_id, "test/predictions.npz"))
    assert answers.shape == (3, 10)
    np.testing.assert_allclose(answers, tested["probabilities"][:3], atol=1e-3)
    assert sorted(path.name for path in there.iterdir()) == ["answers.json", "images.json", "mlruns"]
