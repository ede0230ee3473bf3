"""Files in the IDX format."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from published_sets import idx_bytes, small_arrays
from sweeper.core.errors import DataError
from sweeper.data.formats import idx

# IDX files


@pytest.mark.parametrize("shape", [(7,), (5, 4, 3)])
@pytest.mark.parametrize("name", ["a-ubyte", "a-ubyte.gz"])
def test_an_idx_file_is_read_as_it_was_written(shape, name, tmp_path):
    array = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    content = idx_bytes(array)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    read = idx.read_file(tmp_path / name)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda content: content[:-1], r"its header says \(6, 4, 3\), its values are fewer", id="short"),
        pytest.param(lambda content: content + b"0", "its values are more", id="long"),
        pytest.param(lambda content: content[:6], "truncated or corrupt", id="within the header"),
        pytest.param(lambda content: b"", "truncated or corrupt", id="empty"),
        pytest.param(lambda content: b"\x00\x00\x0d" + content[3:], "not begin like an IDX file", id="floats"),
        pytest.param(lambda content: b"PK" + content, "not begin like an IDX file", id="another format"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_idx_file_is_refused(damage, message, suffix, tmp_path):
    content = damage(idx_bytes(small_arrays()["x_train"]))
    path = tmp_path / f"train{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(DataError, match=message):
        idx.read_file(path)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-9], id="truncated"),
        pytest.param(lambda content: b"no gzip at all", id="no gzip"),
        pytest.param(lambda content: content[:40] + b"\xff" + content[41:], id="a flipped byte"),
    ],
)
def test_a_damaged_gzip_file_is_refused(damage, tmp_path):
    path = tmp_path / "train.gz"
    path.write_bytes(damage(gzip.compress(idx_bytes(small_arrays()["x_train"]))))
    with pytest.raises(DataError, match=r"train\.gz is truncated or corrupt"):
        idx.read_file(path)
