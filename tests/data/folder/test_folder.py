from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sweeper.config.trial import DataConfig
from sweeper.core.datasets import PreparedData
from sweeper.core.errors import ConfigError, DataError, RefusedError
from sweeper.core.events import FilesRead
from sweeper.data import check, describe, open_arrays, prepare
from sweeper.data.folder import facts, kept
from tests.data.folder.conftest import Make, gray


def config(folder: Path, **keys: Any) -> DataConfig:
    return DataConfig(name="folder", path=str(folder), **keys)


@pytest.fixture
def prepared(make: Make, tmp_path: Path) -> PreparedData:
    return prepare(config(make(cat=10, dog=20)), tmp_path / "data", tmp_path / "kept")


def test_pictures_become_splits_with_named_classes(prepared: PreparedData) -> None:
    summary = prepared.summary
    assert (summary.input_shape, summary.num_classes, summary.class_names) == ((6, 6, 1), 2, ("cat", "dog"))
    assert (summary.num_train, summary.num_validation, summary.num_test) == (19, 5, 6)
    assert summary.labels == ("cat", "dog")
    assert re.fullmatch(r"30 pictures of 2 classes in /\S+/pictures \(as gray\)", prepared.source)
    assert prepared.notes[0] == "The classes are cat and dog."
    assert prepared.notes[1].startswith("The test images are 6 of the pictures, held out by class: ")


def test_each_picture_is_in_one_split_with_its_label_and_its_pixels(prepared: PreparedData, tmp_path: Path) -> None:
    arrays = open_arrays(prepared)
    found = {}
    for split in ("train", "validation", "test"):
        images, labels = getattr(arrays, f"x_{split}"), getattr(arrays, f"y_{split}")
        assert len(images) == len(labels) == len(images[:])
        found |= {images[place].tobytes(): int(labels[place]) for place in range(len(labels))}
    expected = {gray(number).tobytes(): 0 if number < 10 else 1 for number in range(30)}
    assert found == expected


def test_describe_says_what_prepare_makes(make: Make, tmp_path: Path) -> None:
    for keys in ({}, {"image_size": 4}, {"image_size": [4, 8], "color": "rgb"}, {"validation": "test"}):
        one = config(make(a=5, b=10, c=15), **keys)
        assert describe(one) == prepare(one, tmp_path / "data", tmp_path / "kept").summary


def test_splits_of_the_folder_are_used_as_they_are(make: Make, tmp_path: Path) -> None:
    folder = make(train__a=4, train__b=4, val__a=2, val__b=1, test__a=1, test__b=2)
    made = prepare(config(folder), tmp_path / "data")
    summary = made.summary
    assert (summary.num_train, summary.num_validation, summary.num_test) == (8, 3, 3)
    assert f"The validation images are those of {folder}/val, not a part of the training images." in made.notes
    with pytest.raises(ConfigError, match=r"3 images, \S+/val\).*Try: data=folder data\.path="):
        describe(config(folder, validation=0.5))


def test_without_test_folder_a_fifth_is_held_out_whatever_the_seed_of_the_split(make: Make, tmp_path: Path) -> None:
    folder = make(a=10, b=15)
    tests = [
        open_arrays(prepare(config(folder, split_seed=seed), tmp_path / str(seed), tmp_path / "kept")).x_test[:]
        for seed in (0, 1)
    ]
    assert len(tests[0]) == 5
    np.testing.assert_array_equal(*tests)


def test_a_class_with_two_pictures_trains_and_validates_and_its_lack_of_test_images_is_said(
    make: Make, tmp_path: Path
) -> None:
    made = prepare(config(make(rare=2, usual=20)), tmp_path / "data")
    assert made.warnings == ("No test image is of class rare: test figures say nothing about it.",)
    assert (np.bincount(open_arrays(made).y_train)[0], np.bincount(open_arrays(made).y_validation)[0]) == (1, 1)


def test_two_pictures_of_each_class_are_too_few_to_hold_some_out(make: Make) -> None:
    with pytest.raises(DataError, match=r"too few images to hold some out as a test set: at most 2 of a class"):
        describe(config(make(a=2, b=2)))


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        pytest.param(lambda folder: None, True, id="nothing"),
        pytest.param(lambda folder: (folder / "a" / "000.png").rename(folder / "a" / "0000.png"), True, id="a name"),
        pytest.param(lambda folder: (folder / "a").rename(folder / "aa"), False, id="a class's name"),
        pytest.param(lambda folder: gray(77).save(folder / "a" / "000.png"), False, id="pixels"),
        pytest.param(lambda folder: (folder / "a" / "000.png").unlink(), False, id="one picture less"),
        pytest.param(lambda folder: shutil.move(folder / "a" / "000.png", folder / "b" / "x.png"), False, id="a label"),
        pytest.param(lambda folder: gray(0).save(folder / "a" / "000.png", compress_level=0), True, id="compression"),
    ],
)
def test_the_digest_follows_pixels_labels_and_class_names(
    make: Make, tmp_path: Path, change: Any, is_same: bool
) -> None:
    digests = []
    for name, what in (("one", lambda folder: None), ("other", change)):
        folder = make(name, a=6, b=6)
        what(folder)
        digests.append(prepare(config(folder), tmp_path / "data", tmp_path / "kept").data_digest)
    assert (digests[0] == digests[1]) is is_same


