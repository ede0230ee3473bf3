"""`python -m sweeper clean`: gives disk space back, and says what it frees and what is no longer possible.

    models      of trials beyond those that are kept; never one that is registered, nor a finalist's before the test set
    leftovers   of sweeps and runs that were interrupted or deleted, but no trial that a resumed sweep needs
    pictures    decoded pictures of folders that no sweep here was run on

What does not live here: whose model is kept (`sweeper.ranking.kept`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.text import Text

from sweeper.core.errors import StoreError, SweepLockedError
from sweeper.core.paths import OutputPaths
from sweeper.core.text import listed, printable, size_text
from sweeper.core.trials import TrialState
from sweeper.ranking.kept import LEADING, kept_models
from sweeper.report import sweep_report
from sweeper.storage import stored_sweep
from sweeper.storage.catalogue import sweep_names
from sweeper.storage.lease import hold_sweep
from sweeper.storage.places import place_of
from sweeper.storage.study import SweepStudy
from sweeper.tracking import logged_model
from sweeper.tracking.client import connect, local_uri
from sweeper.tracking.reader import about_sweep, deleted_runs


@dataclass(frozen=True)
class Freed:
    """Something that is deleted.

    Attributes:
        what: in a sentence, without its bytes.
        num_bytes: what it takes on the disk.
        delete: deletes it.
    """

    what: str
    num_bytes: int
    delete: Callable[[], None]


def clean(paths: OutputPaths, names: Sequence[str], keep: int | None, console: Console, *, dry_run: bool) -> int:
    """Deletes what is not kept; returns 0.

    Args:
        paths: the output folder.
        names: the sweeps whose models are looked at; all where there is none.
        keep: how many of a sweep's best trials keep their models; None: the leading group.
        console: what is freed is printed on it.
        dry_run: whether nothing is deleted.

    Raises:
        StoreError: there is no such sweep, or its store cannot be read.
    """
    every = sweep_names(paths)
    wanted = list(dict.fromkeys(names)) or every
    for name in wanted:
        SweepStudy.load(paths, name)  # refuses a name that does not exist before anything is deleted
    total = 0

    def say(text: str) -> None:
        console.print(Text(printable(text)), soft_wrap=True)

    with ExitStack() as stack:
        idle = []
        for name in every:
            try:
                stack.enter_context(hold_sweep(place_of(paths, name), name))
                idle.append(name)
            except SweepLockedError:
                say(f"Sweep {name} is running: nothing of it is deleted.")
        freed = [entry for name in wanted if name in idle for entry in _of_sweep(paths, name, keep, say)]
        freed += _of_deleted_runs(paths)
        freed += _pictures(paths, every) if len(idle) == len(every) else []
        for entry in freed:
            say(f"{entry.what}: {size_text(entry.num_bytes)}")
            total += entry.num_bytes
            if not dry_run:
                entry.delete()
    if not freed:
        say("Nothing to delete.")
    elif dry_run:
        say(f"{size_text(total)} would be freed. Nothing was deleted: --dry-run.")
    else:
        say(f"{size_text(total)} were freed.")
    return 0


def _of_sweep(paths: OutputPaths, name: str, keep: int | None, say: Callable[[str], None]) -> Iterator[Freed]:
    """A sweep's models beyond those that are kept, and what an interrupted start has left."""
    yield from _leftovers(paths, name)
    if str(about_sweep(paths, name).get("tracking_uri", "")).startswith("http"):
        say(f"The models of sweep {name} are on an MLflow server: they are left as they are.")
        return
    try:
        loaded = stored_sweep.load(paths, name)
    except StoreError as error:  # interrupted before its first trial, or damaged
        say(f"The models of sweep {name} are left as they are: {error}")
        return
    if any(row.state is TrialState.RUNNING for row in loaded.rows):
        say(f"Sweep {name} was interrupted: its models are left as they are, since it may be resumed.")
        return
    report = sweep_report.judged(loaded)
    rule = LEADING if keep is None else keep
    kept = kept_models(report.rows, report.findings, report.objectives, rule, finalists=0)
    client = connect(local_uri(paths))
    found: dict[int, list[tuple[str, logged_model.Stored]]] = {}
    for row in report.rows:
        if row.number not in kept and row.run_id:
            experiment_id = client.get_run(row.run_id).info.experiment_id
            stored = logged_model.deletable(client, experiment_id, row.run_id)
            found |= {row.number: [(row.run_id, one) for one in stored]} if stored else {}
    if not found:
        return
    stored_models = [pair for pairs in found.values() for pair in pairs]

    def delete() -> None:
        for run_id, one in stored_models:
            logged_model.delete_files(client, run_id, one)

    of = f"trial{'' if len(found) == 1 else 's'} {listed(found)}"
    left = sorted(kept & {row.number for row in report.rows})
    yield Freed(
        f"Sweep {name}: the models of {of}, which can then no longer be loaded, promoted or verified (their figures, "
        f"curves and predictions are kept); kept: {'none' if not left else listed(left)}",
        sum(one.num_bytes for _, one in stored_models),
        delete,
    )


def _leftovers(paths: OutputPaths, name: str) -> Iterator[Freed]:
    """What a start that was killed has left, but for trials that are resumed."""
    folder = paths.sweep(name)
    open_ones = {t.number for t in SweepStudy.load(paths, name).trials() if t.state is TrialState.RUNNING}
    folders = folder.trials.glob("*") if folder.trials.is_dir() and not folder.record.exists() else ()
    ended = [path for path in folders if not (path.name.isdecimal() and int(path.name) in open_ones)]
    found = [path for path in (folder.data, folder.probe, folder.evaluations, *ended) if path.exists()]
    found += folder.root.glob(".*.tmp")
    if found:
        yield Freed(f"Sweep {name}: what an interrupted start left", _size(found), lambda: _delete(found))


def _of_deleted_runs(paths: OutputPaths) -> Iterator[Freed]:
    """The files of runs of this program that were deleted: interrupted attempts, which MLflow only marks as deleted."""
    if not paths.tracking_db.is_file():
        return
    client = connect(local_uri(paths))
    found = [path for uri in deleted_runs(client) if (path := _local(uri)) and path.is_relative_to(paths.root)]
    found = [path for path in found if path.is_dir()]
    if found:
        yield Freed(f"Files of {len(found)} runs that were deleted in MLflow", _size(found), lambda: _delete(found))


def _local(uri: str) -> Path | None:
    """The folder of an address of artifacts; None of one on a server."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def _pictures(paths: OutputPaths, names: Sequence[str]) -> Iterator[Freed]:
    """Decoded pictures of folders that no sweep was run on, or that are not whole."""
    used = set()
    for name in names:
        info = SweepStudy.load(paths, name).info
        if info is not None and info.data_path is not None:
            used.add(Path(info.data_path).expanduser().resolve())
    for place in sorted(paths.pictures.glob("*")) if paths.pictures.is_dir() else ():
        if not place.is_dir():
            continue
        try:
            source = str(json.loads((place / "kept.json").read_text(encoding="utf-8"))["folder"])
        except (OSError, ValueError, KeyError, TypeError):
            source = ""
        if not source or Path(source).resolve() not in used:
            yield Freed(
                f"Decoded pictures of {source or 'an unknown folder'}, which no sweep here uses",
                logged_model.size_of(place),
                lambda place=place: _delete([place]),  # type: ignore[misc]
            )


def _size(found: Sequence[Path]) -> int:
    return sum(map(logged_model.size_of, found))


def _delete(found: Sequence[Path]) -> None:
    for path in found:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
