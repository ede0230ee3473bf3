"""`python -m sweeper promote`: a trial's model becomes the champion of a registered model, with what is known of it.

What does not live here: the registry itself (`sweeper.tracking.registry`), the ranking (`sweeper.ranking.leaderboard`).
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from sweeper.core.errors import ConfigError
from sweeper.core.paths import OutputPaths
from sweeper.core.sweeps import Refit
from sweeper.core.text import cell_text, listed, printable
from sweeper.core.trials import TrialState
from sweeper.ranking import columns
from sweeper.ranking import refit as refits
from sweeper.ranking.columns import SELECTED_ON_TEST
from sweeper.ranking.configurations import median_seed
from sweeper.ranking.leaderboard import RankedRow, compared_of, point_of
from sweeper.report import sweep_report
from sweeper.storage import stored_sweep
from sweeper.storage.catalogue import sweep_names
from sweeper.storage.stored_sweep import Loaded
from sweeper.tracking import registry, tags
from sweeper.tracking.reader import tracking_uri
from sweeper.tracking.registry import CHAMPION, Promotion, Version

#: Figures that a version carries, where its trial has them.
FIGURES = (
    *("val_accuracy", "val_accuracy_low", "val_accuracy_high", "val_loss"),
    *("test_accuracy", "test_loss", "num_params", "flops", "epochs", "seed"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


@dataclass(frozen=True)
class Choice:
    """A trial to promote, and why it is this one.

    Attributes:
        ranked: its row and rank; a pruned trial's rank comes after all complete ones.
        notes: what its rank does not say.
    """

    ranked: RankedRow
    notes: tuple[str, ...] = ()


def promote(
    paths: OutputPaths,
    name: str | None,
    number: int | None,
    model: str | None,
    console: Console,
    *,
    trust: bool = False,
) -> int:
    """Registers a trial's model as champion and prints what to type next; returns 0.

    Args:
        paths: the output folder.
        name: the sweep; the newest where None.
        number: the trial; where None the refit of the first configuration, or without one the trial of rank 1.
        model: the registered model; called as the data set where None.
        console: what was done is printed on it.
        trust: whether a server that the folder names may be spoken to.

    Raises:
        RefusedError: no such sweep or trial, a trial without a finished model, or a name that MLflow does not take.
    """
    sweep = stored_sweep.load(paths, name if name is not None else sweep_names(paths)[0])
    refit = refits.current(sweep.refits, sweep.rows, sweep.objectives) if number is None else None
    choice = choose(sweep, number) if refit is None else _of_refit(sweep, refit)
    trial = sweep.trials[choice.ranked.row.number] if refit is None else refit.trial
    registered = _checked_name(model if model is not None else str(trial.identity["data"]["name"]))
    uri = tracking_uri(paths, sweep.name, trust=trust)
    about = version_tags(sweep, choice.ranked, refit)
    known = {key: value for key, value in about.items() if value}
    run_id = stored_sweep.recorded_run(paths, sweep.name, trial)
    done = registry.promote(uri, registered, run_id, known, describe(about))
    _print(console, sweep, choice, registered, uri, done, about)
    return 0


def choose(sweep: Loaded, number: int | None) -> Choice:
    """The trial of that number, or the best.

    A pruned trial is taken only where it is asked for by its number.

    Raises:
        ConfigError: no such trial, or one that failed or runs.
    """
    ranked = sweep_report.judged(sweep).ranked()
    return _best(sweep, ranked) if number is None else _named(sweep, ranked, number)


def _best(sweep: Loaded, ranked: list[RankedRow]) -> Choice:
    first = [one for one in ranked if one.rank == 1 and one.row.state is TrialState.COMPLETE]
    if not first:
        raise ConfigError(
            f"Sweep {sweep.name} has no trial of rank 1 to promote: none is complete. Accepted: a trial by its number, "
            f"also a pruned one.  Try: python -m sweeper report {sweep.name}"
        )
    objective = sweep.objectives[0]
    point = [one for one in first if point_of(one.row) == point_of(first[0].row)]
    repeats = compared_of([one.row for one in point])
    median = median_seed(repeats, objective)
    best = next(one for one in point if one.row.number == median.number)
    notes = []
    if len(repeats) > 1:
        notes.append(
            f"Of the {len(repeats)} repeats of the best configuration it has the median {objective.metric}: the best "
            "one would be the luckiest seed. The configuration is ranked by their mean, and the interval is about that."
        )
    if len(first) > len(point):
        what = "on the Pareto front" if len(sweep.objectives) > 1 else "of rank 1"
        notes.append(f"Others are {what} too; this one comes first there.")
    if running := sum(row.state is TrialState.RUNNING for row in sweep.rows):
        notes.append(f"{running} more {'is' if running == 1 else 'are'} running, or interrupted: the ranks may change.")
    return Choice(best, tuple(notes))


def _of_refit(sweep: Loaded, refit: Refit) -> Choice:
    """The refit, with what is said of it."""
    if refit.trial.row is None:
        raise ValueError("a refit is promoted when its training is complete")
    notes = (one.removesuffix(refits.PROMOTED) for one in refits.sentences([refit], sweep.rows, sweep.objectives))
    return Choice(RankedRow(None, refit.trial.row), tuple(notes))


def _named(sweep: Loaded, ranked: list[RankedRow], number: int) -> Choice:
    rows = {row.number: row for row in sweep.rows}
    if number not in rows:
        numbers = f"0 to {max(rows)}" if rows else "none"
        raise ConfigError(f"--trial {number}: sweep {sweep.name} has no such trial. Its trials: {numbers}."
                          f"  Try: python -m sweeper report {sweep.name}")  # fmt: skip
    row = rows[number]
    if row.state in (TrialState.FAILED, TrialState.RUNNING) or not row.history:
        state = f"failed ({row.error})" if row.state is TrialState.FAILED else "runs, or was interrupted"
        state = "did not begin" if row.state is TrialState.PRUNED else state
        raise ConfigError(
            f"--trial {number}: trial {number} of sweep {sweep.name} {state}, so it has no model. Accepted: a complete "
            f"or a pruned trial.  Try: python -m sweeper promote {sweep.name}"
        )
    [found] = [one for one in ranked if one.row.number == number]
    notes = ("It was pruned: its training was ended early.",) if row.state is TrialState.PRUNED else ()
    return Choice(found, notes)


def _checked_name(name: str) -> str:
    """Raises ConfigError for a name that would not read as one in `models:/NAME@champion`."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"--model {name!r} is not accepted: up to 100 letters, digits, '.', '_', '-' and spaces, beginning with a "
            "letter or digit.  Try: --model digits"
        )
    return name