# ------------------------------------------------------------------ sizes and colours


def test_pictures_of_several_sizes_are_refused_with_the_most_frequent_one(make: Make) -> None:
    folder = make(a=5, b=5)
    gray(50, 8, 9).save(folder / "a" / "x.png")
    with pytest.raises(
        DataError,
        match=r"have 2 sizes \(height x width\): 10 of 6x6, 1 of 8x9; .*Try: data=folder data\.path=\S+ "
        r"data\.image_size=6$",
    ):
        describe(config(folder))
    assert describe(config(folder, image_size=6)).input_shape == (6, 6, 1)
    assert describe(config(folder, image_size=[3, 5])).input_shape == (3, 5, 1)


def test_the_most_frequent_size_may_not_be_square(make: Make) -> None:
    folder = make(a=1, b=0)
    for number in range(3):
        gray(number, 4, 7).save(folder / "b" / f"x{number}.png")
    with pytest.raises(DataError, match=r"Try: .* 'data\.image_size=\[4,7\]'$"):
        describe(config(folder))


def test_one_colour_picture_makes_all_colour_unless_gray_is_asked_for(make: Make) -> None:
    folder = make(a=5, b=5)
    gray(3).convert("RGB").save(folder / "a" / "x.png")
    assert describe(config(folder)).input_shape == (6, 6, 3)
    assert describe(config(folder, color="grayscale")).input_shape == (6, 6, 1)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param({"image_size": 0}, r"data\.image_size=0 is not accepted: a number of pixels", id="no pixels"),
        pytest.param({"image_size": [1, 2, 3]}, r"data\.image_size=\[1,2,3\] .*Try: data\.image_size=64", id="three"),
        pytest.param({"image_size": "big"}, r"data\.image_size=big", id="a word"),
        pytest.param({"image_size": True}, r"data\.image_size=true", id="true"),
        pytest.param({"image_size": 28.5}, r"data\.image_size=28\.5", id="half a pixel"),
        pytest.param({"color": "gray"}, r"data\.color=gray .*Try: data\.color=grayscale", id="a colour"),
        pytest.param(
            {"normalize": "standard"}, r"data\.normalize=standard .*Try: data\.normalize=standardize", id="norm"
        ),
        pytest.param({"resize": "fit"}, r"data\.resize=fit is not accepted: one of stretch, crop, pad", id="a way"),
    ],
)
def test_values_out_of_range_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DataConfig(name="folder", path="x", **keys)


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist", "npz"])
def test_keys_of_folders_are_refused_with_other_data(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"data\.image_size=\[28,28\] data\.skip_broken=true .* data={name}, whose"):
        describe(DataConfig(name=name, image_size=[28, 28], skip_broken=True))


def test_a_path_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"data=folder needs data\.path, .*Try: data=folder data\.path=pictures"):
        describe(DataConfig(name="folder"))


# ------------------------------------------------------------------ broken pictures


def broken(folder: Path, number: int) -> Path:
    for one in range(number):
        (folder / "a" / f"broken{one:02d}.png").write_bytes(b"" if one % 2 else b"nothing")
    return folder


