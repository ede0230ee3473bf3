"""The commands of README and guides are accepted as they are typed; with `sweep.dry_run=true` none of them trains."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("README.md", "docs/search.md", "docs/resume.md", "docs/repeat.md", "docs/promote.md")

#: Lines that need what the reader makes first, or something from the network.
_NEEDS = ("my_networks.build", "data.path=mnist.npz")


def _lines(guide: str) -> list[str]:
    """The sweeps among a guide's commands, without their comments."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    typed = re.findall(r"^    python -m sweeper (-m .*|[a-z_.]+=.*)$", text, re.MULTILINE)
    return [line for line in dict.fromkeys(typed) if not any(word in line for word in _NEEDS)]


def _write_files(guide: str, folder: Path) -> None:
    """The files that a guide shows, under the names that it gives them."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    for name, body in re.findall(r"`(my/\S+\.yaml)`.*?```yaml\n(.*?)```", text, re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")


@pytest.mark.parametrize(("guide", "line"), [(guide, line) for guide in GUIDES for line in _lines(guide)])
def test_a_command_of_a_guide_is_accepted_as_it_is_typed(
    guide: str, line: str, type_line: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    _write_files(guide, tmp_path)

    done = type_line(tmp_path, *shlex.split(line, comments=True), "sweep.dry_run=true")

    assert done.returncode == 0, done.stderr
    assert "Nothing was trained: sweep.dry_run=true." in done.stdout
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    "guide",
    [
        *GUIDES,
        "docs/decisions.md",
        "docs/honest-ranking.md",
        "docs/performance.md",
        "docs/report.md",
        "docs/results.md",
    ],
)
def test_the_links_of_a_guide_lead_somewhere(guide: str) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text):
        assert (ROOT / guide).parent.joinpath(target).exists(), target
