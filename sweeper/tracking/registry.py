"""MLflow's model registry: the versions of a registered model, and the alias that says which of them is in use.

What does not live here: which trial becomes a version, and with which figures (`sweeper.cli.promote`). MLflow takes
over a second to import, so it is imported inside functions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sweeper.core.errors import DamagedFileError, StoreError
from sweeper.tracking import logged_model
from sweeper.tracking import tags as keys
from sweeper.tracking.client import check, connect, failures, reason
from sweeper.tracking.format import tag_values

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: The alias of the version that is in use.
CHAMPION = "champion"


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        number: as MLflow counts them, from 1.
        run_id: of the trial that it came from; may be empty where another program registered it.
        tags: as it was registered with them.
    """

    number: str
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Promotion:
    """Attributes: the version that is champion now; whether it is new; the former champion, if that was another."""

    version: Version
    is_new: bool
    former: Version | None


def promote(uri: str, name: str, run_id: str, tags: Mapping[str, str], description: str) -> Promotion:
    """Makes a run's model the champion of a registered model; its tags and description are brought up to date.

    A run has one version at most, so that a second promotion changes nothing but what is said of it. Other versions
    stay, and lose the alias.

    Args:
        uri: the tracking URI of the run's store, which is the registry too.
        name: of the registered model; made if it is not there.
        run_id: a trial's run.
        tags: of the version.
        description: of the version.

    Raises:
        StoreError: the store, the run or its model is not there, or cannot be written.
    """
    if uri.startswith("http"):
        check(uri)
    try:
        client = connect(uri)
        model_id = _model_id(client, run_id)
        _check_files(client, uri, run_id)
        aliases = _aliases(client, name)
        versions = {version.number: version for version in _versions(client, name)}
        former = versions.get(aliases.get(CHAMPION, ""))
        found = next((version for version in versions.values() if version.run_id == run_id), None)
        version = _create(client, uri, name, run_id, model_id) if found is None else found
        for key, value in tag_values(tags).items():
            client.set_model_version_tag(name, version.number, key, value)
        client.update_model_version(name, version.number, description)
        client.set_registered_model_alias(name, CHAMPION, version.number)
    except DamagedFileError as error:
        raise StoreError(
            f"The model of run {run_id} is not whole: {error}. Accepted: a trial that still has its model.  "
            "Try: python -m sweeper promote --trial N"
        ) from error
    except failures() as error:
        raise StoreError(
            f"The registry at {uri} cannot be used for model {name}: {reason(error)}. Accepted: the store of a sweep "
            "that has run, which may be written.  Try: python -m sweeper report"
        ) from error
    is_other = former is not None and former.number != version.number
    return Promotion(version, found is None, former if is_other else None)


def _model_id(client: MlflowClient, run_id: str) -> str:
    run = client.get_run(run_id)
    models = logged_model.ready(client, run.info.experiment_id, run_id)
    if not models:
        raise StoreError(
            f"Run {run_id} {logged_model.why_missing(run.data.tags)}. Accepted: a trial that still has its model.  "
            "Try: python -m sweeper promote --trial N"
        )
    return str(models[0].model_id)


def _check_files(client: MlflowClient, uri: str, run_id: str) -> None:
    """Reads the model's files where they lie, or as the server gives them.

    Raises:
        DamagedFileError: one is not there, or not whole.
    """
    with TemporaryDirectory() as copy:
        experiment_id = client.get_run(run_id).info.experiment_id
        logged_model.check_files(logged_model.download(client, experiment_id, run_id, Path(copy), uri))


def _aliases(client: MlflowClient, name: str) -> dict[str, str]:
    """The versions that have an alias, by it; a registered model that is not there is made."""
    from mlflow.exceptions import MlflowException

    try:
        return {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    client.create_registered_model(name, description="Trials that were promoted by python -m sweeper promote.")
    return {}


def _versions(client: MlflowClient, name: str) -> Iterator[Version]:
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", page_token=token)
        yield from (Version(str(one.version), one.run_id or "", dict(one.tags)) for one in page)
        token = page.token
        if not token:
            return


def _create(client: MlflowClient, uri: str, name: str, run_id: str, model_id: str) -> Version:
    """A new version of a logged model, and on that a link to it, which MLflow's pages show."""
    with _as_tracking_uri(uri):  # MLflow asks the store that this names for the model's place
        made = client.create_model_version(name, f"models:/{model_id}", run_id, model_id=model_id)
    entries: list[Any] = json.loads(client.get_logged_model(model_id).tags.get(keys.MLFLOW_MODEL_VERSIONS, "[]"))
    entries.append({"name": name, "version": made.version})
    client.set_logged_model_tags(model_id, {keys.MLFLOW_MODEL_VERSIONS: json.dumps(entries)})
    return Version(str(made.version), run_id, {})


@contextmanager
def _as_tracking_uri(uri: str) -> Iterator[None]:
    former = os.environ.get("MLFLOW_TRACKING_URI")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    try:
        yield
    finally:
        if former is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = former
