"""Importing libraries that greet on stderr."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from sweeper.core.errors import SweeperError


@contextlib.contextmanager
def stderr_aside() -> Iterator[None]:
    """Keeps what native code writes to stderr aside, and shows it only if the block raises an unexpected error."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        sys.stderr.flush()
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except SweeperError:  # it says what happened
            raise
        except BaseException:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
