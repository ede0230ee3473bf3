"""What programs read: events and reports by their schemas, and the command that runs at a sweep's end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.core.errors import SweeperError
from sweeper.report.event_lines import decoded

jsonschema = pytest.importorskip("jsonschema", reason="schemas need jsonschema")

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
EVENTS = json.loads((DOCS / "events.schema.json").read_text(encoding="utf-8"))
REPORT = json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8"))

#: One trial that learns, one that fails; a builder that prints.
NETWORK = """
import keras
print("this is no event")

def build(input_shape, num_classes, width):
    if not width:
        raise RuntimeError("a network without width")
    layers = [keras.layers.Flatten(), keras.layers.Dense(width), keras.layers.Dense(num_classes, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])
"""
WORDS = ("-m", "arch=custom", "arch._target_=net.build", "+arch.width=4,0", "training.epochs=2", "data.max_samples=300")
ON_END = "env | grep ^SWEEPER_ | sort > ended.txt; exit 3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "net.py").write_text(NETWORK)
    return folder


@pytest.fixture(scope="module")
def done(folder: Path, run_sweeper: Run) -> subprocess.CompletedProcess[str]:
    words = [*WORDS, "sweep.name=mine", "sweep.progress=json", f"sweep.on_end='{ON_END}'"]
    return run_sweeper(folder, *words)


@pytest.fixture(scope="module")
def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(event: dict[str, Any]) -> None:
    [own] = [one for one in EVENTS["oneOf"] if one["title"] == event["event"]]
    jsonschema.validate(event, {**own, "$defs": EVENTS["$defs"]})
    jsonschema.validate(event, EVENTS)


def test_every_event_is_a_line_that_its_schema_describes(events: list[dict[str, Any]]) -> None:
    for event in events:
        check(event)
    names = [event["event"] for event in events]
    assert set(names) == {
        *("note", "data", "sweep_started", "trial_started", "epoch", "trial_finished", "trials_ended", "sweep_ended")
    }
    assert names.count("epoch") == 2
    assert [event["event"] for event in events if decoded(event) is None] == ["sweep_ended"]


def test_the_end_has_the_leader_the_counts_and_the_exit_status(
    done: subprocess.CompletedProcess[str], events: list[dict[str, Any]]
) -> None:
    [end] = [event for event in events if event["event"] == "sweep_ended"]
    assert (end["exit_status"], done.returncode) == (0, 0)
    assert end["counts"] == {"complete": 1, "pruned": 0, "failed": 1}
    assert end["leader"]["trial"] == 0
    assert Path(end["leaderboard"]).is_file()
    [failed] = [event for event in events if event.get("state") == "failed"]
    assert "a network without width" in failed["error"]


@pytest.mark.parametrize(
    ("words", "event", "status"),
    [
        pytest.param(["arch.depth=0"], "error", 2, id="refused"),
        pytest.param(["arch.depth=3,5", "sweep.dry_run=true"], "plan", 0, id="a plan"),
        pytest.param(["arch=custom", "arch._target_=os.path.join", "sweep.dry_run=true"], "error", 2, id="no network"),
        pytest.param(["arch.dept=3"], "error", 2, id="Hydra's refusal"),
    ],
)
def test_a_line_that_trains_nothing_is_an_event_too(
    type_line: Run, tmp_path: Path, words: list[str], event: str, status: int
) -> None:
    done = type_line(tmp_path, *words, "sweep.progress=json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == status, done.stdout + done.stderr
    for line in lines:
        check(line)
    assert lines[-1]["event"] == event
    assert "Try: " in lines[-1].get("text", "Try: ")


def test_the_command_at_the_end_knows_the_outcome_and_its_failure_changes_nothing(
    done: subprocess.CompletedProcess[str], events: list[dict[str, Any]], folder: Path
) -> None:
    known = dict(line.split("=", 1) for line in (folder / "ended.txt").read_text().splitlines())
    [end] = [event for event in events if event["event"] == "sweep_ended"]

    assert known["SWEEPER_NAME"] == "mine"
    assert known["SWEEPER_OUTCOME"] == "finished"
    assert known["SWEEPER_EXIT_STATUS"] == "0"
    assert (known["SWEEPER_BEST_TRIAL"], known["SWEEPER_BEST_OVERRIDES"]) == ("0", "+arch.width=4")
    assert float(known["SWEEPER_BEST_VALUE"]) == end["leader"]["metrics"]["val_accuracy"]
    assert (known["SWEEPER_NUM_COMPLETE"], known["SWEEPER_NUM_FAILED"]) == ("1", "1")
    assert known["SWEEPER_LEADERBOARD"] == end["leaderboard"]
    assert done.returncode == 0
    assert "ended with exit status 3. The sweep's result is not changed by it." in events[-1]["text"]


def test_every_variable_is_documented(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0
    names = {line.partition("=")[0] for line in (folder / "ended.txt").read_text().splitlines()}
    documented = (DOCS / "programs.md").read_text(encoding="utf-8")

    assert [name for name in sorted(names) if f"`{name}`" not in documented] == []


def test_a_report_as_json_is_what_its_schema_describes(own_sweep: Path, folder: Path, type_line: Run) -> None:
    for place in (own_sweep, folder):
        shown = type_line(place, "report", "mine", "--json", "-")
        written = json.loads(shown.stdout)

        jsonschema.validate(written, REPORT)
        [sweep] = written["sweeps"]
        assert all(list(row) == sweep["columns"] for row in sweep["trials"])


@pytest.mark.long
def test_lines_are_printed_where_they_are_asked_for(folder: Path, run_sweeper: Run) -> None:
    done = run_sweeper(folder, *WORDS, "sweep.name=mine", "sweep.progress=lines", "sweep.on_end='echo over'")

    assert done.returncode == 0, done.stderr
    assert "Nothing is left to do" in done.stdout
    assert done.stdout.endswith("over\n")


@pytest.mark.parametrize("words", [["sweep.progress=jsn"], ["sweep.on_end=''"]], ids=" ".join)
def test_a_wrong_value_is_refused(type_line: Run, tmp_path: Path, words: list[str]) -> None:
    done = type_line(tmp_path, *words)

    assert done.returncode == 2
    assert f"ConfigError: {words[0]} is not accepted" in done.stderr
    assert "Try: " in done.stderr


def test_a_stopped_sweep_tells_its_command_why() -> None:
    from sweeper.cli.output.on_end import STOPPED, _stopped

    assert _stopped(SweeperError("the disk is full"))["OUTCOME"] == STOPPED
    assert _stopped(SweeperError("the disk is full"))["ERROR"] == "the disk is full"
