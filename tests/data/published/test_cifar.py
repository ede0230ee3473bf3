"""CIFAR-10 and CIFAR-100 from small archives in their format, and the published ones' own facts."""

from __future__ import annotations

import pickle
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifar_archives import files, images_and_labels, python2_pickle, write
from published_sets import UNREACHABLE
from sweeper.config.trial import DataConfig
from sweeper.core.errors import DataError
from sweeper.data import describe, download, prepare
from sweeper.data.published import cifar
from sweeper.data.published.cifar import CIFAR10, CIFAR100, Archive

BOTH = pytest.mark.parametrize("base", [CIFAR10, CIFAR100], ids=["cifar10", "cifar100"])


def place(folder: Path, archive: Archive, form: str) -> Path:
    """The archive, its folder, or the folder that both are in, alone there."""
    if form == "the archive":
        return folder / archive.remote_file.name
    if form == "its folder":
        return folder / archive.folder
    if form == "a folder with its folder":
        (folder / archive.remote_file.name).unlink()
    else:
        shutil.rmtree(folder / archive.folder)
    return folder


@BOTH
@pytest.mark.parametrize("form", ["the archive", "its folder", "a folder with its folder", "a folder with the archive"])
def test_an_archive_and_its_folder_give_the_images_as_they_were(base, form, tmp_path):
    archive = write(tmp_path, base)
    path = str(place(tmp_path, archive, form))
    raw = cifar.read(archive, path)
    for name, array in images_and_labels().items():
        np.testing.assert_array_equal(getattr(raw, name), array)
    assert raw.class_names == ("cat", "dog")
    assert raw.inventory == archive.inventory == cifar.inventory(archive, path)
    assert raw.source.startswith("Small, ")


@BOTH
def test_a_changed_archive_is_refused_before_it_is_opened(base, tmp_path):
    archive = write(tmp_path, base)
    packed = tmp_path / archive.remote_file.name
    content = packed.read_bytes()
    packed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=rf"is not Small's: its MD5 is not the published {archive.remote_file.digest}"):
        cifar.read(archive, str(packed))


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_each_file_of_a_folder_is_verified(name, tmp_path):
    archive = write(tmp_path)
    file = tmp_path / archive.folder / name
    file.write_bytes(file.read_bytes() + b".")
    with pytest.raises(
        DataError, match=rf"{re.escape(str(file))} is not Small's: its MD5 is not the published [0-9a-f]+\. A"
    ):
        cifar.read(archive, str(tmp_path / archive.folder))


def test_another_archive_is_not_taken_for_the_published_one(tmp_path):
    write(tmp_path)
    for path in (tmp_path / CIFAR10.remote_file.name, tmp_path / CIFAR10.folder):
        with pytest.raises(
            DataError, match=r"is not CIFAR-10's: its MD5 is not the published .*Try: data=cifar10 data\."
        ):
            prepare(DataConfig(name="cifar10", path=str(path)), tmp_path / "prepared")


def test_a_folder_without_the_files_is_refused_with_their_names(tmp_path):
    with pytest.raises(
        DataError, match=r"is not CIFAR-100: it lacks train, test, meta, and has neither cifar-100-python"
    ):
        describe(DataConfig(name="cifar100", path=str(tmp_path)))


def test_labels_of_other_numbers_than_published_are_refused(tmp_path):
    archive = write(tmp_path, given={**images_and_labels(), "y_test": np.zeros(10, int)})
    with pytest.raises(DataError, match=r"The test labels of .* have not Small's number of images of each class"):
        cifar.read(archive, str(tmp_path / archive.folder))


# Nothing is executed


class _Touch:
    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self):
        return Path.touch, (self._target,)


