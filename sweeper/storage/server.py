"""A study's database on a PostgreSQL server: its address, its password, and what its errors mean.

A password is kept in this process's memory alone. It is taken out of the address before that is used, so that no line
that is printed and no file that is written has it; libpq finds others in PGPASSWORD or ~/.pgpass.

What does not live here: the tables (`sweeper.storage.database`), the lock (`sweeper.storage.lease`).
"""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Callable, Iterable
from typing import Any

from sweeper.core.errors import StoreError
from sweeper.core.secrets import HIDDEN

#: Seconds for which a server is waited for, at each attempt.
CONNECT_TIMEOUT_S = 5

_passwords: dict[str, str] = {}  # by the address without it
_typed: set[str] = set()  # addresses that came from a command, not from a folder that somebody else may have made


def take_password(address: str) -> str:
    """The address without its password, which `connect_url` finds from now on in this process."""
    from sqlalchemy.engine import make_url

    url = make_url(address)
    shown: str = _without_password(url).render_as_string(hide_password=False)
    if url.password and url.password != HIDDEN:
        _passwords[shown] = str(url.password)
    _typed.add(shown)
    return shown


def _without_password(url: Any, drivername: str = "postgresql+psycopg") -> Any:
    """SQLAlchemy's URL without its password, which `URL.set` would keep."""
    return url.create(drivername, url.username, None, url.host, url.port, url.database, url.query)


def take_passwords(words: Iterable[str]) -> None:
    """Keeps the passwords of a command's words for what this process reads after that command."""
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") == "sweep.storage" and value.strip("'\"").startswith("postgresql"):
            take_password(value.strip("'\""))


def resume_note(command: str) -> str:
    """How the password of a printed command is given, or nothing where it hides none."""
    hidden = re.search(rf"sweep\.storage=\S*:{re.escape(HIDDEN)}@", command)
    return "The database's password is not printed: set PGPASSWORD before the command, or use ~/.pgpass." * bool(hidden)


def connect_url(url: str) -> Any:
    """SQLAlchemy's URL of an address, with the password that was given for it."""
    from sqlalchemy.engine import make_url

    parts = make_url(url)
    return parts.set(password=_passwords[url]) if url in _passwords else parts


def engine_options(url: str, application: str = "sweeper") -> dict[str, Any]:
    """Options of SQLAlchemy's engine: short waits, and connections that are looked at before they are used."""
    import psycopg

    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": application}
    if url not in _typed and psycopg.pq.version() >= 160000:  # a server that only a folder names gets no password
        arguments["require_auth"] = "!password,!md5"
    return {"connect_args": arguments, "pool_pre_ping": True}


