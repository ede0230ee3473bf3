"""How MLflow wants things spelt: addresses of a store, keys and values of params, lengths.

What does not live here: anything that imports MLflow; these are pure functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from sweeper.core.text import shortened

#: MLflow's limits, in characters: a param's value, a tag's value, a key.
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000
MAX_KEY_LENGTH = 250

#: Ends a text that was cut.
CUT_MARKER = " … (cut)"


def sqlite_uri(db: Path) -> str:
    """Returns SQLAlchemy's address of a database file, for whatever characters its path has.

    SQLAlchemy takes `?` for the path's end and `%41` for `A`, so paths with these are quoted. MLflow makes the
    folders of what follows `sqlite:///` as it is there, with quotes, but not where a driver is named.
    """
    path = str(db)
    if "?" not in path and unquote(path) == path:
        return f"sqlite:///{path}"
    return f"sqlite+pysqlite:///{quote(path, safe=' +/')}"


def param_key(key: str) -> str:
    """Returns a key that MLflow accepts: letters, digits, `_-. ` and at most 250 characters."""
    accepted = re.sub(r"[^\w.\- ]", "_", key)[:MAX_KEY_LENGTH]
    return accepted if accepted.strip(". ") else f"_{accepted}"


def param_value(value: Any) -> str:
    """Returns a value as it is typed in a configuration: text as it is, all else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def tag_values(tags: Mapping[str, str]) -> dict[str, str]:
    """Returns tags whose values MLflow accepts."""
    return {key: shortened(value, MAX_TAG_LENGTH, CUT_MARKER) for key, value in tags.items()}
