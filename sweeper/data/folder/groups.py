"""The group of each picture (`data.groups`): what a pattern finds in its path.

What does not live here: keeping groups on one side of a split (`sweeper.data.splits`).
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from sweeper.core.errors import DataError
from sweeper.core.text import listed
from sweeper.data.download import path_word
from sweeper.data.folder.listing import Listing

_NAMED = 3  # pictures in one sentence


def picture_groups(listing: Listing, pattern: str | None) -> npt.NDArray[np.str_] | None:
    """The group of each picture, (pictures,); None without a pattern.

    Args:
        listing: the pictures.
        pattern: a regular expression that is searched in the path within the folder, with `/`; its first group is the
            name.

    Raises:
        DataError: it finds nothing in the path of some picture.
    """
    if pattern is None:
        return None
    compiled = re.compile(pattern)
    found = [compiled.search(picture.name) for picture in listing.pictures]
    names = [match[1] if match else None for match in found]
    without = [picture.name for picture, name in zip(listing.pictures, names, strict=True) if name is None]
    if without:
        raise DataError(
            f"data.groups={pattern} finds no group in {len(without):,} of {len(names):,} pictures in {listing.root} "
            f"({listed(without, _NAMED)}). Accepted: a regular expression that fits every path within the folder, with "
            "the group's name in its first parentheses.  "
            f"Try: data=folder {path_word(listing.root)} data.groups='\"([^/]+)$\"', where each picture is a group"
        )
    return np.array(names, dtype=np.str_)
