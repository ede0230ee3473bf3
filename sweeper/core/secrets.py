"""Passwords in addresses: they are shown and stored nowhere.

What does not live here: how a password reaches MLflow (`sweeper.tracking.credentials`).
"""

from __future__ import annotations

import re

#: What replaces a password.
HIDDEN = "***"

_PASSWORD = re.compile(r"(\w[\w+.-]*://[^\s/:@'\"]*):[^\s/@]+@")
#: Of a database also one with a '/' or an '@' that should have been written as %2F or %40.
_OF_DATABASE = re.compile(r"(postgres\w*(?:\+\w+)?://[^\s/:@'\"]*):[^\s'\"]+@")


def hide_passwords(text: str) -> str:
    """The text with `***` in place of the password of each address: `http://bob:***@host`."""
    return _PASSWORD.sub(rf"\1:{HIDDEN}@", _OF_DATABASE.sub(rf"\1:{HIDDEN}@", text))
