"""What is known of a folder's files from earlier looks at them: headers and digests, as long as they are unchanged.

A file whose size and time of change are those of the earlier look is not read again. What was changed so shortly
before a look that a later change could have the same time is not remembered.
What does not live here: the pixels (`kept`).
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeper.core.paths import write_atomically
from sweeper.data.folder.listing import Listing, Picture
from sweeper.data.folder.parallel import each
from sweeper.data.folder.pictures import BrokenPictureError, Header, read_header
from sweeper.data.progress import Report, Steps

_RECENT_NS = 2_000_000_000  # file systems note times by steps of up to 2 s
_VERSION = 1  # of the file


@dataclass
class _Fact:
    """What is known of a file of that size and time; of a broken one, there is no header.

    Attributes:
        looked_ns: when this process began to look at it; 0 where an earlier one did, after it was settled.
    """

    size: int
    mtime_ns: int
    header: Header | None = None
    digest: str | None = None
    looked_ns: int = 0

    def is_of(self, picture: Picture) -> bool:
        return (self.size, self.mtime_ns) == (picture.size, picture.mtime_ns) and self.is_settled

    @property
    def is_settled(self) -> bool:
        return not self.looked_ns or self.mtime_ns + _RECENT_NS < self.looked_ns


@dataclass
class Facts:
    """The facts of one folder's files, by their names."""

    known: dict[str, _Fact] = field(default_factory=dict)
    is_changed: bool = False

    def headers(self, listing: Listing, report: Report) -> list[Header | None]:
        """The header of each picture, read where it is not known; None of a broken one."""
        self._complete(listing, "header", "Looking at", report)
        return [self.known[picture.name].header for picture in listing.pictures]

    def digests(self, listing: Listing, report: Report) -> list[str]:
        """The SHA-256 (hex) of each picture's file, computed where it is not known; empty where it is not readable."""
        self._complete(listing, "digest", "Checking", report)
        return [self.known[picture.name].digest or "" for picture in listing.pictures]

    def _complete(self, listing: Listing, what: str, verb: str, report: Report) -> None:
        now = time.time_ns()
        for picture in listing.pictures:
            if picture.name not in self.known or not self.known[picture.name].is_of(picture):
                self.known[picture.name] = _Fact(picture.size, picture.mtime_ns, looked_ns=now)
        lacking = [one for one in listing.pictures if getattr(self.known[one.name], what) is None]
        read = _header if what == "header" else _digest
        steps = Steps(verb, len(lacking), report)
        paths = [listing.path(picture) for picture in lacking]
        names = iter(picture.name for picture in lacking)
        for found in each(read, paths):
            for value in found:
                setattr(self.known[next(names)], what, value)
            steps.add(len(found))
        self.is_changed |= bool(lacking)


def _header(path: Path) -> Header | None:
    try:
        return read_header(path)
    except BrokenPictureError:  # converting says why, with all others that are broken
        return None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # likewise
        return ""


@functools.cache
def _in_this_process(root: Path) -> Facts:
    return Facts()


def of_folder(root: Path, kept: Path | None) -> Facts:
    """What is known of a folder, from this process or, if it has none, from the file of an earlier one.

    Args:
        root: the folder, absolute.
        kept: where pictures are kept; None where nothing is.
    """
    facts = _in_this_process(root)
    if not facts.known and kept is not None:
        facts.known = _read(_file(root, kept))
    return facts


def write(facts: Facts, listing: Listing, kept: Path) -> None:
    """Writes what is known of the folder's files, where it is news."""
    path = _file(listing.root, kept)
    if facts.is_changed or not path.is_file():
        known = {picture.name: facts.known[picture.name] for picture in listing.pictures}
        files = {name: _plain(fact) for name, fact in known.items() if fact.is_settled}
        content = {"version": _VERSION, "files": files}
        write_atomically(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")))
        facts.is_changed = False


def _file(root: Path, kept: Path) -> Path:
    return kept / f"files-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}.json"


def _plain(fact: _Fact) -> list[Any]:
    header = fact.header
    return [fact.size, fact.mtime_ns, fact.digest, header and [header.height, header.width, header.is_grey]]


def _read(path: Path) -> dict[str, _Fact]:
    """The facts of a file; none where it is missing, damaged or of another version: then all is looked at again."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {
            name: _Fact(size, mtime_ns, header and Header(*header), digest)
            for name, (size, mtime_ns, digest, header) in content["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