@pytest.mark.parametrize("write_pickle", [pickle.dumps, python2_pickle], ids=["pickle", "as Python 2"])
def test_a_pickle_that_would_run_code_is_not_opened_even_where_its_digest_fits(write_pickle, tmp_path):
    target = tmp_path / "ran"
    held = {"labels": [0], "data": _Touch(target)}
    if write_pickle is python2_pickle:
        content = b"cposix\nsystem\n(S'touch " + str(target).encode() + b"'\ntR."
    else:
        content = write_pickle(held)
    archive = write(tmp_path)
    file = tmp_path / archive.folder / "test_batch"
    file.write_bytes(content)
    import hashlib

    trusting = replace(archive, file_md5s={**archive.file_md5s, "test_batch": hashlib.md5(content).hexdigest()})
    with pytest.raises(DataError, match=r"test_batch of Small cannot be read \(it names \S+, which is not opened\)"):
        cifar.read(trusting, str(tmp_path / archive.folder))
    assert not target.exists()


# Keras's cache and the server


@BOTH
@pytest.mark.parametrize("form", ["archive", "folder", "older archive", "older folder"])
def test_keras_cache_is_used_as_keras_leaves_it(base, form, tmp_path):
    archive, cache = write(tmp_path / "made", base), tmp_path / "keras" / "datasets"
    packed, folder = tmp_path / "made" / archive.remote_file.name, tmp_path / "made" / archive.folder
    target = {
        "archive": cache / f"{archive.cache}_archive",
        "folder": cache / archive.cache / archive.folder,
        "older archive": cache / f"{archive.folder}.tar.gz",
        "older folder": cache / archive.folder,
    }[form]
    target.parent.mkdir(parents=True)
    (shutil.copy if "archive" in form else shutil.copytree)(packed if "archive" in form else folder, target)
    raw = cifar.read(archive, None)
    assert raw.source == f"Small, from Keras's cache ({target})"
    np.testing.assert_array_equal(raw.x_test, images_and_labels()["x_test"])


def test_without_path_cache_and_network_the_error_names_all_three_and_the_offline_default(tmp_path):
    with pytest.raises(DataError) as caught:
        prepare(DataConfig(name="cifar10"), tmp_path / "prepared")
    message = str(caught.value)
    assert "no data.path is given" in message
    assert f"Keras's cache has no {tmp_path}/keras/datasets/cifar-10-batches-py-target_archive" in message
    assert f"{UNREACHABLE}cifar-10-python.tar.gz cannot be downloaded (" in message
    assert message.endswith("Try: data=cifar10 data.path=cifar-10-python.tar.gz, or data=digits")


def test_the_download_is_verified_and_lies_where_keras_looks_for_it(tmp_path, monkeypatch):
    archive = write(tmp_path)
    monkeypatch.setattr(download, "CIFAR_BASE", f"{tmp_path.as_uri()}/")
    assert "downloaded into Keras's cache" in cifar.read(archive, None).source
    target = tmp_path / "keras" / "datasets" / "cifar-10-batches-py-target_archive"
    assert target.is_file()
    target.unlink()
    with pytest.raises(DataError, match="bytes came whose md5 is not the published one"):
        cifar.read(replace(archive, remote_file=replace(archive.remote_file, digest="0" * 32)), None)
    assert not target.exists()


# The published ones


def test_the_published_sets_are_described_from_constants():
    for name, classes in (("cifar10", 10), ("cifar100", 100)):
        summary = describe(DataConfig(name=name))
        assert (summary.input_shape, summary.num_classes) == ((32, 32, 3), classes)
        assert (summary.num_train, summary.num_validation, summary.num_test) == (40_000, 10_000, 10_000)
        assert len(set(summary.class_names)) == classes
    assert CIFAR10.inventory.class_names[3] == "cat"
    assert list(CIFAR100.inventory.class_names) == sorted(CIFAR100.inventory.class_names)


@BOTH
def test_keras_would_take_the_same_archive_from_the_same_server(base):
    """Keras's source names address and folder, as it did when this was written."""
    import importlib.util

    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    source = (Path(spec.origin).parent / "src" / "datasets" / f"{base.name}.py").read_text(encoding="utf-8")
    assert f'origin = "https://www.cs.toronto.edu/~kriz/{base.remote_file.name}"' in source
    assert f'dirname = "{base.cache}"' in source
    assert f'os.path.join(path, "{base.folder}")' in source


def test_every_file_has_a_digest():
    for base in (CIFAR10, CIFAR100):
        assert set(base.files) == set(base.file_md5s) == set(files(base, images_and_labels()))
        assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in (*base.file_md5s.values(), base.remote_file.digest))
