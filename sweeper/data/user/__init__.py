"""`data=npz`: custom arrays, an `.npz` file or a folder of IDX files, brought to one form before anything trains.

    names -> headers (layout) -> labels -> pixels (scale) -> RawData

What a form leaves no doubt about is converted, and said; the rest is refused, with what to type. All faults that
shapes, types and labels show are named at once; pixels are looked at when they are read. What does not live here: the
formats of the files (`formats`), and the split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.core.text import listed
from sweeper.data.arrays import KEYS, AnyArray, ArrayHeader, Inventory, Origin, RawData, count_classes
from sweeper.data.download import explaining, given_path, path_word
from sweeper.data.folder.listing import holds_folders_of_pictures
from sweeper.data.formats import idx, npz
from sweeper.data.groups import how_even
from sweeper.data.prints import prints
from sweeper.data.splits import Indices
from sweeper.data.splits.test_set import held_out, too_few_to_test
from sweeper.data.user import labels, layout, names, scale
from sweeper.data.user.repair import ACCEPTED, EXAMPLE, Fault, change, pickle_fault, refusal, unknown_names

_ADVICE = f"{ACCEPTED}  {EXAMPLE}"


def inventory(config: DataConfig) -> Inventory:
    """Returns what the file or folder holds, from its arrays' headers and its labels; pixels are not read.

    Raises:
        ConfigError: if no `data.path` is given.
        DataError: if it is missing, damaged, or its arrays are not what is accepted; names every fault.
    """
    return _checked(config).inventory(config)


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
    dark = scale.dark_notes(images)
    arrays: dict[str, AnyArray] = {role: images.pop(name) for role, name in found.roles.items() if role[0] == "x"}
    arrays |= {role: found.classes.labels[name] for role, name in found.roles.items() if role[0] == "y"}
    origins = {role: Origin(name) for role, name in found.roles.items() if role[0] == "x"}
    known, groups, about_test = dict[str, AnyArray](), dict(found.groups), list[str]()
    if "x_test" not in arrays:
        known["x_train"] = prints(arrays["x_train"])
        left, held = _held_out(config, found, known["x_train"])
        for part in (arrays, groups, known):
            for role in [role for role in part if role.endswith("_train")]:
                part[role.replace("train", "test")], part[role] = part[role][held], part[role][left]
        array = found.roles["x_train"]
        origins |= {"x_train": Origin(array, left), "x_test": Origin(array, held)}
        about_test.append(_about_test(found, left, held))
    return RawData(
        arrays["x_train"],
        arrays["y_train"],
        arrays["x_test"],
        arrays["y_test"],
        f"custom arrays, {found.source.place}",
        x_validation=arrays.get("x_val"),
        y_validation=arrays.get("y_val"),
        notes=(*found.notes, *dark, *about_test),
        conversions=(*found.said, *filter(None, [conversion.said])),
        validation_name=found.validation_name,
        class_names=found.classes.names,
        prints=known,
        groups=groups,
        origins=origins,
    )


def _held_out(config: DataConfig, found: Checked, copies: AnyArray | None = None) -> tuple[Indices, Indices]:
    """Which training images stay, and which are the test set of a file that has none.

    Raises:
        DataError: none can be held out.
    """
    train, groups = found.labels_of("y_train"), found.groups.get("x_train")
    left, held = held_out(train, found.num_classes, groups, copies)
    if not len(held):
        raise too_few_to_test(found.source.place, config, train, groups)
    return left, held


def _about_test(found: Checked, left: Indices, held: Indices) -> str:
    """The sentence about a test set that was held out."""
    labels, how = found.labels_of("y_train"), "class"
    if "x_train" in found.groups:
        how = f"group ({how_even(labels[left], labels[held], found.classes.names)})"
    name = found.source.place.name
    return f"The test images are {len(held):,} of the images, held out by {how}: {name} has no test set."


@dataclass(frozen=True)
class Source:
    """Where the arrays lie: an `.npz` file, or a folder of IDX files. Damage is a DataError that says what to type."""

    place: Path

    def names(self) -> tuple[str, ...]:
        """The arrays that are there."""
        with explaining(_ADVICE):
            return KEYS if self.place.is_dir() else npz.read_names(self.place)

    def headers(self, keys: Sequence[str]) -> dict[str, ArrayHeader]:
        """Shapes and types of arrays, in the order of `keys`."""
        with explaining(_ADVICE):
            if self.place.is_dir():
                return idx.read_headers(self.place)
            return npz.read_headers(self.place, keys)

    def arrays(self, keys: Iterable[str]) -> dict[str, AnyArray]:
        """Arrays whole."""
        with explaining(_ADVICE):
            if self.place.is_dir():
                return dict(idx.read_arrays(self.place, keys))
            return npz.read_arrays(self.place, keys)


@dataclass(frozen=True)
class Checked:
    """A user's arrays whose headers and labels have no fault.

    Attributes:
        source: where they lie.
        roles: the name of the array of each role.
        headers: of the arrays of images, by their names: training and, where there are any, test and validation.
        classes: the labels, by their names, in the same order.
        groups: of the images of x_train, x_test and x_val, as far as there are any.
        said: what is done to them, each a sentence.
        notes: what else there is to know of them, each a sentence.
    """

    source: Source
    roles: Mapping[str, str]
    headers: Mapping[str, ArrayHeader]
    classes: labels.Classes
    groups: Mapping[str, AnyArray]
    said: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the arrays that are used."""
        return tuple(self.roles.values())

    @property
    def validation_name(self) -> str:
        """What the validation set is called; as the usual names, where there is none."""
        own = [name for role, name in self.roles.items() if role.endswith("_val")]
        return " and ".join(own) or Inventory.validation_name

    @property
    def num_classes(self) -> int:
        """How many classes the training images have."""
        return len(self.classes.names) or int(self.labels_of("y_train").max()) + 1

    def labels_of(self, role: str) -> AnyArray:
        """The labels of y_train, y_test or y_val."""
        return self.classes.labels[self.roles[role]]

    def inventory(self, config: DataConfig) -> Inventory:
        """What they hold.

        Raises:
            DataError: there is no test set, and none can be held out.
        """
        labels = {role: self.labels_of(role) for role in self.roles if role[0] == "y"}
        if "y_test" not in labels:
            left, held = _held_out(config, self)
            labels |= {"y_train": labels["y_train"][left], "y_test": labels["y_train"][held]}
        counts = {role: count_classes(one, self.num_classes) for role, one in labels.items()}
        shape = layout.image_shape(self.headers[self.roles["x_train"]].shape)
        own = counts.get("y_val")
        return Inventory(shape, counts["y_train"], counts["y_test"], own, self.validation_name, self.classes.names)


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
    counted = {role: len(classes.labels[name]) for role, name in roles.items() if role[0] == "y"}
    groups, of_groups = _groups(config, source, held, {f"x{role[1:]}": number for role, number in counted.items()})
    unused = [name for name in held if name not in (*roles.values(), *of_groups)]
    notes = [f"Arrays of {source.place.name} that are not used: {listed(unused)}."] if unused else []
    notes += layout.notes(image_headers)
    said = (*names.said(roles, config.keys), *layout.said(image_headers), *classes.said)
    return Checked(source, roles, image_headers, classes, groups, said, tuple(notes))