def test_broken_pictures_are_all_named_with_their_reason(make: Make, tmp_path: Path) -> None:
    folder = broken(make(a=5, b=5), 2)
    whole = (folder / "b" / "000.png").read_bytes()
    (folder / "b" / "000.png").write_bytes(whole[: len(whole) // 2])
    (folder / "b" / "gone.png").symlink_to("nowhere")
    with pytest.raises(DataError) as refused:
        prepare(config(folder), tmp_path / "data")
    message = str(refused.value)
    assert "4 of 13 pictures in " in message
    assert "a/broken00.png (no picture in a known format); a/broken01.png (the file is empty); b/000.png (" in message
    assert "; b/gone.png (No such file or directory). Accepted: " in message
    assert message.endswith("data.skip_broken=true")


def test_of_many_broken_pictures_twenty_are_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"25 of 35 .*broken19\.png \(the file is empty\); and 5 more\. Accepted"):
        prepare(config(broken(make(a=5, b=5), 25)), tmp_path / "data")


def test_broken_pictures_are_left_out_where_that_is_asked_for_and_said(make: Make, tmp_path: Path) -> None:
    folder = broken(make(a=5, b=5), 2)
    made = prepare(config(folder, skip_broken=True), tmp_path / "data", tmp_path / "kept")
    assert sum((made.summary.num_train, made.summary.num_validation, made.summary.num_test)) == 10
    assert (
        "2 broken pictures are left out: a/broken00.png (no picture in a known format) and a/broken01.png (the file is "
        "empty)." in made.notes
    )
    without = make("without", a=5, b=5)
    assert made.data_digest == prepare(config(without), tmp_path / "data", tmp_path / "kept").data_digest
    with pytest.raises(DataError, match="2 of 12 pictures"):  # the pictures are kept, the refusal stays
        prepare(config(folder), tmp_path / "data", tmp_path / "kept")


def test_names_that_could_move_the_cursor_are_written_as_escapes(make: Make, tmp_path: Path) -> None:
    folder = make(**{"a\nb": 9, "\x1b[31mred": 9})
    (folder / "a\nb" / "x\ty.txt").write_text("no picture", encoding="utf-8")
    made = prepare(config(folder), tmp_path / "data")
    assert made.summary.class_names == ("\x1b[31mred", "a\nb")
    assert made.notes[0] == "The classes are \\x1b[31mred and a\\nb."
    assert made.notes[2] == "1 file that is no picture was skipped: x\\ty.txt."


def test_a_class_of_which_every_picture_is_broken_is_refused(make: Make, tmp_path: Path) -> None:
    folder = broken(make(a=0, b=9), 3)
    with pytest.raises(DataError, match=r"No training picture of a can be read in "):
        prepare(config(folder, skip_broken=True), tmp_path / "data")


def test_a_folder_of_broken_pictures_alone_is_refused(make: Make) -> None:
    folder = broken(make(a=0, b=0), 3)
    shutil.copytree(folder / "a", folder / "b", dirs_exist_ok=True)
    with pytest.raises(DataError, match=r"None of the 6 pictures in \S+ can be read"):
        describe(config(folder))


# ------------------------------------------------------------------ copies


def test_a_leak_between_the_folders_splits_is_counted_and_the_files_named(make: Make, tmp_path: Path) -> None:
    folder = make(train__a=5, train__b=5, val__a=2, val__b=2, test__a=2, test__b=2)
    shutil.copy(folder / "train/a/001.png", folder / "test/a/leak.png")
    shutil.copy(folder / "train/b/002.png", folder / "val/b/leak.png")
    shutil.copy(folder / "train/a/003.png", folder / "train/b/both.png")
    made = prepare(config(folder), tmp_path / "data")
    assert made.warnings == (
        "1 of 5 validation images is an exact copy of training images (val/b/leak.png of train/b/002.png): validation "
        "figures are too high, since the networks were trained on these images.",
        "1 of 5 test images is an exact copy of training images (test/a/leak.png of train/a/001.png): test figures are "
        "too high, since the networks were trained on these images.",
        "1 image of training or validation occurs with several labels (train/b/both.png and train/a/003.png).",
    )


# ------------------------------------------------------------------ what is kept


def test_the_next_sweep_reads_no_picture(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(a=5, b=5)
    past = folder.stat().st_mtime_ns - 10**10
    for path in folder.rglob("*.png"):
        os.utime(path, ns=(past, past))
    seen: list[FilesRead] = []
    first = prepare(config(folder), tmp_path / "data", tmp_path / "kept", seen.append)
    assert {(one.verb, one.total) for one in seen if one.done == one.total} == {
        ("Looking at", 10),
        ("Checking", 10),
        ("Reading", 10),
    }
    facts.of_folder(folder, None).known.clear()  # as in another process
    for module, name in ((facts, "_header"), (facts, "_digest"), (kept, "decode")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("a file was read again"))
    again = prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    assert again == first
    assert check(config(folder), tmp_path / "kept").data_digest == first.data_digest
    assert describe(config(folder), tmp_path / "kept") == first.summary


def test_a_plan_reads_the_pictures_and_keeps_nothing(make: Make, tmp_path: Path) -> None:
    folder = make(a=5, b=5)
    checked = check(config(folder), tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    made = prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    assert (checked.data_digest, checked.summary) == (made.data_digest, made.summary)
    (folder / "a" / "000.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 of 10 pictures"):
        check(config(folder), tmp_path / "kept")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda place: (place / "images.npy").unlink(), id="images deleted"),
        pytest.param(lambda place: (place / "kept.json").unlink(), id="kept.json deleted"),
        pytest.param(lambda place: (place / "kept.json").write_text("{}"), id="kept.json emptied"),
        pytest.param(lambda place: os.truncate(place / "images.npy", 200), id="images truncated"),
        pytest.param(lambda place: flip(place / "images.npy"), id="a pixel changed"),
        pytest.param(lambda place: flip(place / "prints.npy"), id="a print changed"),
    ],
)
def test_what_is_kept_and_damaged_is_made_again(make: Make, tmp_path: Path, damage: Any) -> None:
    folder = make(a=5, b=5)
    first = prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    [place] = [path for path in (tmp_path / "kept").iterdir() if path.is_dir()]
    damage(place)
    again = prepare(config(folder), tmp_path / "again", tmp_path / "kept")
    assert again.data_digest == first.data_digest
    np.testing.assert_array_equal(open_arrays(again).x_train[:], np.stack(list(open_arrays(again).x_train)))
    assert {image.tobytes() for image in open_arrays(again).x_train} <= {gray(n).tobytes() for n in range(10)}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))  # whatever the clock's steps are


