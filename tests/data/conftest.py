"""What the tests of data sets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from published_sets import UNREACHABLE
from sweeper.data import download


@pytest.fixture(autouse=True)
def _no_network_and_an_empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "DOWNLOAD_BASE", UNREACHABLE)
    monkeypatch.setattr(download, "CIFAR_BASE", UNREACHABLE)
