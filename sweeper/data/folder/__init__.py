"""`data=folder`: a folder of pictures, one folder per class.

    listing -> facts (headers, digests) -> kept (decoded pictures) -> RawData, mapped

`inventory` reads names and headers alone; `read` decodes, once. Where there is no folder of test pictures, a fifth of
the training pictures, by class, is the test set, whatever `data.split_seed` is.
What does not live here: the split of the training pictures (`sweeper.data.splits`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeper.config.trial import DataConfig
from sweeper.core.errors import ConfigError, DataError
from sweeper.core.text import listed
from sweeper.data.arrays import FileNames, Inventory, Labels, RawData, count_classes
from sweeper.data.download import path_word
from sweeper.data.folder import facts
from sweeper.data.folder.groups import picture_groups
from sweeper.data.folder.kept import Kept, keep, writing
from sweeper.data.folder.listing import ACCEPTED, EXAMPLE, Listing, list_pictures
from sweeper.data.folder.pictures import Header, Target
from sweeper.data.groups import how_even
from sweeper.data.progress import Report, silent
from sweeper.data.splits import Indices
from sweeper.data.splits.apart import Recorded, nothing_recorded
from sweeper.data.splits.test_set import held_out, too_few_to_test

_BROKEN = 20  # broken files that are named
_SIZES = 4  # sizes that are named


def inventory(config: DataConfig, kept: Path | None = None) -> Inventory:
    """Returns what a folder holds, by the names of its files and, where they decide the shape, by their headers.

    Pictures that turn out to be broken when they are decoded still count here.

    Args:
        config: `data.path`, and what pictures become.
        kept: where earlier sweeps kept what is known of the files; None if nowhere.

    Raises:
        ConfigError: no `data.path`.
        DataError: a folder that cannot be used; names what is wrong.
    """
    listing = _listing(config)
    known = facts.of_folder(listing.root, kept)
    target, headers = _target(config, listing, known, silent)
    whole = [header is not None or not config.skip_broken for header in headers] or [True] * len(listing.pictures)
    split = _split(config, listing, np.flatnonzero(whole))
    return split.inventory(target.shape, listing)


def read(
    config: DataConfig,
    kept: Path,
    report: Report,
    scratch: Path | None = None,
    recorded: Recorded = nothing_recorded,
) -> RawData:
    """Decodes the pictures, or finds them decoded by an earlier sweep.

    Args:
        config: `data.path`, and what pictures become.
        kept: where decoded pictures are kept.
        report: is called with what is done.
        scratch: where it is given, nothing is kept, and the pixels of pictures that are not kept yet are black.
        recorded: the digests that a sweep's trials were recorded with: earlier releases held test pictures out without
            regard to copies, and their test sets are made again.

    Raises:
        ConfigError: no `data.path`.
        DataError: as `inventory`, and for broken pictures, all of them named, unless `data.skip_broken`.
        StoreError: `kept` cannot be written.
    """
    listing = _listing(config)
    known = facts.of_folder(listing.root, kept)
    target, _ = _target(config, listing, known, report)
    digests = known.digests(listing, report)
    if scratch is None:
        with writing(kept):
            facts.write(known, listing, kept)
    found = keep(listing, digests, target, kept, report, scratch)
    if found.broken and not config.skip_broken:
        raise _broken(config, listing, found.broken)
    whole = np.flatnonzero([picture.name not in found.broken for picture in listing.pictures])
    split = _split(config, listing, whole, _short(found.prints))
    if split.is_drawn and split.groups is None:
        earlier = _split(config, listing, whole)
        if not np.array_equal(earlier.test, split.test) and _digest_of(listing, target, found, earlier) in recorded():
            split = earlier
    return _raw(listing, target, found, split)


def _short(prints: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Numbers that are equal where pictures are, of the SHA-256 of their pixels."""
    return prints[:, :8].copy().view(np.int64)[:, 0]