def _groups(
    config: DataConfig, source: Source, held: Sequence[str], counts: Mapping[str, int]
) -> tuple[dict[str, AnyArray], tuple[str, ...]]:
    """The groups of the images, with `data.groups`, and the arrays that they are from.

    Args:
        config: `data.groups`.
        source: where the arrays lie.
        held: the names of all arrays.
        counts: how many images x_train, x_test and x_val have, as far as they are there.
    """
    if config.groups is None:
        return {}, ()
    found, faults = names.group_names(held, config.groups)
    found = {role: name for role, name in found.items() if role in counts}
    headers = source.headers(tuple(found.values()))
    faults += [
        pickle_fault(key, f"{key}.astype('str') instead") for key, header in headers.items() if header.dtype.hasobject
    ]
    groups = {}
    if not faults:
        arrays = source.arrays(headers)
        for role, name in found.items():
            groups[role], wrong = labels.as_groups(name, arrays[name], counts[role])
            faults += wrong
    if faults:
        raise DataError(
            f"{source.place} cannot be used: {'; '.join(fault.text for fault in faults)}. Accepted: data.groups, the "
            "name of an array with one number or text for each training image; groups of test and validation images "
            f"in arrays that are called alike, as NAME_test.  Try: data=npz {path_word(source.place)} data.groups=NAME"
        )
    return groups, tuple(found.values())


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
