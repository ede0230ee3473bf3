"""The second half of a refusal: what would have been accepted, and what to type.

Those who read a format know what is wrong with a file, those who read a data set know what it should have
been. The former raise a `DataError` of one sentence, the latter wrap it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sweeper.core.errors import DataError


@contextmanager
def explaining(sentences: str) -> Iterator[None]:
    """Appends `sentences` to any DataError that is raised within.

    Raises:
        DataError: the longer one.
    """
    try:
        yield
    except DataError as err:
        raise DataError(f"{err} {sentences}") from err
