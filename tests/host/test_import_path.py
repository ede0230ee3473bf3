"""The order in which Python looks for modules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sweeper.host import import_path

CHECKOUT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(["HERE", "/lib"], ["/lib", "HERE"], id="python -m: it was first"),
        pytest.param(["/bin", "/lib"], ["/bin", "/lib", "HERE"], id="console script: it was not there"),
        pytest.param(["", ".", "HERE", "/lib"], ["/lib", "HERE"], id="other names of it, as PYTHONPATH has them"),
        pytest.param(["LINK", "/lib"], ["/lib", "HERE"], id="by a link"),
        pytest.param([CHECKOUT, "/lib"], ["/lib", "HERE"], id="the top of a checkout is taken away"),
    ],
)
def test_the_current_folder_comes_last(
    before: list[str], after: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    places = {"HERE": str(tmp_path / "here"), "LINK": str(tmp_path / "link")}
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [places.get(entry, entry) for entry in before])

    import_path.look_in_the_current_folder_last()

    assert sys.path == [places.get(entry, entry) for entry in after]


def test_in_the_checkout_itself_it_is_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setattr(sys, "path", ["", CHECKOUT, "/lib"])

    import_path.look_in_the_current_folder_last()

    assert sys.path == ["/lib", CHECKOUT]


def test_these_sources_are_a_checkout() -> None:
    assert import_path.checkout() == CHECKOUT
