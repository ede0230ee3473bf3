"""`data=npz`: custom arrays, an `.npz` file or a folder of IDX files, brought to one form before anything trains.

    names -> headers (layout) -> labels -> pixels (scale) -> RawData

What a form leaves no doubt about is converted, and said; the rest is refused, with what to type. All faults that
shapes, types and labels show are named at once; pixels are looked at when they are read. What does not live here: the
formats of the files (`npz_format`, `idx_format`), and the split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.core.text import listed
from sweeper.data import idx_format, npz_format
from sweeper.data.arrays import KEYS, AnyArray, ArrayHeader, Inventory, RawData, count_classes
from sweeper.data.download import explaining, given_path, path_word
from sweeper.data.folder.listing import holds_folders_of_pictures
from sweeper.data.user import labels, layout, names, scale
from sweeper.data.user.repair import ACCEPTED, EXAMPLE, Fault, change, pickle_fault, refusal, unknown_names

_ADVICE = f"{ACCEPTED}  {EXAMPLE}"


def inventory(config: DataConfig) -> Inventory:
    """Returns what the file or folder holds, from its arrays' headers and its labels; pixels are not read.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: if it is missing, damaged, or its arrays are not what is accepted; names every fault.
    """
    return _checked(config).inventory


def read(config: DataConfig) -> RawData:
    """Reads the arrays whole, and brings them to the form that the trials take.

    Returns:
        Images as uint8, or float32 where they were floats in [0, 1]; labels as int64.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: as for `inventory`, and for pixels that are NaN, infinite, or on a scale that cannot be told.
    """
    found = _checked(config)
    pixels = found.source.arrays(found.headers)
    conversion, faults = scale.find(pixels)
    if faults:
        raise refusal(found.source.place, faults, found.names, config.keys)
    images = {key: layout.channels_last(conversion.apply(key, pixels.pop(key))) for key in found.headers}
    x_train, x_test, *x_validation = images.values()
    y_train, y_test, *y_validation = found.classes.labels.values()
    said = [*found.said, *filter(None, [conversion.said])]
    return RawData(
        x_train,
        y_train,
        x_test,
        y_test,
        f"custom arrays, {found.source.place}",
        x_validation=next(iter(x_validation), None),
        y_validation=next(iter(y_validation), None),
        notes=(*found.notes, *scale.dark_notes(images)),
        conversions=tuple(said),
        validation_name=found.validation_name,
        class_names=found.classes.names,
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
        headers: of the arrays of images, by their names: training, test and, where there is one, validation.
        classes: the labels, by their names, in the same order.
        said: what is done to them, each a sentence.
        notes: what else there is to know of them, each a sentence.
    """

    source: Source
    headers: Mapping[str, ArrayHeader]
    classes: labels.Classes
    said: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arrays that are used: training images, training labels, test images, and so on."""
        return tuple(name for pair in zip(self.headers, self.classes.labels, strict=True) for name in pair)

    @property
    def validation_name(self) -> str:
        """What the validation set is called; as the usual names, where there is none."""
        return " and ".join(self.names[4:]) or Inventory.validation_name

    @property
    def inventory(self) -> Inventory:
        """What they hold."""
        shape = layout.image_shape(next(iter(self.headers.values())).shape)
        arrays = list(self.classes.labels.values())
        num_classes = len(self.classes.names) or int(arrays[0].max()) + 1
        train, test, *validation = (count_classes(array, num_classes) for array in arrays)
        own = next(iter(validation), None)
        return Inventory(shape, train, test, own, self.validation_name, self.classes.names)


def _refuse_pictures(place: Path) -> None:
    """Raises DataError for a folder of pictures, which another data set takes."""
    if place.is_dir() and holds_folders_of_pictures(place):
        raise DataError(
            f"{place} holds folders of pictures, not arrays. {ACCEPTED} data=folder takes pictures.  "
            f"Try: data=folder {path_word(place)}"
        )


def _checked(config: DataConfig) -> Checked:
    """Reads headers and labels; raises DataError with all their faults."""
    if config.path is None:
        raise ConfigError(f"data=npz needs data.path, the file of your arrays, and none is given. {_ADVICE}")
    with explaining(_ADVICE):
        source = Source(given_path(config.path))
    _refuse_pictures(source.place)
    held = source.names()
    roles, faults = names.find(held, config.keys)
    if faults:
        raise unknown_names(source.place, faults, len(held))
    headers = source.headers(tuple(roles.values()))
    image_headers, label_headers = (
        {name: headers[name] for role, name in roles.items() if role[0] == kind} for kind in "xy"
    )
    counts = {key: labels.num_labels(header) for key, header in zip(image_headers, label_headers.values(), strict=True)}

    def refused(found: Sequence[Fault]) -> DataError:
        return refusal(source.place, found, tuple(roles.values()), config.keys)

    faults = [*_type_faults(image_headers), *layout.faults(image_headers, counts)]
    if unreadable := labels.header_faults(label_headers):
        raise refused([*faults, *unreadable])
    classes = labels.as_classes(source.arrays(label_headers))
    faults += classes.faults
    if faults := faults or _count_faults(image_headers, label_headers, counts):
        raise refused(faults)
    unused = [name for name in held if name not in roles.values()]
    notes = [f"Arrays of {source.place.name} that are not used: {listed(unused)}."] if unused else []
    notes += layout.notes(image_headers)
    said = (*names.said(roles, config.keys), *layout.said(image_headers), *classes.said)
    return Checked(source, image_headers, classes, said, tuple(notes))


def _type_faults(headers: Mapping[str, ArrayHeader]) -> list[Fault]:
    """What is wrong with the types of the images."""
    faults = []
    for key, header in headers.items():
        if header.dtype.hasobject:
            faults.append(pickle_fault(key, "a plain array of numbers"))
        elif header.dtype.kind == "f" and header.dtype.itemsize not in (2, 4, 8):
            faults.append(Fault(f"{key} is {header.dtype}", (change(key, '{}.astype("float32")'),)))
        elif header.dtype.kind not in "fbui":
            faults.append(Fault(f"{key} is {header.dtype}, which is not a type of pixels"))
    return faults


def _count_faults(
    images: Mapping[str, ArrayHeader], of_labels: Mapping[str, ArrayHeader], counts: Mapping[str, int | None]
) -> list[Fault]:
    """What does not fit together, of arrays without other faults: images and labels, or sizes of images."""
    faults = [
        Fault(f"{key} has {header.shape[0]} images, but {other} has {counts[key]} labels")
        for (key, header), other in zip(images.items(), of_labels, strict=True)
        if header.shape[0] != counts[key]
    ]
    (first, shape), *others = ((key, layout.image_shape(header.shape)) for key, header in images.items())
    faults += [
        Fault(f"the images of {first} are {shape} (height, width, channels), but those of {key} are {other}")
        for key, other in others
        if other != shape
    ]
    return faults
