"""Reads what a trial's run recorded in MLflow: tags, configuration, versions, predictions, and the model's files.

It writes nothing to any store. What does not live here: what the study knows of a trial (`sweeper.storage.study`),
writing a run (`sweeper.tracking.tracker`). MLflow takes over a second to import, so it is imported inside functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy.typing as npt
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.artifacts.damage import load_arrays, reading
from sweeper.artifacts.model import read_weights
from sweeper.core.errors import DamagedFileError, RunGoneError, StoreError
from sweeper.core.paths import OutputPaths
from sweeper.core.secrets import hide_passwords
from sweeper.host import process
from sweeper.tracking import logged_model
from sweeper.tracking import tags as keys
from sweeper.tracking.client import check, connect, failures, local_uri, reason
from sweeper.tracking.credentials import take_credentials

if TYPE_CHECKING:
    from mlflow import MlflowClient

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class RecordedRun:
    """What a trial's run holds.

    Attributes:
        tags: of the run.
        config: the resolved configuration, from `config.yaml`.
        versions: as `versions.json` has them.
        predictions: arrays by name, as in `predictions.npz`; none of a refit, which has no validation images.
        weights: arrays by their place in the network, from the run's logged model.
    """

    tags: Mapping[str, str]
    config: dict[str, Any]
    versions: dict[str, str]
    predictions: dict[str, Array]
    weights: dict[str, Array]


def about_sweep(paths: OutputPaths, name: str) -> dict[str, Any]:
    """What `multirun.yaml` says of a sweep; nothing where the file is not there."""
    path = paths.sweep(name).multirun
    return _plain(path) if path.is_file() else {}


def _plain(path: Path) -> dict[str, Any]:
    """The keys of a YAML file.

    Raises:
        DamagedFileError: it is not one.
    """
    import yaml

    with reading(path):
        try:
            found = OmegaConf.to_container(OmegaConf.load(path))
        except (yaml.YAMLError, OmegaConfBaseException) as error:
            raise ValueError(str(error)) from error
        if not isinstance(found, dict):
            raise ValueError("it holds no keys")
    return {str(key): value for key, value in found.items()}


def tracking_uri(paths: OutputPaths, name: str, *, trust: bool) -> str:
    """Where a sweep's runs are: its MLflow server, or the store under `output_dir`, wherever that lies now.

    Args:
        paths: the output folder, which somebody else may have made.
        name: the sweep.
        trust: whether a server that the folder names may be spoken to; it gets the user's MLflow credentials.

    Raises:
        StoreError: the folder names a server, and is not trusted; or there is no store.
    """
    try:
        uri = str(about_sweep(paths, name).get("tracking_uri", ""))
    except DamagedFileError as error:
        raise StoreError(
            f"Where the runs of sweep {name} are is not known: {error}. Accepted: the file as a sweep writes it.  "
            "Try: the command that started the sweep, which writes it again"
        ) from error
    if not uri.startswith(("http://", "https://")):
        if not paths.tracking_db.is_file():
            raise StoreError(
                f"The runs of sweep {name} cannot be read: {paths.tracking_db} does not exist, or is no file. "
                "Accepted: an output folder with the mlflow.db that its sweeps have made.  Try: put a copy of the file "
                "there"
            )
        return local_uri(paths)
    if not trust:
        raise StoreError(
            f"The runs of sweep {name} are on the MLflow server {hide_passwords(uri)}: a file says so in {paths.root}. "
            "The server would get your MLflow credentials. Accepted: the same command with --trust, where you know the "
            "folder and the server.  Try: add --trust"
        )
    return take_credentials(uri)


@contextmanager
def artifact(uri: str, run_id: str, name: str, folder: str) -> Iterator[Path]:
    """One file of a run: where it lies on this machine, or a copy in `folder`.

    Raises:
        StoreError: the store, the run or the file is not there.
    """
    with _read(uri, run_id):
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        root = str(connect(uri).get_run(run_id).info.artifact_uri)
        files: Any = get_artifact_repository(root, tracking_uri=uri)
        yield Path(files.download_artifacts(name, folder if not root.startswith("file:") else None))


def model_folder(uri: str, run_id: str, folder: Path) -> Path:
    """The folder of a run's model: where it lies on this machine, or a copy in `folder`.

    Raises:
        StoreError: the store, the run or its model is not there.
    """
    with _read(uri, run_id):
        client = connect(uri)
        experiment_id = client.get_run(run_id).info.experiment_id
        return logged_model.download(client, experiment_id, run_id, folder / "model", uri)


def deleted_runs(client: MlflowClient) -> Iterator[str]:
    """The addresses of the artifacts of trials' runs that are deleted, but not finally."""
    from mlflow.entities import ViewType

    kind = f"tags.`{keys.KIND}` = '{keys.KIND_TRIAL}'"
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        token: Any = ""
        while token is not None:
            runs = client.search_runs(
                [experiment.experiment_id], kind, ViewType.DELETED_ONLY, max_results=1000, page_token=token or None
            )
            yield from (str(run.info.artifact_uri) for run in runs)
            token = runs.token or None


@contextmanager
def _read(uri: str, run_id: str) -> Iterator[None]:
    """Makes what MLflow raises of a run a StoreError."""
    if uri.startswith("http"):
        check(uri)
    unreadable: tuple[type[Exception], ...] = (*failures(), DamagedFileError, RunGoneError)
    try:
        yield
    except unreadable as error:
        why = str(error) if isinstance(error, DamagedFileError | RunGoneError) else reason(error)
        raise StoreError(
            f"Run {run_id} of {uri} cannot be read: {why}. Accepted: a finished trial whose run still has "
            "its files.  Try: python -m sweeper report"
        ) from error


def read_run(uri: str, run_id: str, folder: Path) -> RecordedRun:
    """Reads a finished trial's run.

    Args:
        uri: the tracking URI of its store.
        run_id: the run.
        folder: where files that lie on a server are put; need not exist.

    Raises:
        StoreError: the store, the run or one of its files is not there.
    """
    is_server = uri.startswith("http")
    if is_server:
        check(uri)
        folder.mkdir(parents=True, exist_ok=True)
    process.prepare_mlflow()
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    def fetch(root: str, name: str) -> Path:
        """The file itself where it lies on this machine, else a copy."""
        if root.startswith("file:"):
            return Path(unquote(urlsplit(root).path)) / name
        files: Any = get_artifact_repository(root, tracking_uri=uri)
        return Path(files.download_artifacts(name, str(folder) if is_server else None))

    unreadable: tuple[type[Exception], ...] = (*failures(), DamagedFileError)
    try:
        client = connect(uri)
        run = client.get_run(run_id)
        files = run.info.artifact_uri
        if not logged_model.ready(client, run.info.experiment_id, run_id):
            raise DamagedFileError(f"it {logged_model.why_missing(run.data.tags)}")
        versions = fetch(files, "versions.json")
        with reading(versions):
            packages = json.loads(versions.read_text(encoding="utf-8"))
        return RecordedRun(
            tags=run.data.tags,
            config=_plain(fetch(files, "config.yaml")),
            versions=packages,
            predictions={} if keys.REFIT in run.data.tags else load_arrays(fetch(files, "predictions.npz")),
            weights=read_weights(logged_model.download(client, run.info.experiment_id, run_id, folder / "model", uri)),
        )
    except unreadable as error:
        why = str(error) if isinstance(error, DamagedFileError) else reason(error)
        raise StoreError(
            f"Run {run_id} of {uri} cannot be read: {why}. Accepted: a finished trial whose run still has "
            "its files.  Try: python -m sweeper report"
        ) from error
