"""User and password of an MLflow server: given in its address or in MLflow's own environment variables.

They are taken out of the address before it is used, so no line that is printed and no file that is written has them.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit, urlunsplit

from sweeper.core.errors import ConfigError
from sweeper.core.secrets import HIDDEN, hide_passwords

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


def take_credentials(uri: str) -> str:
    """The address without user and password, which MLflow finds in its environment variables from now on.

    Raises:
        ConfigError: the password is hidden, as in a printed command, and the environment does not have it.
    """
    parts = urlsplit(uri)
    if parts.username is None and parts.password is None:
        return uri
    if parts.password == HIDDEN and not os.environ.get(PASSWORD):
        raise ConfigError(
            f"tracking.uri={uri} has a hidden password. Accepted: the address with {HIDDEN} or without a user, and the "
            f"password in the environment variable {PASSWORD}.  Try: {PASSWORD}=... before the command"
        )
    if parts.username:
        os.environ[USERNAME] = unquote(parts.username)
    if parts.password and parts.password != HIDDEN:
        os.environ[PASSWORD] = unquote(parts.password)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def resume_note(command: str) -> str:
    """How the password of a printed command is given, or nothing where it hides none."""
    hidden = re.search(rf"tracking\.uri=\S*:{re.escape(HIDDEN)}@", hide_passwords(command))
    return f"The password is not printed: set {PASSWORD} before the command." if hidden else ""
