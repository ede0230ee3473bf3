"""Optuna's database: opened here, and read and written by SQL where Optuna's own way is too slow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sweeper.core.errors import StoreError
from sweeper.core.paths import OutputPaths

if TYPE_CHECKING:
    pass


def root_cause(error: BaseException) -> BaseException:
    """The error that began it, below Optuna's and SQLAlchemy's."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def quiet_optuna() -> Any:
    """The module `optuna`, with its log below warnings off."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def storage(paths: OutputPaths) -> Any:
    """The store, opened once in a process: opening costs 0.1 s, of which checking its tables is most."""
    return _opened(str(paths.study_db))


@functools.cache
def _opened(database: str) -> Any:
    from sqlalchemy.engine import URL

    return quiet_optuna().storages.RDBStorage(URL.create("sqlite", database=database).render_as_string())


class store_errors:
    """Turns the store's errors into one paragraph."""

    def __init__(self, paths: OutputPaths) -> None:
        self._paths = paths

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError | quiet_optuna().exceptions.StorageInternalError | RuntimeError):
            cause = " ".join(str(error.__cause__ or error).split())
            raise StoreError(
                f"{self._paths.study_db} cannot be used: {cause}. Accepted: a folder that can be written, with an "
                "optuna.db that this project made.  Try: output_dir=another-folder"
            ) from error
