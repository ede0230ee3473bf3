"""Which row a trial's number or a run's id means."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.cli import commands
from sweeper.core.errors import RefusedError
from sweeper.core.paths import OutputPaths
from sweeper.verify.lookup import find_row


@pytest.fixture(scope="session")
def paths(own_sweep: Path) -> OutputPaths:
    return OutputPaths(own_sweep / "mlruns")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(
            "mine:3", r"trial 3 of sweep mine failed \(RuntimeError: a network without width\), so .*", id="failed"
        ),
        pytest.param("mine:9", r"sweep mine has no trial 9\. Its trials: 0 to 3\.", id="no-such-trial"),
        pytest.param("other:0", r"There is no sweep 'other'", id="no-such-sweep"),
        pytest.param("mine", r"mine is not a trial\. Accepted: a trial's run id, or", id="a-sweep"),
        pytest.param("0000000", r"no trial in .* has such a run\.", id="no-such-run"),
        pytest.param("abc", r"abc is not a trial\.", id="too-short"),
        pytest.param("output_dir=x", r"output_dir=x is not a trial\.", id="an-override"),
    ],
)
def test_what_is_no_row_is_refused(paths: OutputPaths, given: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        commands.run(["verify", given, "--output-dir", str(paths.root)])


def test_a_beginning_that_several_runs_share_is_refused_with_their_names(
    paths: OutputPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("mine", 0, "abcdef00"), ("yours", 4, "abcdef11")]
    monkeypatch.setattr("sweeper.verify.lookup.find_runs", lambda *_: found)
    with pytest.raises(
        RefusedError, match=r"several run ids begin with abcdef: abcdef00 \(mine:0\), abcdef11 \(yours:4\)"
    ):
        find_row(paths, "abcdef")


def test_an_earlier_attempt_is_told_from_its_trial(paths: OutputPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.verify.lookup.find_runs", lambda *_: [("mine", 0, "abcdef00")])
    with pytest.raises(
        RefusedError, match=r"run abcdef00 was an earlier attempt .*Try: python -m sweeper verify mine:0"
    ):
        find_row(paths, "abcdef00")
