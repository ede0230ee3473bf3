"""A password is shown and stored nowhere, and no address that only a folder names gets it."""

from __future__ import annotations

import base64
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlflow_server
from sweeper.core.errors import ConfigError
from sweeper.tracking.credentials import PASSWORD, USERNAME, take_credentials

SECRET = "s3cret-of-bob"


SMALL = ["arch.filters=4", "arch.dense_units=8", "training.epochs=1", "data.max_samples=100", "training.threads=1"]


def test_credentials_go_to_mlflows_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USERNAME, "")
    monkeypatch.setenv(PASSWORD, "")

    assert take_credentials("http://bob:s%403cret@127.0.0.1:5077/path") == "http://127.0.0.1:5077/path"
    assert (os.environ[USERNAME], os.environ[PASSWORD]) == ("bob", "s@3cret")
    assert take_credentials("http://127.0.0.1:5077") == "http://127.0.0.1:5077"


def test_a_hidden_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD, raising=False)
    with pytest.raises(ConfigError, match=r"has a hidden password\. Accepted: .*Try: MLFLOW_TRACKING_PASSWORD="):
        take_credentials("http://bob:***@127.0.0.1:5077")

    monkeypatch.setenv(USERNAME, "")
    monkeypatch.setenv(PASSWORD, "known")
    assert take_credentials("http://bob:***@127.0.0.1:5077") == "http://127.0.0.1:5077"


class _Handler(BaseHTTPRequestHandler):
    """Asks for a password and passes requests on to a server; without one, it only records what it is sent."""

    behind: str | None = None
    seen: list[str | None]

    def _answer(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        body = self._body()
        if self.behind is None:
            self._send(404, b"{}", {})
            return
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(f"bob:{SECRET}".encode()).decode():
            self._send(401, b"", {"WWW-Authenticate": "Basic"})
            return
        headers = {
            key: value
            for key, value in self.headers.items()
            if key not in ("Host", "Authorization", "Transfer-Encoding", "Content-Length")
        }
        asked = urllib.request.Request(f"{self.behind}{self.path}", body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(asked) as answer:
                self._send(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            self._send(error.code, error.read(), dict(error.headers))

    def _body(self) -> bytes:
        """What is sent: whole, or in chunks, as MLflow uploads files."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while length := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() in ("content-type", "www-authenticate"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def listening(behind: str | None) -> Iterator[tuple[str, list[str | None]]]:
    """A server's host and port, and the credentials that it was sent."""
    seen: list[str | None] = []
    handler = type("Handler", (_Handler,), {"behind": behind, "seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()


def files_with(folder: Path, text: str) -> list[str]:
    """The files below a folder in which a text occurs."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and text.encode() in path.read_bytes()]


def test_a_password_is_shown_and_stored_nowhere(tmp_path: Path, run_sweeper: Callable[..., Any]) -> None:
    folder = tmp_path / "server"
    with mlflow_server.running(folder, f"sqlite:///{folder}/server.db") as server, listening(server.address) as heard:
        host, seen = heard
        typed = ["-m", "arch.depth=1,2", *SMALL, f"tracking.uri=http://bob:{SECRET}@{host}", "sweep.name=mine"]
        done = run_sweeper(tmp_path, *typed)
        assert done.returncode == 0, done.stderr
        hidden = f"tracking.uri=http://bob:***@{host}"
        assert f"'{hidden}'" in done.stdout
        assert "The password is not printed: set MLFLOW_TRACKING_PASSWORD before the command." in done.stdout
        refused = run_sweeper(tmp_path, *typed[:-2], hidden, "sweep.name=mine")
        again = run_sweeper(tmp_path, *typed[:-2], hidden, "sweep.name=mine", env={PASSWORD: SECRET})
        wrong = run_sweeper(tmp_path, *typed[:-2], f"tracking.uri=ftp://bob:{SECRET}@{host}")
        asked = run_sweeper(tmp_path, "verify", "mine:0")
        trusted = run_sweeper(tmp_path, "verify", "mine:0", "--trust", env={USERNAME: "bob", PASSWORD: SECRET})

    assert refused.returncode == 2
    assert "has a hidden password" in refused.stderr
    assert again.returncode == 0, again.stderr
    assert "Nothing is left to do" in again.stdout
    assert wrong.returncode == 2
    assert "ftp://bob:***@" in wrong.stderr
    assert asked.returncode == 2
    assert "--trust" in asked.stderr
    assert trusted.returncode == 0, trusted.stderr
    assert any(seen)
    assert files_with(tmp_path, SECRET) == []
    assert SECRET not in "".join(one.stdout + one.stderr for one in (done, refused, again, wrong, asked, trusted))


def test_an_address_that_only_the_folder_names_gets_no_credentials(
    own_sweep: Path, tmp_path: Path, run_sweeper: Callable[..., Any]
) -> None:
    import shutil

    shutil.copytree(own_sweep / "mlruns", tmp_path / "mlruns")
    shutil.copy(own_sweep / "nets.py", tmp_path)
    multirun = tmp_path / "mlruns/sweeps/mine/multirun.yaml"
    with listening(None) as (host, seen):
        lines = [line for line in multirun.read_text().splitlines() if not line.startswith("tracking_uri")]
        multirun.write_text("\n".join([*lines, f"tracking_uri: http://{host}", ""]))
        environment = {USERNAME: "bob", PASSWORD: SECRET}
        promoted = run_sweeper(tmp_path, "promote", "mine", env=environment)
        verified = run_sweeper(tmp_path, "verify", "mine:0", env=environment)
        reported = run_sweeper(tmp_path, "report", "mine", env=environment)

    assert seen == []
    assert promoted.returncode == verified.returncode == 2
    assert f"are on the MLflow server http://{host}: a file says so in" in promoted.stderr
    assert "--trust" in verified.stderr
    assert reported.returncode == 0


def test_a_function_that_only_the_folder_names_is_not_called(own_sweep: Path, run_sweeper: Callable[..., Any]) -> None:
    done = run_sweeper(own_sweep, "verify", "mine:0")

    assert done.returncode == 2
    assert "was built by nets.build, which would be imported and called: the output folder says so." in done.stderr
    assert "Try: python -m sweeper verify mine:0 --trust" in " ".join(done.stderr.split())
