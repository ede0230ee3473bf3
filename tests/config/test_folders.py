"""Where options are read from, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.config import keys
from sweeper.config.keys import folders


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a `conf/` that has options of our groups, and other things."""
    for name in ("conf/arch/theirs.yaml", "conf/arch/cnn.yaml", "conf/model/big.yaml", "conf/optimizer/adadelta.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("_target_: models.build\nwidth: 8\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(folders, "_of_the_command", [])
    return tmp_path


def test_options_of_our_groups_are_known_and_others_are_not(here: Path) -> None:
    assert "theirs" in keys.known()["arch"].options
    assert keys.known()["arch.width"].options == ("resnet", "cnn", "theirs")
    assert "model" not in keys.known()
    assert not keys.is_group("model")


def test_our_own_files_come_first(here: Path) -> None:
    assert folders.config_file("arch/cnn") == folders.CONF / "arch/cnn.yaml"
    assert folders.config_file("arch/theirs") == here / "conf/arch/theirs.yaml"
    assert folders.config_file("arch/none") is None


def test_what_is_chosen_of_theirs_and_what_is_hidden_is_said(here: Path) -> None:
    assert folders.origins({"arch": "theirs,cnn", "optimizer": "adam", "data": "digits"}) == [
        "arch=theirs is read from conf/arch/theirs.yaml.",
        "arch=cnn is this program's own; conf/arch/cnn.yaml has that name too and is not used. To use it, give it "
        "another name.",
    ]
    [default] = folders.origins({"arch": "depth3_kernel3"})
    assert default.startswith("optimizer=adadelta is this program's own; conf/optimizer/adadelta.yaml")


def test_a_folder_of_the_command_comes_before_one_that_is_found(here: Path) -> None:
    (here / "my/arch").mkdir(parents=True)
    (here / "my/arch/theirs.yaml").write_text("_target_: my.build\n")
    folders.look_in(here / "my")

    assert folders.config_file("arch/theirs") == here / "my/arch/theirs.yaml"
    assert folders.where_from("arch", "theirs") == (
        "arch=theirs is read from my/arch/theirs.yaml, not from conf/arch/theirs.yaml."
    )


def test_a_file_of_the_command_that_hides_nothing_needs_no_sentence(here: Path) -> None:
    (here / "my/arch").mkdir(parents=True)
    (here / "my/arch/mine.yaml").write_text("_target_: my.build\n")
    folders.look_in(here / "my")

    assert folders.origins({"arch": "mine", "optimizer": "adam"}) == []


def test_our_own_folder_is_not_found_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folders.CONF.parent)

    assert folders.beside() is None
