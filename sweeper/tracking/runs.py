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
from sweeper.tracking.client import failures, reason
from sweeper.tracking.format import CUT_MARKER, MAX_PARAM_LENGTH, param_key, param_value

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


#: Params in one request, by MLflow's limit.
PARAMS_PER_BATCH = 100

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


def tag(key: str) -> str:
    """A tag's name as MLflow's search writes it."""
    return f"tags.`{key}`"


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


def log_params(client: MlflowClient, run_id: str, params: Mapping[str, Any], recorded: set[str]) -> dict[str, str]:
    """Records those params of a run that are not `recorded`; returns them as they are now.

    What is longer than MLflow takes is cut, with a mark, and is complete in the artifact LONG_PARAMS.
    """
    from mlflow.entities import Param

    texts = {param_key(key): param_value(value) for key, value in params.items()}
    fresh = {key: text for key, text in texts.items() if key not in recorded}
    entries = [Param(key, shortened(text, MAX_PARAM_LENGTH, CUT_MARKER)) for key, text in fresh.items()]
    for start in range(0, len(entries), PARAMS_PER_BATCH):
        client.log_batch(run_id, params=entries[start : start + PARAMS_PER_BATCH], synchronous=True)
    long = {key: text for key, text in fresh.items() if len(text) > MAX_PARAM_LENGTH}
    if long:
        client.log_dict(run_id, long, LONG_PARAMS)
    return {entry.key: entry.value for entry in entries}
