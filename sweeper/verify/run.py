"""`python -m sweeper verify`: trains a row of a leaderboard again and compares the outcome with what was recorded.

find the row -> read what its run recorded -> say which inputs differ -> train in its own folder -> compare

Nothing is written to the stores. What does not live here: the comparison (`sweeper.verify.comparison`,
`sweeper.verify.inputs`), and the training, which is a sweep's own (`sweeper.verify.rerun`).
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeper import data, executors
from sweeper.artifacts.damage import load_arrays
from sweeper.artifacts.model import read_weights
from sweeper.artifacts.versions import versions
from sweeper.config import keys
from sweeper.config.identity import leaves
from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError, DataError
from sweeper.core.paths import OutputPaths, TrialPaths
from sweeper.core.targets import foreign
from sweeper.core.text import listed, printable
from sweeper.core.trials import TrainingSpec, TrialState
from sweeper.executors import Executor
from sweeper.host import machine
from sweeper.host.machine import CPU, GPU
from sweeper.preflight import check
from sweeper.report import progress
from sweeper.report.command_lines import repeat_line
from sweeper.space.composer import Point
from sweeper.storage.stored_sweep import recorded_run
from sweeper.tracking import provenance
from sweeper.tracking.reader import RecordedRun, read_run, tracking_uri
from sweeper.tracking.tags import GIT_COMMIT
from sweeper.verify.comparison import Compared, Tolerance, Training, compare, judge
from sweeper.verify.inputs import Difference, Kind, code_difference, version_differences
from sweeper.verify.lookup import Row, find_row
from sweeper.verify.rerun import Rerun


def verify(paths: OutputPaths, given: str, data_path: str | None, console: Console, *, trust: bool = False) -> int:
    """Trains a row again; returns 0 where it came to the same, 1 where it did not.

    Args:
        paths: the output folder.
        given: a run id, the beginning of one, or SWEEP:NUMBER.
        data_path: where the images are now; None for the recorded place.
        console: what is found is printed on it.
        trust: whether code and servers that the folder names may be used.

    Raises:
        RefusedError: no such row, a row that has nothing to compare with, or images that are not available.
    """
    row = find_row(paths, given)
    if not trust:
        refuse_foreign_code(row, given)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sweeper-verify-")))
        run_id = recorded_run(paths, row.sweep, row.trial)
        recorded = read_run(tracking_uri(paths, row.sweep, trust=trust), run_id, folder / "recorded")
        gpus = machine.look().gpus[:1] if recorded.versions.get("device") != CPU else ()
        executor = executors.create("processes", 1, gpus)  # loads TensorFlow while the images are read
        stack.callback(executor.close)
        config = row_config(row, recorded, data_path)
        prepared = _prepare(row, config, given, folder / "data", paths.pictures)
        differences = _differences(recorded, GPU if gpus else CPU)
        _print_inputs(console, row, prepared, differences)
        if others := _other_images(row, prepared):
            console.print(Text(others), soft_wrap=True)
            return 1
        again = _train(executor, _spec(row, config, prepared, folder / "trial"), row, console)
        if isinstance(again, str):
            console.print(Text(f"Not the same: this time the training failed: {again}"), soft_wrap=True)
            return 1
    return _conclude(console, row, recorded, again, differences, config)


def refuse_foreign_code(row: Row, given: str) -> None:
    """Refuses a recorded class or function that is not known as harmless: it would be imported and called.

    Raises:
        ConfigError: names it.
    """
    named = foreign(row.trial.identity)
    scoring = [metric.target for metric in row.info.metrics if metric.target]
    if named or scoring:
        how = f"built by {', '.join(named)}" if named else f"scored by {', '.join(scoring)}"
        raise ConfigError(
            f"{row.name} was {how}, which would be imported "
            "and called: the output folder says so. Accepted: the same command with --trust, where you know the folder "
            f"and the code.  Try: python -m sweeper verify {given} --trust"
        )


def row_config(row: Row, recorded: RecordedRun, data_path: str | None) -> dict[str, Any]:
    """The resolved configuration of a row: the study's, which holds no path, with the path of its images.

    Raises:
        ConfigError: a path for images that have none.
    """
    images = {key: value for key, value in row.trial.identity["data"].items() if key not in ("digest", "split_digest")}
    path = recorded.config.get("data", {}).get("path")
    if data_path is not None:
        if images["name"] == "digits":
            raise ConfigError(
                f"--data-path {data_path} would be ignored: data=digits is bundled. Accepted: the line without it."
                f"  Try: python -m sweeper verify {row.typed}"
            )
        path = data_path
    return {**row.trial.identity, "data": {**images, "path": path}}


def _prepare(row: Row, config: Mapping[str, Any], given: str, folder: Path, kept: Path) -> PreparedData:
    """Checks what a sweep would, the builder among it, and writes the images.

    Raises:
        DataError: the images are not where they were.
        RefusedError: the builder is not there, or this version does not know a key.
    """
    try:
        check.Checker(kept).plan(Point(row.trial.overrides, row.trial.params, dict(config)))
        identity = row.trial.identity["data"]
        recorded = (identity["digest"], identity["split_digest"])
        images = DataConfig(**config["data"])
        return data.prepare(images, folder, kept, recorded=lambda: recorded, is_undivided=row.is_refit)
    except DataError as error:
        place = config["data"]["path"]
        raise DataError(
            f"The images of {row.typed} (data={config['data']['name']}"
            f"{f', data.path={place}' if place else ''}) are not available: {str(error).partition('. ')[0]}. Accepted: "
            f"the same images, in their present place.  Try: python -m sweeper verify {given} --data-path FILE"
        ) from error
    except TypeError as error:
        raise ConfigError(
            f"{given} was recorded by a version whose configuration this one does not take: {error}. Accepted: a row "
            "of this version.  Try: git checkout, to the commit that its run names"
        ) from error


def _differences(recorded: RecordedRun, device: str) -> list[Difference]:
    tags = provenance.tags()
    changed = provenance.changed_since(recorded.tags.get(GIT_COMMIT, ""))
    code = code_difference(recorded.tags, tags, changed)
    now = {**versions(None), "device": device}
    return [*([code] if code else []), *version_differences(recorded.versions, now)]


def _other_images(row: Row, prepared: PreparedData) -> str:
    """What is wrong with the images; nothing where they are those that the row was trained on."""
    identity = row.trial.identity["data"]
    if identity["digest"] != prepared.data_digest:
        return (
            "Not the same: these are other images than those that the row was trained on (digest "
            f"{identity['digest'][:12]} recorded, {prepared.data_digest[:12]} now). Nothing was trained; --data-path "
            "FILE names another place."
        )
    if identity["split_digest"] != prepared.split_digest:
        return (
            "Not the same: the code now splits these images differently (digest of the split "
            f"{identity['split_digest'][:12]} recorded, {prepared.split_digest[:12]} now). Nothing was trained."
        )
    return ""


def _spec(row: Row, config: dict[str, Any], prepared: PreparedData, folder: Path) -> TrainingSpec:
    return TrainingSpec(
        number=row.trial.number,
        folder=folder,
        config=config,
        overrides=row.trial.overrides,
        data=prepared,
        metric=row.objective,
        awaits_verdict=row.stop_after is not None or bool(row.cuts),
        metrics=row.info.metrics,
    )


def _train(executor: Executor, spec: TrainingSpec, row: Row, console: Console) -> Training | str:
    """What the training left; where it failed, the reason."""
    with progress.trial_listener(console, row.objective) as listener:
        result = Rerun(executor, spec, listener, row.stop_after, row.cuts).run()
    if result.state is TrialState.FAILED:
        return result.error
    paths = TrialPaths(spec.folder)
    predictions = {} if row.is_refit else load_arrays(paths.predictions)
    return Training(result.metrics, result.history, predictions, read_weights(paths.model))


def _print_inputs(console: Console, row: Row, prepared: PreparedData, differences: Sequence[Difference]) -> None:
    """The row, its images, and which inputs differ: said before anything trains."""
    outcome = row.outcome
    overrides = printable(" ".join(row.trial.overrides)) or "(as configured)"
    epochs = f"{len(outcome.history)} epoch{'' if len(outcome.history) == 1 else 's'}"
    threads = row.trial.identity["training"]["threads"]
    lines = [
        f"{row.name}: {overrides} ({outcome.state} after {epochs}, seed "
        f"{outcome.seed}, {threads} CPU thread{'' if threads == 1 else 's'}, run {row.trial.run_id}).",
        f"Images: {prepared.summary.name}, from {prepared.source}.",
    ]
    if row.stop_after is not None:
        lines.append(f"A pruner ended it after epoch {row.stop_after}; so is this training.")
    if row.cuts:
        cuts = listed(f"epoch {cut}" for cut in row.cuts)
        lines.append(f"It was interrupted after {cuts} and resumed from its checkpoint; so is this training.")
    if not differences:
        lines.append("Inputs: code, versions and CPU are those that were recorded.")
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    if differences:
        console.print("Inputs that differ:")
        _print_table(
            console,
            ("input", "recorded", "now"),
            [(one.name, one.recorded, one.now) for one in differences],
        )


def _conclude(
    console: Console,
    row: Row,
    recorded: RecordedRun,
    again: Training,
    differences: Sequence[Difference],
    config: Mapping[str, Any],
) -> int:
    tolerance = Tolerance()
    config = {**config, "metrics": {one.name: {"_target_": one.target} for one in row.info.metrics if one.target}}
    before = Training(row.outcome.metrics, row.outcome.history, recorded.predictions, recorded.weights)
    compared = compare(before, again, tolerance)
    is_exact = all(one.kind is not Kind.ROUNDING for one in differences)
    console.print()
    _print_table(console, ("", "recorded", "again", "same"), [_cells(one, is_exact) for one in compared])
    verdict = judge(compared, differences, tolerance, _unseen(config))
    console.print()
    console.print(Text(verdict.text), soft_wrap=True)
    if line := _own_line(row, config["data"]["path"]):
        console.print(Text("To train it in a separate sweep:"), soft_wrap=True)
        console.print(Text(f"  {line}"), soft_wrap=True)
    return 0 if verdict.is_same else 1


def _cells(one: Compared, is_exact: bool) -> tuple[str, str, str, str]:
    word = "yes" if one.is_equal else "nearly" if one.is_near and not is_exact else "no"
    return one.name, one.recorded, one.again, f"{word}: {one.note}" if one.note else word


def _unseen(config: Mapping[str, Any]) -> list[str]:
    """What a training depends on and no run records."""
    targets = [f"{key}={value}" for key, value in leaves(config) if key.endswith("_target_")]
    own = [target for target in targets if not target.partition("=")[2].startswith(("models.", "keras."))]
    listed_ones = foreign({key: config.get(key) for key in ("training", "augment")})  # callbacks and layers
    own += [target for target in listed_ones if not target.startswith("keras.")]
    return [*(f"the code of {target}" for target in own), "the environment", "the machine itself"]


def _print_table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def _own_line(row: Row, data_path: str | None) -> str:
    """The line that trains a row in a sweep of its own.

    Nothing for a pruned row or a refit, nor where the sweep's words do not give it: a sweep of an earlier version kept
    none, and a config group that varies only since a later line is in no row before it.
    """
    fixed, outcome = row.info.fixed, row.outcome
    groups = [key for key in row.info.params if keys.is_group(key) and key not in outcome.params]
    if row.is_refit or fixed is None or groups or outcome.state is not TrialState.COMPLETE:
        return ""
    words = [word for word in fixed if word.partition("=")[0] != "data.path"]
    return repeat_line(outcome, shlex.join([*words, *([f"data.path={data_path}"] if data_path else [])]))
