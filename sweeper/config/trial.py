"""The part of the schema that says which images a trial gets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.config.checks import check, is_int, nearest, refuse

DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "npz", "folder")
COLORS = ("auto", "grayscale", "rgb")
RESIZES = ("stretch", "crop", "pad")

_MOST_PIXELS = 10_000  # a side: more is a typing error

NORMALIZATIONS = ("none", "standardize")

MOST_FOLDS = 100

#: Keys of `data` that not every data set reads, with those that do.
READ_BY = {**dict.fromkeys(("image_size", "color", "resize", "skip_broken"), ("folder",)), "keys": ("npz",),
           "groups": ("npz", "folder")}  # fmt: skip
#: Keys of `data` that came after the first sweeps were recorded: at their defaults they are left out of a trial's
#: configuration, so that those sweeps still resume.
LATER_DATA_KEYS = (*READ_BY, "normalize", "folds", "fold")

#: What `data.keys` names: images and labels of each split.
ROLES = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val")


@dataclass
class DataConfig:
    """Which images, and how they are split."""

    name: str = "digits"  # one of DATASETS
    path: str | None = None  # an .npz file, a folder of IDX files or of pictures, an archive of CIFAR
    validation: Any = 0.2  # below 1: a fraction; from 2: a number of images; "test": the notebook's way
    split_seed: int = 0  # fixes the split, whatever `seed` is; 0 or more
    max_samples: int | None = None  # caps training + validation, and the test set; images
    image_size: Any = None  # pictures become so large: pixels a side, or [height, width]; null: all have one size
    color: str = "auto"  # auto: grayscale where all pictures are gray; grayscale; rgb
    resize: str = "stretch"  # how another shape becomes that size: stretch; crop the middle; pad with black
    skip_broken: bool = False  # leave pictures out that cannot be read, instead of refusing them
    keys: Any = None  # the names of the arrays, as {x_train: NAME, y_train: NAME, …}; null: found by their spelling
    groups: str | None = None  # images of a group stay on one side: an array of the npz; a pattern of a folder's paths
    normalize: str = "none"  # standardize: the network begins with a layer that makes each channel's mean 0, variance 1
    folds: int | None = None  # each configuration is trained so often, with another part held out for validation
    fold: int | None = None  # of these trainings this one alone, from 0; null: all

    def __post_init__(self) -> None:
        near = nearest(self.name, DATASETS, "digits")
        check(self.name in DATASETS, "data.name", self.name, f"one of {', '.join(DATASETS)}", near)
        value = self.validation
        fraction = isinstance(value, float) and 0.0 < value < 1.0
        count = is_int(value) and value >= 2
        check(
            fraction or count or value == "test",
            "data.validation",
            value,
            "a fraction between 0 and 1, a number of images from 2, or 'test' (the notebook's way)",
            nearest(value, ("test",), "0.2"),
        )
        check(0 <= self.split_seed < 2**32, "data.split_seed", self.split_seed, "0 to 2**32 - 1", "0")
        if self.max_samples is not None:
            check(self.max_samples >= 2, "data.max_samples", self.max_samples, "a number of images from 2", "2000")
        self._check_pictures()
        self._check_keys()
        self._check_groups()
        self._check_folds()

    def _check_folds(self) -> None:
        if self.folds is not None:
            check(2 <= self.folds <= MOST_FOLDS, "data.folds", self.folds, f"2 to {MOST_FOLDS} parts, or null", "5")
            check(
                self.validation == DataConfig.validation,
                "data.validation",
                self.validation,
                f"nothing with data.folds={self.folds}, which holds out a part of 1/{self.folds} in each training; "
                "left out, or its default",
                str(DataConfig.validation),
            )
        if self.fold is not None:
            last = -1 if self.folds is None else self.folds - 1
            accepted = "nothing without data.folds" if last < 0 else f"0 to {last}, or null for all of them"
            check(0 <= self.fold <= last, "data.fold", self.fold, accepted, "null")

    def _check_groups(self) -> None:
        if self.groups is None:
            return
        key, example = "data.groups", "'\"([^/]+)_[0-9]+[.]png\"'"
        if self.name != "folder":
            check(bool(self.groups.strip()), key, self.groups, "the name of an array of the file", "patient")
            return
        try:
            number = re.compile(self.groups).groups
        except re.error as err:
            accepted = f"a regular expression, which this is not ({err})"
            raise refuse(key, self.groups, accepted, example) from err
        check(number > 0, key, self.groups, "a regular expression on the path with a group, the name in ()", example)

    def _check_keys(self) -> None:
        given = self.keys
        if given is None:
            return
        is_map = isinstance(given, Mapping) and set(given) <= set(ROLES)
        names = list(given.values()) if is_map else []
        is_paired = is_map and all(f"x{role[1:]}" in given and f"y{role[1:]}" in given for role in given)
        check(
            bool(names) and is_paired and all(isinstance(name, str) and name for name in names)
            and len(set(names)) == len(names),
            "data.keys",
            given,
            f"a map of {', '.join(ROLES)} (the last two where there is a validation set) to the names of different "
            "arrays",
            "'{x_train:images,y_train:labels,x_test:test_images,y_test:test_labels}'",
        )  # fmt: skip

    def _check_pictures(self) -> None:
        size = self.image_size
        sides = list(size) if isinstance(size, Sequence) and not isinstance(size, str) else [size]
        one_or_two = len(sides) == 2 or (len(sides) == 1 and sides[0] is size)
        check(
            size is None or (one_or_two and all(is_int(side) and 1 <= side <= _MOST_PIXELS for side in sides)),
            "data.image_size",
            size,
            f"a number of pixels from 1 to {_MOST_PIXELS:,}, or [height,width], or null for pictures of one size",
            "64",
        )
        words = (("color", COLORS), ("resize", RESIZES), ("normalize", NORMALIZATIONS))
        for key, value, accepted in ((key, getattr(self, key), accepted) for key, accepted in words):
            near = nearest(value, accepted, accepted[0])
            check(value in accepted, f"data.{key}", value, f"one of {', '.join(accepted)}", near)

    @property
    def without_effect(self) -> dict[str, Any]:
        """The keys that this data set does not read, where they are not at their defaults."""
        given = {key: getattr(self, key) for key, names in READ_BY.items() if self.name not in names}
        return {key: value for key, value in given.items() if value != _LATER_DEFAULTS[key]}


_LATER_DEFAULTS = {one.name: one.default for one in dataclasses.fields(DataConfig) if one.name in LATER_DATA_KEYS}


def without_later_defaults(node: Mapping[str, Any]) -> dict[str, Any]:
    """A resolved `data` node as earlier versions knew it, where it asks for nothing else."""
    return {key: value for key, value in node.items() if key not in _LATER_DEFAULTS or value != _LATER_DEFAULTS[key]}


def num_folds(node: Mapping[str, Any]) -> int:
    """Trainings that a resolved `data` node makes of a configuration: 1 where it names no folds, or one of them."""
    folds = node.get("folds")
    return 1 if folds is None or node.get("fold") is not None else int(folds)


def with_fold(node: Mapping[str, Any], repeat: int) -> dict[str, Any]:
    """A resolved `data` node for one repeat of a configuration: repeats go through the folds in turn."""
    folds = num_folds(node)
    return dict(node) if folds == 1 else {**node, "fold": repeat % folds}


def fold_nodes(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resolved `data` nodes of all trainings that one makes."""
    return [with_fold(node, repeat) for repeat in range(num_folds(node))]
