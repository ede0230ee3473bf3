"""Work on many files, on all cores that this process may use.

Threads, not processes: Pillow decodes and scales without Python's lock, and nothing has to be started or copied.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sweeper.host import machine

_CHUNK = 64  # files that a thread takes at a time: a task costs about as much as a small picture

Given = TypeVar("Given")
Found = TypeVar("Found")


def each(function: Callable[[Given], Found], items: Sequence[Given]) -> Iterator[list[Found]]:
    """Yields what a function makes of the items, in their order, some at a time.

    Ends early, without the items that no thread has begun, where the caller raises, as it does for Ctrl-C.
    """
    chunks = [items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK)]
    pool = ThreadPoolExecutor(machine.cpus(), thread_name_prefix="pictures")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of files that it reads all the same; filters hold for all threads
        try:
            yield from pool.map(lambda chunk: [function(item) for item in chunk], chunks)
        finally:
            pool.shutdown(cancel_futures=True)
