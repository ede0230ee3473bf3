"""Standard input, output and error of the driver: closed, full, or in a locale without UTF-8.

What does not live here: a reader that ended, as `| head` does; that is a BrokenPipeError and ends the driver.
"""

from __future__ import annotations

import io
import os
import sys

_NAMES = {"stdout": "Standard output", "stderr": "Standard error"}


class _Output(io.TextIOWrapper):
    """Text to a file, pipe or terminal. Where it can no longer be written, later text is dropped.

    Attributes:
        fault: why it could not be written; empty as long as it could.
    """

    fault = ""

    def write(self, text: str, /) -> int:
        if not self.fault:
            try:
                return super().write(text)
            except BrokenPipeError:
                raise
            except OSError as error:
                self._drop(error)
        return len(text)

    def flush(self) -> None:
        if not self.fault:
            try:
                super().flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                self._drop(error)

    def _drop(self, error: OSError) -> None:
        """A sweep that trains for hours does not end because the disk of its log is full or its terminal is gone."""
        self.fault = error.strerror or str(error)


def open_standard_streams() -> None:
    """Gives a process without standard input, output or error (`>&-`, a daemon) empty ones.

    Otherwise the next file or socket that is opened would get the number of one of them, and what is printed with it.
    Output that cannot be written (a full disk, a terminal that is gone) is dropped from then on; `close` reports it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  until the process ends
    for name in _NAMES:
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  until the process ends
        elif type(stream) is io.TextIOWrapper:
            # In a locale without `ü`, show it as `\\xfc`.
            errors = stream.errors if stream.encoding.lower() == "utf-8" else "backslashreplace"
            buffering = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
            setattr(sys, name, _Output(stream.buffer, stream.encoding, errors, newline=None, **buffering))


def close(status: int) -> int:
    """Writes what is buffered; returns the exit status: 1 in place of 0 where output was lost."""
    for name, called in _NAMES.items():
        stream = getattr(sys, name)
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):  # the reader is gone, or the stream was closed for that
            continue
        if fault := getattr(stream, "fault", ""):
            status = status or 1
            print(f"{called} could not be written: {fault}. What was printed after that is lost.", file=sys.stderr)  # noqa: T201
    return status
