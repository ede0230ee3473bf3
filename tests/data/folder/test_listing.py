from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweeper.core.errors import DataError
from sweeper.data.folder.listing import list_pictures
from tests.data.folder.conftest import Make, gray


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_a_folder_per_class_is_listed_by_relative_path_and_numbered_by_class_name(make: Make) -> None:
    found = list_pictures(str(make(dog=2, cat=1)))

    assert found.class_names == ("cat", "dog")
    assert [(one.name, one.label, one.split) for one in found.pictures] == [
        ("cat/000.png", 0, "train"),
        ("dog/000.png", 1, "train"),
        ("dog/001.png", 1, "train"),
    ]
    assert (found.splits, found.notes) == ({}, ())


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        pytest.param("train", "val", "test", id="the usual names"),
        pytest.param("Training", "VALIDATION", "Testing", id="long, in other case"),
        pytest.param("train", "valid", "test", id="valid"),
    ],
)
def test_folders_called_as_splits_are_splits(make: Make, train: str, val: str, test: str) -> None:
    counts = {f"{split}__{name}": 1 for split in (train, val, test) for name in ("a", "b")}
    found = list_pictures(str(make(**counts)))

    assert found.splits == {"train": train, "val": val, "test": test}
    assert found.class_names == ("a", "b")
    assert sorted({one.split for one in found.pictures}) == ["test", "train", "val"]


def test_classes_may_be_called_train_and_test_where_their_pictures_lie_in_them(make: Make) -> None:
    found = list_pictures(str(make(train=2, bus=2, test=1)))
    assert (found.class_names, found.splits) == (("bus", "test", "train"), {})


def test_folders_below_a_class_belong_to_it(make: Make) -> None:
    found = list_pictures(str(make(cat__black__old=1, cat__white=1, dog=1)))
    assert [(one.name, one.label) for one in found.pictures] == [
        ("cat/black/old/000.png", 0),
        ("cat/white/000.png", 0),
        ("dog/000.png", 1),
    ]


def test_the_ends_of_names_count_in_any_case_and_other_files_are_counted(make: Make) -> None:
    folder = make(cat=1, dog=1)
    for name in ("a.PNG", "b.Jpg", "c.jpeg", "d.BMP", "e.gif", "f.webp", "g.tif", "h.TIFF"):
        touch(folder / "cat" / name)
    for name in ("cat/.DS_Store", "dog/.DS_Store", "Thumbs.db", "cat/notes.txt", "cat/._a.png"):
        touch(folder / name)
    (folder / ".hidden").mkdir()
    touch(folder / ".hidden" / "a.png")
    found = list_pictures(str(folder))

    assert len(found.pictures) == 10
    assert found.notes == (
        "5 files that are no pictures were skipped: .DS_Store (2 times), Thumbs.db, ._a.png and 1 more.",
    )


def test_pictures_beside_the_classes_and_folders_without_pictures_are_said(make: Make) -> None:
    folder = make(cat=1, dog=1)
    gray(0).save(folder / "preview.png")
    (folder / "empty").mkdir()
    assert list_pictures(str(folder)).notes == (
        "1 picture in no class's folder is left out: preview.png.",
        "1 folder without a picture is no class: empty.",
    )


@pytest.mark.parametrize("name", ["with space", "ünï", "a%20b", "x=1,y", "'quoted'", "<b>", "日本"])
def test_classes_have_any_name(make: Make, name: str) -> None:
    assert name in list_pictures(str(make(**{name: 1, "zzz": 1}))).class_names


def test_links_to_files_and_folders_are_followed(make: Make, tmp_path: Path) -> None:
    folder, elsewhere = make(cat=1), make("elsewhere", dog=2)
    (folder / "dog").symlink_to(elsewhere / "dog")
    (folder / "cat" / "linked.png").symlink_to(elsewhere / "dog" / "000.png")
    assert [one.name for one in list_pictures(str(folder)).pictures] == [
        "cat/000.png",
        "cat/linked.png",
        "dog/000.png",
        "dog/001.png",
    ]


def test_a_link_to_a_folder_above_is_refused(make: Make) -> None:
    folder = make(cat=1, dog=1)
    (folder / "cat" / "loop").symlink_to(folder)
    with pytest.raises(DataError, match=r"cat/loop/?\S* is a link to a folder that it lies in.*Try: delete that link"):
        list_pictures(str(folder))


def test_a_link_to_itself_or_to_nothing_is_a_picture_that_cannot_be_read(make: Make) -> None:
    folder = make(cat=1, dog=1)
    (folder / "cat" / "self.png").symlink_to("self.png")
    (folder / "cat" / "gone.png").symlink_to("nowhere.png")
    found = {one.name: one.size for one in list_pictures(str(folder)).pictures}
    assert found["cat/self.png"] == found["cat/gone.png"] == 0


REFUSED = {
    "an empty folder": ({}, r"pictures holds no picture\. Accepted: a folder with one folder of pictures per class"),
    "one class": ({"cat": 3}, r"has one class only \(cat\); at least 2 are needed"),
    "one class in train": ({"train__cat": 3, "test__cat": 1}, r"has one class only \(cat\) in train; at least 2"),
    "no folder per class": ({".": 3}, r"has no folder per class: its 3 pictures lie in \S*pictures itself"),
    "no folder per class in train": ({"train": 3, "test": 1}, r"no folder per class: its 4 pictures lie in \S*/test "),
    "a split without train": ({"test__a": 1, "val__a": 1}, r"has test and val, but no folder train"),
    "a folder beside the splits": (
        {"train__a": 1, "train__b": 1, "more__a": 1},
        r"has train with folders in it, as a split, and also more, which is none",
    ),
    "two folders for one split": (
        {"train__a": 1, "train__b": 1, "val__a": 1, "validation__b": 1},
        r"has val and validation, which are the same split",
    ),
    "a class of the test set that training lacks": (
        {"train__a": 1, "train__b": 1, "test__c": 1},
        r"/test has c, which \S+ has not: it has no training picture.*Try: move the folder out of test",
    ),
}


@pytest.mark.parametrize(("counts", "message"), list(REFUSED.values()), ids=list(REFUSED))
def test_folders_that_cannot_be_used_are_refused(make: Make, counts: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        list_pictures(str(make(**counts)))
    assert "Try: " in str(refused.value)


def test_other_files_in_a_folder_without_pictures_are_named(make: Make) -> None:
    folder = make()
    touch(folder / "cat" / "a.heic")
    with pytest.raises(DataError, match=r"holds no picture among its 1 files \(cat/a\.heic\)\."):
        list_pictures(str(folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("my.npz", r"is a file of arrays, not a folder\..*Try: data=npz data\.path=\S*my\.npz", id="npz"),
        pytest.param("my.zip", r"is a file, not a folder of pictures\..*An archive is unpacked first\.", id="zip"),
    ],
)
def test_a_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    touch(tmp_path / name)
    with pytest.raises(DataError, match=message):
        list_pictures(str(tmp_path / name))


def test_a_path_to_nothing_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.path=/nowhere cannot be opened .*Try: data=folder data\.path=pictures"):
        list_pictures("/nowhere")


def test_a_name_that_is_no_text_is_refused(make: Make) -> None:
    folder = make(cat=1, dog=1)
    touch(Path(os.fsdecode(os.fsencode(folder / "cat") + b"/b\xe4r.png")))
    with pytest.raises(DataError, match=r"cat holds a name that is not UTF-8: b'b\\xe4r\.png'"):
        list_pictures(str(folder))