def test_a_copy_of_the_output_folder_is_used_as_it_is(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(a=5, b=5)
    first = prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    shutil.copytree(tmp_path / "kept", tmp_path / "copied", copy_function=shutil.copyfile)
    monkeypatch.setattr(kept, "decode", lambda *_: pytest.fail("a picture was decoded again"))
    assert prepare(config(folder), tmp_path / "data", tmp_path / "copied").data_digest == first.data_digest


def test_a_changed_picture_is_noticed(make: Make, tmp_path: Path) -> None:
    folder = make(a=5, b=5)
    first = prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    gray(99).save(folder / "a" / "000.png")
    assert prepare(config(folder), tmp_path / "data", tmp_path / "kept").data_digest != first.data_digest


def test_what_a_killed_process_left_half_done_is_deleted(make: Make, tmp_path: Path) -> None:
    left = tmp_path / "kept" / ".0123.4194303.tmp"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    prepare(config(make(a=5, b=5)), tmp_path / "data", tmp_path / "kept")
    assert not list((tmp_path / "kept").glob(".*"))


def test_of_two_sweeps_that_read_the_same_pictures_at_once_the_first_ones_stay(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, convert = make(a=5, b=5), kept._convert
    first: list[PreparedData] = []

    def slowly(*given: Any, **named: Any) -> None:
        convert(*given, **named)
        monkeypatch.setattr(kept, "_convert", convert)
        monkeypatch.setattr(kept.os, "getpid", os.getppid)  # as another process
        first.append(prepare(config(folder), tmp_path / "first", tmp_path / "kept"))  # the other sweep is faster

    monkeypatch.setattr(kept, "_convert", slowly)
    second = prepare(config(folder), tmp_path / "second", tmp_path / "kept")
    assert first[0].mapped == second.mapped
    assert {path.stat().st_ino for path in second.mapped.values()} == {
        path.stat().st_ino for path in (tmp_path / "kept").glob("*/images.npy")
    }
    assert not list((tmp_path / "kept").glob(".*"))
    assert first[0].data_digest == second.data_digest


def test_a_disk_without_room_is_refused_before_anything_is_read(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))  # type: ignore[attr-defined]
    with pytest.raises(RefusedError, match=r"10 pictures of 6x6 pixels take 0\.0 GB .*Try: data\.image_size=3, or"):
        prepare(config(make(a=5, b=5)), tmp_path / "data", tmp_path / "kept")


def test_a_file_that_changes_while_the_pictures_are_read_is_named(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(a=5, b=5)
    monkeypatch.setattr(facts, "_digest", lambda path: "0" * 64)
    with pytest.raises(DataError, match=r"/a/000\.png was changed while the pictures were read"):
        prepare(config(folder), tmp_path / "data", tmp_path / "kept")
    assert not list((tmp_path / "kept").glob(".*"))


def test_many_classes_are_numbered_by_name(make: Make, tmp_path: Path) -> None:
    made = prepare(config(make(**{f"class {number:03d}": 8 for number in range(200)})), tmp_path / "data")
    assert made.summary.num_classes == 200
    assert made.summary.class_names[199] == "class 199"
    assert made.summary.num_test == 320


def test_colour_pictures_keep_their_colours(make: Make, tmp_path: Path) -> None:
    folder = make(a=0, b=0)
    for number in range(10):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "ab"[number % 2] / f"{number}.png")
    arrays = open_arrays(prepare(config(folder), tmp_path / "data"))
    expected = {np.random.default_rng(n).integers(0, 256, (4, 5, 3), dtype=np.uint8).tobytes() for n in range(10)}
    assert {image.tobytes() for image in [*arrays.x_train, *arrays.x_validation, *arrays.x_test]} == expected