@dataclass(frozen=True)
class _Split:
    """Which pictures are in which split, as places in the listing, and the classes of all.

    Attributes:
        validation: None where the folder has none.
        is_drawn: whether the test pictures were drawn from those of training.
        groups: of each picture of the listing, with `data.groups`.
    """

    train: Indices
    test: Indices
    validation: Indices | None
    labels: Labels
    is_drawn: bool
    groups: NDArray[np.str_] | None

    @property
    def shares(self) -> dict[str, Indices]:
        """The pictures of x_train, x_test and, where there is a validation set, of x_val."""
        own = {} if self.validation is None else {"x_val": self.validation}
        return {"x_train": self.train, "x_test": self.test, **own}

    def counts(self, chosen: Indices, listing: Listing) -> tuple[int, ...]:
        return count_classes(self.labels[chosen], len(listing.class_names))

    def inventory(self, shape: tuple[int, int, int], listing: Listing) -> Inventory:
        return Inventory(
            shape,
            self.counts(self.train, listing),
            self.counts(self.test, listing),
            None if self.validation is None else self.counts(self.validation, listing),
            _validation_name(listing),
            listing.class_names,
        )


def _listing(config: DataConfig) -> Listing:
    if config.path is None:
        raise ConfigError(f"data=folder needs data.path, the folder of your pictures, and none is given. {ACCEPTED}  "
                          f"{EXAMPLE}")  # fmt: skip
    return list_pictures(config.path)


def _validation_name(listing: Listing) -> str:
    return str(listing.root / listing.splits["val"]) if "val" in listing.splits else ""


def _target(
    config: DataConfig, listing: Listing, known: facts.Facts, report: Report
) -> tuple[Target, list[Header | None]]:
    """What the pictures become, and their headers, which are read only where they decide it."""
    size = config.image_size
    if size is not None and config.color != "auto":
        height, width = (size, size) if isinstance(size, int) else size
        return Target(height, width, config.color == "grayscale", config.resize), []
    headers = known.headers(listing, report)
    there = [header for header in headers if header is not None]
    if not there:
        raise DataError(f"None of the {len(headers):,} pictures in {listing.root} can be read: no header is that of a "
                        f"picture. {ACCEPTED}  {EXAMPLE}")  # fmt: skip
    is_grey = all(header.is_grey for header in there) if config.color == "auto" else config.color == "grayscale"
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        return Target(height, width, is_grey, config.resize), headers
    sizes = Counter((header.height, header.width) for header in there)
    if len(sizes) > 1:
        raise _many_sizes(config, listing, sizes)
    [(height, width)] = sizes
    return Target(height, width, is_grey, ""), headers


def _many_sizes(config: DataConfig, listing: Listing, sizes: Counter[tuple[int, int]]) -> DataError:
    [((height, width), _)] = sizes.most_common(1)
    named = [f"{count:,} of {size[0]}x{size[1]}" for size, count in sizes.most_common(_SIZES)]
    more = f" and {len(sizes) - _SIZES:,} more sizes" if len(sizes) > _SIZES else ""
    word = f"data.image_size={height}" if height == width else f"'data.image_size=[{height},{width}]'"
    return DataError(
        f"The pictures in {listing.root} have {len(sizes):,} sizes (height x width): {', '.join(named)}{more}; a "
        "network takes one. Accepted: data.image_size, one number or [height,width], to which all are resized, and "
        f"data.resize=stretch, crop or pad, which says how.  Try: data=folder {path_word(config.path or '')} {word}"
    )


def _split(config: DataConfig, listing: Listing, whole: Indices, copies: NDArray[np.int64] | None = None) -> _Split:
    """Sorts the pictures that are whole into splits.

    Args:
        config: `data.groups`.
        listing: the pictures.
        whole: those that can be read.
        copies: (pictures,), equal where they are equal; None where that is not known.

    Raises:
        DataError: a class is left without a training picture, or too few for a test set.
    """
    labels = np.array([picture.label for picture in listing.pictures], dtype=np.int64)
    splits = np.array([picture.split for picture in listing.pictures])
    train, validation, test = (whole[splits[whole] == split] for split in ("train", "val", "test"))
    counts = count_classes(labels[train], len(listing.class_names))
    empty = [listing.class_names[label] for label, count in enumerate(counts) if not count]
    if empty:
        raise DataError(
            f"No training picture of {listed(empty)} can be read in {listing.root}. Accepted: at least one of each "
            "class.  Try: delete the folders of such classes, or copy their pictures again"
        )
    own_validation = validation if "val" in listing.splits else None
    groups = picture_groups(listing, config.groups)
    if "test" in listing.splits:
        return _Split(train, test, own_validation, labels, is_drawn=False, groups=groups)
    own = None if groups is None else groups[train]
    left, held = held_out(labels[train], len(listing.class_names), own, None if copies is None else copies[train])
    if not len(held):
        raise too_few_to_test(listing.root, config, labels[train], own)
    return _Split(train[left], train[held], own_validation, labels, is_drawn=True, groups=groups)


