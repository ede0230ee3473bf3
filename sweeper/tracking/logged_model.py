"""A trial's logged model in MLflow."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sweeper.artifacts.damage import check_archive, reading
from sweeper.artifacts.model import model_file
from sweeper.core.errors import RunGoneError
from sweeper.tracking import tags as keys
from sweeper.tracking.runs import Begun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

#: Keys of an MLmodel file, which MLflow writes in alphabetical order.
_DESCRIBED = ("flavors", "model_id", "run_id", "signature", "utc_time_created")

#: The name under which a trial's model is found: `runs:/RUN_ID/model`.
MODEL_NAME = "model"


def name_in_folder(folder: Path, run_id: str, model_id: str) -> None:
    """Enters run and model into the folder's MLmodel; the path is the model's name, which outlives a move."""
    import yaml
    from mlflow.models import Model

    # `Model.load` would take a path with `%20` in it for an address.
    description = Model.from_dict(yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8")))
    description.run_id = run_id
    description.model_id = model_id
    description.model_uuid = model_id
    description.artifact_path = MODEL_NAME
    description.save(str(folder / "MLmodel"))


def log(client: MlflowClient, run: Begun, experiment_id: str, uri: str, folder: Path, step: int) -> str:
    """Makes a model's folder a logged model of the run, as `mlflow.models.Model.log` does; returns the model's id.

    That function would save the model itself, which needs TensorFlow and a fluent run.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    shared = (keys.SWEEP, keys.TRIAL, keys.MLFLOW_USER, keys.MLFLOW_SOURCE_NAME, keys.MLFLOW_SOURCE_TYPE)
    logged = client.create_logged_model(
        experiment_id,
        name=MODEL_NAME,
        source_run_id=run.id,
        params=dict(run.params),
        tags={key: run.tags[key] for key in shared if key in run.tags},
    )
    name_in_folder(folder, run.id, logged.model_id)
    upload(folder, logged.artifact_location, uri)
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_outputs(run.id, [LoggedModelOutput(logged.model_id, step)])
    return str(logged.model_id)


def upload(folder: Path, place: str, uri: str) -> None:
    """Copies a folder to a place of artifacts whose address is known; MLflow's client would ask the store for it."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    files: Any = get_artifact_repository(place, tracking_uri=uri)  # untyped
    files.log_artifacts(str(folder))


def check_files(folder: Path) -> None:
    """Reads the files of a model's folder that MLflow and Keras need to load it.

    Raises:
        DamagedFileError: one is not there, or not whole.
    """
    import yaml

    description = folder / "MLmodel"
    with reading(description):
        try:
            found = yaml.safe_load(description.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
        if missing := [key for key in _DESCRIBED if key not in found]:
            raise ValueError(f"it lacks {', '.join(missing)}")
    check_archive(model_file(folder))


def delete(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    """Soft-deletes a run's logged models."""
    for model in client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'"):
        client.delete_logged_model(model.model_id)


@dataclass(frozen=True)
class Stored:
    """A trial's model on this disk: its id in MLflow, its folder, its bytes."""

    model_id: str
    folder: Path
    num_bytes: int


def deletable(client: MlflowClient, experiment_id: str, run_id: str) -> list[Stored]:
    """A run's models whose files lie on this machine and which no version of a registered model needs."""
    found = []
    for model in ready(client, experiment_id, run_id):
        place = str(model.artifact_location)
        registered = json.loads(model.tags.get(keys.MLFLOW_MODEL_VERSIONS) or "[]")
        if place.startswith("file:") and not registered:
            folder = Path(unquote(urlsplit(place).path))
            found.append(Stored(model.model_id, folder, size_of(folder)))
    return found


def delete_files(client: MlflowClient, run_id: str, stored: Stored) -> None:
    """Deletes a model's files for good; its run says when. Files come last, so that no model lacks some of them."""
    client.set_tag(run_id, keys.MODEL_DELETED, datetime.now(UTC).isoformat(timespec="seconds"))
    client.delete_logged_model(stored.model_id)
    shutil.rmtree(stored.folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # MLflow's folder of the model, in which the files lay
        stored.folder.parent.rmdir()


def size_of(folder: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def why_missing(tags: Mapping[str, str]) -> str:
    """Why a run has no model, from its tags, in words that continue `run …`."""
    if date := tags.get(keys.MODEL_DELETED):
        return (
            f"has no model: it was deleted on {date} to free disk space (tracking.keep_models, or the command clean). "
            "Its figures, curves and predictions are kept; its model can no longer be loaded, promoted or verified"
        )
    return "has no model: it was deleted"


def ready(client: MlflowClient, experiment_id: str, run_id: str) -> list[LoggedModel]:
    """A run's logged models whose files are whole; one that was interrupted on its way has none."""
    from mlflow.entities import LoggedModelStatus

    models = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    return [model for model in models if model.status == LoggedModelStatus.READY]


def download(client: MlflowClient, experiment_id: str, run_id: str, into: Path, uri: str) -> Path:
    """The folder of a run's logged model: where it lies, or, of a server, a copy in `into`.

    Raises:
        RunGoneError: the run has no model.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    models = ready(client, experiment_id, run_id)
    if not models:
        raise RunGoneError(f"MLflow at {uri}: run {run_id} {why_missing(client.get_run(run_id).data.tags)}")
    place = str(models[0].artifact_location)
    if place.startswith("file:"):
        return Path(unquote(urlsplit(place).path))
    files: Any = get_artifact_repository(place, tracking_uri=uri)  # `models:/` would be looked up in another store
    into.mkdir(parents=True, exist_ok=True)
    return Path(files.download_artifacts("", str(into)))
