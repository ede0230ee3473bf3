"""Where arrays lie: the path that was given, Keras's cache, or Keras's server.

Keras itself is not imported: its cache is a folder of plain files, and importing it takes seconds.
What does not live here: what is in the files.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sweeper.core.errors import DataError

#: Keras's server, and the one that Keras takes CIFAR from; the names of the files follow.
DOWNLOAD_BASE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
CIFAR_BASE = "https://www.cs.toronto.edu/~kriz/"
TIMEOUT_S = 10.0  # for the connection and for each silence after it

_PLAIN = re.compile(r"[\w./+~-]+")  # what both a shell and Hydra take as it is
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server and its published digest (hex) by a `hashlib` algorithm."""

    name: str
    algorithm: str
    digest: str
    server: Literal["keras", "cifar"] = "keras"

    @property
    def url(self) -> str:
        return (CIFAR_BASE if self.server == "cifar" else DOWNLOAD_BASE) + self.name


def given_path(path: str) -> Path:
    """Returns a `data.path` as an absolute path, `~` expanded.

    Raises:
        DataError: if nothing is there; one sentence.
    """
    place = Path(os.path.abspath(os.path.expanduser(path)))
    try:
        place.stat()
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise DataError(f"data.path={path} cannot be opened ({place}: {reason}).") from err
    return place


def path_word(path: Path | str) -> str:
    """`data.path=…` as it is typed into a shell: Hydra's grammar takes most signs within quotes alone."""
    text = str(path)
    if _PLAIN.fullmatch(text):
        return f"data.path={text}"
    escaped = text.replace("'", r"\'")
    return shlex.quote(f"data.path='{escaped}'")


def keras_cache() -> Path:
    """Returns the folder where Keras keeps its data sets: $KERAS_HOME/datasets, or ~/.keras/datasets."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return Path(os.path.abspath(os.path.expanduser(home)), "datasets")


def file_digest(path: Path, algorithm: str) -> str:
    """Returns a file's digest (hex) by a `hashlib` algorithm, as a check against damage, not against malice."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def download(remote: RemoteFile, target: Path) -> None:
    """Downloads a file next to `target`, verifies it, and renames it into place.

    Raises:
        OSError: if the server or the folder cannot be reached, or other bytes came than were published.
    """
    import urllib.request  # 60 ms, and most sweeps download nothing
    from http.client import HTTPException

    _log.info("Downloading %s to %s", remote.url, target)
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with urllib.request.urlopen(remote.url, timeout=TIMEOUT_S) as response:
            target.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                shutil.copyfileobj(response, file)
        if file_digest(beside, remote.algorithm) != remote.digest:
            raise OSError(f"{beside.stat().st_size} bytes came whose {remote.algorithm} is not the published one")
        os.replace(beside, target)
    except HTTPException as err:
        raise OSError(f"the connection broke off: {err}") from err
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def explaining(sentences: str) -> Iterator[None]:
    """Appends `sentences` to any DataError that is raised within.

    Raises:
        DataError: the longer one.
    """
    try:
        yield
    except DataError as err:
        raise DataError(f"{err} {sentences}") from err