def _broken(config: DataConfig, listing: Listing, broken: dict[str, str]) -> DataError:
    named = "; ".join(f"{name} ({reason})" for name, reason in list(broken.items())[:_BROKEN])
    more = f"; and {len(broken) - _BROKEN:,} more" if len(broken) > _BROKEN else ""
    return DataError(
        f"{len(broken):,} of {len(listing.pictures):,} pictures in {listing.root} cannot be read: {named}{more}. "
        "Accepted: pictures that are whole, or data.skip_broken=true, which leaves the broken ones out.  "
        f"Try: data=folder {path_word(config.path or '')} data.skip_broken=true"
    )


def _raw(listing: Listing, target: Target, found: Kept, split: _Split) -> RawData:
    shares = split.shares
    names = [picture.name for picture in listing.pictures]
    short = _short(found.prints)
    return RawData(
        found.images.select(split.train),
        split.labels[split.train],
        found.images.select(split.test),
        split.labels[split.test],
        _source(listing, target, found),
        None if split.validation is None else found.images.select(split.validation),
        None if split.validation is None else split.labels[split.validation],
        _notes(listing, found, split),
        validation_name=_validation_name(listing),
        class_names=listing.class_names,
        files={name: FileNames([names[place] for place in rows], short[rows]) for name, rows in shares.items()},
        known_digest=_digest_of(listing, target, found, split),
        groups={} if split.groups is None else {name: split.groups[rows] for name, rows in shares.items()},
    )


def _digest_of(listing: Listing, target: Target, found: Kept, split: _Split) -> str:
    return _digest(listing, target, found.prints, split.labels, split.shares)


def _digest(
    listing: Listing, target: Target, prints: NDArray[np.uint8], labels: Labels, shares: dict[str, Indices]
) -> str:
    """SHA-256 (hex) of pixels, labels, splits and class names; where the files lie and what they are called is not."""
    hasher = hashlib.sha256(f"folder {target.shape}\n".encode())
    for name in listing.class_names:
        hasher.update(f"{len(name.encode())} {name}\n".encode())
    for name, rows in shares.items():
        hasher.update(f"{name} {len(rows)}\n".encode())
        hasher.update(prints[rows].tobytes())
        hasher.update(labels[rows].astype("<i8").tobytes())
    return hasher.hexdigest()


def _source(listing: Listing, target: Target, found: Kept) -> str:
    number = len(listing.pictures) - len(found.broken)
    color = "gray" if target.is_grey else "colour"
    resized = {"": "", "stretch": ", resized", "crop": ", cropped and resized", "pad": ", padded and resized"}
    return (
        f"{number:,} pictures of {len(listing.class_names):,} classes in {listing.root} (as {color}"
        f"{resized[target.resize]})"
    )


def _notes(listing: Listing, found: Kept, split: _Split) -> tuple[str, ...]:
    notes = [f"The classes are {listed(listing.class_names)}."]
    if split.is_drawn:
        how = "class"
        if split.groups is not None:
            train, test = (split.labels[rows] for rows in (split.train, split.test))
            how = f"group ({how_even(train, test, listing.class_names)})"
        notes.append(
            f"The test images are {len(split.test):,} of the pictures, held out by {how}: {listing.root} has no folder "
            "test."
        )
    if found.broken:
        names = listed([f"{name} ({reason})" for name, reason in found.broken.items()], 3)
        number = len(found.broken)
        notes.append(f"{number:,} broken picture{' is' if number == 1 else 's are'} left out: {names}.")
    return (*notes, *listing.notes)
