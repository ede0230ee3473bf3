"""What README and guides show is true: their commands are accepted as typed, their files work, their links lead on.

With `sweep.dry_run=true` no command trains; commands beside a sweep (`report`, …) are typed where there is no sweep.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeper.config import keys
from sweeper.data import digits

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [str(path.relative_to(ROOT)) for path in (*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")))]

#: What a line needs that is not here: MNIST itself, whose digests are checked; a GPU; a database server.
_NEEDS = ("data.path=mnist.npz", "executor.trials_per_gpu=", "sweep.storage=")

TypeLine = Callable[..., subprocess.CompletedProcess[str]]


def _read(guide: str) -> str:
    return (ROOT / guide).read_text(encoding="utf-8")


def _typed(guide: str, words: str) -> list[str]:
    """The guide's commands that begin with these words, each once, with what follows `python -m sweeper`."""
    return list(dict.fromkeys(re.findall(rf"^    python -m sweeper ((?:{words}).*)$", _read(guide), re.MULTILINE)))


def _sweeps(guide: str) -> list[str]:
    found = _typed(guide, r"-m |[a-z_.]+=")
    return [line for line in found if not any(word in line for word in (*_NEEDS, "…"))]


def _commands(guide: str) -> list[str]:
    """Lines such as `report mine --csv -`; a synopsis such as `report [NAME …]` is none."""
    found = _typed(guide, r"report|verify|promote|replay|ui")
    return [line for line in found if not set("[|<…") & set(line.partition("#")[0]) and "--data-path" not in line]


def _shown_files(guide: str) -> list[tuple[str, str]]:
    """The files that a guide shows: the names that it gives them, and their content."""
    blocks = r"`([a-z_/]+\.(?:yaml|py))`[^\n]*\n\n```(?:yaml|python)\n(.*?)```"
    return re.findall(blocks, _read(guide), re.DOTALL)


def _write_files(guide: str, folder: Path) -> None:
    """The files that a guide shows, and images for `data.path`."""
    for name, body in _shown_files(guide):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    raw = digits.read(None)
    arrays = {"x_train": raw.x_train[:240], "y_train": raw.y_train[:240]}
    arrays |= {"x_test": raw.x_test[:60], "y_test": raw.y_test[:60]}
    np.savez(folder / "my.npz", **arrays, patient=np.arange(240) % 12)
    names = {"x_train": "imgs", "y_train": "gt", "x_test": "imgs_test", "y_test": "gt_test"}
    np.savez(folder / "other.npz", **{names[role]: array for role, array in arrays.items()})
    if re.search(r"data\.path=pictures|^  path: pictures$", _read(guide), re.MULTILINE):
        for number, (image, label) in enumerate(zip(raw.x_train[:240, ..., 0], raw.y_train[:240], strict=True)):
            place = folder / "pictures" / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"writer{number % 12}_{number}.png")


@pytest.mark.parametrize(("guide", "line"), [(guide, line) for guide in GUIDES for line in _sweeps(guide)])
def test_a_sweep_of_a_guide_is_accepted_as_it_is_typed(
    guide: str, line: str, type_line: TypeLine, tmp_path: Path
) -> None:
    _write_files(guide, tmp_path)

    done = type_line(tmp_path, *shlex.split(line, comments=True), "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Nothing was trained: sweep.dry_run=true." in done.stdout
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(("guide", "line"), [(guide, line) for guide in GUIDES for line in _commands(guide)])
def test_a_command_of_a_guide_has_options_that_exist(
    guide: str, line: str, type_line: TypeLine, tmp_path: Path
) -> None:
    done = type_line(tmp_path, *shlex.split(line, comments=True))

    assert done.returncode == 2
    assert done.stderr.startswith("StoreError: "), done.stderr  # nothing is wrong with it but that no sweep has run


def test_guides_show_sweeps_and_commands() -> None:
    assert len(_sweeps("README.md")) >= 15
    assert len(_commands("README.md")) >= 6
    assert len(_sweeps("docs/search.md")) >= 20


def test_the_readme_reads_a_sweep_from_a_notebook(own_sweep: Path) -> None:
    [cell] = re.findall(r"```python\n(import sweeper\n.*?)```", _read("README.md"), re.DOTALL)
    lines = [line for line in cell.splitlines() if "sweeper.run(" not in line]
    assert 'sweep = sweeper.load("mine")' in cell
    code = "\n".join([*lines, "board = sweep.leaderboard", "print(board.state[0], model.count_params())"])

    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nassert model.count_params() == board.num_params[0]"],
        cwd=own_sweep,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(own_sweep), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"complete \d+\n", done.stdout)


def test_the_reference_names_every_key() -> None:
    named = set(re.findall(r"`([a-z0-9_.]+)`", _read("docs/configuration.md")))
    each_has_its_own = ("optimizer.", "sampler.options.", "pruner.options.")  # the keys of a class of Keras or Optuna
    keys_of_ours = [key for key, known in keys.known().items() if "." in key and known.accepts != "keys under it"]
    missing = [key for key in keys_of_ours if key not in named and not key.startswith(each_has_its_own)]
    assert missing == []
    assert len(keys_of_ours) > 50


@pytest.mark.parametrize("guide", GUIDES)
def test_the_links_of_a_guide_lead_somewhere(guide: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", _read(guide)):
        path = (ROOT / guide).parent / target if target else ROOT / guide
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, anchor


def test_the_index_lists_every_guide() -> None:
    listed = set(re.findall(r"\]\(([a-z_-]+\.md)\)", _read("docs/README.md")))
    assert listed == {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}


@pytest.mark.parametrize("guide", GUIDES)
def test_the_files_of_the_sources_that_a_guide_names_exist(guide: str) -> None:
    named = re.findall(r"`((?:sweeper|models|conf|tests|benchmarks|scripts|hydra_plugins)/[^`\s]*)`", _read(guide))
    users = {name for name, _ in _shown_files(guide)}
    assert [name for name in named if name not in users and not (ROOT / name).exists()] == []


def test_the_map_names_every_package() -> None:
    mapped = set(re.findall(r"^\| `sweeper/([a-z]+)/`", _read("CONTRIBUTING.md"), re.MULTILINE))
    assert mapped == {path.parent.name for path in ROOT.glob("sweeper/*/__init__.py")}
