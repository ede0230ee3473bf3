"""Every opening of a test set in an output folder: a sweep that opens images which others opened says so.

    the study's openings -> test_openings.json, which outlives a deleted sweep

What does not live here: a sweep's own openings and their results (`sweeper.storage.study`).
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

from sweeper.core.errors import DamagedFileError
from sweeper.core.paths import OutputPaths, write_atomically
from sweeper.core.test_set import Opening, RecordedTestSet
from sweeper.storage.locks import store_lock


def keep_openings(paths: OutputPaths, sweep: str, record: RecordedTestSet) -> None:
    """Writes a sweep's openings beside those of the others; each once, however often it is called.

    Raises:
        DamagedFileError: the file is not as it was written.
    """
    wanted = _of(sweep, record)
    if set(wanted) <= set(_kept(paths)):
        return
    with store_lock(paths.store_lock):
        every = dict.fromkeys([*_kept(paths), *wanted])
        text = json.dumps({"openings": [dataclasses.asdict(one) for one in every]}, indent=1)
        write_atomically(paths.test_openings, f"{text}\n")


def openings_elsewhere(paths: OutputPaths, sweep: str, record: RecordedTestSet) -> tuple[Opening, ...]:
    """Openings of the same test images by other sweeps, not later than this sweep's last one; the first first.

    A deleted sweep of the same name counts as another one.

    Raises:
        DamagedFileError: the file is not as it was written.
    """
    own = _of(sweep, record)
    if not own:
        return ()
    images, last = {one.images for one in own}, max(one.date for one in own)
    others = (one for one in _kept(paths) if one not in own and one.images in images and one.date <= last)
    return tuple(sorted(others, key=lambda one: one.date))


def _of(sweep: str, record: RecordedTestSet) -> list[Opening]:
    """A sweep's openings with its name; those of earlier releases, whose images are not known, are left out."""
    return [replace(one, sweep=sweep) for one in record.openings if one.images]


def _kept(paths: OutputPaths) -> list[Opening]:
    if not paths.test_openings.exists():
        return []
    try:
        entries = json.loads(paths.test_openings.read_text(encoding="utf-8"))["openings"]
        return [
            Opening(str(one["date"]), tuple(one["trials"]), one["images"], one["sweep"], bool(one.get("refit")))
            for one in entries
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{paths.test_openings} is damaged ({type(error).__name__}: {error}). Accepted: the file as sweeps have "
            f"written it.  Try: rm {paths.test_openings}; sweeps that are started again write their own openings "
            "anew, and those of deleted sweeps are no longer counted"
        ) from error