def version_tags(sweep: Loaded, ranked: RankedRow, refit: Refit | None = None) -> dict[str, str]:
    """What a version says of its trial or refit: where it comes from, its figures with their interval, its data."""
    row = ranked.row
    trial = sweep.trials[row.number] if refit is None else refit.trial
    names, [cells] = columns.table([ranked], sweep.info.params, *sweep.objectives)
    wanted = (*FIGURES, *columns.asked_for(names))
    figures = {key: cell_text(cells[key]) for key in wanted if key in names and cells[key] is not None}
    identity = trial.identity["data"]
    objective = ", ".join(f"{one.metric} ({one.direction})" for one in sweep.objectives)
    return {
        tags.SWEEP: sweep.name,
        tags.TRIAL: str(row.number) if refit is None else "refit",
        tags.REFIT: "" if refit is None else ",".join(map(str, refit.trials)),
        tags.STATE: str(row.state),
        tags.RANK: "" if ranked.rank is None else str(ranked.rank),
        tags.OBJECTIVE: objective,
        tags.OVERRIDES: " ".join(row.overrides),
        tags.DATA: str(identity["name"]),
        tags.DATA_DIGEST: identity["digest"],
        tags.SPLIT_DIGEST: identity["split_digest"],
        tags.CLASS_NAMES: _class_names(sweep, identity["digest"]),
        tags.CONVERSIONS: "\n".join(sweep.info.conversions.get(identity["digest"], ())),
        tags.LABEL: SELECTED_ON_TEST if row.facts.test_is_validation else "",
        **figures,
    }


