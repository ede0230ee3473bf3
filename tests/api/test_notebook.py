"""`docs/from_notebook.ipynb` runs as it is, in a kernel; and a kernel that is interrupted works on."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need nbclient and ipykernel")
nbclient = pytest.importorskip("nbclient", reason="notebooks need nbclient and ipykernel")
pytest.importorskip("ipykernel", reason="notebooks need nbclient and ipykernel")

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/from_notebook.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def cells(folder: Path) -> list[Any]:
    """The executed cells; their sweeps train fewer epochs on fewer images than a reader's, in a quarter of the time."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell["source"] = cell["source"].replace('"training.epochs=3"', '"training.epochs=1", "data.max_samples=300"')
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return list(notebook.cells)


def _shown(cell: Any, kind: str) -> list[str]:
    return [output["data"][kind] for output in cell["outputs"] if kind in output.get("data", {})]


def _printed(cell: Any) -> str:
    return "".join(output["text"] for output in cell["outputs"] if output["output_type"] == "stream")


def test_the_notebook_has_ten_cells_and_is_stored_without_outputs() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4).cells

    assert len(stored) == 10
    assert all(not cell.get("outputs") for cell in stored)


def test_progress_is_one_table_that_was_replaced_in_place(cells: list[Any]) -> None:
    assert len(_shown(cells[1], "text/html")) == 1
    assert "3 of 3 trials; best: trial " in _shown(cells[1], "text/html")[0]
    assert "Data: digits, 240 training" in _printed(cells[1])
    assert "resume it with: sweeper.run(" in _printed(cells[1])
    assert "trial 0 complete" not in _printed(cells[1])


def test_a_sweep_shows_its_board_and_its_sentences(cells: list[Any], folder: Path) -> None:
    [html] = _shown(cells[2], "text/html")
    with (folder / "mlruns/sweeps/three-networks/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert "three-networks" in html
    assert all(f"{float(row['val_accuracy']):.4f}" in html for row in rows)
    assert "<li>" in html
    assert "<script" not in html


def test_the_frames_are_shown_and_the_curves_are_drawn(cells: list[Any]) -> None:
    assert "depth7_kernel6" in _shown(cells[3], "text/html")[0]
    assert _shown(cells[4], "image/png")  # the notebook's own backend of Matplotlib
    assert "predicted" in _shown(cells[5], "text/html")[0]


def test_two_sweeps_are_ranked_together_and_the_best_model_is_loaded(cells: list[Any], folder: Path) -> None:
    assert "own-network" in _shown(cells[8], "text/html")[0]
    assert " parameters\nreport.html" in _printed(cells[9])
    assert (folder / "report.html").stat().st_size > 10_000


def test_the_stop_button_ends_the_sweep_and_the_kernel_works_on(tmp_path: Path) -> None:
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        client.execute(
            "import sweeper\nsweeper.run('arch.depth=3', 'training.epochs=2000', 'data.max_samples=300', name='mine')"
        )
        _wait_for(client, "1/2000")
        manager.interrupt_kernel()
        error, printed = _ending(client)
        assert error == "KeyboardInterrupt"
        assert "to resume: sweeper.run('arch.depth=3'" in printed

        client.execute("print(sweeper.load('mine').trials)")
        assert _ending(client) == ("", "(<Trial 0 of mine: as configured, running>,)\n")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _wait_for(client: Any, text: str) -> None:
    """Reads the kernel's messages until one shows this text."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if text in str(client.get_iopub_msg(timeout=60)["content"]):
            return
    raise AssertionError(f"{text} was not shown")


def _ending(client: Any) -> tuple[str, str]:
    """The error that a cell ends with, and what it prints until then."""
    error, printed = "", ""
    while True:
        message = client.get_iopub_msg(timeout=60)
        content = message["content"]
        if message["msg_type"] == "error":
            error = content["ename"]
        elif message["msg_type"] == "stream":
            printed += content["text"]
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return error, printed
