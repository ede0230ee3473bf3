"""Images as floats, and the digest of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from sweeper.data import as_float
from sweeper.data.arrays import digest_arrays


def test_bytes_become_floats_from_0_to_1():
    floats = as_float(np.array([[0, 51, 255]], dtype=np.uint8))
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, np.array([[0, 0.2, 1]], dtype=np.float32))


def test_floats_are_passed_on_without_a_copy():
    images = np.array([0.0, 0.5, 1.0], dtype=np.float32)
    assert np.shares_memory(as_float(images), images)


def test_images_of_any_other_type_are_an_error():
    with pytest.raises(TypeError, match=r"uint8 or float32\. Received: int64"):
        as_float(np.array([1, 2]))


def test_a_digest_sees_names_shapes_types_and_values_but_not_memory_order():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    digest = digest_arrays({"x": array})
    assert digest == digest_arrays({"x": np.asfortranarray(array)})
    for other in ({"y": array}, {"x": array.reshape(3, 2)}, {"x": array.astype(np.int64)}, {"x": array + 1}):
        assert digest_arrays(other) != digest