def check_driver(url: str) -> None:
    """Refuses an address for which the database driver is not installed.

    Raises:
        StoreError: psycopg, or the library that it needs, is not there.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise StoreError(
            f"sweep.storage={url} needs the package psycopg, which is not installed here: {error}. Accepted: the "
            "project with its extra `postgres`, or null (optuna.db under output_dir).  "
            "Try: pip install 'psycopg[binary]>=3.2'"
        ) from error


def check_schema(url: str, connection: Any) -> None:
    """Refuses a schema in which the study cannot be, before a table is made.

    Args:
        url: the address, for messages.
        connection: SQLAlchemy's.

    Raises:
        StoreError: MLflow's tables are in it, it does not exist, or this user may create nothing in it.
    """
    from sqlalchemy import text

    schema, mlflow, optuna, user = connection.execute(
        text("SELECT current_schema(), to_regclass('model_versions'), to_regclass('trial_params'), current_user")
    ).one()
    database = shlex.quote(str(connect_url(url).database))
    if mlflow is not None:
        raise StoreError(
            f"sweep.storage={url} has MLflow's tables. Optuna and MLflow cannot share a schema: both keep a table "
            "alembic_version. Accepted: a database of its own for the study, or a schema of its own, named by "
            f"options=-csearch_path=SCHEMA.  Try: createdb optuna; or psql -d {database} -c 'CREATE SCHEMA optuna', "
            f"then '{_with_schema(url)}'"
        )
    if schema is None:
        path = re.search(r"search_path=([\w$]+)", str(connect_url(url).query.get("options", "")))
        name = path.group(1) if path else "public"
        raise StoreError(
            f"sweep.storage={url} names a schema that does not exist, or that user {user} may not use. Accepted: a "
            f"schema of this user's.  Try: psql -d {database} -c 'CREATE SCHEMA {name} AUTHORIZATION \"{user}\"'"
        )
    allowed = connection.execute(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar_one()
    if optuna is None and not allowed:
        raise StoreError(
            f"sweep.storage={url}: user {user} may not create tables in the schema {schema}. Accepted: a schema in "
            f"which this user may.  Try, as the database's owner: psql -d {database} -c 'GRANT CREATE ON SCHEMA "
            f'{schema} TO "{user}"\''
        )


def _with_schema(url: str) -> str:
    """`sweep.storage="…?options=-csearch_path=optuna"`, quoted for Hydra."""
    return f'sweep.storage="{url.partition("?")[0]}?options=-csearch_path=optuna"'


def unusable(url: str, cause: str) -> StoreError:
    """The error for a database that cannot be used, with the line that mends it.

    Args:
        url: the address, without a password.
        cause: what libpq or the server says.
    """
    said = (
        " ".join(cause.split())
        .replace(" Is the server running on that host and accepting TCP/IP connections?", "")[:400]
        .rstrip(". ?")
    )
    parts = connect_url(url)
    where = f"-h {parts.host} " if parts.host else ""
    where += f"-p {parts.port} " if parts.port else ""
    for words, explain in _CAUSES:
        if re.search(words, said):
            accepted, mend = explain(parts, where)
            return StoreError(f"sweep.storage={url} cannot be used: {said}. Accepted: {accepted}.  Try: {mend}")
    return StoreError(
        f"sweep.storage={url} cannot be used: {said}. Accepted: the address of a PostgreSQL database, or null "
        f"(optuna.db under output_dir).  Try: psql '{_libpq(parts)}' -c 'SELECT 1'"
    )


def _libpq(parts: Any) -> str:
    """The address as psql takes it."""
    return str(_without_password(parts, "postgresql").render_as_string(hide_password=False))


def _missing_database(parts: Any, where: str) -> tuple[str, str]:
    owner = f"-O {shlex.quote(parts.username)} " if parts.username else ""
    return "a database that exists", f"createdb {where}{owner}{shlex.quote(str(parts.database))}"


def _wrong_password(parts: Any, where: str) -> tuple[str, str]:
    line = f"{parts.host or '*'}:{parts.port or '*'}:{parts.database}:{parts.username or '*'}:PASSWORD"
    return (
        "the user's password in the environment variable PGPASSWORD, in ~/.pgpass (a file that only you can read) or "
        "in the address",
        f"export PGPASSWORD=...; or echo '{line}' >> ~/.pgpass && chmod 600 ~/.pgpass",
    )


def _missing_user(parts: Any, where: str) -> tuple[str, str]:
    return "a user of that server", f"createuser {where}--pwprompt {shlex.quote(str(parts.username))}"


def _nobody_listens(parts: Any, where: str) -> tuple[str, str]:
    return "the host and port of a PostgreSQL server that runs", f"pg_isready {where}".strip()


def _old_schema(parts: Any, where: str) -> tuple[str, str]:
    shown = _without_password(parts).render_as_string(hide_password=False)
    return (
        "tables of the installed Optuna; older ones are upgraded, after a backup (pg_dump), and newer ones need that "
        "newer Optuna",
        f"optuna storage upgrade --storage '{shown}'",
    )


_NOT_REACHED = (
    "Connection refused|No such file or directory|timeout expired|could not translate host name|failed to resolve host|"
    "Name or service not known|No route to host|Network is unreachable"
)

_CAUSES: tuple[tuple[str, Callable[[Any, str], tuple[str, str]]], ...] = (
    ("password authentication failed|no password supplied|fe_sendauth|authentication method", _wrong_password),
    ("its schema is Optuna's|Can't locate revision", _old_schema),
    (r'role "[^"]*" does not exist', _missing_user),
    (r'database "[^"]*" does not exist', _missing_database),
    (_NOT_REACHED, _nobody_listens),
)


def holder_name(token: str) -> str:
    """What this process is called among a server's sessions (at most 63 characters)."""
    return f"sweeper {token} process {os.getpid()} on {socket.gethostname()}"[:63]
