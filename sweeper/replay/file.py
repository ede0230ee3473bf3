"""A table as one small file, which is kept without its sweep: answers as bits, seconds, and what varied.

    python benchmarks/table.py --save FILE.npz         writes one
    python -m sweeper replay FILE.npz sampler=tpe      reads it

What does not live here: a table of a sweep (`sweeper.replay.table`).
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.artifacts.damage import load_arrays
from sweeper.core.errors import ConfigError, DamagedFileError, StoreError
from sweeper.replay.table import Table, space_of
from sweeper.space.composer import Point

ENDING = ".npz"
_VERSION = 1


def save(table: Table, group: int, path: Path) -> None:
    """Writes a table.

    Args:
        table: of a sweep.
        group: configurations of its leading group.
        path: the file; its folder is there.
    """
    about = {
        "version": _VERSION,
        "name": table.name,
        "keys": list(table.space.keys),
        "points": [[list(point.overrides), point.params] for point in table.points],
        "num_images": int(table.correct.shape[3]),
        "keeps_best": table.keeps_best,
        "groups": table.groups,
        "group": group,
    }
    file = io.BytesIO()
    np.savez_compressed(
        file,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        bits=np.packbits(table.correct.astype(np.bool_), axis=3),
        milliseconds=np.rint(1000 * table.seconds).astype(np.uint32),
        overhead=np.rint(1000 * table.overhead).astype(np.uint32),
        right=_right(table.correct),
    )
    path.write_bytes(file.getvalue())


def load(path: Path) -> tuple[Table, int]:
    """Reads a table, and how many configurations its leading group has.

    Raises:
        StoreError: there is no such file.
        ConfigError: it is no table.
        DamagedFileError: it is not whole.
    """
    if not path.is_file():
        raise StoreError(
            f"{path} cannot be replayed: there is no such file. Accepted: the name of a sweep, or a table as "
            "benchmarks/table.py --save writes it.  Try: python -m sweeper replay benchmarks/tables/digits.npz"
        )
    arrays = load_arrays(path)
    if not {"about", "bits", "milliseconds", "overhead", "right"} <= arrays.keys():
        raise ConfigError(
            f"{path} is no table to replay. Accepted: the name of a sweep, or a table as benchmarks/table.py --save "
            "writes it.  Try: python -m sweeper replay benchmarks/tables/digits.npz"
        )
    about: dict[str, Any] = json.loads(arrays["about"].tobytes())
    correct = np.unpackbits(arrays["bits"], axis=3, count=about["num_images"]).astype(np.float32)
    if not np.array_equal(_right(correct), arrays["right"]):
        raise DamagedFileError(f"{path} is damaged: its answers are not those that were counted")
    config = {"training": {"epochs": correct.shape[2]}, "seed": 0}
    points = tuple(Point(tuple(overrides), params, config) for overrides, params in about["points"])
    table = Table(
        name=about["name"],
        space=space_of(points, about["keys"]),
        points=points,
        place={point.overrides: number for number, point in enumerate(points)},
        correct=correct,
        seconds=arrays["milliseconds"] / 1000,
        overhead=arrays["overhead"] / 1000,
        keeps_best=about["keeps_best"],
        groups=about["groups"],
    )
    return table, int(about["group"])


def _right(correct: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(configurations, seeds, epochs): images that are answered right, by which a file checks itself."""
    found: NDArray[np.uint32] = correct.sum(axis=3).astype(np.uint32)
    return found