def _class_names(sweep: Loaded, digest: str) -> str:
    """The names of the classes in the order of the outputs, as JSON; empty where they have none."""
    names = sweep.info.class_names.get(digest)
    return json.dumps(names, ensure_ascii=False) if names else ""


def describe(about: dict[str, str]) -> str:
    """A version's description, one sentence."""
    rank = f", rank {about[tags.RANK]} by {about[tags.OBJECTIVE]}" if about[tags.RANK] else ""
    low, high = (about.get(f"val_accuracy_{end}") for end in ("low", "high"))
    interval = f" (95 % interval {float(low):.4f} to {float(high):.4f})" if low and high else ""
    accuracy = f"; validation accuracy {float(about['val_accuracy']):.4f}{interval}" if "val_accuracy" in about else ""
    size = f", {int(about['num_params']):,} parameters" if "num_params" in about else ""
    label = f"; {about[tags.LABEL]}" if about[tags.LABEL] else ""
    if about[tags.REFIT]:
        tested = f"; test accuracy {float(about['test_accuracy']):.4f}" if "test_accuracy" in about else ""
        return (
            f"The refit of sweep {about[tags.SWEEP]} ({about[tags.OVERRIDES] or 'as configured'}), first by "
            f"{about[tags.OBJECTIVE]}, trained on training and validation images of data {about[tags.DATA]}"
            f"{tested}{size}."
        )
    return (
        f"Trial {about[tags.TRIAL]} of sweep {about[tags.SWEEP]} ({about[tags.OVERRIDES] or 'as configured'}), "
        f"{about[tags.STATE]}{rank}, on data {about[tags.DATA]}{accuracy}{size}{label}."
    )


def _print(
    console: Console,
    sweep: Loaded,
    choice: Choice,
    name: str,
    uri: str,
    done: Promotion,
    about: dict[str, str],
) -> None:
    number = done.version.number
    shell, python = next_lines(name, uri)
    lines = [describe(about), *choice.notes]
    lines.append(
        f"It is version {number} of model {name} now, with the alias {CHAMPION}."
        if done.is_new
        else f"It was version {number} of model {name} already; it has the alias {CHAMPION}."
    )
    if about[tags.CLASS_NAMES]:
        names = json.loads(about[tags.CLASS_NAMES])
        lines.append(f"Its outputs are the classes {listed(names)}, in this order; its metadata names all of them.")
    if about[tags.CONVERSIONS]:
        said = " ".join(about[tags.CONVERSIONS].splitlines())
        lines.append(f"Its images and labels were converted, and images to predict need the same: {said}")
    lines += _former(done.former, about)
    lines += ["To predict with it (docs/promote.md shows how images.json is made):", *(f"  {line}" for line in shell)]
    lines += ["In Python:", *(f"  {line}" for line in python)]
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)


def _former(former: Version | None, about: dict[str, str]) -> list[str]:
    if former is None:
        return []
    is_ours = tags.TRIAL in former.tags
    number = former.tags.get(tags.TRIAL, "")
    whose = "the refit" if number == "refit" else f"trial {number}"
    trial = f" ({whose} of sweep {former.tags[tags.SWEEP]})" if is_ours else ""
    lines = [f"Before, it was version {former.number}{trial}, which is kept, without the alias."]
    if former.tags.get(tags.DATA_DIGEST, about[tags.DATA_DIGEST]) != about[tags.DATA_DIGEST]:
        lines.append("That one was trained on other images, so the two cannot be compared.")
    return lines


def next_lines(name: str, uri: str) -> tuple[list[str], list[str]]:
    """What to type next: for a shell, by MLflow's own command; and in Python."""
    model = f"models:/{name}@{CHAMPION}"
    shell = [
        f"export MLFLOW_TRACKING_URI={shlex.quote(uri)}",
        f"mlflow models predict -m {shlex.quote(model)} --env-manager local -t json -i images.json -o answers.json",
    ]
    python = [
        "import mlflow",
        f"mlflow.set_tracking_uri({uri!r})",
        f"model = mlflow.pyfunc.load_model({model!r})",
        "probabilities = model.predict(images)  # float32 images in [0, 1]: (number, height, width, channels)",
    ]
    return shell, python
