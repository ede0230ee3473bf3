"""A user's configuration files with a fault: the paragraph names the file and the cure."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

HEADER = b"# @package _global_\n"

#: What an experiment file holds, by what is wrong with it; and pieces of what is said.
FILES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "no header": (
        b"training:\n  epochs: 2\n",
        ("its first line is not '# @package _global_'", "Try: echo '# @package _global_' | cat -"),
    ),
    "no slash": (
        HEADER + b"defaults:\n  - override optimizer: adam\n",
        ("has 'override optimizer'", "Try: - override /optimizer: adam"),
    ),
    "no override": (
        HEADER + b"defaults:\n  - /optimizer: adam\n",
        ("chooses an option of optimizer, which has one", "Try: - override /optimizer: adam"),
    ),
    "a misspelt group": (
        HEADER + b"defaults:\n  - override /optimzer: adam\n",
        ("overrides optimzer", "Did you mean 'optimizer'?", "Try: - override /optimizer:"),
    ),
    "a misspelt option": (
        HEADER + b"defaults:\n  - override /optimizer: adamm\n",
        ("optimizer=adamm, chosen by", "Did you mean 'adam'?"),
    ),
    "a tab": (HEADER + b"training:\n\tepochs: 2\n", ("line 3, has a tab", "Try: expand -t 2")),
    "a key twice": (HEADER + b"training:\n  epochs: 2\n  epochs: 3\n", ("line 4, sets epochs again",)),
    "Latin-1": (HEADER + b"# caf\xe9\nseed: 2\n", ("line 2, has a letter that is not UTF-8", "iconv -f LATIN1")),
    "UTF-16": (b"\xff\xfe" + "# café\n".encode("utf-16-le"), ("line 1, has a letter that", "iconv -f UTF-16 -t UTF-8")),
    "a byte order mark": (b"\xef\xbb\xbf" + HEADER + b"seed: 2\n", ("begins with a byte order mark", "tail -c +4")),
    "a control character": (HEADER + b"seed: 2\n# \x07\n", ("line 3, has the control character 0x07",)),
    "an open bracket": (HEADER + b"training:\n  epochs: [2\n", ("line 4, is not YAML",)),
    "a list": (HEADER + b"- a\n- b\n", ("is a list. Accepted: keys with their values",)),
    "a misspelt key": (
        HEADER + b"training:\n  epoch: 2\n",
        ("sets training.epoch, which is not a key", "Did you mean 'training.epochs'?"),
    ),
    "a misspelt node": (HEADER + b"trainng:\n  epochs: 2\n", ("sets trainng", "Did you mean 'training'?")),
    "a key by its former name": (
        HEADER + b"tracking:\n  patience_s: 60\n",
        ("sets tracking.patience_s", "It is now called tracking.retry_timeout_s"),
    ),
    "a wrong type": (HEADER + b"training:\n  epochs: two\n", ("sets training.epochs=two is not accepted",)),
    "a setting of another sweeper": (HEADER + b"hydra:\n  sweeper:\n    n_trials: 20\n", ("Try: sweep.trials=20",)),
    "a setting of another launcher": (HEADER + b"hydra:\n  launcher:\n    n_jobs: 2\n", ("Try: sweep.workers=2",)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_named_with_its_cure(type_line: Run, tmp_path: Path, name: str) -> None:
    content, pieces = FILES[name]
    file = tmp_path / "own/experiment/mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    (tmp_path / "own/experiment/folder.yaml").mkdir()

    refused = type_line(tmp_path, "--config-dir", "own", "-m", "experiment=mine", "arch.depth=3,5")

    assert refused.returncode == 2, refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr
    assert str(file) in refused.stderr
    assert "Try: " in refused.stderr
    for piece in pieces:
        assert piece in refused.stderr


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of configurations with two experiments, one of which cannot be parsed."""
    experiments = tmp_path / "own/experiment"
    experiments.mkdir(parents=True)
    (experiments / "short.yaml").write_bytes(
        HEADER + b"defaults:\n  - override /optimizer: adam\ntraining:\n  epochs: 2\n"
    )
    (experiments / "workers.yaml").write_bytes(HEADER + b"sweep:\n  workers: 1\n")
    (experiments / "broken.yaml").write_bytes(b"\t\xe9: [\n")
    return tmp_path


def test_a_broken_file_that_is_not_chosen_is_in_nobodys_way(type_line: Run, own: Path) -> None:
    done = type_line(own, "--config-dir", "own", "experiment=short", "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr


def test_the_options_in_the_folder_are_listed(type_line: Run, own: Path) -> None:
    done = type_line(own, "--config-dir", "own", "experiment=3")

    assert "is not accepted: experiment is a group, chosen by the name of one of" in done.stderr
    assert "mnist_017, mnist_cnn_9975, mnist_fast, mnist_small, notebook, broken, short" in done.stderr


def test_experiments_vary_where_they_set_what_belongs_to_a_trial(type_line: Run, own: Path) -> None:
    done = type_line(own, "--config-dir", "own", "-m", "experiment=short,null", "sweep.dry_run=true")
    refused = type_line(own, "--config-dir", "own", "-m", "experiment=short,workers", "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Trials: 2," in done.stdout
    assert "short" in done.stdout
    assert refused.returncode == 2
    assert "one of them sets sweep.workers, which belongs to the sweep as a whole" in refused.stderr


@pytest.mark.parametrize(
    ("params", "words"),
    [
        pytest.param("optimizer: sgd,adam\n      optimizer.momentum: 0.5", [], id="in the file"),
        pytest.param("optimizer: sgd,adam", ["optimizer.momentum=0.5"], id="typed"),
    ],
)
def test_a_fixed_key_applies_to_the_options_of_an_experiment_that_have_it(
    type_line: Run, own: Path, params: str, words: list[str]
) -> None:
    file = own / "own/experiment/options.yaml"
    file.write_bytes(HEADER + f"hydra:\n  sweeper:\n    params:\n      {params}\n".encode())

    done = type_line(own, "--config-dir", "own", "experiment=options", *words, "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    rows = [line.split()[:3] for line in done.stdout.splitlines() if line.split()[1:2] in (["sgd"], ["adam"])]
    assert rows == [["0", "sgd", "0.5"], ["1", "adam", "823,050"]]
