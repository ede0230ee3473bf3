"""`sweeper.run`: a sweep in a process of its own, its events shown here.

A process, since a sweep needs signal handlers, the main thread, Hydra's global state and an environment for its
libraries, and a notebook or script has its own.

What does not live here: what the process does (`sweeper.api.child`), and how a notebook shows it
(`sweeper.api.display`).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.api import child, display
from sweeper.core import errors
from sweeper.core.errors import ConfigError, SweeperError
from sweeper.core.secrets import hide_passwords
from sweeper.report import event_lines
from sweeper.storage import server

if TYPE_CHECKING:
    from sweeper.api.sweep import Sweep

_TICK_S = 0.25
_LAST_WORDS_S = 30.0  # for which a sweep that is asked to end may record what has finished
_WITH_VALUE = ("--config-dir", "-cd", "--config-name", "-cn")
_INTERRUPTED = 130


def run(overrides: Sequence[str], *, name: str | None, output_dir: str | None, quiet: bool) -> Sweep | None:
    """As `sweeper.run`."""
    words = [*_checked(overrides)]
    words += [f"output_dir={_quoted(output_dir)}"] if output_dir is not None else []
    words += [f"sweep.name={name}"] if name is not None else []
    shown = display.Shown(quiet=quiet, call=_call(overrides, output_dir))
    with ExitStack() as stack:
        heard = _Heard(stack.enter_context(shown))
        status = _listen(words, heard)
    if heard.error is not None:
        raise _as_exception(heard.error)
    if status == _INTERRUPTED:
        shown.say_interrupted()
        raise KeyboardInterrupt
    if heard.end is None:
        if status:
            raise SweeperError(f"The sweep's process ended with status {status}: {heard.last_words or 'no message'}")
        return None
    from sweeper.api.sweep import load

    server.take_passwords(overrides)
    sweep = load([heard.end["name"]], str(Path(heard.end["folder"]).parents[1]), trust=True)
    shown.say_ended(sweep)
    return sweep


def _checked(overrides: Sequence[str]) -> Iterator[str]:
    """The words of the command; refuses what is no sweep.

    Raises:
        ConfigError: a word that is neither KEY=VALUE nor one of the options that a sweep takes.
    """
    former = ""
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(
                f"sweeper.run takes words, and {word!r} is none. Accepted: 'KEY=VALUE' texts.  "
                "Try: sweeper.run('arch.depth=3,5,7')"
            )
        option = word.partition("=")[0]
        is_option = word in ("-m", "--multirun") or option in _WITH_VALUE
        is_value = former in _WITH_VALUE
        if not (is_option or is_value or ("=" in word and not word.startswith("-")) or word.startswith("~")):
            raise ConfigError(
                f"sweeper.run does not take {word!r}. Accepted: 'KEY=VALUE' texts and --config-dir FOLDER; commands "
                "such as report are methods of a sweep.  Try: sweeper.run('arch.depth=3,5,7')"
            )
        if not word.lstrip("+").startswith("sweep.progress="):
            yield word
        former = word


def _quoted(text: str) -> str:
    """A path for Hydra's grammar, in which a comma or a bracket has a meaning."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _call(overrides: Sequence[str], output_dir: str | None) -> Callable[[str], str]:
    """Writes the call that resumes a sweep of this name."""

    def call(name: str) -> str:
        words = [repr(hide_passwords(word)) for word in overrides if not word.lstrip("+").startswith("sweep.name=")]
        where = [f"output_dir={output_dir!r}"] if output_dir is not None else []
        return f"sweeper.run({', '.join([*words, f'name={name!r}', *where])})"

    return call


class _Heard:
    """What the process said: events are shown, its end and its error kept."""

    def __init__(self, shown: display.Shown) -> None:
        self._shown = shown
        self.end: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.last_words = ""

    def line(self, text: str) -> None:
        """One line of its standard output: an event, or what something printed."""
        event = child.listen(text)
        if event is None:
            self._shown.text(text)
        elif event["event"] == event_lines.ENDED:
            self.end = event
        elif event["event"] == event_lines.ERROR:
            self.error = event
        elif (decoded := event_lines.decoded(event)) is not None:
            self._shown(decoded)

    def complaint(self, text: str) -> None:
        """One line of its standard error."""
        self.last_words = text.strip() or self.last_words
        self._shown.complaint(text)

    def tick(self) -> None:
        """Called several times a second."""
        self._shown.tick()


def _listen(words: Sequence[str], heard: _Heard) -> int:
    """Runs the process to its end; returns its exit status. Ctrl-C is passed on to it."""
    command = [sys.executable, "-c", child.CODE, *words]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # A session of its own: Ctrl-C in a terminal reaches this process alone, which passes it on once.
    with subprocess.Popen(command, env=child.environment(), start_new_session=True, **pipes) as started:
        try:
            with _interrupts_passed_on(started):
                _pump(started, heard)
                return started.wait()
        finally:
            _end(started)


@contextlib.contextmanager
def _interrupts_passed_on(started: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ctrl-C goes to the process instead of ending what is done here half-way. Only the main thread gets one."""
    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or former in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: started.send_signal(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _pump(started: subprocess.Popen[bytes], heard: _Heard) -> None:
    """Hears both outputs until they end."""
    with selectors.DefaultSelector() as selector:
        for stream, listener in ((started.stdout, heard.line), (started.stderr, heard.complaint)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, _Lines(listener))
        while selector.get_map():
            for key, _ in selector.select(_TICK_S):
                read = os.read(key.fd, 1 << 16)
                key.data.add(read)
                if not read:
                    selector.unregister(key.fileobj)
            heard.tick()


class _Lines:
    """Bytes as they come, passed on as whole lines of text."""

    def __init__(self, listener: Callable[[str], None]) -> None:
        self._listener = listener
        self._begun = b""

    def add(self, read: bytes) -> None:
        """Takes what was read; nothing at the end of the file."""
        *lines, self._begun = (self._begun + read).split(b"\n")
        if not read and self._begun:
            lines, self._begun = [self._begun], b""
        for line in lines:
            self._listener(line.decode("utf-8", errors="replace"))


def _end(started: subprocess.Popen[bytes]) -> None:
    """Ends a process that still runs, since something failed here; it may record what has finished."""
    if started.poll() is not None:
        return
    started.terminate()
    for stream in (started.stdout, started.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(_LAST_WORDS_S)
    started.kill()


def _as_exception(error: dict[str, Any]) -> SweeperError:
    """The exception that the process ended with."""
    kind = getattr(errors, error["kind"], SweeperError)
    found: SweeperError = kind(error["text"])
    return found
