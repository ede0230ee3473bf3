"""Runs in MLflow: created, searched, tagged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.core.errors import RunGoneError
from sweeper.core.retry import passes
from sweeper.core.text import shortened
from sweeper.tracking import tags as keys
from sweeper.tracking.client import failures, reason, user
from sweeper.tracking.format import CUT_MARKER, MAX_KEY_LENGTH, MAX_PARAM_LENGTH, param_key, param_value, tag_values

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run


#: What MLflow says of a file that its store does not have, on this machine and from a server.
_NO_FILE = ("No such artifact", "No such file or directory", "please ensure that the path is correct", "404 ")

#: An artifact that holds the whole text of params that were cut.
LONG_PARAMS = "long_params.json"


@dataclass
class Sweep:
    """What is known of a sweep's runs: enough to find an earlier attempt without a search a trial."""

    name: str
    is_new: bool
    started: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Begun:
    """A run that is begun: what MLflow would be asked for again at its end.

    Attributes:
        id: of the run.
        artifact_uri: the address of its files.
        params, tags: as they were recorded.
    """

    id: str
    artifact_uri: str
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass
class Batch:
    """What a run is told in one request; MLflow's client splits what is beyond the limits of one."""

    params: list[Param] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)

    def send(self, client: MlflowClient, run_id: str) -> None:
        """Sends it, where there is anything."""
        from mlflow.entities import RunTag

        tags = [RunTag(key, value) for key, value in tag_values(self.tags).items()]
        if self.params or self.metrics or tags:
            client.log_batch(run_id, metrics=self.metrics, params=self.params, tags=tags, synchronous=True)


def tag(key: str) -> str:
    """A tag's name as MLflow's search writes it."""
    return f"tags.`{key}`"


def create(client: MlflowClient, experiment_id: str, name: str, tags: Mapping[str, str]) -> Run:
    """Begins a run."""
    source = {
        keys.MLFLOW_USER: user(),
        keys.MLFLOW_SOURCE_NAME: "python -m sweeper",
        keys.MLFLOW_SOURCE_TYPE: "LOCAL",
    }
    return client.create_run(experiment_id, tags={**source, **tag_values(tags)}, run_name=name[:MAX_KEY_LENGTH])


def search(client: MlflowClient, experiment_id: str, query: str) -> Iterator[Run]:
    """All live runs of an experiment that a query finds."""
    token: str | None = None
    while True:
        page = client.search_runs([experiment_id], query, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def ended(client: MlflowClient, experiment_id: str, parent_run_id: str) -> dict[int, str]:
    """The runs of a sweep's trials that have ended, by the trial."""
    found = search(client, experiment_id, f"{tag(keys.MLFLOW_PARENT)} = '{parent_run_id}'")
    return {
        int(run.data.tags[keys.TRIAL]): str(run.info.run_id)
        for run in found
        if keys.TRIAL in run.data.tags and run.info.status in ("FINISHED", "FAILED", "KILLED")
    }


def download(client: MlflowClient, run_id: str, name: str, folder: str) -> Path:
    """A copy of one of a run's files, in a folder.

    Raises:
        RunGoneError: the run has no such file.
    """
    try:
        return Path(client.download_artifacts(run_id, name, folder))
    except failures() as error:
        if passes(reason(error)) or not any(words in str(error) for words in _NO_FILE):
            raise
        raise RunGoneError(f"run {run_id} in MLflow has no file {name}") from error


def log_params(
    client: MlflowClient, run_id: str, params: Mapping[str, Any], recorded: set[str], held: Batch | None = None
) -> dict[str, str]:
    """Records those params of a run that are not `recorded`, or adds them to what is held; returns them as they are.

    What is longer than MLflow takes is cut, with a mark, and is complete in the artifact LONG_PARAMS.
    """
    from mlflow.entities import Param

    texts = {param_key(key): param_value(value) for key, value in params.items()}
    fresh = {key: text for key, text in texts.items() if key not in recorded}
    entries = [Param(key, shortened(text, MAX_PARAM_LENGTH, CUT_MARKER)) for key, text in fresh.items()]
    if held is not None:
        held.params += entries
    else:
        Batch(params=entries).send(client, run_id)
    long = {key: text for key, text in fresh.items() if len(text) > MAX_PARAM_LENGTH}
    if long:
        client.log_dict(run_id, long, LONG_PARAMS)
    return {entry.key: entry.value for entry in entries}
