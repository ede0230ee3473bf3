"""`data=npz`: custom arrays, an `.npz` file or a folder of IDX files, checked before anything trains.

All faults that shapes, types and labels show are named at once; pixels are checked when they are read. What does not
live here: the formats of the files (`npz_format`, `idx_format`), the checks (`layout`, `images`, `labels`), and the
split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.core.errors import ConfigError, DataError
from sweeper.core.text import listed
from sweeper.data import idx_format, npz_format
from sweeper.data.arrays import KEYS, AnyArray, ArrayHeader, Inventory, RawData, count_classes
from sweeper.data.download import explaining, given_path, path_word
from sweeper.data.folder.listing import holds_folders_of_pictures
from sweeper.data.user import images, labels
from sweeper.data.user.names import name_faults, renamed, validation_names
from sweeper.data.user.repair import ACCEPTED, EXAMPLE, refusal

_ADVICE = f"{ACCEPTED}  {EXAMPLE}"


def inventory(path: str | None) -> Inventory:
    """Returns what the file or folder holds, from its arrays' headers and its labels; pixels are not read.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: if it is missing, damaged, or its arrays are not what is accepted; names every fault.
    """
    return _checked(path).inventory


def read(path: str | None) -> RawData:
    """Reads the arrays whole and checks their values.

    Returns:
        Images as uint8, or float32 where they were floats; labels as int64.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: as for `inventory`, and for pixels that are NaN, infinite, or on another scale.
    """
    found = _checked(path)
    pixels = found.source.arrays(found.headers)
    if faults := images.pixel_faults(pixels):
        raise refusal(found.source.place, faults, found.stored)
    notes = (*found.notes, *images.dark_notes(pixels))
    x_train, x_test, *x_validation = (images.as_images(pixels.pop(key)) for key in found.headers)
    y_train, y_test, *y_validation = found.labels.values()
    return RawData(
        x_train,
        y_train,
        x_test,
        y_test,
        f"custom arrays, {found.source.place}",
        x_validation=next(iter(x_validation), None),
        y_validation=next(iter(y_validation), None),
        notes=notes,
    )


@dataclass(frozen=True)
class Source:
    """Where the arrays lie: an `.npz` file, or a folder of IDX files. Damage is a DataError that says what to type."""

    place: Path

    def names(self) -> tuple[str, ...]:
        """The arrays that are there."""
        with explaining(_ADVICE):
            return KEYS if self.place.is_dir() else npz_format.read_names(self.place)

    def headers(self, keys: Sequence[str]) -> dict[str, ArrayHeader]:
        """Shapes and types of arrays, in the order of `keys`."""
        with explaining(_ADVICE):
            if self.place.is_dir():
                return idx_format.read_headers(self.place)
            return npz_format.read_headers(self.place, keys)

    def arrays(self, keys: Iterable[str]) -> dict[str, AnyArray]:
        """Arrays whole."""
        with explaining(_ADVICE):
            if self.place.is_dir():
                return dict(idx_format.read_arrays(self.place, keys))
            return npz_format.read_arrays(self.place, keys)


@dataclass(frozen=True)
class Checked:
    """A user's arrays whose headers and labels have no fault.

    Attributes:
        source: where they lie.
        stored: the arrays that are used, and their names in the file.
        headers: of the arrays of images, by their names: training, test and, where there is one, validation.
        labels: (n,) int64 by their names, in the same order.
        notes: what else there is to know of them, each a sentence.
    """

    source: Source
    stored: Mapping[str, str]
    headers: Mapping[str, ArrayHeader]
    labels: Mapping[str, AnyArray]
    notes: tuple[str, ...]

    @property
    def inventory(self) -> Inventory:
        """What they hold."""
        shape = images.image_shape(next(iter(self.headers.values())).shape)
        num_classes = int(self.labels["y_train"].max()) + 1
        train, test, *validation = (count_classes(array, num_classes) for array in self.labels.values())
        return Inventory(shape, train, test, next(iter(validation), None))


def _refuse_pictures(place: Path) -> None:
    """Raises DataError for a folder of pictures, which another data set takes."""
    if place.is_dir() and holds_folders_of_pictures(place):
        raise DataError(
            f"{place} holds folders of pictures, not arrays. {ACCEPTED} data=folder takes pictures.  "
            f"Try: data=folder {path_word(place)}"
        )


def _checked(path: str | None) -> Checked:
    """Reads headers and labels; raises DataError with all their faults."""
    if path is None:
        raise ConfigError(f"data=npz needs data.path, the file of your arrays, and none is given. {_ADVICE}")
    with explaining(_ADVICE):
        source = Source(given_path(path))
    _refuse_pictures(source.place)
    names = source.names()
    own = validation_names(names)
    if faults := name_faults(source.place, names, own):
        raise refusal(source.place, faults, renamed(names))
    keys = (*KEYS, *own)
    stored = {key: key for key in keys}
    headers = source.headers(keys)
    image_headers, label_headers = ({key: headers[key] for key in keys if key[0] == kind} for kind in "xy")
    counts = {key: labels.num_labels(header) for key, header in zip(image_headers, label_headers.values(), strict=True)}
    faults = [
        *images.type_faults(image_headers, lambda key: source.arrays([key])[key]),
        *images.layout_faults(image_headers, counts),
    ]
    if unreadable := labels.header_faults(label_headers):
        raise refusal(source.place, [*faults, *unreadable], stored)
    arrays = source.arrays(label_headers)
    faults += labels.value_faults(arrays)
    if faults := faults or images.count_faults(image_headers, label_headers, counts):
        raise refusal(source.place, faults, stored)
    unused = [name for name in names if name not in keys]
    notes = (
        *([f"Arrays of {source.place.name} that are not used: {listed(unused)}."] if unused else []),
        *images.channel_notes(images.image_shape(headers["x_train"].shape)),
    )
    return Checked(source, stored, image_headers, {key: labels.as_labels(one) for key, one in arrays.items()}, notes)
